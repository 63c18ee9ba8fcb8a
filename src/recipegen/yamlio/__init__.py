"""The one reader of YAML, with limits and positions, and the one writer, which quotes every string.

Only data comes in: text, numbers, true and false, null, lists, maps. What YAML readers disagree
about is refused rather than guessed, because Helm and helmfile may read it differently.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any, Literal

import yaml

from recipegen.errors import Mark, Path, Problem, ToolError, escape
from recipegen.yamlio.hand import write_by_hand
from recipegen.yamlio.regular import NOT_A_FILE, regular
from recipegen.yamlio.scan import LOADER, MAX_BYTES, Scan
from recipegen.yamlio.writer import write

A_FILE = "pipes and devices are not read: write a file first, or a recipe to standard input, as -"

__all__ = [
    "Document", "read", "read_all", "read_bytes", "read_file", "read_objects", "read_value", "write",
    "write_by_hand",
]  # fmt: skip


@dataclass(frozen=True)
class Document:
    """Plain data, and where each part of it was written."""

    data: dict[str, Any]
    keys: Mapping[Path, Mark]
    """Where each key was written."""
    values: Mapping[Path, Mark]
    """Where each value and each list item was written."""
    deleted: Mapping[Path, Mark] = field(default_factory=dict)
    """Nulls of patches that found nothing to delete."""
    removed: Mapping[Path, Mark] = field(default_factory=dict)
    """Nulls of patches that deleted what was there, and is not there again."""

    def mark(self, path: Path) -> Mark | None:
        """Return where the value was written; for what is not there, the nearest key above."""
        if path in self.values:
            return self.values[path]
        above = (path[:length] for length in range(len(path) - 1, -1, -1))
        return next((m for p in above if (m := self.keys.get(p) or self.values.get(p))), None)

    def key_mark(self, path: Path) -> Mark | None:
        """Return where the key at the end of the path was written."""
        return self.keys.get(path)


def read(text: bytes | str, source: str, *, root: type = dict, lines: bool = True) -> Document:
    """Return the one YAML document in the text.

    Args:
        text: The whole text; bytes are UTF-8.
        source: What messages call it: the file as the user named it.
        root: What the document has to be; list where a list is wanted.
        lines: Whether marks have line and column; not for a text that its author never saw.

    Raises:
        RecipeError: The text is not YAML, or holds what a recipe cannot; with every problem found.
    """
    scan = Scan(text, source, lines=lines)
    data = scan.document(root)
    return Document(data, scan.keys, scan.values)


def read_all(text: bytes | str, source: str, *, blank: bool = False) -> list[Document]:
    """Return the YAML documents in a text, without the empty ones.

    Args:
        text: As for `read`.
        source: As for `read`.
        blank: Whether empty ones count too, as documents without keys.

    Raises:
        RecipeError: As `read`, with the problems of the first document that has any.
    """
    scan = Scan(text, source)
    return [Document(data, scan.keys, scan.values) for data in scan.documents(blank=blank)]


def read_file(path: File | Literal["-"], name: str) -> Document:
    """Return the document in the file, or on standard input for "-"; messages call it by name.

    Raises:
        ToolError: The file is missing, cannot be read, or is not a regular file.
        RecipeError: As `read`.
    """
    return read(read_bytes(path, name), name)


def read_bytes(
    path: File | Literal["-"], name: str, *, most: int = MAX_BYTES, instead: str = A_FILE
) -> bytes:
    """Return what is in the file, or on standard input for "-", at most one byte more than is allowed.

    Args:
        path: The file.
        name: What messages call it.
        most: How many bytes are allowed.
        instead: What to do where it is a pipe or a device.

    Raises:
        ToolError: The file is missing, cannot be read, or is not a regular file.
    """
    # Python has none when it was closed before Python began.
    if path == "-" and sys.stdin is None:
        raise ToolError("standard input is closed")
    try:
        return sys.stdin.buffer.read(most + 1) if path == "-" else _contents(path, most)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = instead if reason == NOT_A_FILE else ""
        raise ToolError(Problem("tool", (), f"{escape(name)}: {reason}", hint)) from error


def read_value(text: str, source: str = "--set", path: Path = ()) -> Any:
    """Return the value in the text: a scalar, or a list or map in flow style.

    Args:
        text: What stands after the `=` of a `--set`.
        source: What messages call it.
        path: Where the value will be put.

    Raises:
        RecipeError: As `read`, or there is no value.
    """
    return Scan(text, source, path, lines=False).value()


def read_objects(text: str) -> list[dict[str, Any]]:
    """Return the objects in the output of a tool that is trusted, such as Helm.

    Raises:
        ToolError: The text is not YAML, or holds something else than objects.
    """
    try:
        found = [part for part in yaml.load_all(text, LOADER) if part is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ToolError(f"the tool's output is not YAML: {error}") from error
    if not all(isinstance(part, dict) for part in found):
        raise ToolError("the tool's output holds something else than objects")
    return found


def _contents(path: File, most: int) -> bytes:
    """Return at most one byte more than is allowed of a regular file."""
    with regular(path) as file:
        return file.read(most + 1)
