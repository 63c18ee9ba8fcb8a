# ruff: noqa: INP001 - a part of a script of its own, run in the Job's container
"""What can be broken, and how it is undone.

Whatever an action leaves in the cluster says itself how to undo it, in a name, a label or an annotation, so
that a later run can do it as well. To undo what is not broken does nothing.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import api
from api import ApiError
from graph import GRAPH, Pod

POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "1"))
START_SECONDS = float(os.environ.get("START_SECONDS", "300"))
"""How long a fault may take to come about."""
NOTE = "fault-injection/undo"
"""Annotation of what is changed, in the same request: how it was, and who changed it."""
LABELS = {
    "app.kubernetes.io/name": "fault-injection",
    "app.kubernetes.io/component": "fault-injection",
    "app.kubernetes.io/part-of": "dynamo",
}
WORKLOADS = {"Deployment": "deployments", "StatefulSet": "statefulsets"}

log = logging.getLogger("faults")


class NotInjectedError(Exception):
    """A fault did not come about, for a reason that a person has to see to."""


@dataclass(frozen=True)
class Fault:
    """A fault that came about."""

    began: float
    """When, in seconds of the monotonic clock."""
    victims: tuple[Pod, ...] = ()
    """Pods that have to be gone, and replaced."""


@dataclass(frozen=True)
class Action:
    """A way to break something."""

    inject: Callable[[str, Any, list[Pod]], Fault]
    """Takes the graph's name, the experiment and the graph's pods."""
    undo: Callable[[str, Any], None]
    """Takes the graph's name and the experiment."""
    back: Callable[[Any], bool] = lambda _: True
    """Whether what was taken away is there again, beside the graph's own pods."""
    seen_by_requests: bool = False
    """Whether nothing but the requests can tell that the fault came about."""


def kill(_graph: str, experiment: Any, pods: list[Pod]) -> Fault:
    """Delete a pod, with the second that Kubernetes needs to end its containers."""
    victim = _first(experiment["kills"], pods)
    log.info("deleting pod %s", victim.name)
    began = time.monotonic()
    # With no second at all, a new pod could come while the old one still has its GPU.
    api.delete(api.core(f"pods/{victim.name}"), grace_seconds=1)
    return Fault(began, (victim,))


def partition(graph: str, _experiment: Any, pods: list[Pod]) -> Fault:
    """Forbid connections between prefill and decode pods, in both directions."""
    sides = {role: _first([role], pods) for role in ("prefill", "decode")}
    began = time.monotonic()
    for role, other in (("prefill", "decode"), ("decode", "prefill")):
        log.info("creating NetworkPolicy %s", _policy_name(graph, role))
        policy = _policy(graph, sides[role], sides[other])
        api.create(api.group("networking.k8s.io/v1", "networkpolicies"), policy)
    return Fault(began)


def join(graph: str, _experiment: Any) -> None:
    """Delete the NetworkPolicies."""
    for role in ("prefill", "decode"):
        path = api.group("networking.k8s.io/v1", f"networkpolicies/{_policy_name(graph, role)}")
        if api.find(path):
            log.info("deleting NetworkPolicy %s", _policy_name(graph, role))
            api.delete(path)


def stop(graph: str, experiment: Any, _pods: list[Pod]) -> Fault:
    """Scale a workload to 0, and wait until it has no pod."""
    path, name = _workload(experiment)
    replicas = _replicas(path)
    if not replicas:
        raise NotInjectedError(f"{name} has no replicas to take away")
    log.info("scaling %s from %d to 0", name, replicas)
    began = time.monotonic()
    api.patch(path, _note(graph, {"replicas": 0}, replicas=replicas))
    _wait(lambda: not api.get(path).get("status", {}).get("replicas"), f"{name} still has pods")
    return Fault(began)


def resume(graph: str, experiment: Any) -> None:
    """Scale the workload back to what it was."""
    path, name = _workload(experiment)
    note = _noted(path, graph)
    if note:
        log.info("scaling %s back to %d", name, note["replicas"])
        api.patch(path, _note(None, {"replicas": note["replicas"]}))


def resumed(experiment: Any) -> bool:
    """Return whether all replicas of the workload are ready again."""
    item = api.get(_workload(experiment)[0])
    return bool(item.get("status", {}).get("readyReplicas", 0) == item["spec"]["replicas"])


def take_node(graph: str, experiment: Any, pods: list[Pod]) -> Fault:
    """Close a node for new pods, and evict the graph's from it."""
    path, name = _node(experiment), experiment["node"]
    victims = tuple(pod for pod in pods if pod.node == name)
    if not victims:
        raise NotInjectedError(f"no pod of the graph is on node {name}")
    if api.get(path)["spec"].get("unschedulable"):
        raise NotInjectedError(f"somebody else has cordoned node {name}")
    log.info("cordoning node %s", name)
    began = time.monotonic()
    api.patch(path, _note(graph, {"unschedulable": True}))
    log.info("evicting %s", ", ".join(pod.name for pod in victims))
    staying = [*victims]

    def all_evicted() -> bool:
        staying[:] = [pod for pod in staying if not _evicted(pod)]
        return not staying

    _wait(all_evicted, "a PodDisruptionBudget keeps pods on the node")
    return Fault(began, victims)


