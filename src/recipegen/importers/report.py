"""What an import tells of itself, for people and for programs."""

import sys
from collections.abc import Sequence
from typing import Any

from recipegen.errors import dotted
from recipegen.importers.compare import Difference, reasons

TITLES = {
    "anew": "Said in other words",
    "lost": "Not carried over",
    "changed": "Different",
    "added": "Added by recipegen",
    "beside": "Beside the graph",
    "": "Unexplained: look at these before you use the recipe",
}


def lines(differences: Sequence[Difference]) -> str:
    """Return the report for people, one group for each kind of difference."""
    found: list[str] = []
    for kind, title in TITLES.items():
        group = [each for each in differences if (each.how if each.reason else "") == kind]
        if not group:
            continue
        found.append(f"{title} ({len(group)}):")
        group.sort(key=_place)
        rows = _brief(group) if kind == "added" else map(_line, group)
        found += [f"  {row}" for row in rows]
    return "\n".join(found)


def data(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Return the report for programs: problems, each with how it differs and why."""
    return [
        {
            **each.problem(warning=bool(each.reason)).as_dict(),
            "how": each.how,
            "what": each.what,
            "explained": bool(each.reason),
        }
        for each in differences
    ]


def _place(each: Difference) -> int:
    """Return the line of a difference; what stands in no line comes last."""
    mark = each.node.mark if each.node else None
    return mark.line if mark and mark.line else sys.maxsize


def _line(each: Difference) -> str:
    place = f"{each.node.mark}: " if each.node and each.node.mark else ""
    path = f"{dotted(each.node.path)}: " if each.node and each.node.path else ""
    hint = f"\n    hint: {each.hint}" if each.hint else ""
    return f"{place}{path}{each.message}{hint}"


def _brief(group: Sequence[Difference]) -> list[str]:
    """Return one line for each reason: what is added stands in no line of the given graph."""
    by_reason: dict[str, list[Difference]] = {}
    for each in group:
        by_reason.setdefault(each.reason, []).append(each)
    found = []
    for alike in by_reason.values():
        why = reasons()[alike[0].reason]["why"]
        names = [each.what for each in alike]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        found.append(f"{', '.join(names[:3])}{more}: {why}")
    return found
