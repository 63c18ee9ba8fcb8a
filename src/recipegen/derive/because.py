"""A value that follows from others: where it stands, what it is, and why."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Self

from recipegen.errors import Path

Derived = Iterator[tuple[Path, Any, str]]


class Because(str):
    """A reason that is a fact, and where the fact stands."""

    file: FilePath
    place: Path

    def __new__(cls, words: str, file: FilePath, *place: str) -> Self:
        """Take the reason in words, the file of the fact, and its path there."""
        found = super().__new__(cls, words)
        found.file, found.place = file, place
        return found
