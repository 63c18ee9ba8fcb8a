# ruff: noqa: INP001 - a script of its own, run in the container that reads the volume
"""Read all files below a folder, again and again, past the node's memory: load for whatever stores them.

It competes with others for the storage and limits nobody. Exit code 1: there is nothing to read.
"""

import os
import sys
import threading
import time
from itertools import cycle
from pathlib import Path

THREADS = 4
CHUNK = 4 << 20
MARK = Path(os.environ.get("MARK", "/tmp/reading"))


def main(folder: str) -> int:
    """Read until somebody ends it; return the exit code."""
    files = [path for path in Path(folder).rglob("*") if path.is_file() and path.stat().st_size]
    if not files:
        sys.stderr.write(f"no file below {folder} to read\n")
        return 1
    sys.stdout.write(f"reading {len(files)} files with {THREADS} threads\n")
    for number in range(THREADS):
        turned = files[number % len(files) :] + files[: number % len(files)]
        threading.Thread(target=read, args=(turned,), daemon=True).start()
    while True:
        time.sleep(3600)


def read(files: list[Path]) -> None:
    """Read the files for ever."""
    for path in cycle(files):
        try:
            with path.open("rb", buffering=0) as stream:
                # What the node keeps in memory would not reach the storage.
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                while stream.read(CHUNK):
                    MARK.touch()
        except OSError:
            # Somebody is writing there; there are other files.
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
