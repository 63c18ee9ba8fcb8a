"""Where in a text of JSON a value stands, found by skipping over the values before it."""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from recipegen.errors import Path

_SPACE = re.compile(r"[ \t\n\r]*")
# Values are skipped, so that numbers need not be read.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_INDEX = re.compile(r"\[(\d+)\]\.?")


def steps(data: Any, key: str) -> Path:
    """Return the path of a dotted key; keys of the data may have dots of their own."""
    if not key:
        return ()
    index = _INDEX.match(key)
    if index and isinstance(data, list):
        number = int(index[1])
        below = data[number] if number < len(data) else None
        return (number, *steps(below, key[index.end() :]))
    if isinstance(data, dict):
        for name in sorted(data, key=len, reverse=True):
            rest = key.removeprefix(name) if name and key.startswith(name) else None
            if rest is not None and (not rest or rest[0] in ".["):
                return (name, *steps(data[name], rest.removeprefix(".")))
    return tuple(key.split("."))


def position(text: str, path: Path) -> int:
    """Return where the last step of a path stands, or the last one that is there."""
    place = value = space(text, 0)
    for step in path:
        found = _entry(text, value, step) if isinstance(step, str) else _item(text, value, step)
        if found is None:
            break
        place, value = found
    return place


def _entry(text: str, at: int, wanted: str) -> tuple[int, int] | None:
    """Return where a key of an object stands, the last time that it does, and where its value."""
    if text[at : at + 1] != "{":
        return None
    found = None
    at = space(text, at + 1)
    while text[at : at + 1] == '"':
        place = at
        key, at = scanstring(text, at + 1, True)
        value = space(text, space(text, at) + 1)
        if key == wanted:
            found = place, value
        at = _after(text, value)
    return found


def _item(text: str, at: int, wanted: int) -> tuple[int, int] | None:
    """Return where an entry of a list stands, twice."""
    if text[at : at + 1] != "[":
        return None
    at = space(text, at + 1)
    for _ in range(wanted):
        if text[at : at + 1] in ("]", ""):
            return None
        at = _after(text, at)
    return None if text[at : at + 1] in ("]", "") else (at, at)


def _after(text: str, value: int) -> int:
    """Return where what comes after a value and its comma stands."""
    _, end = _DECODER.raw_decode(text, value)
    end = space(text, end)
    return space(text, end + 1) if text[end : end + 1] == "," else end


def space(text: str, at: int) -> int:
    """Return where what comes after white space stands."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
