"""List the options of Dynamo's own parsers. Runs where Dynamo's wheels are installed, without the project.

Prints for each program the parsers in the order in which they are asked, each with its options: how they
are spelled, whether they take a value, of what kind, and which environment variable their help names. As in
`parse.py`, beside this file, the engines' own parsers are not there.
"""

import argparse
import json
import re
import sys
from importlib import import_module
from typing import Any
from unittest.mock import patch

# Found beside this file, because it runs as a script.
PARSERS: dict[str, Any] = import_module("parse").PARSERS
NUMBERS = {int: "int", float: "float"}


def main() -> None:
    """Print the options of every program."""
    import_module("dynamo.frontend.main")
    json.dump({program: parsers(program) for program in PARSERS}, sys.stdout)


def parsers(program: str) -> list[list[dict[str, Any]]]:
    """Return the options of each parser that an empty command line is given to."""
    asked: list[list[dict[str, Any]]] = []
    original = argparse.ArgumentParser.parse_known_args

    def parse_known_args(parser: argparse.ArgumentParser, *given: Any, **more: Any) -> Any:
        asked.append([option(action) for action in parser._actions if action.option_strings])
        return original(parser, *given, **more)

    with patch.object(argparse.ArgumentParser, "parse_known_args", parse_known_args):
        PARSERS[program]([])
    return asked


def option(action: argparse.Action) -> dict[str, Any]:
    """Return what can be seen of an option from outside."""
    env = re.search(r"env var: (\w+)", action.help or "")
    return {
        "spellings": sorted(action.option_strings),
        "switch": action.nargs == 0,
        "number": NUMBERS.get(action.type) if isinstance(action.type, type) else None,
        "nargs": action.nargs or None,
        "choices": sorted(str(choice) for choice in action.choices) if action.choices is not None else [],
        "env": env[1] if env else None,
    }


if __name__ == "__main__":
    main()
