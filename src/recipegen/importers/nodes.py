"""Plain data whose every part knows where it was written, and readers that report wrong shapes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from recipegen.errors import Mark, Path, Problem, show
from recipegen.yamlio import Document


@dataclass(frozen=True)
class Node:
    """A value: a scalar, a dict of nodes or a list of nodes."""

    value: Any
    path: Path = ()
    """Where it stands in the object that was read, also after it moved."""
    mark: Mark | None = None

    def plain(self) -> Any:
        """Return the value as plain data."""
        if isinstance(self.value, dict):
            return {key: below.plain() for key, below in self.value.items()}
        return [below.plain() for below in self.value] if isinstance(self.value, list) else self.value

    def here(self, value: Any) -> "Node":
        """Return a node with another value that stands in the same place."""
        return node_of(value, self.path, self.mark)

    def problem(self, code: str, message: str, hint: str = "") -> Problem:
        """Return a problem in this place."""
        return Problem(code, self.path, message, hint, self.mark)


def node_of(value: Any, path: Path = (), mark: Mark | None = None) -> Node:
    """Return plain data, or nodes inside of it, as one node; what is new stands where it is put."""
    if isinstance(value, Node):
        return value
    if isinstance(value, Mapping):
        return Node({key: node_of(below, path, mark) for key, below in value.items()}, path, mark)
    if isinstance(value, list | tuple):
        return Node([node_of(below, path, mark) for below in value], path, mark)
    return Node(value, path, mark)


def read_node(document: Document, value: Any, path: Path = (), start: int = 0) -> Node:
    """Return the value of a document at `path` as a node; `start` segments of the path are not shown."""
    inner = value
    if isinstance(value, dict):
        inner = {key: read_node(document, below, (*path, key), start) for key, below in value.items()}
    elif isinstance(value, list):
        inner = [read_node(document, below, (*path, i), start) for i, below in enumerate(value)]
    # A block is found by its key: the value begins where its first key is.
    mark = document.key_mark(path) if isinstance(value, dict | list) else None
    return Node(inner, path[start:], mark or document.mark(path))


@dataclass
class Reader:
    """Reads nodes of an expected shape; what has another one becomes a problem, and nothing."""

    problems: list[Problem] = field(default_factory=list)

    def fields(self, node: Node | None) -> dict[str, Node]:
        """Return a map's fields, without those that are null."""
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self._wrong(node, "a block of keys")
            return {}
        return {key: below for key, below in node.value.items() if below.value is not None}

    def items(self, node: Node | None) -> list[Node]:
        """Return a list's items."""
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, list):
            self._wrong(node, "a list")
            return []
        return node.value

    def text(self, node: Node | None) -> str:
        """Return a text, empty where there is none."""
        if node is None or node.value is None:
            return ""
        if not isinstance(node.value, str):
            self._wrong(node, "text", "put it in quotes" if isinstance(node.value, int | float) else "")
            return ""
        return node.value

    def amount(self, node: Node) -> str:
        """Return a quantity as text; Kubernetes takes bare numbers too."""
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            whole = isinstance(node.value, float) and node.value.is_integer()
            return str(int(node.value) if whole else node.value)
        return self.text(node)

    def number(self, node: Node | None, default: int) -> int:
        """Return a whole number, or the default where there is none."""
        if node is None or node.value is None:
            return default
        if not isinstance(node.value, int) or isinstance(node.value, bool):
            placeholder = isinstance(node.value, str) and "$" in node.value
            hint = "fill the placeholder in first, such as with envsubst" if placeholder else ""
            self._wrong(node, "a whole number", hint)
            return default
        return node.value

    def named(self, node: Node | None) -> dict[str, dict[str, Node]]:
        """Return the entries of a list that is keyed by `name`; of two of one name, the last counts."""
        found = {}
        for item in self.items(node):
            entry = self.fields(item)
            name = self.text(entry.get("name"))
            if name:
                found[name] = entry
            elif entry or item.value is None:
                self.problems.append(item.problem("missing-key", "has no name"))
        return found

    def _wrong(self, node: Node, wanted: str, hint: str = "") -> None:
        message = f"needs {wanted}, got {show(node.plain())}"
        self.problems.append(node.problem("wrong-type", message, hint))


def leaves(node: Node, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield key and node of everything that holds nothing further; items of lists count by their name."""
    inner: dict[str, Node] = {}
    if isinstance(node.value, dict):
        inner = node.value
    elif isinstance(node.value, list):
        names = [_item(below, index) for index, below in enumerate(node.value)]
        distinct = len(set(names)) == len(names)
        steps = names if distinct else [str(index) for index in range(len(names))]
        inner = dict(zip(steps, node.value, strict=True))
    if not inner:
        yield key, node
    for step, below in inner.items():
        yield from leaves(below, (*key, step))


def _item(node: Node, index: int) -> str:
    name = node.value.get("name") if isinstance(node.value, dict) else None
    return str(name.value) if name and isinstance(name.value, str) and name.value else str(index)


def moved(problem: Problem, node: Node) -> Problem:
    """Return a problem in the place of the node."""
    return replace(problem, path=node.path, mark=node.mark)
