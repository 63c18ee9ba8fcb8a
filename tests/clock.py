"""How long work takes, whatever else the suite and the machine are busy with."""

import time
from collections.abc import Callable


def cpu_seconds(work: Callable[[], object]) -> float:
    """The CPU time of the fastest of three runs: one may collect the garbage of all tests before it."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)
