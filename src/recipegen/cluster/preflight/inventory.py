"""The nodes of a cluster, and what is free on them now. Nothing is reserved: the next pod may take it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from recipegen.cluster.plain import at, condition, name, rows, table, text
from recipegen.cluster.preflight.amounts import pod_amounts, quantity
from recipegen.cluster.preflight.placing import Node
from recipegen.cluster.preflight.survey import Survey
from recipegen.rules.hardware import NODE_LABELS

NODES, USED = "nodes", "pods of all namespaces"
ENDED = "status.phase!=Succeeded,status.phase!=Failed"
OWNER = "nvidia.com/dynamo-graph-deployment-name"


@dataclass(frozen=True)
class Product:
    """All nodes with one kind of GPU."""

    product: str
    """Value of the label by which this cluster tells GPUs apart; empty where nodes have none."""
    resource: str
    nodes: int
    allocatable: int
    used: int
    free: int
    """On nodes that take pods now."""
    most: int
    """Free on one node, at most."""


@dataclass(frozen=True)
class Inventory:
    """What the cluster has, and what is left of it."""

    nodes: tuple[Node, ...]
    products: tuple[Product, ...]
    own: int
    """Devices that this graph itself holds, counted as free: its pods are replaced."""
    waiting: int
    """Devices that pods wait for which have no node yet: they may be faster."""


def inventory(survey: Survey, namespace: str, graph: str) -> Inventory:
    """Return the nodes with what is free on each; the graph's own pods count as gone."""
    raw = survey.items("/api/v1/nodes", NODES)
    pods = survey.items("/api/v1/pods", USED, fieldSelector=ENDED) if raw else []
    used: dict[str, dict[str, Fraction]] = {}
    own = waiting = 0
    for pod in pods:
        amounts = {"pods": Fraction(1), **pod_amounts(at(pod, "spec"))}
        devices = _devices(amounts)
        if _is_own(pod, namespace, graph):
            own += devices if text(pod, "spec", "nodeName") else 0
            continue
        node = text(pod, "spec", "nodeName")
        waiting += 0 if node else devices
        held = used.setdefault(node, {})
        for resource, amount in amounts.items():
            held[resource] = held.get(resource, Fraction(0)) + amount
    nodes = tuple(_node(each, used.get(name(each), {})) for each in raw)
    return Inventory(nodes, tuple(_products(raw, nodes, used)), own, waiting)


def product_of(labels: dict[str, Any]) -> str:
    """Return the label of a node by which its GPUs are told apart, whichever kind of cluster it is of."""
    return next((str(labels[key]) for key in dict.fromkeys(NODE_LABELS.values()) if labels.get(key)), "")


def _is_own(pod: Any, namespace: str, graph: str) -> bool:
    here = text(pod, "metadata", "namespace") == namespace
    return here and text(pod, "metadata", "labels", OWNER) == graph


def _devices(amounts: dict[str, Fraction]) -> int:
    return int(sum(amount for resource, amount in amounts.items() if resource.startswith("nvidia.com/")))


def _node(raw: Any, used: dict[str, Fraction]) -> Node:
    allocatable = {key: quantity(value) for key, value in table(raw, "status", "allocatable").items()}
    free = {key: max(Fraction(0), amount - used.get(key, Fraction(0))) for key, amount in allocatable.items()}
    closed = "it is cordoned" if at(raw, "spec", "unschedulable") is True else ""
    ready = condition(raw, "Ready")
    if ready and ready.get("status") != "True":
        closed = "it is not ready"
    labels = {key: str(value) for key, value in table(raw, "metadata", "labels").items()}
    return Node(name(raw), labels, tuple(rows(raw, "spec", "taints")), closed, free)


def _products(
    raw: Sequence[Any], nodes: Sequence[Node], used: dict[str, dict[str, Fraction]]
) -> list[Product]:
    """Return the kinds of GPU, each with its nodes; instances of MIG profiles count for themselves."""
    found: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for each, node in zip(raw, nodes, strict=True):
        for resource, amount in table(each, "status", "allocatable").items():
            if resource.startswith("nvidia.com/") and quantity(amount):
                free = 0 if node.closed else int(node.free[resource])
                taken = int(used.get(node.name, {}).get(resource, 0))
                key = (product_of(table(each, "metadata", "labels")), resource)
                found.setdefault(key, []).append((int(quantity(amount)), taken, free))
    return [
        Product(
            product, resource, len(each), sum(a for a, _, _ in each), sum(u for _, u, _ in each),
            sum(f for _, _, f in each), max(f for _, _, f in each),
        )
        for (product, resource), each in sorted(found.items())
    ]  # fmt: skip
