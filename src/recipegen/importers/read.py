"""What is in the file: the graph, the ConfigMaps it may refer to, and everything else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path as File

from recipegen import yamlio
from recipegen.catalog import shown
from recipegen.errors import Mark, Problem, RecipeError, nearest, show
from recipegen.importers.nodes import Node, Reader, read_node

GRAPH = "DynamoGraphDeployment"
VERSIONS = ("nvidia.com/v1beta1", "nvidia.com/v1alpha1")
# What a template engine has yet to fill in, outside of strings where it may be meant.
TEMPLATE = re.compile(r"^[^#\n]*?(\{\{|\{%)", re.MULTILINE)
RENDER_FIRST = "render it first, such as with `helm template`, and import what comes out"


@dataclass(frozen=True)
class Found:
    """The objects of a file."""

    graph: Node
    version: str
    """`nvidia.com/v1beta1` or `nvidia.com/v1alpha1`."""
    config_maps: dict[str, Node]
    """Data of each ConfigMap, by its name."""
    config_map_objects: dict[str, Node]
    """The ConfigMaps themselves."""
    others: tuple[tuple[str, Node], ...]
    """Kind and node of each object that is neither."""


def read(source: str | PathLike[str], name: str | None = None) -> Found:
    """Return the graph of a file, and what stands beside it.

    Args:
        source: path of a file with Kubernetes objects, or `-` for standard input.
        name: the graph to take, where there are several.

    Raises:
        ToolError: when the file cannot be read.
        RecipeError: when it is no YAML, or holds no graph, or several and none was named.
    """
    path = None if source == "-" else File(source)
    label = shown(path)
    text = yamlio.read_bytes(path or "-", label)
    try:
        documents = yamlio.read_all(text, label)
    except RecipeError as error:
        template = _template(text, label)
        raise RecipeError(*([template] if template else error.problems)) from error
    objects = [item for document in documents for item in _objects(read_node(document, document.data))]
    reader = Reader()
    kinds = [(reader.text(reader.fields(item).get("kind")), item) for item in objects]
    graphs = [item for kind, item in kinds if kind == GRAPH]
    maps = [reader.fields(item) for kind, item in kinds if kind == "ConfigMap"]
    others = tuple(
        (kind or "object without a kind", item) for kind, item in kinds if kind not in (GRAPH, "ConfigMap")
    )
    if reader.problems:
        raise RecipeError(*reader.problems)
    graph = _chosen(graphs, name, kinds, label)
    version = _version(graph)
    if reader.problems:
        raise RecipeError(*reader.problems)
    config_maps = {_name(item): item["data"] for item in maps if isinstance(_part(item, "data"), dict)}
    whole = {_name(item.value): item for kind, item in kinds if kind == "ConfigMap"}
    return Found(graph, version, config_maps, whole, others)


def _objects(item: Node) -> Iterator[Node]:
    """Yield an object, or those of a List."""
    items = item.value.get("items")
    kind = item.value.get("kind")
    if items is not None and isinstance(items.value, list) and kind and str(kind.value).endswith("List"):
        yield from (below for below in items.value if isinstance(below.value, dict))
    else:
        yield item


def _template(text: bytes, label: str) -> Problem | None:
    """Return that the text is a template, when it is one."""
    decoded = text.decode(errors="replace")
    found = TEMPLATE.search(decoded)
    if not found:
        return None
    line = decoded.count("\n", 0, found.start(1)) + 1
    column = found.start(1) - decoded.rfind("\n", 0, found.start(1))
    message = f"this is a template, not YAML: it holds {show(found[1])}"
    return Problem("template", (), message, RENDER_FIRST, Mark(label, line, column))


def _chosen(graphs: list[Node], name: str | None, kinds: list[tuple[str, Node]], label: str) -> Node:
    names = [_name(graph.value) for graph in graphs]
    if not graphs:
        held = ", ".join(dict.fromkeys(kind or "an object without a kind" for kind, _ in kinds)) or "nothing"
        message = f"no {GRAPH} in it, which alone can be imported; it holds {held}"
        hint = "give the file that has the graph"
        if any({"model", "dynamoNamespace"} <= item.value.keys() for _, item in kinds):
            hint = "this is a recipe already: `recipegen render` takes it"
        if "DynamoGraphDeploymentRequest" in held:
            hint = "the operator makes a graph of the request: import `kubectl get dgd NAME -o yaml`"
        raise RecipeError(Problem("no-graph", (), message, hint, kinds[0][1].mark if kinds else Mark(label)))
    wanted = [graph for graph, its in zip(graphs, names, strict=True) if name in (None, its)]
    if len(wanted) == 1:
        return wanted[0]
    if not wanted:
        hint = nearest(str(name), names) or f"the graphs are {', '.join(names)}"
        raise RecipeError(Problem("no-graph", (), f"no graph is called {show(name)}", hint, graphs[0].mark))
    message = f"{len(wanted)} graphs in it, {', '.join(names)}"
    hint = "say which with --graph NAME" if len(set(names)) > 1 else "leave one of them in the file"
    raise RecipeError(Problem("several-graphs", (), message, hint, wanted[1].mark))


def _version(graph: Node) -> str:
    node = graph.value.get("apiVersion", graph.here(None))
    if node.value not in VERSIONS:
        known = " and ".join(VERSIONS)
        raise RecipeError(node.problem("api-version", f"known are {known}, got {show(node.plain())}"))
    return str(node.value)


def _name(item: dict[str, Node]) -> str:
    return str(_part(item, "metadata", "name") or "")


def _part(item: dict[str, Node], *path: str) -> object:
    """Return what an object has at a path, nothing where the path ends before."""
    found: object = item
    for step in path:
        below = found.get(step) if isinstance(found, dict) else None
        found = below.value if isinstance(below, Node) else None
    return found
