"""How far a graph is: from its DynamoGraphDeployment, as the operator reports on it, to one of five words."""

from typing import Any

from recipegen.cluster.plain import at, condition, number, rows, table, text
from recipegen.cluster.scene import complaint
from recipegen.cluster.states.words import (
    DELETING,
    FAILED,
    IN_PROGRESS,
    PENDING,
    READY,
    Component,
    State,
    state,
)

# The operator's own words; a graph that it has not looked at has the first, which the kind gives by default.
UNTOUCHED = ("", "initializing")
GIVEN_UP = "failed"
DONE = "successful"


def graph_state(graph: Any) -> State:
    """Return the state of a graph that is in the cluster."""
    now = text(graph, "status", "state")
    conditions = rows(graph, "status", "conditions")
    going = text(graph, "metadata", "deletionTimestamp")
    if going:
        held = at(graph, "metadata", "finalizers")
        by = f", held by {', '.join(map(str, held))}" if isinstance(held, list) and held else ""
        return state(DELETING, f"since {going}{by}")
    if now in UNTOUCHED and not conditions:
        return state(PENDING, "the operator has not looked at it yet")
    generation, observed = (
        number(graph, "metadata", "generation"),
        number(graph, "status", "observedGeneration"),
    )
    if observed and observed < generation:
        return state(IN_PROGRESS, f"the operator has taken up change {observed} of {generation}")
    return _observed(graph, now)


def _observed(graph: Any, now: str) -> State:
    """Return the state of a graph whose present form the operator has taken up."""
    if now == GIVEN_UP:
        return state(FAILED, complaint(graph) or "the operator gave it up")
    if now == DONE or condition(graph, "Ready").get("status") == "True":
        return state(READY)
    if now in ("pending", *UNTOUCHED):
        return state(IN_PROGRESS, complaint(graph) or "the operator is at it")
    return state(IN_PROGRESS, f"the operator calls it {now}, which this recipegen does not know")


def components(graph: Any, pods: list[dict[str, Any]]) -> tuple[Component, ...]:
    """Return the components of a graph, with ready replicas as the operator counts them, or else by pods."""
    counted = table(graph, "status", "components")
    found = []
    for part in rows(graph, "spec", "components"):
        name = text(part, "name")
        own = counted.get(name)
        # Where a scaling adapter has the replicas, the graph itself names none.
        wanted = number(part, "replicas", default=number(own, "replicas", default=1))
        ready = number(own, "readyReplicas", default=_ready(name, pods))
        found.append(Component(name, ready, wanted))
    return tuple(found)


def _ready(component: str, pods: list[dict[str, Any]]) -> int:
    mine = (pod for pod in pods if _component(pod) == component)
    return sum(condition(pod, "Ready").get("status") == "True" for pod in mine)


def _component(pod: dict[str, Any]) -> str:
    labels = table(pod, "metadata", "labels")
    return text(labels, "nvidia.com/dynamo-component") or text(labels, "app.kubernetes.io/component")
