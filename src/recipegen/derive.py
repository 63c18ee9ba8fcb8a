"""What follows from what was written: each value that nobody wrote, with the reason why it is what it is."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Self

from recipegen import facts
from recipegen.components import express_address
from recipegen.errors import Path
from recipegen.recipe import Recipe
from recipegen.roles import engine_of, gpus_of_replica, workers
from recipegen.rules.hardware import gpu_resource, node_label
from recipegen.rules.images import release_in, release_of

Derived = Iterator[tuple[Path, Any, str]]


class Because(str):
    """A reason that is a fact, and where the fact stands."""

    file: FilePath
    place: Path

    def __new__(cls, words: str, file: FilePath, *place: str) -> Self:
        """Take the reason in words, the file of the fact, and its path there."""
        found = super().__new__(cls, words)
        found.file, found.place = file, place
        return found


# Where the node label of a GPU type stands, for each kind of cluster.
NODE_FACTS = {
    "gpu-operator": ("hardware.yaml", "product"),
    "gke": ("hardware.yaml", "gke"),
    "eks": ("nodes.yaml", "types"),
    "aks": ("nodes.yaml", "types"),
}
# The taint that GPU node pools of the large clouds carry.
GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def derived(recipe: Recipe, graph: str) -> Derived:
    """Yield path, value and reason of each value that follows from others; what holds it comes before it."""
    yield from _releases(recipe)
    yield from _placement(recipe)
    yield from _workers(recipe)
    yield from _weights(recipe, graph)
    yield from _gateway(recipe)
    yield from _observability(recipe)
    yield from _benchmark(recipe)
    yield from _faults(recipe)
    yield from _images(recipe)


def _releases(recipe: Recipe) -> Derived:
    backend, newest = recipe.model.backend, facts.newest_dynamo()
    if backend.version is None:
        tagged = release_in(backend.image or "")
        newer = Because("the newest Dynamo release in facts/dynamo.yaml", facts.HERE / "dynamo.yaml", newest)
        reason = "the tag of model.backend.image" if tagged else newer
        yield ("model", "backend", "version"), release_of(backend), reason
    if recipe.platform.version is None:
        chart = facts.dynamo()[newest]["platformChart"]
        words = f"chart of Dynamo {newest} in facts/dynamo.yaml"
        reason = Because(words, facts.HERE / "dynamo.yaml", newest, "platformChart")
        yield ("platform", "version"), chart, reason


def _placement(recipe: Recipe) -> Derived:
    model, hardware = recipe.model, recipe.hardware
    if hardware is None:
        return
    label, value = node_label(recipe)
    file, key = NODE_FACTS[hardware.cluster]
    words = f"hardware.gpu is {hardware.gpu}; facts/{file}"
    place = (hardware.gpu, key) if file == "hardware.yaml" else (key, str(value))
    reason = Because(words, facts.HERE / file, *place)
    if model.node_selector is None:
        yield ("model", "nodeSelector"), {label: value}, reason
    elif label not in model.node_selector:
        # Labels of one's own, such as a node pool, say nothing about the GPUs there.
        yield ("model", "nodeSelector", label), value, reason
    if model.tolerations is None:
        yield ("model", "tolerations"), [GPU_TAINT], words
    if model.gpu_resource != gpu_resource(recipe) and hardware.mig:
        yield ("model", "gpuResource"), gpu_resource(recipe), f"hardware.mig is {hardware.mig}"


def _workers(recipe: Recipe) -> Derived:
    model = recipe.model
    engines = [engine_of(model, worker) for worker in workers(model).values()]
    if model.routing_policy == "kv" and any(engine.block_size is None for engine in engines):
        backend = model.backend.type
        words = f"model.routingPolicy is kv, which needs one; backends/{backend}.yaml of the model chart"
        because = Because(words, facts.engine_file(backend), "blockSize")
        yield ("model", "engine", "blockSize"), facts.engine(backend)["blockSize"], because
    for role, worker in workers(model).items():
        path: Path = ("model", role)
        if getattr(model, role) is None:
            mode = str(model.disaggregation).lower()
            reason = f"model.disaggregation is {mode} and the recipe says nothing about this role"
            yield path, worker.model_dump(by_alias=True, exclude_none=True), reason
        if worker.gpus is None:
            gpus = gpus_of_replica(model, worker) // worker.nodes
            yield (*path, "gpus"), gpus, "the parallel sizes of the engine, over the nodes of a replica"


def _weights(recipe: Recipe, graph: str) -> Derived:
    """Yield what follows about where weights come from."""
    model = recipe.model
    if recipe.model_express.enabled and model.model_express_url is None:
        reason = "modelExpress.enabled is true, and this is its Service"
        yield ("model", "modelExpressUrl"), express_address(graph), reason


def _gateway(recipe: Recipe) -> Derived:
    if recipe.gateway.inference_pool is None:
        picker = recipe.model.endpoint_picker.enabled
        reason = f"model.endpointPicker.enabled is {str(picker).lower()}"
        yield ("gateway", "inferencePool"), picker, reason


def _observability(recipe: Recipe) -> Derived:
    """Yield what the charts of dashboards and alerts cannot see: the `model` block is not theirs."""
    model, block = recipe.model, recipe.observability
    if block.dashboards is None:
        dashboards = ["frontend", "workers", "cache"]
        dashboards += ["router"] if model.routing_policy == "kv" else []
        dashboards += ["disaggregation"] if model.disaggregation else []
        yield ("observability", "dashboards"), dashboards, "model.routingPolicy and model.disaggregation"
    alerts = block.alerts
    watched = alerts.enabled and "DynamoWorkersMissing" not in alerts.without
    # How many workers a graph has that exists already, only its own recipe knows.
    if watched and alerts.workers is None and model.deployment.create:
        replicas = {role: worker.replicas for role, worker in workers(model).items()}
        yield ("observability", "alerts", "workers"), replicas, "the replicas of each role of the model"


def _benchmark(recipe: Recipe) -> Derived:
    """Yield what a benchmark needs that is switched on."""
    benchmark, model = recipe.benchmark, recipe.model
    if not benchmark.enabled:
        return
    if benchmark.aiperf_version is None and benchmark.install:
        yield (
            ("benchmark", "aiperfVersion"),
            facts.images()["aiperf"],
            Because("aiperf in facts/images.yaml", facts.HERE / "images.yaml", "aiperf"),
        )
    # Of a graph that others create, only the person knows how large it is.
    gpus = sum(w.replicas * gpus_of_replica(model, w) for w in workers(model).values())
    if benchmark.gpus is None and model.deployment.create and gpus:
        yield ("benchmark", "gpus"), gpus, "GPUs of all replicas of all workers"


def _faults(recipe: Recipe) -> Derived:
    """Yield the volume that is loaded where the recipe names none: the one that holds the weights."""
    cache = recipe.model.cache
    for number, experiment in enumerate(recipe.fault_injection.experiments):
        if experiment.name == "load-storage" and experiment.claim is None and cache.claim:
            path: Path = ("faultInjection", "experiments", number, "claim")
            yield path, cache.claim.name, "model.cache.claim.name"


def _images(recipe: Recipe) -> Derived:
    """Yield each image that is not Dynamo's own, from one table."""
    s3 = recipe.model.cache.s3
    chosen: dict[Path, tuple[str | None, str]] = {
        ("platform", "gate"): (recipe.platform.gate.image, "python"),
        **({("model", "cache", "s3"): (s3.image, "aws")} if s3 else {}),
        ("modelExpress",): (recipe.model_express.image, "modelExpress"),
        **({("benchmark",): (recipe.benchmark.image, "python")} if recipe.benchmark.enabled else {}),
        **({("batch",): (recipe.batch.image, "python")} if recipe.batch.enabled else {}),
        ("troubleshooting",): (recipe.troubleshooting.image, "python"),
        ("faultInjection",): (recipe.fault_injection.image, "python"),
    }
    for path, (image, name) in chosen.items():
        if image is None:
            reason = Because(f"{name} in facts/images.yaml", facts.HERE / "images.yaml", name)
            yield (*path, "image"), facts.images()[name], reason
