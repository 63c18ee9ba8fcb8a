"""A diagnosis as text for people, the same in a terminal and in the log of the Job."""

from collections.abc import Callable

from recipegen.cluster.collect import WORDS
from recipegen.cluster.findings import Diagnosis
from recipegen.cluster.scene import Finding
from recipegen.errors import escape


def report(diagnosis: Diagnosis, where: Callable[[str], str] = lambda _: "") -> str:
    """Return the findings, then what was looked at and what could not be.

    Args:
        diagnosis: what was found.
        where: says of a path of the recipe what stands there and where; empty: nothing to say.
    """
    parts = ["\n".join(_finding(finding, where)) for finding in diagnosis.findings]
    if not diagnosis.findings:
        parts.append("nothing found in what could be looked at" if diagnosis.unseen else "nothing found")
    parts.append("\n".join(_surroundings(diagnosis)))
    return escape_lines("\n\n".join(parts))


def headline(diagnosis: Diagnosis) -> str:
    """Return the graph and how many findings there are, on one line."""
    warnings = len(diagnosis.findings) - diagnosis.errors
    counts = f"{_count(diagnosis.errors, 'error')}, {_count(warnings, 'warning')}"
    state = "ready" if diagnosis.ready else "not ready"
    if WORDS["graph"] in [unseen.what for unseen in diagnosis.unseen]:
        state = "state unknown"
    return escape(f"graph {diagnosis.graph} in namespace {diagnosis.namespace}: {state}; {counts}")


def escape_lines(words: str) -> str:
    """Return the text with nothing in it that moves the cursor but the ends of its own lines."""
    return "\n".join(map(escape, words.split("\n")))


def _finding(finding: Finding, where: Callable[[str], str]) -> list[str]:
    shown = ", ".join(finding.objects[:3])
    more = f" and {len(finding.objects) - 3} more" if len(finding.objects) > 3 else ""
    lines = [
        f"{finding.severity}  {finding.code}: {shown}{more}",
        f"  seen    {finding.symptom}",
        f"  cause   {finding.cause}",
        f"  remedy  {finding.remedy}",
    ]
    for head, path in zip(["  recipe  ", *["          "] * 10], finding.paths, strict=False):
        place = where(path)
        lines.append(f"{head}{path}{f' {place}' if place else ''}")
    return lines


def _surroundings(diagnosis: Diagnosis) -> list[str]:
    lines = [f"looked at: {', '.join(diagnosis.seen)}"] if diagnosis.seen else []
    return [*lines, *(f"could not look at {unseen.what}: {unseen.why}" for unseen in diagnosis.unseen)]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
