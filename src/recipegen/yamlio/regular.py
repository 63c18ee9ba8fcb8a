"""Opening a file that a user named, which has to be a regular one."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

NOT_A_FILE = "not a regular file"


@contextmanager
def regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading.

    Raises:
        OSError: It cannot be opened, or is something else.
    """
    # Without O_NONBLOCK, opening a FIFO would wait for its writer. What was opened is checked, not
    # the path, which may be another file by now.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(NOT_A_FILE)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)
