# ruff: noqa: INP001 - part of the batch's script, run in its container
"""What a batch leaves: a file of answers and one of errors of each index, and both of all in the end.

A line is written once it is answered, so whoever is killed loses only what was under way.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

ANSWERS, ERRORS = "output", "errors"
AGAIN = "unanswered"
"""Code of a line that nobody answered. It is no answer, so the next run asks again."""

Record = dict[str, Any]
Place = tuple[Path, int]
"""Where a record stands: its file, and the bytes before it."""


class Records:
    """The records of one index, beside those of the others."""

    def __init__(self, folder: Path, index: int) -> None:
        """Open the folder, make it where it is not there, and mend what a killed run left."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.index = folder, index
        self._lock = Lock()
        self._own = {kind: folder / f"{kind}-{index:05d}.jsonl" for kind in (ANSWERS, ERRORS)}
        for path in self._own.values():
            _replace(path, (_text(record) for _, record in _read(path) if not _again(record)), index)

    def found(self) -> dict[str, Place]:
        """Return where the answer to each line stands, or its error, by id; an answer beats an error."""
        places: dict[str, Place] = {}
        for kind in (ERRORS, ANSWERS):
            # Also of indexes that a batch with fewer of them no longer has.
            for path in sorted(self.folder.glob(f"{kind}-*.jsonl")):
                for start, record in _read(path):
                    if not _again(record):
                        places[record["id"]] = (path, start)
        return places

    def answer(self, record: Record) -> None:
        """Write down a line that was answered, whatever the answer says."""
        self._add(ANSWERS if record["response"]["status_code"] < 400 else ERRORS, record)

    def error(self, record: Record) -> None:
        """Write down a line that has no answer."""
        self._add(ERRORS, record)

    def merge(self, ids: Callable[[], Iterable[str]]) -> bool:
        """Write all answers and all errors in the order of the input, once there are all of them.

        Args:
            ids: gives the ids of the lines, in order, each time it is called.

        Returns:
            Whether each line has an answer or an error. Two indexes that end together write the same.
        """
        places = self.found()
        if not all(each in places for each in ids()):
            return False
        for kind in (ANSWERS, ERRORS):
            mine = (places[each] for each in ids() if places[each][0].name.startswith(f"{kind}-"))
            _replace(self.folder / f"{kind}.jsonl", map(_at, mine), self.index)
        return True

    def close(self) -> None:
        """Let nobody write any more: what is being written is finished first."""
        self._lock.acquire()

    def _add(self, kind: str, record: Record) -> None:
        with self._lock, self._own[kind].open("ab") as file:
            file.write(_text(record))


def _read(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield the whole records of a file, each with the bytes before it; half ones are passed over."""
    if not path.is_file():
        return
    start = 0
    with path.open("rb") as file:
        for raw in file:
            try:
                record = json.loads(raw)
            except ValueError:
                record = None
            if isinstance(record, dict) and "id" in record and raw.endswith(b"\n"):
                yield start, record
            start += len(raw)


def _at(place: Place) -> bytes:
    path, start = place
    with path.open("rb") as file:
        file.seek(start)
        return file.readline()


def _again(record: Record) -> bool:
    return (record.get("error") or {}).get("code") == AGAIN


def _text(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _replace(path: Path, lines: Iterable[bytes], index: int) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f"{path.name}.{index}.tmp")
    with temporary.open("wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
