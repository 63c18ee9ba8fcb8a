"""Values of options, variables and files: which mean the same, and how they are written."""

from collections.abc import Iterable
from typing import Any

from recipegen import yamlio
from recipegen.errors import RecipeError
from recipegen.importers import commands
from recipegen.importers.view.graph import Key


def compact(value: Any) -> str:
    """Return JSON without spaces."""
    import json

    return json.dumps(value, separators=(",", ":"))


def same_text(one: str, other: str) -> bool:
    """Return whether two values of an option mean the same: numbers by value, JSON by content."""
    if one == other:
        return True
    first, second = commands.number(one), commands.number(other)
    if first is not None and second is not None:
        return first == second
    data = commands.json_of(one)
    return data is not None and data == commands.json_of(other)


def same(key: Key, one: Any, other: Any) -> bool:
    """Return whether two values of a key mean the same."""
    if "option" in key[2:3] and isinstance(one, list) and isinstance(other, list):
        first, second = _last_words(one), _last_words(other)
        return len(first) == len(second) and all(map(same_text, first, second))
    if "env" in key[2:3] and isinstance(one, str) and isinstance(other, str):
        data = commands.json_of(one)
        return one == other or (data is not None and data == commands.json_of(other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _last_words(occurrences: Iterable[list[str]]) -> list[str]:
    """Of an option that is given several times, the last one counts, unless all are alike."""
    return [*occurrences][-1]


def merge_into(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Merge maps of maps in place; what is not a map replaces."""
    for key, value in over.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            base[key] = dict(below)
            merge_into(base[key], value)
        else:
            base[key] = value


def scalar_of(text: str) -> Any:
    """Return what the text of an option means in a file."""
    try:
        return yamlio.read_value(text) if text else text
    except RecipeError:
        return text


def data_of(text: str) -> Any:
    """Return what a file holds as YAML, or the text where a recipe could not hold that."""
    try:
        return yamlio.read(text, "engine configuration").data
    except RecipeError:
        return text


def as_words(value: Any) -> list[str] | None:
    """Return a file's value as words of the command line; None where the key says what holds anyway."""
    if value is None or value is False:
        return None
    if value is True:
        return []
    if isinstance(value, list):
        return [str(each) for each in value]
    return [compact(value)] if isinstance(value, dict) else [str(value)]
