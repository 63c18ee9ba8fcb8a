"""How the values of options are read."""

import argparse
import re
from collections.abc import Callable
from typing import Any

from recipegen.errors import show


def number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within bounds."""

    def read(text: str) -> int:
        # Ten digits hold every bound; of thousands Python would make no number.
        if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most}, got {show(text)}")
        return int(text)

    return read


def share(text: str) -> float:
    """Read a share, above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"a number above 0 and at most 1, got {show(text)}")
    return value


def positive(text: str) -> float:
    """Read a number above zero, as people write one."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text) or not float(text):
        raise argparse.ArgumentTypeError(f"a number above 0, got {show(text)}")
    return float(text)


class Once(argparse.Action):
    """Takes a value, and no second one in its place."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        """Put the value into the namespace."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option} is there twice")
        setattr(namespace, self.dest, values)
