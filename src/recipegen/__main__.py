"""`recipegen` and `python -m recipegen`."""

import sys

INTERRUPTED = 130


def run() -> int:
    """Run the command that the process was started with and return its exit code."""
    try:
        # Here, because an interrupt may come while the modules are read.
        from recipegen.cli import main

        return main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