def give_node_back(graph: str, experiment: Any) -> None:
    """Open the node again, if we closed it."""
    path = _node(experiment)
    if _noted(path, graph):
        log.info("uncordoning node %s", experiment["node"])
        api.patch(path, _note(None, {"unschedulable": None}))


def load(graph: str, experiment: Any, pods: list[Pod]) -> Fault:
    """Read the volume of the weights as fast as it goes, then kill a worker, whose start reads it as well."""
    path = _load(graph)
    log.info("starting to read the volume")
    api.patch(path, {"spec": {"replicas": 1}})
    what = "the pod that reads the volume is not Ready; its log and events say why"
    _wait(lambda: api.get(path).get("status", {}).get("readyReplicas"), what)
    return kill(graph, experiment, pods)


def unload(graph: str, _experiment: Any) -> None:
    """Stop reading the volume."""
    path = _load(graph)
    if api.find(path) and _replicas(path):
        log.info("no longer reading the volume")
        api.patch(path, {"spec": {"replicas": 0}})


def nothing(_graph: str, _experiment: Any) -> None:
    """Undo a killed pod: whoever owns it makes a new one."""


ACTIONS = {
    "kill": Action(kill, nothing),
    "partition": Action(partition, join, seen_by_requests=True),
    "stop": Action(stop, resume, resumed),
    "node": Action(take_node, give_node_back),
    "load": Action(load, unload),
}


def _first(roles: list[str], pods: list[Pod]) -> Pod:
    for role in roles:
        for pod in pods:
            if pod.role == role:
                return pod
    raise NotInjectedError(f"the graph has no {' or '.join(roles)} pod")


def _policy_name(graph: str, role: str) -> str:
    return f"{graph}-fault-{role}"


def _policy(graph: str, side: Pod, other: Pod) -> Any:
    """Return a NetworkPolicy that lets everybody reach one side but the graph's pods of the other.

    Policies only ever allow: so pods of other roles, of other graphs and of other namespaces.
    """
    mine = {"key": other.role_label, "operator": "NotIn", "values": [other.role]}
    another = {"key": GRAPH, "operator": "NotIn", "values": [graph]}
    place = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [api.namespace()]}
    peers = [
        {"podSelector": {"matchExpressions": [mine]}},
        {"podSelector": {"matchExpressions": [another]}},
        {"namespaceSelector": {"matchExpressions": [place]}},
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": _policy_name(graph, side.role),
            "labels": {**LABELS, "app.kubernetes.io/instance": graph},
            "ownerReferences": _owner(),
        },
        "spec": {
            "podSelector": {"matchLabels": {GRAPH: graph, side.role_label: side.role}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": peers}],
        },
    }


def _owner() -> list[Any]:
    """Return this pod as the owner: what it made goes with it, whatever becomes of the script."""
    name, uid = os.environ.get("POD_NAME"), os.environ.get("POD_UID")
    return [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}] if name and uid else []


def _workload(experiment: Any) -> tuple[str, str]:
    kind, name = experiment["workload"]["kind"], experiment["workload"]["name"]
    return api.group("apps/v1", f"{WORKLOADS[kind]}/{name}"), f"{kind} {name}"


def _load(graph: str) -> str:
    return api.group("apps/v1", f"deployments/{graph}-fault-injection-load")


def _node(experiment: Any) -> str:
    return f"/api/v1/nodes/{experiment['node']}"


def _replicas(path: str) -> int:
    # Kubernetes fills in 1 where nobody says how many.
    return int(api.get(path)["spec"]["replicas"])


def _note(graph: str | None, spec: Any, **before: int) -> Any:
    """Return a patch that changes a spec and notes how it was; without a graph, it takes the note away."""
    text = None if graph is None else json.dumps({"graph": _full_name(graph), **before})
    return {"metadata": {"annotations": {NOTE: text}}, "spec": spec}


def _noted(path: str, graph: str) -> Any:
    """Return the note that a run for this graph left on an object; None without one."""
    item = api.find(path)
    text = item and item["metadata"].get("annotations", {}).get(NOTE)
    note = json.loads(text) if text else None
    return note if note and note["graph"] == _full_name(graph) else None


def _full_name(graph: str) -> str:
    return f"{api.namespace()}/{graph}"


def _evicted(pod: Pod) -> bool:
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": api.namespace()},
    }
    try:
        api.request("POST", api.core(f"pods/{pod.name}/eviction"), body)
    except ApiError as error:
        if error.status == 429:
            return False
        if error.status != 404:
            raise
    return True


def _wait(done: Callable[[], Any], otherwise: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise NotInjectedError(f"{otherwise}, after {START_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
