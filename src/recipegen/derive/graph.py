"""What follows about the graph itself: its releases, nodes, sizes, and the server that weights come from."""

from recipegen import facts
from recipegen.components import express_address
from recipegen.derive.because import Because, Derived
from recipegen.errors import Path
from recipegen.recipe import Recipe
from recipegen.roles import engine_of, gpus_of_replica, workers
from recipegen.rules.hardware import gpu_resource, node_label
from recipegen.rules.images import release_in, release_of

# Where the node label of a GPU type stands, for each kind of cluster.
NODE_FACTS = {
    "gpu-operator": ("hardware.yaml", "product"),
    "gke": ("hardware.yaml", "gke"),
    "eks": ("nodes.yaml", "types"),
    "aks": ("nodes.yaml", "types"),
}
# The taint that GPU node pools of the large clouds carry.
GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def releases(recipe: Recipe) -> Derived:
    """Yield the releases of Dynamo inside the image, and of the operator."""
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


def placement(recipe: Recipe) -> Derived:
    """Yield what leads workers to nodes with the GPUs that they are meant for."""
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


def sizes(recipe: Recipe) -> Derived:
    """Yield the block size that KV routing needs, roles that nothing is said of, and GPUs of a replica."""
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


def weights(recipe: Recipe, graph: str) -> Derived:
    """Yield what follows about where weights come from."""
    model = recipe.model
    if recipe.model_express.enabled and model.model_express_url is None:
        reason = "modelExpress.enabled is true, and this is its Service"
        yield ("model", "modelExpressUrl"), express_address(graph), reason
