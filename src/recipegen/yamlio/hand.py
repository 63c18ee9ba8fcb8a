"""YAML as a person writes it: quotes where they are needed, short maps and lists in one line, comments."""

import re
import textwrap
from collections.abc import Iterator, Mapping

from recipegen.errors import Path, escape
from recipegen.yamlio.scalars import is_text
from recipegen.yamlio.writer import inline, written_key

WIDTH = 110
"""Characters of a line."""
SHORT = 90
"""Characters of a map that still reads well in one line."""

# Nothing that means something to YAML, anywhere.
_BARE = re.compile(r"[A-Za-z0-9_/.@+=-]([A-Za-z0-9_/.@+=:-]*[A-Za-z0-9_/.@+=-])?")


def write_by_hand(data: dict[str, object], comments: Mapping[Path, str] | None = None) -> str:
    """Return the data as YAML in the order given; it reads back as the same data.

    Args:
        data: What is written.
        comments: What stands above a key, by its path; only keys of maps in maps have one.

    Raises:
        TypeError, ValueError: as `write`.
    """
    return "".join(f"{line}\n" for line in _map(data, "", comments or {}))


def _map(data: dict[str, object], indent: str, comments: Mapping[Path, str], at: Path = ()) -> Iterator[str]:
    for key, value in data.items():
        name = f"{indent}{written_key(key)}:"
        path = (*at, key)
        yield from _comment(comments.get(path, ""), indent)
        flow = _flow(value)
        # A block of the recipe stays a block, so that lines can be added to it.
        deep = not at and isinstance(value, dict) and len(value) > 1
        deep = deep or any(other[: len(path)] == path != other for other in comments)
        if flow is not None and len(name) + 1 + len(flow) <= SHORT and not deep:
            yield f"{name} {flow}"
        elif isinstance(value, dict):
            yield name
            yield from _map(value, indent + "  ", comments, path)
        elif isinstance(value, list) and all(isinstance(item, int | float) for item in value):
            yield from _numbers(f"{name} [", value, indent + "  ")
        elif isinstance(value, list):
            yield name
            yield from _list(value, indent + "  ")
        else:
            yield from _text(name, str(value), indent)


def _comment(text: str, indent: str) -> Iterator[str]:
    """Yield the lines of a comment; its own lines stay, and those that are too long are folded."""
    for line in text.split("\n") if text else ():
        yield from textwrap.wrap(
            escape(line), WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def _list(data: list[object], indent: str) -> Iterator[str]:
    for item in data:
        flow = _flow(item)
        if isinstance(item, dict) and item and (flow is None or len(indent) + len(flow) > SHORT):
            first, *rest = _map(item, indent + "  ", {}, ("-",))
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from rest
        elif isinstance(item, list) and item and (flow is None or len(indent) + len(flow) > WIDTH):
            first, *rest = _list(item, indent + "  ")
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from rest
        else:
            yield f"{indent}- {_scalar(item) if not isinstance(item, dict | list) else flow}"


def _numbers(line: str, data: list[int | float], indent: str) -> Iterator[str]:
    """Yield a list of numbers in brackets, in lines that are full."""
    last = len(data) - 1
    for place, item in enumerate(data):
        word = inline(item) + ("]" if place == last else ",")
        if len(line) + 1 + len(word) > SHORT and not line.endswith("["):
            yield line
            line = indent + word
        else:
            line += word if line.endswith("[") else f" {word}"
    yield line


def _text(name: str, text: str, indent: str) -> Iterator[str]:
    """Yield a long text: its lines in a block where that says the same, else in quotes."""
    lines = text.split("\n")
    plain = len(lines) > 1 and lines[0][:1] not in ("", " ") and "\t" not in text
    if plain and lines[-1] == "" and lines[-2] and not any(line.endswith(" ") for line in lines):
        yield f"{name} |"
        yield from (f"{indent}  {line}" if line else "" for line in lines[:-1])
    else:
        yield f"{name} {_scalar(text)}"


def _flow(value: object) -> str | None:
    """Return the value in one line, or None where it does not go there."""
    if isinstance(value, dict):
        inner = {key: _flow(below) for key, below in value.items()}
        if any(text is None for text in inner.values()):
            return None
        return "{" + ", ".join(f"{written_key(key)}: {text}" for key, text in inner.items()) + "}"
    if isinstance(value, list):
        items = [_flow(item) for item in value]
        return None if None in items else f"[{', '.join(map(str, items))}]"
    if isinstance(value, str) and "\n" in value:
        return None
    return _scalar(value)


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        return inline(value)
    if _BARE.fullmatch(value) and is_text(value) and not value.startswith(("-", "=", "@")):
        return value
    if value.startswith("--") and _BARE.fullmatch(value):
        return value
    # JSON is easier to read in the quotes that it does not use itself.
    if '"' in value and "'" not in value and "\\" not in value and value.isprintable() and value.isascii():
        return f"'{value}'"
    return inline(value)
