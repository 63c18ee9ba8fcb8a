"""Whether there is room now: each replica whole on nodes that take it, and within the namespace's quotas."""

from collections import Counter
from collections.abc import Iterator, Mapping

from recipegen.cluster.plain import text
from recipegen.cluster.preflight import quotas
from recipegen.cluster.preflight.amounts import shown
from recipegen.cluster.preflight.inventory import NODES, USED, Inventory, inventory
from recipegen.cluster.preflight.items import CANNOT, CHANGE, OK, UNKNOWN, Change, Item
from recipegen.cluster.preflight.placing import Group, Node, Placement, obstacle, place
from recipegen.cluster.preflight.survey import Survey
from recipegen.cluster.preflight.wants import GRAPH, Pods, Wants
from recipegen.errors import Path
from recipegen.rules.hardware import NODE_LABELS

SHOWN = 4
"""Nodes that a line names."""
_RELABELLED = {*NODE_LABELS.values()}


def stock(wants: Wants, survey: Survey) -> Inventory:
    """Return what the cluster has and what is free, as it is for this recipe's graph."""
    return inventory(survey, wants.plan.namespace, wants.plan.graph)


def room(wants: Wants, survey: Survey) -> Iterator[Item]:
    """The nodes that take each replica now, or why none does, and how many replicas there is room for."""
    there = stock(wants, survey)
    if not survey.saw(NODES):
        yield Item("room", UNKNOWN, "whether nodes have room")
        return
    groups = [pods.group for pods in wants.pods()]
    placed = place(there.nodes, groups)
    every = {pods.part: pods for pods in wants.pods()}
    short = [group for group in groups if len(placed[group.name]) < group.must]
    for group in groups:
        if group not in short:
            yield Item("room", OK, _found(group, placed))
    if not survey.saw(USED):
        yield Item("room", UNKNOWN, "what other pods use: the nodes are taken for empty")
    if not short:
        return
    fewer = _fewer(wants, survey, there)
    reasons = [f"{group.name}: {_why(group, placed, there.nodes)}" for group in short]
    changes = tuple(_changes(every, fewer)) if fewer else ()
    paths = tuple(p for group in short for p in _paths(every[group.name]))
    state = CHANGE if changes else CANNOT
    remedy = "" if changes else "free GPUs, add nodes, or choose other hardware or another variant"
    yield Item("room", state, "; ".join(reasons), remedy, changes, paths)


def fits(wants: Wants, survey: Survey, replicas: Mapping[str, int] | None = None) -> bool:
    """Return whether all replicas that must be find room, and quotas allow them.

    Args:
        wants: what the recipe asks.
        survey: the cluster.
        replicas: replicas of parts of the graph, where they are others than the recipe's.
    """
    chosen = replicas or {}
    groups = [_with(pods.group, chosen.get(pods.part, pods.must)) for pods in wants.pods()]
    placed = place(stock(wants, survey).nodes, groups)
    if any(len(placed[group.name]) < group.must for group in groups):
        return False
    return not any(True for n in wants.namespaces for _ in quotas.beyond(wants, survey, n, chosen))


def allowed(wants: Wants, survey: Survey) -> Iterator[Item]:
    """The quotas and limit ranges of the namespaces."""
    every = {pods.part: pods for pods in wants.pods()}
    for namespace in wants.namespaces:
        before = False
        for quota, _, words in quotas.beyond(wants, survey, namespace, {}):
            before = True
            fewer = _fewer(wants, survey, stock(wants, survey))
            changes = tuple(_changes(every, fewer)) if fewer else ()
            paths = tuple(p for pods in every.values() if pods.made.kind == GRAPH for p in _paths(pods))
            state, remedy = (
                (CHANGE, "") if changes else (CANNOT, f"have quota {quota} raised, or ask for less")
            )
            where = f"quota {quota} of namespace {namespace}: {words}"
            yield Item("quota", state, where, remedy, changes, paths)
        for quota, resource, pods in quotas.unstated(wants, survey, namespace):
            before = True
            words = f"quota {quota} of namespace {namespace} counts {resource}; {pods.part} does not state it"
            half, _, plain = resource.rpartition(".")
            key = ".".join((*_block(pods), "resources", half, plain)) if _block(pods) else ""
            remedy = f"state {key}" if key else "have a LimitRange fill it in"
            yield Item("quota", CANNOT, words, remedy, paths=(key,) if key else ())
        for limits, pods, words in quotas.outside(wants, survey, namespace):
            before = True
            where = f"limit range {limits} of namespace {namespace}: {pods.part}: {words}"
            paths = (".".join((*_block(pods), "resources")),) if _block(pods) else ()
            yield Item("quota", CANNOT, where, "keep within it, or have it changed", paths=paths)
        if not survey.saw(quotas.QUOTAS) or not survey.saw(quotas.RANGES):
            yield Item("quota", UNKNOWN, f"what namespace {namespace} allows")
        elif not before:
            yield Item("quota", OK, f"within what namespace {namespace} allows")


