"""The command line: exit codes, and everything that is printed. One module a command."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path

from recipegen.cli import arguments
from recipegen.cli.printing import report
from recipegen.errors import Problem, RecipegenError, ToolError


def main(given: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 1 the recipe is wrong, 2 wrong usage, 3 the result differs, 4 a tool or file failed,
    5 the cluster refused, 70 a fault in recipegen. The process itself ends with 130 when interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        # Recipes and messages are UTF-8, whatever the terminal's settings say.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    given = sys.argv[1:] if given is None else given
    # Known before the arguments are understood, because that can fail too.
    as_json = "--format=json" in given or ("--format", "json") in pairwise(given)
    # pydantic would look through every installed package for plugins, which takes longer than a recipe.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        args = arguments.read(given)
        _look_around()
        code = int(args.run(args))
    except RecipegenError as error:
        report(error.problems, as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read has what it wanted, or said itself what went wrong.
        return ToolError.exit_code
    except Exception as error:  # the last net
        if os.environ.get("RECIPEGEN_DEBUG"):
            raise
        hint = "run it again with RECIPEGEN_DEBUG=1 and report what it prints"
        problem = Problem("internal", (), f"a fault in recipegen: {type(error).__name__}", hint)
        report([problem], as_json=as_json)
        return 70
    return code


def _look_around() -> None:
    """Refuse a current directory that was removed, which nothing can be found from."""
    try:
        Path.cwd()
    except OSError as error:
        raise ToolError("the current directory is not there any more; change to another one") from error
