"""What a rendered graph runs: its components, read from the Kubernetes objects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from recipegen.errors import Problem, ToolError

FRONTEND = "dynamo.frontend"
# Types of components that only Dynamo's images have.
NOT_HERE = ("epp",)


@dataclass(frozen=True)
class Component:
    """One component of a graph."""

    name: str
    replicas: int
    module: str
    """Python module that its container runs."""
    argv: tuple[str, ...]
    """Arguments of the module, token by token."""
    env: dict[str, str]
    """Environment of its container, as far as the graph spells it out."""
    model: str = ""
    """Id of the model, which a worker that loads from a folder is not told."""


@dataclass(frozen=True)
class Graph:
    """A DynamoGraphDeployment, as far as its processes go."""

    name: str
    dynamo_namespace: str
    """Under which its components find each other; the operator computes the same."""
    frontend: Component
    workers: tuple[Component, ...]
    left_out: tuple[str, ...] = ()
    """What of it does not run here, in words: the endpoint picker and what serves requests that it sends."""

    @property
    def components(self) -> tuple[Component, ...]:
        """The frontend, then the workers."""
        return (self.frontend, *self.workers)


def read(objects: Iterable[dict[str, Any]], namespace: str, model: str) -> Graph:
    """Return the graph among the objects of a release in a Kubernetes namespace.

    Args:
        objects: What the release renders to.
        namespace: Kubernetes namespace.
        model: The model's id. It stands in no object where weights lie in a folder.

    Raises:
        ToolError: when the graph has no frontend or no workers.
    """
    found = next(item for item in objects if item["kind"] == "DynamoGraphDeployment")
    name = found["metadata"]["name"]
    items = [item for item in found["spec"]["components"] if item["type"] not in NOT_HERE]
    components = [replace(_component(item), model=model) for item in items]
    frontends = [component for component in components if component.module == FRONTEND]
    workers = tuple(component for component in components if component.module != FRONTEND)
    if not frontends or not workers:
        raise ToolError(f"nothing to simulate: {name} lacks a frontend or workers")
    if not frontends[0].replicas:
        message = f"nothing to simulate: {frontends[0].name} has no replicas, and requests go through it here"
        raise ToolError(Problem("tool", (), message, "add --set model.frontend.replicas=1"))
    return Graph(name, f"{namespace}-{name}", frontends[0], workers, tuple(_left_out(found["spec"])))


def setting(component: Component, name: str) -> str | None:
    """Return what a component is told by an option, or else by the variable that Dynamo names after it."""
    told = option(component.argv, name)
    return component.env.get(f"DYN_{name[2:].replace('-', '_').upper()}") if told is None else told


def option(argv: Iterable[str], name: str) -> str | None:
    """Return the value of an option, the last one given; None without it."""
    tokens = [*argv]
    values = [value for token, value in pairwise(tokens) if token == name]
    values += [token.removeprefix(f"{name}=") for token in tokens if token.startswith(f"{name}=")]
    return values[-1] if values else None


def _left_out(spec: dict[str, Any]) -> Iterator[str]:
    for item in spec["components"]:
        if item["type"] in NOT_HERE:
            yield item["name"]
        elif item.get("frontendSidecar"):
            yield f"{item['frontendSidecar']} of {item['name']}"


def _component(item: dict[str, Any]) -> Component:
    container = item["podTemplate"]["spec"]["containers"][0]
    tokens = [*container["command"], *container["args"]]
    start = tokens.index("-m") + 1
    return Component(
        name=item["name"],
        # Where something else scales the component, the operator begins with one.
        replicas=item.get("replicas", 1),
        module=tokens[start],
        argv=tuple(tokens[start + 1 :]),
        # Values from Secrets and fields of the pod are known in a cluster only.
        env={entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry},
    )