def _found(group: Group, placed: Placement) -> str:
    replicas = placed[group.name]
    nodes = list(dict.fromkeys(node for replica in replicas for node in replica))
    more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
    count = f"{group.must} of {group.must}"
    count += f", may grow to {len(replicas)} of {group.may}" if group.may > group.must else ""
    each = f" of {group.pods} pods each" if group.pods > 1 else ""
    return (
        f"{group.name}: {count}{each} on {', '.join(nodes[:SHOWN])}{more}"
        if nodes
        else f"{group.name}: none now"
    )


def _why(group: Group, placed: Placement, nodes: tuple[Node, ...]) -> str:
    """Return how many replicas find room, and what keeps a pod from the nodes."""
    have = f"room for {len(placed[group.name])} of {group.must} replicas now"
    asked = sorted(group.requests.items(), key=lambda each: ("/" not in each[0], each[0]))
    asks = ", ".join(f"{shown(n, a)} {n}" for n, a in asked if n != "pods")
    each = f"{group.pods} pods, each with {asks}" if group.pods > 1 else asks
    reasons: Counter[str] = Counter()
    for node in nodes:
        found = obstacle(node, group)
        if found in group.requests:
            found = f"too little {found} free"
        reasons[found or "its room is taken by what was placed before"] += 1
    told = "; ".join(f"{n} node{'' if n == 1 else 's'}: {reason}" for reason, n in reasons.most_common(SHOWN))
    together = ", all of them on one node" if group.together else ""
    return f"{have} (a replica asks for {each or 'nothing'}{together}): {told or 'there is no node'}"


def _fewer(wants: Wants, survey: Survey, there: Inventory) -> dict[str, int] | None:
    """Return the most replicas of the graph's workers that fit; None where not even one of each does."""
    counts = {p.part: p.must for p in wants.pods() if _block(p) and p.must}
    movable = [part for part in counts if any(p.part == part and _scalable(p) for p in wants.pods())]
    if not movable or not there.nodes:
        return None
    start = dict(counts)
    least = {**counts, **dict.fromkeys(movable, 1)}
    if not fits(wants, survey, least):
        return None
    while not fits(wants, survey, counts):
        # From whichever role has most, so that prefill and decode stay in proportion.
        part = max(movable, key=lambda each: counts[each] / start[each] if counts[each] > 1 else 0)
        counts[part] -= 1
    return {part: counts[part] for part in movable if counts[part] != start[part]}


def _changes(every: Mapping[str, Pods], fewer: Mapping[str, int]) -> Iterator[Change]:
    for part, number in fewer.items():
        pods = every[part]
        scaled = pods.may != pods.must
        path: Path = ("scaling", "minReplicas") if scaled else (*_block(pods), "replicas")
        yield Change(path, number, f"there is room for {number} of {pods.must} now")


def _block(pods: Pods) -> tuple[str, ...]:
    """Return the recipe's block of a part of the graph."""
    kind = text({"kind": pods.made.kind}, "kind")
    known = pods.part in ("worker", "prefill", "decode", "frontend")
    return ("model", pods.part) if kind == GRAPH and known else ()


def _scalable(pods: Pods) -> bool:
    return _block(pods) != () and pods.part != "frontend"


def _paths(pods: Pods) -> tuple[str, ...]:
    if not _block(pods):
        return ()
    block = ".".join(_block(pods))
    placed = ("hardware.gpu", "hardware.cluster") if _RELABELLED & pods.group.selector.keys() else ()
    size = f"{block}.gpus" if _scalable(pods) else f"{block}.resources"
    return (f"{block}.replicas", size, *placed, "model.nodeSelector")


def _with(group: Group, must: int) -> Group:
    return Group(
        group.name, group.requests, group.pods, must, max(must, group.may), group.selector,
        group.tolerations, group.together,
    )  # fmt: skip
