"""How commands print: tables and JSON on standard output, problems and notes on standard error."""

import json
import os
import sys
from collections.abc import Sequence

from recipegen.errors import Problem, ToolError

SHOWN_PROBLEMS = 20


def out(text: str) -> None:
    """Print the result.

    Raises:
        ToolError: when standard output is closed or full.
        BrokenPipeError: when its reader went away.
    """
    if sys.stdout is None:
        raise ToolError("standard output is closed")
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            raise
        raise ToolError(f"standard output: {error.strerror}") from error


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return rows in columns, each as wide as its widest cell."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head) - 1)]
    lines = []
    for row in [head, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def cut(text: str, width: int = 40) -> str:
    """Return the text, cut for a column of a table."""
    return text if len(text) <= width else text[: width - 1] + "…"


def note(text: str, *, as_json: bool = False) -> None:
    """Tell the person at the terminal something that is no result; programs are told problems alone."""
    if not as_json:
        _err(text)


def report(problems: Sequence[Problem], *, as_json: bool) -> None:
    """Print problems, all of them for programs, the first ones for people."""
    if as_json and problems:
        _err(json.dumps([problem.as_dict() for problem in problems]))
        return
    for problem in problems[:SHOWN_PROBLEMS]:
        _err(problem.text())
    if len(problems) > SHOWN_PROBLEMS:
        _err(f"and {len(problems) - SHOWN_PROBLEMS} more problems")


def _err(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
