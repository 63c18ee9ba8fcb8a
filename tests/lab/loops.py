"""Loops that run beside a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

POLL_SECONDS = 0.2


@contextmanager
def repeated(step: Callable[[], None]) -> Iterator[None]:
    """Take a step again and again in a thread, until the block ends.

    Raises:
        Exception: at the block's end, what ended the thread early.
    """
    over = threading.Event()
    failed: list[Exception] = []

    def run() -> None:
        try:
            while not over.wait(POLL_SECONDS):
                step()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]
