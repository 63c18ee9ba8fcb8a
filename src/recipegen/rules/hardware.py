"""The GPUs that a recipe is meant for: their node label, MIG instances, and what a usual node can give."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, nearest, show
from recipegen.recipe import Component, Model, Recipe, Resources, Worker
from recipegen.roles import gpus_of_replica, workers
from recipegen.rules.resources import amount

# The label by which each kind of cluster tells nodes apart that have different GPUs.
NODE_LABELS = {
    "gpu-operator": "nvidia.com/gpu.product",
    "gke": "cloud.google.com/gke-accelerator",
    "eks": "node.kubernetes.io/instance-type",
    "aks": "node.kubernetes.io/instance-type",
}
GPU = "nvidia.com/gpu"
# What /dev/shm has where a recipe says nothing: the operator's default.
SHARED_MEMORY = "8Gi"
# Dynamo's own recipes for four GPUs and more give 16Gi to 512Gi.
ENOUGH_SHARED_MEMORY = "16Gi"
MANY_GPUS = 4
KEYS = {"cpu": "cpu", "memory": "memoryGiB", "ephemeral-storage": "localGB"}
UNITS = {"cpu": 1, "memoryGiB": 1024**3, "localGB": 1000**3}


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield GPU types that are not known, or not in such a cluster, and MIG instances that cannot be."""
    if recipe.hardware is None:
        return
    if recipe.hardware.gpu not in facts.hardware():
        message = f"no GPU type is called {show(recipe.hardware.gpu)}"
        yield Problem("unknown-gpu", ("hardware", "gpu"), message, facts.gpu_hint(recipe.hardware.gpu))
        return
    yield from _label(recipe)
    yield from _other_gpu(recipe)
    yield from _mig(recipe)


def node_label(recipe: Recipe) -> tuple[str, str | None]:
    """Return label and value of the nodes that have the recipe's GPUs; no value where none is known.

    Source: facts/hardware.yaml for the GPU operator and GKE, facts/nodes.yaml for clouds that label the type.
    """
    assert recipe.hardware is not None
    gpu, cluster = recipe.hardware.gpu, recipe.hardware.cluster
    fact = facts.hardware()[gpu]
    if cluster in ("gpu-operator", "gke"):
        return NODE_LABELS[cluster], fact.get("product" if cluster == "gpu-operator" else "gke")
    return NODE_LABELS[cluster], next(iter(_nodes(gpu, cluster)), None)


def gpu_resource(recipe: Recipe) -> str:
    """Return the Kubernetes resource that `hardware` stands for: whole GPUs, or instances of a MIG profile.

    Source: NVIDIA's device plugin for Kubernetes, MIG strategy "mixed".
    """
    mig = recipe.hardware.mig if recipe.hardware else None
    return f"nvidia.com/mig-{mig}" if mig else GPU


def gpus_of_node(recipe: Recipe) -> int | None:
    """Return how many GPUs, or MIG instances in their place, a usual node has; None where it is not known."""
    hardware = recipe.hardware
    fact = facts.hardware().get(hardware.gpu) if hardware else None
    if fact is None or hardware is None:
        return None
    return int(fact["gpusPerNode"]) * int(fact.get("mig", {}).get(hardware.mig, 1))


def gpus_of_pod(model: Model, worker: Worker) -> int:
    """Return the GPUs of one pod of a role: those of a replica on each of its nodes."""
    return worker.gpus if worker.gpus is not None else gpus_of_replica(model, worker) // worker.nodes


def node_limits(recipe: Recipe) -> Iterator[Problem]:
    """Yield what one pod asks for and no usual node with these GPUs has, less what its system takes."""
    hardware, model = recipe.hardware, recipe.model
    if hardware is None or model.mocker:
        return
    # A cluster that is not named may be any, or a machine of one's own, which the largest stands for.
    named = "cluster" in hardware.model_fields_set and hardware.cluster != "gpu-operator"
    nodes = _nodes(hardware.gpu, hardware.cluster if named else None)
    for role, worker in workers(model).items():
        for path, name, quantity in asked(role, worker):
            key = KEYS[name]
            most = max(((node[key], kind) for kind, node in nodes.items() if key in node), default=None)
            if most and amount(quantity) > _usable(name, most[0]):
                message = f"is more than a node with {hardware.gpu} has for pods, got {show(quantity)}"
                hint = f"{most[1]} has {_size(key, most[0])}, and its system needs some of it"
                yield Problem("node-limits", path, message, hint, warning=True)


def asked(role: str, component: Component) -> Iterator[tuple[Path, str, str]]:
    """Yield what a pod asks for, as path, resource and quantity.

    That is requests, limits where there is no request, and /dev/shm as memory.
    """
    path: Path = ("model", role)
    resources: Resources = component.resources
    for name in KEYS:
        for half in ("requests", "limits"):
            quantity = getattr(resources, half).get(name)
            if quantity is not None:
                yield (*path, "resources", half, name), name, quantity
                break
    if isinstance(component, Worker) and component.shared_memory is not None:
        yield (*path, "sharedMemory"), "memory", component.shared_memory


