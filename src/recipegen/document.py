"""Documents, which are plain data with places, and JSON merge patches (RFC 7396) over them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from recipegen.errors import (
    UNSAFE,
    Mark,
    Path,
    Problem,
    RecipeError,
    UsageError,
    brief,
    key_of,
    segments,
    show,
)
from recipegen.yamlio import Document, read_value
from recipegen.yamlio.scan import MAX_KEY

# An equals sign in quotes is part of a key.
_LEFT = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^"=])*)=')

# Variables whose names say that they are secret; rules/configs.py refuses or warns of them.
_SECRET_KEY = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY)$")

__all__ = ["Document", "at", "changes_nothing", "from_set", "marked", "merge", "within", "without"]


def merge(base: Document, patch: Document) -> Document:
    """Return the base with the patch applied: maps merge, null deletes, the rest replaces.

    Every value keeps the mark of whoever wrote it. The arguments stay as they are, and the result
    shares no container with them.
    """
    merger = _Merger(base, patch)
    data = merger.merged(base.data, patch.data, ())
    return Document(data, merger.keys, merger.values, merger.deleted, merger.removed)


def changes_nothing(base: Document, patch: Document) -> bool:
    """Return whether the base has the same data with the patch as without it."""
    return _same(base.data, merge(base, patch).data)


def at(document: Document, *path: str, label: str = "") -> Document:
    """Return the mapping at the path as a document of its own, its paths starting there.

    Args:
        document: Where the mapping is.
        path: The keys that lead to it.
        label: Put into every mark, when given: who wrote this part.

    Raises:
        KeyError: Nothing is at the path.
        RecipeError: There is something else than a mapping.
    """
    found: Any = document.data
    for depth, key in enumerate(path, start=1):
        found = found[key]
        if not isinstance(found, dict):
            place = path[:depth]
            message = f"expected a mapping, got {show(found)}"
            raise RecipeError(Problem("wrong-type", place, message, mark=document.mark(place)))

    # Only the places below: a recipe of many variants has each of them taken out.
    places = list(_places(found, ()))
    deleted = [place[len(path) :] for place in document.deleted if place[: len(path)] == path]

    def rebased(marks: Mapping[Path, Mark], below: list[Path]) -> dict[Path, Mark]:
        marked = ((place, marks[(*path, *place)]) for place in below if (*path, *place) in marks)
        return {place: replace(mark, label=label) if label else mark for place, mark in marked}

    keys, values = rebased(document.keys, places), rebased(document.values, places)
    return Document(found, keys, values, rebased(document.deleted, deleted))


def without(document: Document, key: str) -> Document:
    """Return the document without one of its top keys."""

    def rest(marks: Mapping[Path, Mark]) -> dict[Path, Mark]:
        return {place: mark for place, mark in marks.items() if place[:1] != (key,)}

    data = {name: value for name, value in document.data.items() if name != key}
    return Document(
        data, rest(document.keys), rest(document.values), rest(document.deleted), rest(document.removed)
    )


def within(
    document: Document, path: tuple[str, ...], data: dict[str, Any], below: tuple[str, ...], part: Document
) -> Document:
    """Return the document with data at a path that it does not have, and where a part of that was written.

    Args:
        document: What gets the data.
        path: Where; maps above it are made.
        data: What is put there; nulls stay.
        below: Where the part lies in the data.
        part: The part, which knows where it was written.
    """
    tree = dict(document.data)
    block = tree
    for key in path[:-1]:
        block[key] = block = dict(block.get(key) or {})
    block[path[-1]] = data
    whole = (*path, *below)
    first = next(iter(part.values.values()), None)
    above: dict[Path, Mark] = {path[:n]: first for n in range(1, len(path) + 1)} if first else {}

    def moved(marks: Mapping[Path, Mark]) -> dict[Path, Mark]:
        return {(*whole, *place): mark for place, mark in marks.items()}

    keys = {**above, **document.keys, **moved(part.keys)}
    return Document(tree, keys, {**above, **document.values, **moved(part.values)}, document.deleted)


def marked(data: dict[str, Any], mark: Mark) -> Document:
    """Return data as a document that was written at one place as a whole."""
    places = dict.fromkeys(_places(data, ()), mark)
    return Document(data, {place: mark for place in places if place and isinstance(place[-1], str)}, places)


def from_set(expression: str) -> Document:
    r"""Return the patch that `--set a.b=VALUE` stands for; a key with a dot is `"a.b"` or `a\.b`.

    Raises:
        UsageError: The expression has no `=`, or its left side is not a path of keys.
        RecipeError: The value is not valid; it follows the rules of a recipe.
    """
    source = f"--set {brief(expression)}"
    left = _LEFT.match(expression)
    if left is None:
        raise UsageError(f"{source}: write KEY=VALUE, such as model.worker.replicas=2")
    try:
        path = tuple(map(key_of, segments(left[1])))
    except ValueError as error:
        raise UsageError(f'{source}: quotes have to surround a whole key, as in a."b.c"=1') from error
    wrong = next(filter(None, map(_wrong_key, path)), "")
    if wrong:
        raise UsageError(f"{source}: {wrong}")
    if _SECRET_KEY.search(path[-1]):
        # What is named so is not repeated in messages, which end up in logs.
        source = f"--set {brief(left[0])}<redacted>"
    data: Any = read_value(expression[left.end() :], source, path)
    for step in reversed(path):
        data = {step: data}
    return marked(data, Mark(source))


class _Merger:
    """A base, a patch, and the marks of what comes of them."""

    def __init__(self, base: Document, patch: Document) -> None:
        self.base, self.patch = base, patch
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.deleted = dict(base.deleted)
        self.removed = dict(base.removed)
        self._carry(base, ())

    def merged(self, old: dict[str, Any], new: dict[str, Any], path: Path) -> dict[str, Any]:
        """Return old patched with new, which are both at the path."""
        result: dict[str, Any] = {}
        for key in [*old, *(key for key in new if key not in old)]:
            place = (*path, key)
            if new.get(key) is not None:
                self.removed.pop(place, None)
            if key not in new:
                result[key] = self._copied(self.base, old[key], place)
            elif isinstance(new[key], dict):
                below = old.get(key)
                self._carry(self.base if isinstance(below, dict) else self.patch, place)
                below = below if isinstance(below, dict) else {}
                result[key] = self.merged(below, new[key], place)
            elif new[key] is not None:
                result[key] = self._copied(self.patch, new[key], place)
            elif key not in old:
                self.deleted[place] = self.patch.values[place]
            elif place in self.patch.values:
                self.removed[place] = self.patch.values[place]
        return result

    def _copied(self, document: Document, value: Any, path: Path) -> Any:
        self._carry(document, path)
        if isinstance(value, dict):
            return {key: self._copied(document, v, (*path, key)) for key, v in value.items()}
        if isinstance(value, list):
            return [self._copied(document, v, (*path, i)) for i, v in enumerate(value)]
        return value

    def _carry(self, document: Document, path: Path) -> None:
        if path in document.keys:
            self.keys[path] = document.keys[path]
        if path in document.values:
            self.values[path] = document.values[path]


def _same(one: object, other: object) -> bool:
    """Return whether both are equal and of equal types; to Python, 1 equals true and 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(v, other[key]) for key, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def _wrong_key(key: str) -> str:
    """Return why the text cannot be a key of a `--set`, or nothing."""
    if not key:
        return "a key is empty"
    if "[" in key:
        return "a list has no keys; set it whole, as in args=[a, b]"
    if len(key) > MAX_KEY or UNSAFE.search(key) or key == "<<":
        return f"{show(key)} cannot be a key"
    return ""


def _places(value: Any, path: Path) -> Iterator[Path]:
    yield path
    if isinstance(value, dict | list):
        for step, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(below, (*path, step))
