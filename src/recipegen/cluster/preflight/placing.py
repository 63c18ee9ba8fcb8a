"""Where pods find room: nodes with what is free on them, replicas that are placed whole or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Amounts = Mapping[str, Fraction]
"""Resources by name: CPUs, bytes, pieces; `pods` counts the pods themselves."""

KEEPS_AWAY = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Node:
    """A node as the scheduler sees it."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, Any], ...]
    closed: str
    """Why no pod may come at all, such as `cordoned`; empty where one may."""
    free: Amounts
    """Allocatable, less what bound pods ask for."""


@dataclass(frozen=True)
class Group:
    """Replicas that are all alike."""

    name: str
    requests: Amounts
    """What one pod asks for."""
    pods: int = 1
    """Pods of one replica; they may share a node."""
    must: int = 1
    """Replicas that there have to be."""
    may: int = 1
    """Replicas that there may come to be, those among them."""
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    together: bool = False
    """Whether all pods of all such groups have to be on one node."""

    @property
    def size(self) -> tuple[Fraction, ...]:
        """What the largest is placed first by: devices, then memory, then CPUs."""
        devices = sum((n for name, n in self.requests.items() if "/" in name), Fraction(0))
        return (devices, self.requests.get("memory", Fraction(0)), self.requests.get("cpu", Fraction(0)))


Placement = dict[str, list[tuple[str, ...]]]
"""By group, the nodes of each replica that found room."""


def place(nodes: Sequence[Node], groups: Sequence[Group]) -> Placement:
    """Return where replicas find room now: all that must be before any that may be.

    The largest pods come first, each on the node with the least left that takes it, which is best where sizes
    divide one another, as numbers of GPUs do. Where that leaves a replica out, taking turns is tried too, so
    that each group has some. Other sizes may fit in a way that is not found.
    """
    turns = [(group, n) for n in range(max((g.must for g in groups), default=0)) for group in groups]
    turns = [(group, n) for group, n in turns if n < group.must]
    large = sorted(turns, key=lambda turn: turn[0].size, reverse=True)
    best = _placed(nodes, groups, [group for group, _ in large])
    if count(best) < len(turns):
        fair = _placed(nodes, groups, [group for group, _ in sorted(turns, key=lambda turn: turn[1])])
        return max(best, fair, key=lambda found: (all(found[g.name] for g in groups if g.must), count(found)))
    extra = [group for group in groups for _ in range(group.may - group.must)]
    return _placed(nodes, groups, [*(group for group, _ in large), *extra])


def count(placement: Placement) -> int:
    """Return how many replicas found room."""
    return sum(map(len, placement.values()))


def obstacle(node: Node, group: Group, free: Amounts | None = None) -> str:
    """Return why a node does not take a pod of the group, or nothing where it does."""
    if node.closed:
        return node.closed
    for key, value in group.selector.items():
        if node.labels.get(key) != value:
            return (
                f"its label {key} is {node.labels[key]}" if key in node.labels else f"it has no label {key}"
            )
    for taint in node.taints:
        if taint.get("effect") in KEEPS_AWAY and not any(tolerates(t, taint) for t in group.tolerations):
            return f"its taint {taint.get('key')}:{taint.get('effect')} is not tolerated"
    left = node.free if free is None else free
    for name, asked in group.requests.items():
        if asked > left.get(name, Fraction(0)):
            return name
    return ""


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Return whether a toleration is one of that taint. Source: Kubernetes, "Taints and Tolerations"."""
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint.get("key"):
        return False
    exists = toleration.get("operator") == "Exists"
    return exists or (toleration.get("value") or "") == (taint.get("value") or "")


def _placed(nodes: Sequence[Node], groups: Sequence[Group], order: Iterable[Group]) -> Placement:
    """Return what becomes of replicas that are placed in this order."""
    turns = [*order]
    free = {node.name: dict(node.free) for node in nodes}
    found: Placement = {group.name: [] for group in groups}
    bound = [group for group in turns if group.together]
    home = _home(nodes, free, bound)
    for group in turns:
        into = free if not group.together else {home: free[home]} if home else {}
        chosen = _replica(nodes, into, group)
        if chosen:
            found[group.name].append(chosen)
    return found


def _home(nodes: Sequence[Node], free: dict[str, dict[str, Fraction]], bound: Sequence[Group]) -> str:
    """Return the node that holds most of what has to be together, or nothing."""
    best, most = "", 0
    for node in nodes:
        trial = {node.name: dict(free[node.name])}
        held = sum(bool(_replica(nodes, trial, group)) for group in bound)
        if held > most:
            best, most = node.name, held
    return best


def _replica(
    nodes: Sequence[Node], free: dict[str, dict[str, Fraction]], group: Group
) -> tuple[str, ...] | None:
    """Take room for all pods of a replica and return their nodes, or take none."""
    chosen: list[str] = []
    for _ in range(group.pods):
        takers = [n for n in nodes if n.name in free and not obstacle(n, group, free[n.name])]
        if not takers:
            for name in chosen:
                _add(free[name], group.requests, 1)
            return None
        # A node that is nearly full, and one without devices for a pod that needs none.
        best = min(takers, key=lambda node: _left(free[node.name]))
        _add(free[best.name], group.requests, -1)
        chosen.append(best.name)
    return tuple(chosen)


def _left(free: Amounts) -> tuple[Fraction, ...]:
    devices = sum((n for name, n in free.items() if "/" in name), Fraction(0))
    return (devices, free.get("memory", Fraction(0)), free.get("cpu", Fraction(0)))


def _add(free: dict[str, Fraction], requests: Amounts, sign: int) -> None:
    for name, amount in requests.items():
        free[name] = free.get(name, Fraction(0)) + sign * amount
