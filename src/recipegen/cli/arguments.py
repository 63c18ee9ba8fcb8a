"""The arguments of every command."""

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from recipegen.errors import Problem, UsageError
from recipegen.version import __version__

PROGRAM = "recipegen"

# What each command says of itself; its module has its name and is imported when it runs.
COMMANDS = {
    "list": "Show the catalog.",
    "show": "Show a recipe, with variant and patches in it.",
    "render": "Render a recipe; pipe it into `helmfile -f - apply`.",
    "explain": "Say where a value comes from, and what it means.",
    "validate": "Check recipes and all their variants.",
    "check": "Check recipes, render them through Helm, check the objects.",
    "schema": "Print the recipe language as JSON Schema.",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser; what it returns has a `run` that takes it and returns an exit code."""
    top = _Parser(prog=PROGRAM, description="Recipes for NVIDIA Dynamo on Kubernetes, as Helm and helmfile.")
    top.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands: dict[str, argparse.ArgumentParser] = {}
    for name, words in COMMANDS.items():
        commands[name] = subparsers.add_parser(name, help=words, description=words)
    for name, command in commands.items():
        command.set_defaults(run=_runner(name))
        command.add_argument(
            "--format", choices=["text", "json"], default="text", help="form of the error messages"
        )
    for name in ("show", "render", "explain"):
        words = "recipe of the catalog, path of a recipe file, or -"
        commands[name].add_argument("name", metavar="NAME", help=words)
    for name in ("validate", "check"):
        words = "recipes of the catalog, paths, or -"
        commands[name].add_argument("names", metavar="NAME", nargs="*", help=words)
        commands[name].add_argument("--all", action="store_true", help="the whole catalog")
    for name in ("show", "render", "explain", "validate", "check"):
        _add_changes(commands[name])
    _add_own(commands)
    return top


def _add_changes(command: argparse.ArgumentParser) -> None:
    """Add what changes a recipe: a variant and patches."""

    def several(*flags: str, metavar: str, words: str, to: str) -> None:
        command.add_argument(*flags, metavar=metavar, action="append", default=[], dest=to, help=words)

    command.add_argument("--variant", metavar="V", help="variant of the recipe")
    several("-f", "--file", metavar="FILE", words="patch file, such as a cluster profile", to="file")
    several("--set", metavar="K=V", words="set one value", to="set")
    several("--with", metavar="C", words="switch a component on", to="with_component")
    several("--without", metavar="C", words="switch a component off", to="without_component")


def _add_own(commands: dict[str, argparse.ArgumentParser]) -> None:
    """Add what only one command has."""
    commands["list"].add_argument("--json", action="store_true", help="as JSON")
    show = commands["show"]
    show.add_argument("--resolved", action="store_true", help="with every default and derived value")
    show.add_argument("--origin", action="store_true", help="each value with where it comes from")
    render = commands["render"]
    words = "what to render to"
    render.add_argument("--target", choices=["helmfile", "values"], default="helmfile", help=words)
    words = "write a self-contained helmfile directory"
    render.add_argument("-o", "--output", metavar="DIR", help=words)
    words = "compare with DIR instead of writing it; exit 3 when it differs"
    render.add_argument("--check", action="store_true", help=words)
    words = "folder or oci:// address of the charts; default: those that came along"
    render.add_argument("--charts", metavar="REF", help=words)
    words = "such as model.worker.replicas"
    commands["explain"].add_argument("path", metavar="PATH", help=words)


def _runner(name: str) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        # Only now: `recipegen list` should not wait for what `check` needs.
        return int(import_module(f"recipegen.cli.{name}").run(args))

    return run


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage the way every other problem is reported."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(Problem("usage", (), message, f"`{self.prog} --help` shows the usage"))
