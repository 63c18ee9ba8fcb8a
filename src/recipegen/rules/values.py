"""Whether a value is one that an option or a key takes."""

import json
import re
from collections.abc import Callable
from typing import Any

from recipegen import yamlio
from recipegen.errors import RecipeError, nearest, redact, show
from recipegen.facts.flags import Row

_WITH_SUFFIX = re.compile(r"(?P<whole>\d+)(?P<fraction>\.\d+)?(?P<suffix>[A-Za-z]+)")
# Choices that a message names; a hint names the nearest of them all.
FEW = 12


def _truth(text: str) -> None:
    if text.lower() not in ("true", "false", "0", "1", "yes", "no", "on", "off"):
        raise ValueError(text)


READ: dict[str, Callable[[str], object]] = {"int": int, "float": float, "bool": _truth, "json": json.loads}
SINGLE = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "json": "JSON",
    "str": "one text",
}


def of_text(row: Row, text: str) -> str:
    """Return what an option needs in place of this text, such as "a whole number"; nothing if it is right."""
    kind, choices = row["type"], [str(choice) for choice in row.get("choices", ())]
    if _is_human(row, text) or text in choices or text in row.get("also", ()):
        return ""
    if row.get("loose") and _folded(text) in map(_folded, choices):
        return ""
    if choices:
        return _one_of(choices)
    read = READ.get(kind)
    return SINGLE[kind] if read and not _reads(read, text) else ""


def of_data(row: Row, value: Any) -> str:
    """Return what a key of a YAML file needs in place of this value; nothing where the value is right."""
    kind = row["type"]
    # What is known of TensorRT-LLM's keys does not tell lists from single values.
    several = row.get("nargs", "?") != "?" or row.get("from") == "tensorrt_llm"
    if value is None or kind == "any":
        return ""
    if isinstance(value, dict) or (isinstance(value, list) and kind == "json"):
        # Engines that make options of keys write such a block as JSON.
        needs = "" if kind in ("json", "str") and not row.get("choices") else _single(row)
    elif isinstance(value, list):
        wrong = next(filter(None, (of_text(row, _text(each)) for each in value)), "")
        needs = wrong if several else _single(row)
    elif isinstance(value, bool) or kind == "bool":
        needs = "" if isinstance(value, bool) and kind in ("bool", "str") else _single(row)
    else:
        needs = "" if kind == "json" and isinstance(value, int | float) else of_text(row, _text(value))
    return needs


def hint(row: Row, value: Any) -> str:
    """Return the nearest of the values that the option takes, or the JSON that was meant."""
    choices = [str(choice) for choice in row.get("choices", ())]
    if row.get("suffixes"):
        return f"write a number, or one that ends in {', '.join(row['suffixes'])}"
    if not isinstance(value, str):
        return ""
    if row["type"] == "json" and not choices:
        return _as_json(value)
    if not choices:
        return ""
    return nearest(value, choices) or (f"it takes {', '.join(choices)}" if len(choices) > FEW else "")


def _as_json(text: str) -> str:
    """Return the hint for JSON without its quotes, as YAML has it; nothing where it is no YAML either."""
    try:
        meant = yamlio.read_value(text)
    except RecipeError:
        return ""
    return f"write {show(json.dumps(meant, separators=(',', ':')))}" if isinstance(meant, dict | list) else ""


def _is_human(row: Row, text: str) -> bool:
    """Return whether the text is a number with one of the suffixes that the option takes, such as 20G."""
    found = _WITH_SUFFIX.fullmatch(text.strip())
    factor = row.get("suffixes", {}).get(found["suffix"]) if found else None
    # Parts of a power of two are no whole numbers.
    return found is not None and factor is not None and (not found["fraction"] or factor % 1000 == 0)


def _folded(text: str) -> str:
    return text.lower().replace("-", "_")


def _one_of(choices: list[str]) -> str:
    return f"one of {', '.join(choices)}" if len(choices) <= FEW else f"one of {len(choices)} names"


def _single(row: Row) -> str:
    return _one_of([str(each) for each in row["choices"]]) if row.get("choices") else SINGLE[row["type"]]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reads(kind: Callable[[str], object], text: str) -> bool:
    try:
        kind(text)
    except (ValueError, RecursionError):
        return False
    return True


def broken(row: Row, text: str) -> str:
    """Return where a text that should be JSON stops being it, and why, for a message; or nothing."""
    if row["type"] != "json" or row.get("choices"):
        return ""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        # A piece of a token would not look like one.
        near = f", near {show(text[max(0, error.pos - 10) : error.pos + 10])}" if redact(text) == text else ""
        return f", which breaks at character {error.pos + 1} ({error.msg[0].lower()}{error.msg[1:]}{near})"
    except RecursionError:
        return ", which is nested too deep"
    return ""