def shared_memory(recipe: Recipe) -> Iterator[Problem]:
    """Yield pods of many GPUs with no more /dev/shm than the default; its size is what engines fail by."""
    if recipe.model.mocker:
        return
    for role, worker in workers(recipe.model).items():
        gpus = gpus_of_pod(recipe.model, worker)
        size = worker.shared_memory or SHARED_MEMORY
        if gpus >= MANY_GPUS and amount(size) < amount(ENOUGH_SHARED_MEMORY):
            message = f"/dev/shm has {size}, which is little for {gpus} GPUs that exchange data"
            hint = f"set it to {ENOUGH_SHARED_MEMORY} or more; it counts against the memory limit"
            yield Problem("shared-memory", ("model", role, "sharedMemory"), message, hint, warning=True)


def shared_memory_limit(recipe: Recipe) -> Iterator[Problem]:
    """Yield a /dev/shm that may fill the container's memory limit, against which it counts.

    Source: Kubernetes, "Volumes", emptyDir with medium Memory.
    """
    for role, worker in workers(recipe.model).items():
        size, limit = worker.shared_memory or SHARED_MEMORY, worker.resources.limits.get("memory")
        if limit is not None and amount(size) >= amount(limit):
            path = ("model", role, "resources", "limits", "memory")
            message = (
                f"leaves nothing beside /dev/shm, which counts against it and has {size}, got {show(limit)}"
            )
            hint = f"give more memory, or less with model.{role}.sharedMemory"
            yield Problem("shared-memory-limit", path, message, hint, warning=True)


def _label(recipe: Recipe) -> Iterator[Problem]:
    assert recipe.hardware is not None
    label, value = node_label(recipe)
    if value is None and label not in (recipe.model.node_selector or {}):
        gpu, cluster = recipe.hardware.gpu, recipe.hardware.cluster
        message = f"no node type of {cluster} with {gpu} is known"
        hint = f"write what yours has into model.nodeSelector: {{{label}: VALUE}}"
        yield Problem("unknown-node", ("hardware", "cluster"), message, hint)


def _other_gpu(recipe: Recipe) -> Iterator[Problem]:
    """Yield a node selector that asks for nodes with another type of GPU than the recipe is sized for."""
    assert recipe.hardware is not None
    label, gpu = NODE_LABELS["gpu-operator"], recipe.hardware.gpu
    asked = (recipe.model.node_selector or {}).get(label)
    known = facts.hardware()
    other = next((name for name in known if asked and known[name].get("product") == asked), None)
    if other and asked != known[gpu].get("product"):
        message = f"asks for nodes with {other}, and hardware.gpu is {gpu}, got {show(asked)}"
        hint = f"leave it out, for it follows from hardware.gpu, or write {other} there"
        yield Problem("other-gpu", ("model", "nodeSelector", label), message, hint, warning=True)


def _mig(recipe: Recipe) -> Iterator[Problem]:
    hardware, model = recipe.hardware, recipe.model
    if hardware is None or hardware.mig is None:
        return
    path: Path = ("hardware", "mig")
    profiles = facts.hardware()[hardware.gpu].get("mig", {})
    if not profiles:
        message = f"{hardware.gpu} cannot be cut into MIG instances, as far as is known"
        yield Problem("mig-unknown", path, message, "leave it out for whole GPUs")
    elif hardware.mig not in profiles:
        message = f"is no MIG profile of {hardware.gpu}, got {show(hardware.mig)}"
        hint = nearest(hardware.mig, profiles) or f"its profiles are {', '.join(profiles)}"
        yield Problem("mig-unknown", path, message, hint)
    if "gpu_resource" in model.model_fields_set and model.gpu_resource not in (GPU, gpu_resource(recipe)):
        message = f"hardware.mig stands for {gpu_resource(recipe)}, got {show(model.gpu_resource)}"
        yield Problem("mig-resource", ("model", "gpuResource"), message, "leave one of the two out")
    # They have no peer-to-peer, and NCCL takes them only from 2.32 on, as an experiment: its guide, "Using
    # MIG instances", and issue 1716 of NVIDIA/nccl.
    for role, worker in workers(model).items():
        gpus = gpus_of_pod(model, worker) * worker.nodes
        if gpus > 1:
            message = f"a replica of {role!r} takes {gpus} GPUs, and MIG instances cannot exchange data"
            hint = "take a larger profile and parallel sizes of 1, or leave it out for whole GPUs"
            yield Problem("mig-parallel", path, message, hint)


def _nodes(gpu: str, cluster: str | None) -> dict[str, Any]:
    types = facts.nodes()["types"]
    return {
        kind: node
        for kind, node in types.items()
        if node["gpu"] == gpu and cluster in (None, node["cluster"])
    }


def _usable(name: str, size: int) -> Fraction:
    """Return what a machine of this size leaves to pods, in CPUs or bytes."""
    reserved = facts.nodes()["reserved"]
    whole = Fraction(size) * UNITS[KEYS[name]]
    share = Fraction(str(reserved["memoryShare"])) if name == "memory" else Fraction(0)
    return whole * (1 - share) - (Fraction(reserved["cpu"]) if name == "cpu" else 0)


def _size(key: str, size: int) -> str:
    return {"cpu": f"{size} CPUs", "memoryGiB": f"{size} GiB", "localGB": f"{size} GB of disks"}[key]
