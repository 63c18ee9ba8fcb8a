"""A recipe that is being made of a graph, and what it could not take in."""

from dataclasses import dataclass, field
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem
from recipegen.importers import commands
from recipegen.importers.nodes import Node
from recipegen.importers.view.graph import Claim, Key, View
from recipegen.importers.view.values import compact
from recipegen.rules.text import EXECUTED

Data = dict[str, Any]


@dataclass
class Builder:
    """A recipe that is being made, and what it could not take in."""

    view: View
    claims: list[Claim] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    origins: dict[Path, Node] = field(default_factory=dict)
    """Where in the graph what stands at a path of the recipe comes from."""

    def __post_init__(self) -> None:
        self.table: Data = facts.engine(self.view.backend)
        self.kv = False

    def claim(self, reason: str, node: Node, message: str, *keys: Key) -> None:
        """Say why these keys will differ."""
        self.claims.append(Claim(reason, node, message, keys))

    def options(self, role: str, container: str = "main") -> dict[str, Node]:
        """Return the options of a container."""
        return self.view.under(role, container, "option")


def survives(text: str, *, compactly: bool = False) -> str:
    """Return a text that helmfile would not execute: braces of JSON are moved apart."""
    data = commands.json_of(text)
    if data is not None and (compactly or "\n" in text or any(token in text for token in EXECUTED)):
        text = compact(data)
        while "{{" in text:
            text = text.replace("{{", "{ {")
    return text


def pairs_of(tokens: list[str]) -> dict[str, list[str]]:
    """Return each option of a table's tokens with its values."""
    found: dict[str, list[str]] = {}
    for token in tokens:
        if token.startswith("-"):
            found[token] = []
        elif found:
            found[next(reversed(found))].append(token)
    return found
