"""Where each value of a plan comes from: the recipe, a patch, a fact, a rule or a default."""

import re
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any, cast

from recipegen import language
from recipegen.errors import Path, Problem, UsageError, dotted, key_of, nearest, segments, show
from recipegen.resolve import Plan


def parse(text: str) -> Path:
    r"""Return the path that `a.b[0].c` means; a key with a dot is `"a.b"` or `a\.b`.

    Raises:
        UsageError: when it is no path.
    """
    path: list[str | int] = []
    try:
        for part in segments(text):
            found = re.fullmatch(r'(".*"|[^\[\]"]+)((?:\[[0-9]+\])*)', part)
            if found is None:
                raise ValueError(part)
            path.append(key_of(found[1]))
            path += [int(index) for index in re.findall(r"[0-9]+", found[2])]
    except ValueError as error:
        hint = 'write a.b, a.b[0] or a."b.c"'
        raise UsageError(Problem("usage", (), f"{show(text)} is no path", hint)) from error
    return tuple(path)


def value_at(plan: Plan, path: Path) -> Any:
    """Return the plan's value; None for a key of the language that is not set.

    Raises:
        UsageError: when the language has no such key, or the list no such item.
    """
    # A plan has no variants; they stand in what was written.
    found: Any = plan.loaded.document.data if path[:1] == ("variants",) else plan.tree
    for segment in path:
        try:
            found = found[segment]
        except (KeyError, IndexError, TypeError):
            if language.knows(path):
                return None
            raise UsageError(Problem("unknown-key", path, "nothing is called that", _hint(path))) from None
    return found


def _hint(path: Path) -> str:
    """Return what there is in place of the first segment that the language does not know."""
    wrong = next(depth for depth in range(len(path)) if not language.knows(path[: depth + 1]))
    block = language.block_at(path[:wrong])
    if block is None:
        return f"{dotted(path[:wrong])} has no such item"
    known = list(language.key_names(block))
    return nearest(str(path[wrong]), known) or f"the keys here are {', '.join(known)}"


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of everything that holds nothing further; lists count as one value."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, tree


def origin(plan: Plan, path: Path) -> str:
    """Return in words where the plan's value comes from, or what is in force in its place."""
    shared = _in_force(plan, path)
    if shared:
        value = show(value_at(plan, shared))
        return f"not set; {dotted(shared)} is in force, {value}, from: {origin(plan, shared)}"
    document = plan.loaded.document
    mark = document.values.get(path)
    # A null that became something else says as little as a key that is not there.
    if mark and (reduce(getitem, path, cast(Any, document.data)) is not None or value_at(plan, path) is None):
        return f"{mark} ({mark.label})" if mark.label else str(mark)
    for length in range(len(path), 0, -1):
        if path[:length] in plan.reasons:
            return f"derived: {plan.reasons[path[:length]]}"
    if value_at(plan, path) is None:
        return "not set"
    return "default of the recipe language"


def _in_force(plan: Plan, path: Path) -> Path | None:
    """Return the shared engine setting that a worker takes because it has none of its own."""
    if len(path) != 4 or path[1] not in plan.workers or (path[0], path[2]) != ("model", "engine"):
        return None
    shared = ("model", *path[2:])
    return shared if value_at(plan, path) is None and value_at(plan, shared) is not None else None
