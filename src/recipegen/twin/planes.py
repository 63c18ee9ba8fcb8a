"""How a graph's components reach each other: in the twin by files and sockets, whatever they are told."""

from recipegen.errors import Problem, ToolError
from recipegen.twin.graph import Graph, setting
from recipegen.twin.scene import Check

# What a cluster has when nobody says anything.
PLANES = {
    "--discovery-backend": "kubernetes",
    "--request-plane": "tcp",
    "--response-plane": "tcp",
    "--event-plane": None,
}
# They need a server that is not here.
SERVERS = ("etcd", "nats")


def check(graph: Graph) -> Check:
    """Return whether all components are told the same.

    Raises:
        ToolError: when they are, but need a server that this machine does not have.
    """
    told = {
        plane: {c.name: setting(c, plane) or default for c in graph.components}
        for plane, default in PLANES.items()
    }
    split = {plane: each for plane, each in told.items() if len({*each.values()}) > 1}
    if split:
        shown = [
            f"{name} {value or 'its default'}" for each in split.values() for name, value in each.items()
        ]
        detail = f"{', '.join(split)} differ, so components do not find each other: {', '.join(shown)}"
        return Check("planes", holds=False, detail=detail)
    for plane, each in told.items():
        for value in {*each.values()} & {*SERVERS}:
            hint = "leave it out to simulate the rest of the recipe"
            raise ToolError(Problem("tool", (), f"{plane} {value} needs a server that is not here", hint))
    return Check("planes", holds=True, detail="all components are told the same ways to reach each other")
