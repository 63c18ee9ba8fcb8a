"""Whether a value is one that an option or a key takes."""

import json
import re
from typing import Any

from recipegen.errors import nearest, show
from recipegen.facts.flags import Row

# What vLLM takes for a number: 1k is a thousand, 1K is 1024 (vllm/utils/argparse_utils.py).
_HUMAN = re.compile(r"\d+[KMGT]|\d+(\.\d+)?[kmgt]")
# Choices that a message names; a hint names the nearest of them all.
FEW = 12


def of_text(row: Row, text: str) -> str:
    """Return what an option needs in place of this text, such as "a whole number"; nothing where the text is right."""
    choices = [str(choice) for choice in row.get("choices", ())]
    if text in choices or text in row.get("also", ()):
        return ""
    kind = row["type"]
    if choices:
        return _one_of(choices)
    human = row.get("human") and _HUMAN.fullmatch(text.strip())
    if kind == "int" and not human and not _reads(int, text):
        return "a whole number"
    if kind == "float" and not _reads(float, text):
        return "a number"
    if kind == "json" and _broken(text):
        return f"JSON: {_broken(text)}"
    if kind == "bool" and text.lower() not in ("true", "false", "0", "1", "yes", "no", "on", "off"):
        return "true or false"
    return ""


def of_data(row: Row, value: Any) -> str:
    """Return what a key of a YAML file needs in place of this value; nothing where the value is right."""
    kind, several = row["type"], "nargs" in row and row["nargs"] != "?"
    if value is None or kind == "any":
        return ""
    if isinstance(value, list) and kind != "json":
        needs = next(filter(None, (of_text(row, _text(each)) for each in value)), "")
        return needs if several else _single(row)
    if isinstance(value, dict | list):
        return "" if kind == "json" else _single(row)
    if isinstance(value, bool):
        return "" if kind == "bool" or "true" in row.get("choices", ()) else _single(row)
    if kind == "bool" and "nargs" not in row:
        return "true or false"
    if kind == "json" and isinstance(value, int | float):
        return ""
    return of_text(row, _text(value))


def hint(row: Row, value: Any) -> str:
    """Return the nearest of the values that the option takes, where it has a list of them."""
    choices = [str(choice) for choice in row.get("choices", ())]
    if not choices or not isinstance(value, str):
        return ""
    return nearest(value, choices) or (f"it takes {', '.join(choices)}" if len(choices) > FEW else "")


def _one_of(choices: list[str]) -> str:
    return f"one of {', '.join(choices)}" if len(choices) <= FEW else f"one of {len(choices)} names"


def _single(row: Row) -> str:
    kinds = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "json": "a block of keys or JSON",
    }
    return (
        _one_of([str(each) for each in row["choices"]])
        if row.get("choices")
        else kinds.get(row["type"], "one text")
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reads(kind: type, text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _broken(text: str) -> str:
    """Return where a text stops being JSON, and why, or nothing."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        near = text[max(0, error.pos - 10) : error.pos + 10]
        return f"{error.msg[0].lower()}{error.msg[1:]} at character {error.pos + 1}, near {show(near)}"
    except RecursionError:
        return "it is nested too deep"
    return ""
