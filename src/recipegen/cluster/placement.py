"""Why no node takes a pod."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from recipegen.cluster.around import claims
from recipegen.cluster.plain import at, condition, name, number, rows, table, text
from recipegen.cluster.scene import ERROR, WARNING, Finding, Scene, called, paths_for, role_of
from recipegen.cluster.shapes import GPU_LABEL, NODE_LABELS

# Taints by which Kubernetes itself keeps pods away, and which no recipe should tolerate.
SYSTEM_TAINTS = ("node-role.kubernetes.io/", "node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")


def unplaced(scene: Scene, pod: dict[str, Any], message: str) -> Iterator[Finding]:
    """Why no node takes a pod; the message counts the nodes by what each of them lacks."""
    role = role_of(pod)
    words = message.partition(" preemption:")[0].strip()
    lacking = list(dict.fromkeys(re.findall(r"Insufficient ([\w./-]*\w)", words)))
    taints = re.findall(r"untolerated taint\(?s?\)? \{([^}]*)\}", words)
    foreign = [taint for taint in taints if not taint.startswith(SYSTEM_TAINTS)]
    gpus = [resource for resource in lacking if "/" in resource]

    def found(code: str, cause: str, remedy: str, *paths: str) -> Finding:
        seen = f"not placed: {words or 'no node takes it'}"
        return Finding(code, ERROR, (called(pod),), seen, cause, remedy, paths_for(paths, role))

    if condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        gates = ", ".join(text(gate, "name") for gate in rows(pod, "spec", "schedulingGates"))
        yield replace(
            found(
                "gated",
                "Another controller holds the pod back, such as Grove until the whole group can be placed.",
                "Look at that controller, and whether all GPUs of the graph are free at once.",
                "model.{role}.replicas",
            ),
            severity=WARNING,
            symptom=f"held back by {gates or 'a scheduling gate'}",
        )
        return
    if "PersistentVolumeClaim" in words or "persistentvolumeclaim" in words:
        if not list(claims(scene)):
            yield found(
                "claim-unbound",
                "The volume of the pod is not there.",
                "Name a storage class that can make it, and see that the claim is not being deleted.",
                "model.cache.storageClass",
                "model.cache.accessMode",
            )
        return
    selector = table(pod, "spec", "nodeSelector")
    matching = _matching(scene, selector)
    for resource in gpus:
        yield found(*_gpus(scene, pod, resource, matching))
    others = [resource for resource in lacking if "/" not in resource]
    if others:
        yield found(
            "resources-taken",
            f"No node that could take it has enough {' and '.join(others)} left.",
            "Ask for less, or free some.",
            "model.{role}.resources",
            "model.{role}.replicas",
        )
    mismatch = "didn't match Pod's node affinity/selector" in words
    if mismatch and (not lacking or (scene.of("nodes") and not matching)):
        yield found(*_no_such_node(scene, selector))
    if foreign:
        keys = ", ".join(sorted({taint.partition(":")[0] for taint in foreign}))
        yield found(
            "taints",
            f"Nodes are kept free by the taint {keys}, which the pod does not tolerate.",
            "Tolerate it, if these nodes are meant for this graph.",
            "model.tolerations",
        )
    if "volume" in words and ("affinity" in words or "persistent volumes to bind" in words):
        yield found(
            "volume-elsewhere",
            "The volume is bound to nodes or a zone where the pod cannot run.",
            "Use a storage class that all nodes reach, or nodes where the volume is.",
            "model.cache.storageClass",
            "model.nodeSelector",
        )
    elif not lacking and not mismatch and not foreign:
        yield found(
            "not-placed",
            "No node may take the pod now: cordoned or not ready."
            if taints or "unschedulable" in words
            else "The scheduler found no node for it.",
            "Look at the nodes: kubectl get nodes",
            "model.nodeSelector",
        )


def _gpus(
    scene: Scene, pod: dict[str, Any], resource: str, matching: list[dict[str, Any]]
) -> tuple[str, ...]:
    """Code, cause, remedy and paths for GPUs that no node has left."""
    need = sum(number(c, "resources", "limits", resource) for c in rows(pod, "spec", "containers"))
    having = {name(n): number(n, "status", "allocatable", resource) for n in scene.of("nodes")}
    there = {name(node): having[name(node)] for node in matching if having[name(node)]}
    replicas = ("model.{role}.replicas", "model.{role}.gpus", "model.{role}.engine.tensorParallel")
    if not scene.looked("nodes") or not having:
        return (
            "gpus-taken",
            f"No node that could take it has {need or 'enough'} of {resource} free.",
            "Free GPUs, add nodes, or ask for fewer; nodes that have none at all lack the device plugin.",
            *replicas,
            "model.gpuResource",
        )
    if not any(having.values()):
        return (
            "no-gpus",
            f"No node of the cluster has {resource}: there are no GPUs, or the device plugin does not run.",
            "Install NVIDIA's GPU operator, or name the resource that the nodes have.",
            "model.gpuResource",
        )
    if not there:
        return (
            "no-gpus",
            f"The nodes that the pod may run on have no {resource}; others have.",
            "Choose nodes with GPUs.",
            "model.nodeSelector",
            "hardware.gpu",
        )
    if max(there.values()) < need:
        return (
            "gpus-too-many",
            f"One pod asks for {need} of {resource}, and the largest node has {max(there.values())}.",
            "Spread the model over nodes, or use fewer GPUs.",
            "model.{role}.nodes",
            *replicas[1:],
        )
    used = dict.fromkeys(there, 0)
    for row in scene.of("used"):
        if text(row, "node") in used:
            used[text(row, "node")] += number(row, "resources", resource)
    free = {node: count - used[node] for node, count in there.items()}
    counted = f": free are {sum(free.values())} of {sum(there.values())}" if scene.looked("used") else ""
    return (
        "gpus-taken",
        f"One pod asks for {need} of {resource} on one node, and the nodes have fewer left{counted}.",
        "Free GPUs, add nodes, or ask for fewer.",
        *replicas,
    )


def _no_such_node(scene: Scene, selector: dict[str, Any]) -> tuple[str, ...]:
    """Code, cause, remedy and paths for labels that no node has."""
    wanted = ", ".join(f"{key}={value}" for key, value in sorted(selector.items())) or "its node affinity"
    products = sorted({text(node, "metadata", "labels", GPU_LABEL) for node in scene.of("nodes")} - {""})
    there = f" GPUs of this cluster: {', '.join(products)}." if products else ""
    if GPU_LABEL in selector and scene.of("nodes") and not products:
        there = f" No node has the label {GPU_LABEL} at all: feature discovery does not run."
    paths = ("hardware.gpu", "hardware.cluster") if NODE_LABELS & selector.keys() else ()
    return (
        "no-such-node",
        f"No node that is free to take it has the labels {wanted}.{there}",
        "Name the hardware that the cluster has, or the labels of its nodes.",
        *paths,
        "model.nodeSelector",
    )


def _matching(scene: Scene, selector: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes that have the labels and are not cordoned."""
    return [
        node
        for node in scene.of("nodes")
        if at(node, "spec", "unschedulable") is not True
        and all(table(node, "metadata", "labels").get(key) == value for key, value in selector.items())
    ]
