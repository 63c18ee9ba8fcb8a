"""A preflight as text for people and as data for programs."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from recipegen.cluster.preflight.dryrun import ELSEWHERE, DryRun
from recipegen.cluster.preflight.inventory import Inventory
from recipegen.cluster.preflight.items import CANNOT, OK, UNKNOWN, Change, Item
from recipegen.cluster.preflight.verdict import CANNOT_FIT, FITS, FITS_WITH, Outcome, Preflight
from recipegen.cluster.report import escape_lines
from recipegen.cluster.scrub import scrub
from recipegen.errors import show

Where = Callable[[str], str]
"""Says of a path of the recipe what stands there and where; empty: nothing to say."""

MARKS = {OK: "ok", UNKNOWN: "?", CANNOT: "no"}
NOT_DONE = (
    "Nothing was changed, and nothing is reserved: that is the scheduler's work, or Kueue's.\n"
    "What is free now, the next pod may take."
)


def headline(found: Preflight) -> str:
    """Return the verdict on one line."""
    return f"{verdict(found.outcome)} ({found.context}, Kubernetes {found.version or 'of unknown version'})"


def report(found: Preflight, where: Where = lambda _: "") -> str:
    """Return changes, what was looked at, GPUs, and the other variants."""
    parts = [_changes(found.outcome, where), _items(found.outcome, where), _stock(found.inventory)]
    parts += [_variants(found.variants), _unseen(found), NOT_DONE]
    return escape_lines(scrub_lines("\n\n".join(part for part in parts if part)))


def answered(answers: Sequence[DryRun]) -> str:
    """Return what an API server would take of several forms, and what it was not asked about."""
    first = answers[0]
    count = sum(answer.accepted for answer in answers)
    head = f"{first.context}, Kubernetes {first.version}: would take all {count} that were sent as a dry run"
    absent = dict.fromkeys(name for answer in answers for name in answer.elsewhere)
    lines = [f"  namespace {name} is not there yet: tried in {ELSEWHERE} instead" for name in absent]
    unchecked = dict.fromkeys(words for answer in answers for words in answer.unchecked)
    return escape_lines("\n".join([head, *lines, *(f"  not checked: {words}" for words in unchecked)]))


def scrub_lines(words: str) -> str:
    """Return the text without what looks like a secret, line by line: a long text would be cut."""
    return "\n".join(map(scrub, words.split("\n")))


def data(found: Preflight, origin: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Return it for programs; `origin` gives value and place of a path of the recipe."""
    return {
        "verdict": found.verdict,
        "allTold": found.outcome.told and not found.unseen,
        "context": found.context,
        "server": found.server,
        "version": found.version,
        "changes": [_change(change, origin) for change in found.changes],
        "because": [_item(item, origin) for item in found.outcome.reasons],
        "checks": [_item(item, origin) for item in found.outcome.items],
        "gpus": [asdict(product) for product in found.inventory.products],
        "variants": [
            {
                "variant": each.variant,
                "verdict": each.verdict,
                "changes": [{"path": change.key, "value": change.value} for change in each.changes],
                "because": [scrub(item.words) for item in each.reasons],
            }
            for each in found.variants
        ],
        "couldNotLook": [asdict(unseen) for unseen in found.unseen],
    }


def _change(change: Change, origin: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return {"path": change.key, "value": change.value, "why": change.why, "now": origin(change.key)}


def _item(item: Item, origin: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return {
        "check": item.check,
        "state": item.state,
        "words": scrub(item.words),
        "remedy": item.remedy,
        "recipe": [origin(path) for path in item.paths],
    }


def free(found: Preflight) -> str:
    """Return what is free now of each kind of GPU, on one line."""
    words = [
        f"{each.free} of {each.allocatable} {each.product or each.resource}"
        for each in found.inventory.products
    ]
    return ", ".join(words) or "no GPUs"


def verdict(outcome: Outcome) -> str:
    """Return the verdict in a few words."""
    sure = "" if outcome.told else ", as far as could be told"
    if outcome.verdict == FITS:
        return f"fits{sure}"
    if outcome.verdict == FITS_WITH:
        number = len(outcome.changes)
        return f"fits with {number} change{'' if number == 1 else 's'}{sure}"
    number = len(outcome.reasons)
    return f"cannot, because of {number} reason{'' if number == 1 else 's'}"


def _changes(outcome: Outcome, where: Where) -> str:
    lines = []
    for change in outcome.changes:
        lines += [f"change  {change.key}: {show(change.value)}", f"        {change.why}"]
        place = where(change.key)
        lines += [f"        now {place}"] if place else []
    for item in outcome.reasons:
        lines.append(f"because {item.words}")
        lines += [f"        {item.remedy}"] if item.remedy else []
        for path in item.paths:
            place = where(path)
            lines.append(f"        recipe {path}{f' {place}' if place else ''}")
    return "\n".join(lines)


def _items(outcome: Outcome, where: Where) -> str:  # noqa: ARG001
    width = max(len(item.check) for item in outcome.items)
    marks = [MARKS.get(item.state, item.state) for item in outcome.items]
    wide = max(map(len, marks))
    lines = [f"{'':{wide}}  {'CHECK':{width}}  WHAT WAS SEEN"]
    lines += [
        f"{mark:{wide}}  {item.check:{width}}  {item.words}"
        for mark, item in zip(marks, outcome.items, strict=True)
    ]
    return "\n".join(lines)


def _stock(found: Inventory) -> str:
    if not found.products:
        return "GPUs: none on any node that could be looked at" if found.nodes else ""
    head = ["GPU", "RESOURCE", "NODES", "ALLOCATABLE", "USED", "FREE NOW", "MOST ON ONE NODE"]
    rows = [head]
    rows += [
        [p.product or "(no label)", p.resource, *map(str, (p.nodes, p.allocatable, p.used, p.free, p.most))]
        for p in found.products
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    if found.own:
        lines.append(f"{found.own} of them are held by this graph itself, and count as free")
    if found.waiting:
        lines.append(f"pods without a node wait for {found.waiting} of them, and may be faster")
    return "\n".join(lines)


def _variants(outcomes: tuple[Outcome, ...]) -> str:
    lines = []
    for each in outcomes:
        more = ", ".join(f"{change.key}={show(change.value)}" for change in each.changes)
        if each.verdict == CANNOT_FIT:
            more = each.reasons[0].words
        lines.append(f"  {each.variant}: {verdict(each)}{f': {more}' if more else ''}")
    return "\n".join(["other variants", *lines]) if lines else ""


def _unseen(found: Preflight) -> str:
    return "\n".join(f"could not look at {unseen.what}: {unseen.why}" for unseen in found.unseen)
