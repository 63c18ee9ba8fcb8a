"""The command line: exit codes, and everything that is printed. One module a command."""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from recipegen.cli import arguments
from recipegen.cli.printing import report
from recipegen.errors import Problem, RecipegenError, ToolError

INTERRUPTED = 130


def main(given: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 1 the recipe is wrong, 2 wrong usage, 3 the result differs, 4 a tool or file failed,
    5 the cluster refused, 70 a fault in recipegen, 130 interrupted.
    """
    given = sys.argv[1:] if given is None else given
    # Known before the arguments are understood, because that can fail too.
    as_json = "--format=json" in given or ("--format", "json") in pairwise(given)
    # pydantic would look through every installed package for plugins, which takes longer than a recipe.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        args = arguments.parser().parse_args(given)
        code = int(args.run(args))
    except RecipegenError as error:
        report(error.problems, as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read has what it wanted, or said itself what went wrong.
        return ToolError.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # the last net
        if os.environ.get("RECIPEGEN_DEBUG"):
            raise
        hint = "run it again with RECIPEGEN_DEBUG=1 and report what it prints"
        problem = Problem("internal", (), f"a fault in recipegen: {type(error).__name__}", hint)
        report([problem], as_json=as_json)
        return 70
    return code
