"""Run a program's own argument parsing, with stand-ins, and print the options that it registers.

Called as `python -I parsers.py PROGRAM ARGUMENTS FOLDER…`, where the packages of REAL in stubs.py are
installed and ARGUMENTS, a JSON list, is a command line that leads to all parsers. Prints a JSON object:
`parsers`, in the order in which they are asked (what one takes, the next does not see), and their `rows`.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import enum
import importlib.util
import inspect
import io
import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

PROGRAMS = {
    "frontend": "dynamo.frontend.main",
    "vllm": "dynamo.vllm.args",
    "sglang": "dynamo.sglang.args",
    "trtllm": "dynamo.trtllm.args",
}
# Packages whose options end up in a table.
OWNERS = ("dynamo", "vllm", "sglang")
# What is tried on an option to find its type: a word, numbers and JSON.
TEXTS = ("abc", "7", "1.5", "{}", "[]")
# What a number may end in.
SUFFIXES = ("k", "m", "g", "t", "K", "M", "G", "T", "Ki", "Mi", "Gi", "Ti")
# Values that some options take beside those of their type; the last is an old name of AISimulate.
WORDS = ("None", "auto", "aic")
TRUTHS = ("true", "false", "1", "0", "on", "off", "yes", "no")
# What is no value.
FAILED = object()


class DoneError(Exception):
    """Raised when every parser is known, before anything is done with the arguments."""


class Recorder:
    """Every parser that was asked, and who registered which option with what."""

    def __init__(self) -> None:
        self.asked: list[argparse.ArgumentParser] = []
        self.known: dict[int, dict[str, Any]] = {}
        self.read: list[str] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Put the recorder between the packages and argparse."""
        register = argparse._ActionsContainer.add_argument
        parse, get = argparse.ArgumentParser.parse_known_args, type(os.environ).get

        def add_argument(container: Any, *args: Any, **kwargs: Any) -> argparse.Action:
            action = register(container, *args, **kwargs)
            self.known[id(action)] = registration(sys._getframe(1))
            read = {name for name in self.read if name.startswith("DYN_")}
            if len(read) == 1:
                self.known[id(action)].setdefault("env", *read)
            self.read.clear()
            return action

        def environ_get(environ: Any, name: str, default: Any = None) -> Any:
            self.read.append(name)
            return get(environ, name, default)

        def parse_known_args(parser: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> Any:
            self.asked.append(parser)
            if any(self.of(action)["from"] in OWNERS[1:] for action in parser._actions):
                raise DoneError
            return parse(parser, *args, **kwargs)

        with (
            patch.object(argparse.ArgumentParser, "parse_known_args", parse_known_args),
            patch.object(argparse._ActionsContainer, "add_argument", add_argument),
            patch.object(type(os.environ), "get", environ_get),
        ):
            yield

    def of(self, action: argparse.Action) -> dict[str, Any]:
        """Return what is known of an option from how it was registered."""
        return self.known.get(id(action), {"from": ""})

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each option of each parser that belongs to the program."""
        for number, parser in enumerate(self.asked):
            for action in parser._actions:
                leaves = isinstance(action, argparse._HelpAction | argparse._VersionAction)
                if self.of(action)["from"] in OWNERS and action.option_strings and not leaves:
                    yield {
                        "parser": number,
                        "marked": marked(parser, action),
                        **row(action),
                        **self.of(action),
                    }


def registration(frame: FrameType | None) -> dict[str, Any]:
    """Return who registers an option, the innermost package that owns any, and what Dynamo's helper knows."""
    facts: dict[str, Any] = {}
    while frame:
        module = str(frame.f_globals.get("__name__", ""))
        if module == "dynamo.common.configuration.utils":
            told = frame.f_locals
            facts["env"] = told["env_var"]
            if told.get("deprecated"):
                facts |= {
                    "replacement": told["deprecated"].replacement,
                    "removal": told["deprecated"].remove_in,
                }
        if module.partition(".")[0] in OWNERS:
            return {"from": module.partition(".")[0], **facts}
        frame = frame.f_back
    return {"from": ""}


def marked(parser: argparse.ArgumentParser, action: argparse.Action) -> bool:
    """Return whether an option is registered as deprecated; before Python 3.13 vLLM keeps that itself."""
    return bool(getattr(action, "deprecated", False)) or action in getattr(parser, "_deprecated", ())


def row(action: argparse.Action) -> dict[str, Any]:
    """Return an option in the form of the tables."""
    negatable = isinstance(action, argparse.BooleanOptionalAction)
    spelled = [each for each in action.option_strings if not (negatable and each.startswith("--no-"))]
    flag = next((each for each in spelled if each.startswith("--")), spelled[0])
    found: dict[str, Any] = {"flag": flag, "class": type(action).__name__, "help": str(action.help or "")}
    found["aliases"] = [each for each in spelled if each != flag]
    if negatable:
        negations = [each for each in action.option_strings if each not in spelled]
        found["negated"] = f"--no-{flag.removeprefix('--')}"
        found["negatedAliases"] = [each for each in negations if each != found["negated"]]
    if negatable or action.nargs == 0:
        found["type"] = "bool"
    else:
        found |= value(action)
        found["nargs"] = action.nargs
        found["repeats"] = isinstance(action, argparse._AppendAction)
    found["default"] = plain(action.default)
    for name in ("new_flag", "error_message"):
        found[name] = getattr(action, name, None)
    return found


def value(action: argparse.Action) -> dict[str, Any]:
    """Return the type of an option's value, as its own conversion shows it when it is asked."""
    given = list(action.choices or [])
    for each in (*given, action.type):
        if type(each).__name__ == "Nothing":
            raise SystemExit(f"{action.option_strings} depends on a stand-in")
    if given:
        return choice(given, action.type)
    takes = [text for text in (*TEXTS, *WORDS, *TRUTHS) if converted(action.type, text) is not FAILED]
    if "abc" in takes:
        return {"type": "str"}
    words = {"also": [word for word in WORDS if word in takes]}
    if {"{}", "[]"} & set(takes) or "dataclass" in getattr(action.type, "__qualname__", ""):
        return {"type": "json", **words}
    if "7" in takes:
        whole = "1.5" not in takes
        sizes = {each: converted(action.type, f"1{each}") for each in SUFFIXES}
        human = {each: size for each, size in sizes.items() if size is not FAILED}
        return {"type": "int" if whole else "float", "human": bool(human), "suffixes": human, **words}
    return {"type": "str", "choices": sorted(each for each in TRUTHS if each in takes)}


def choice(given: list[Any], convert: Any) -> dict[str, Any]:
    """Return the type of an option that takes one of a list, and what else stands for one of them."""
    named = [plain(each) for each in given if each is not None]
    whole = all(isinstance(each, int) for each in named)
    texts = {str(each) for each in named}
    return {
        "type": "int" if whole else "str",
        "choices": sorted(named) if whole else sorted(texts),
        "also": [word for word in WORDS if word not in texts and converted(convert, word) in given],
        "loose": not whole and all(converted(convert, loosely(each)) == each for each in texts),
    }


def loosely(text: str) -> str:
    """Return a text as somebody writes it who does not look closely."""
    return text.swapcase().replace("_", "-")


def converted(convert: Any, text: str) -> Any:
    """Return what an option makes of a text, or FAILED where it refuses it."""
    try:
        made = convert(text) if callable(convert) else text
    except Exception:
        return FAILED
    if type(made).__name__ == "Nothing":
        raise SystemExit(f"{convert} depends on a stand-in")
    return made


def plain(thing: Any) -> Any:
    """Return a plain scalar for what stands for one, None for all else."""
    thing = thing.value if isinstance(thing, enum.Enum) else thing
    return thing if isinstance(thing, bool | int | float | str) and thing != argparse.SUPPRESS else None


def main() -> None:
    """Print the options of a program."""
    program, arguments, folders = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
    stubs = load("stubs").install(folders, set(OWNERS))
    # vLLM makes up the help, from which deprecation is read, only where it is asked for.
    sys.argv = [program, "--help"]
    recorder, said = Recorder(), io.StringIO()
    with contextlib.redirect_stdout(said), recorder.watching():
        module = import_module(PROGRAMS[program])
        plain_defaults()
        sys.argv = [program, *arguments]
        recorder.asked.clear()
        with contextlib.suppress(DoneError):
            done = module.parse_args() if program == "frontend" else module.parse_args(arguments)
            if inspect.iscoroutine(done):
                asyncio.run(done)
        answer = {
            "parsers": [{"abbreviations": parser.allow_abbrev} for parser in recorder.asked],
            "rows": list(recorder.rows()),
        }
    for name, reason in stubs.failed.items():
        sys.stderr.write(f"{name}: {reason}\n")
    json.dump(answer, sys.stdout)


def load(name: str) -> Any:
    """Return a module beside this one; where this runs, the folder is no place to import from."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain_defaults() -> None:
    """Keep vLLM from making a whole configuration, which looks for GPUs, for defaults that no table has."""
    config = sys.modules.get("vllm.config")
    for field in dataclasses.fields(config.VllmConfig) if config else ():
        if getattr(field.default, "default_factory", None):
            setattr(field.default, "default_factory", type(None))  # noqa: B010


if __name__ == "__main__":
    main()
