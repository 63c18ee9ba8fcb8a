"""Options against each other: what a program refuses together, alone, or in one role; the rows are data."""

from collections.abc import Iterator
from typing import Any

from recipegen.errors import Path, Problem
from recipegen.facts import flags
from recipegen.rules.settings import Told


def check(each: Told) -> Iterator[Problem]:
    """Yield options that their program refuses beside each other, without each other, or in this graph."""
    yield from _exclusive(each)
    yield from _needed(each)
    if each.recipe.model.disaggregation:
        yield from _aggregated(each)
    by_hand = each.get("--router-mode")
    if each.recipe.model.routing_policy != "kv" and (by_hand is None or by_hand.value != "kv"):
        yield from _unrouted(each, each.recipe.model.routing_policy)


def _exclusive(each: Told) -> Iterator[Problem]:
    """Yield two options that exclude each other."""
    for row in _rows("exclusive", each):
        for one in filter(each.get, row["options"]):
            for other in filter(each.get, row["with"]):
                path, beside = _place(each, one), _place(each, other)
                # The later of the two in a list, or else the one that a person wrote.
                first, second = (other, one) if _later(path, beside) else (one, other)
                message = f"{each.program.name} refuses {_called(second)} beside {_called(first)}"
                yield _problem(
                    "exclusive-option", each, max(path, beside, key=_order), message, "remove one of the two"
                )


def _needed(each: Told) -> Iterator[Problem]:
    """Yield options that take effect only beside another, which is not there."""
    for row in _rows("needs", each):
        lacking = [
            name for name in row["needs"] if each.get(name) is None and name in each.program.table.flags
        ]
        if each.get(row["option"]) and lacking:
            message = f"{each.program.name} refuses {row['option']} without {' and '.join(lacking)}"
            hint = f"give {' and '.join(lacking)} too, or leave it out"
            yield _problem("needs-option", each, _place(each, row["option"]), message, hint)


def _aggregated(each: Told) -> Iterator[Problem]:
    """Yield options of workers that do prefill and decode, in one that does either."""
    for row in _rows("aggregated", each):
        for name in filter(each.get, row["options"]):
            if each.role in row["roles"]:
                message = f"{each.program.name} refuses {name} in a {each.role} worker"
                hint = "leave it out, or set model.disaggregation to false"
                yield _problem("role-option", each, _place(each, name), message, hint)


def _unrouted(each: Told, policy: str) -> Iterator[Problem]:
    """Yield options of a router that counts the workers' caches, where no such router is."""
    for row in _rows("kvRouting", each):
        for name in row["options"]:
            found = each.get(name)
            if found is not None and found.value != "none":
                message = (
                    f"{each.program.name} refuses {name} unless model.routingPolicy is kv, got {policy!r}"
                )
                yield _problem(
                    "kv-routing", each, found.path, message, "leave it out, or set model.routingPolicy to kv"
                )


def _rows(kind: str, each: Told) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = flags.pairs()[kind].get(each.program.table.program, [])
    return rows


def _place(each: Told, name: str) -> Path:
    found = each.get(name)
    assert found is not None
    return found.path


def _order(path: Path) -> tuple[bool, bool, str]:
    """Return what makes the later, or the more deliberate, of two places the greater one."""
    return (
        "args" in path,
        "content" in path,
        str([f"{step:05}" if isinstance(step, int) else step for step in path]),
    )


def _later(one: Path, other: Path) -> bool:
    return _order(one) > _order(other)


def _called(name: str) -> str:
    return f"{name}*" if name.endswith(".") else name


def _problem(code: str, each: Told, path: Path, message: str, hint: str) -> Problem:
    return Problem(code, path, message, hint, warning=each.program.unsure)
