"""The arguments of every command."""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from recipegen.cli import options
from recipegen.cli.values import Once
from recipegen.errors import Problem, UsageError, nearest, show
from recipegen.version import __version__

PROGRAM = "recipegen"

# What each command says of itself; its module has its name and is imported when it runs.
COMMANDS = {
    "list": "Show the catalog.",
    "show": "Show what a recipe is, and what it makes.",
    "render": "Render a recipe; pipe it into `helmfile -f - apply`.",
    "variants": "List the variants of a variants file, or of a recipe, each with its config id.",
    "explain": "Say where a value comes from, and what it means.",
    "validate": "Check recipes and all their variants.",
    "check": "Check recipes, render them through Helm, check the objects.",
    "size": "Say what the memory of the GPUs holds, with the arithmetic.",
    "simulate": "Run a recipe's graph on this machine without a GPU: Dynamo's frontend and mocker.",
    "doctor": "Look into the cluster: what is wrong with a recipe's graph, and which line to change.",
    "preflight": "Look into the cluster before an apply: does the recipe fit, or with which changes.",
    "probe": "Ask the endpoint for one chat answer, and check it.",
    "status": "Say how far the cluster is with a recipe: its graph, replicas, weights and Jobs.",
    "recommend": "Say which GPUs, how many, and which parallel sizes meet targets best; nothing is run.",
    "identify": "Say format, id and object keys of a model by the names of its files; nothing is copied.",
    "new": "Write a recipe for a model: its config.json, or its id on the Hugging Face Hub.",
    "create": "Write an endpoint of a model: a recipe that extends a base, with kind, owner and clusters.",
    "import": "Turn a DynamoGraphDeployment into a recipe, and say what a recipe cannot carry over.",
    "schema": "Print the recipe language as JSON Schema.",
}


def read(given: Sequence[str]) -> argparse.Namespace:
    """Return what `parser` makes of a command line.

    Raises:
        UsageError: it is wrong usage, or asks for what only a system beside recipegen does.
    """
    if given and given[0] not in COMMANDS:
        # Only now: the verbs of others are a long table.
        from recipegen.cli import foreign

        foreign.refuse(given)
        if not given[0].startswith("-"):
            hint = nearest(given[0], COMMANDS) or f"`{PROGRAM} --help` lists the commands"
            raise UsageError(Problem("usage", (), f"no command is called {show(given[0])}", hint))
    return parser().parse_args(given)


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
            "--format", choices=["text", "json"], default="text", help="form of messages, and of a verdict"
        )
    one = ("show", "render", "variants", "explain", "simulate", "doctor", "preflight", "probe", "status")
    for name in one:
        words = "recipe of the catalog, path of a recipe file, or -"
        commands[name].add_argument("name", metavar="NAME", help=words)
    words = "recipe, config.json or folder of weights, or the id of a known model"
    commands["recommend"].add_argument("name", metavar="NAME", help=words)
    for name in ("validate", "check"):
        words = "recipes of the catalog, paths, or -"
        commands[name].add_argument("names", metavar="NAME", nargs="*", help=words)
        commands[name].add_argument("--all", action="store_true", help="the whole catalog")
        words = "hold the recipes to a policy: a file, or llm-engine; several times for several"
        commands[name].add_argument("--policy", metavar="FILE", action="append", default=[], help=words)
    for name in (*one, "validate", "check", "size", "recommend"):
        options.add_variants_file(commands[name])
        # What `variants` lists is not changed before.
        if name != "variants":
            _add_changes(commands[name])
    options.add(commands)
    return top


def _add_changes(command: argparse.ArgumentParser) -> None:
    """Add what changes a recipe: a variant and patches."""

    def several(*flags: str, metavar: str, words: str, **rest: Any) -> None:
        command.add_argument(*flags, **{"action": "append", **rest}, metavar=metavar, default=[], help=words)

    command.add_argument("--variant", metavar="V", action=Once, help="variant of the recipe")
    several("-f", "--file", metavar="FILE", words="patch file, such as a cluster profile", type=_patch)
    several("--set", metavar="K=V", words="set one value")
    several("--with", metavar="C", words="switch a component on", action=_Switch, dest="with_component")
    several(
        "--without", metavar="C", words="switch a component off", action=_Switch, dest="without_component"
    )


def _patch(name: str) -> str:
    if name == "-":
        raise argparse.ArgumentTypeError("a patch cannot come from standard input; write a file first")
    return name


def _runner(name: str) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        # Only now: `recipegen list` should not wait for what `check` needs.
        return int(import_module(f"recipegen.cli.{name}").run(args))

    return run


class _Switch(argparse.Action):
    """Gathers components, and refuses one that is switched both on and off."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, _: Any = None
    ) -> None:
        """Put the component into the namespace."""
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), values])
        if values in namespace.with_component and values in namespace.without_component:
            parser.error(f"{show(values)} is switched both on and off")


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage the way every other problem is reported, and guesses no option."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(Problem("usage", (), message, f"`{self.prog} --help` shows the usage"))
