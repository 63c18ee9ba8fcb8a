# ruff: noqa: INP001 - a script of its own, run in a worker's init container
"""Wait until the weights are there; the engine of a worker starts after this.

WEIGHTS       a file that is there when they are, or a folder that must not be empty
WAIT_SECONDS  how long to wait
HINT          what to look at meanwhile

The exit code is 1 when they are not there in time.
"""

import logging
import os
import sys
import time
from pathlib import Path

POLL_SECONDS = 2.0
TELL_SECONDS = 60.0

log = logging.getLogger("weights")


def main() -> int:
    """Wait, and return the exit code."""
    weights, hint = Path(os.environ["WEIGHTS"]), os.environ["HINT"]
    seconds = float(os.environ["WAIT_SECONDS"])
    began = told = time.monotonic()
    if not there(weights):
        log.info("waiting for %s: %s", weights, hint)
    while not there(weights):
        now = time.monotonic()
        if now - began >= seconds:
            log.error("%s is not there after %g s: %s", weights, seconds, hint)
            return 1
        if now - told >= TELL_SECONDS:
            log.info("%s is not there after %.0f s: %s", weights, now - began, hint)
            told = now
        time.sleep(min(POLL_SECONDS, seconds))
    log.info("%s is there", weights)
    return 0


def there(weights: Path) -> bool:
    """Return whether it is a file, or a folder with something in it."""
    return weights.is_file() or (weights.is_dir() and any(weights.iterdir()))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.exit(main())
