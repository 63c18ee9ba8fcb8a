"""What a graph is made of, and the form in which two graphs are compared: canonical keys with values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as File
from typing import Any, get_args

from recipegen import argv, facts, yamlio
from recipegen.errors import Problem
from recipegen.facts import flags
from recipegen.importers.commands import Command, Options
from recipegen.importers.nodes import Node, Reader, leaves
from recipegen.recipe import BackendType

Key = tuple[str, ...]


BACKENDS = {f"dynamo.{backend}": backend for backend in get_args(BackendType)}


MOCKER, FRONTEND, PLANNER = "dynamo.mocker", "dynamo.frontend", "dynamo.planner"


TYPES = ("frontend", "worker", "prefill", "decode", "planner", "epp", "lpx")


WORKERS = ("worker", "prefill", "decode")


@dataclass(frozen=True)
class Claim:
    """A reason, known while a graph is read or made into a recipe, why some keys will differ."""

    reason: str
    node: Node
    message: str
    keys: tuple[Key, ...] = ()
    """Beginnings of the keys that it explains."""


@dataclass
class Component:
    """A component, its pod and what its main container runs."""

    name: str
    node: Node
    fields: dict[str, Node]
    type: str
    metadata: dict[str, Node]
    pod: dict[str, Node]
    containers: dict[str, dict[str, Node]]
    volumes: dict[str, dict[str, Node]]
    variables: dict[str, Node] = field(default_factory=dict)
    command: Command = field(default_factory=Command)
    options: Options = field(default_factory=dict)
    role: str = ""

    @property
    def main(self) -> dict[str, Node]:
        """The container that the operator looks at."""
        return self.containers.get("main", {})


@dataclass(frozen=True)
class EngineFile:
    """A configuration file that an engine is told to read."""

    path: Node
    config_map: str = ""
    """The ConfigMap that holds it; empty where it lies in the image or on a volume."""
    key: str = ""
    content: Any = None
    """The file, as plain data or text; None where the ConfigMap is not in the file."""


@dataclass
class View:
    """A graph as canonical keys and values."""

    config_maps: Mapping[str, Node]
    """Data of the ConfigMaps beside the graph."""
    values: dict[Key, Node] = field(default_factory=dict)
    components: dict[str, Component] = field(default_factory=dict)
    """By role."""
    files: dict[str, EngineFile] = field(default_factory=dict)
    """By role."""
    rest: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Keys of the engine's file that are no options, by role."""
    backend: str = ""
    mocker: bool = False
    claims: list[Claim] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def reader(self) -> Reader:
        """What reads the graph's nodes, and tells the view's problems."""
        return Reader(self.problems)

    def put(self, key: Key, node: Node, value: Any = ...) -> None:
        """Set the value of a key."""
        self.values[key] = node if value is ... else Node(value, node.path, node.mark)

    def under(self, *prefix: str) -> dict[str, Node]:
        """Return the values one step below a beginning of keys."""
        size = len(prefix)
        return {k[size]: v for k, v in self.values.items() if len(k) == size + 1 and k[:size] == prefix}

    @property
    def workers(self) -> list[str]:
        """Roles of the workers, prefill before decode."""
        return [role for role in WORKERS if role in self.components]


@cache
def spellings() -> dict[str, Any]:
    """Return the spellings that Dynamo had before, and what stands for them now."""
    return yamlio.read_file(File(__file__).parents[1] / "spellings.yaml", "spellings.yaml").data


@cache
def defaults() -> dict[str, Any]:
    """Return options that say what holds without them, by module."""
    return yamlio.read_file(File(__file__).parents[1] / "defaults.yaml", "defaults.yaml").data


def table(view: View) -> dict[str, Any]:
    """Return how the graph's backend spells its options."""
    return facts.engine(view.backend)


def flags_of(program: str) -> flags.Table | None:
    """Return the options that a backend or the frontend has today."""
    return flags.table(program, facts.newest_dynamo())


def canonical(backend: str, option: str) -> str:
    """Return the option that a spelling means, as recipegen's own data file of the backend spells it."""
    table = flags_of(backend)
    found = argv.find(table, option) if table else None
    if found is None or found.row is None or found.value is not None or found.name == flags.DYNAMIC:
        return option
    # A negation is no other spelling of what it negates.
    off = found.spelling in flags.offs(found.row)
    name = found.row["negated"] if off else _own(backend).get(found.name, found.name)
    return f"{name}.{found.keys}" if found.keys else str(name)


@cache
def _own(backend: str) -> dict[str, str]:
    """Return the options that recipegen sets itself, in its spelling, by the name in the table of options."""
    table = flags_of(backend)
    own = facts.engine(backend)["flags"].values()
    return {table.spellings[option]: option for option in own if option in table.spellings} if table else {}


def put_leaves(view: View, key: Key, node: Node) -> None:
    """Put everything in a node into the view, each below the key."""
    for below, leaf in leaves(node, key):
        view.put(below, leaf, leaf.plain())
