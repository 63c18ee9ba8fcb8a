"""What follows from what was written: each value that nobody wrote, with the reason why it is what it is."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Self

from recipegen import facts
from recipegen.components import express_address
from recipegen.errors import Path
from recipegen.language import setting
from recipegen.recipe import Recipe
from recipegen.roles import engine_of, gpus_of_replica, workers
from recipegen.rules.hardware import gpu_resource, gpus_of_pod, node_label
from recipegen.rules.images import image_of, release_in, release_of
from recipegen.rules.ingestion import marker_uri, mirrored, target_uri
from recipegen.rules.lifecycle import FRONTEND_PORT
from recipegen.scaling import (
    adapted,
    default_metrics,
    in_flight,
    is_async,
    least,
    open_ended,
    per_worker,
    replicas,
    scaled_role,
    scaler,
    sleeps,
)

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
    yield from _scaling(recipe, graph)
    yield from _weights(recipe, graph)
    yield from _lifecycle(recipe)
    yield from _ingestion(recipe)
    yield from _gateway(recipe)
    yield from _observability(recipe)
    yield from _benchmark(recipe)
    yield from _faults(recipe)
    yield from _warmup(recipe)
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


def _scaling(recipe: Recipe, graph: str) -> Derived:
    """Yield the scaling adapters of roles, and what the autoscaler follows."""
    block, role = recipe.scaling, scaled_role(recipe)
    for each in adapted(recipe):
        if getattr(recipe.model, each) is None or not getattr(recipe.model, each).scaling_adapter:
            yield ("model", each, "scalingAdapter"), True, f"scaling.{scaler(recipe)} writes its replicas"
    if not block.enabled:
        return
    chosen = scaler(recipe)
    if chosen is None:
        words = f"replicas of {role} span several nodes and are not scaled; scaling.minReplicas"
        yield ("model", role, "replicas"), least(recipe), words
    if chosen not in ("hpa", "keda"):
        return
    if block.min_replicas is None:
        yield ("scaling", "minReplicas"), least(recipe), "the default"
    if block.role is None:
        words = f"model.disaggregation is {str(recipe.model.disaggregation).lower()}"
        yield ("scaling", "role"), role, words
    amount, words = per_worker(recipe) if block.per_worker is None else (block.per_worker, "")
    follows = chosen == "keda" or block.hpa is None or block.hpa.metrics is None
    if words and follows:
        yield ("scaling", "perWorker"), amount, words
    yield from _hpa(recipe, amount) if chosen == "hpa" else _keda(recipe, graph)


def _hpa(recipe: Recipe, amount: int) -> Derived:
    block = recipe.scaling
    if block.hpa is None:
        words = f"scaling.minReplicas is {least(recipe)} and no autoscaler is named"
        yield ("scaling", "hpa"), {"metrics": default_metrics(amount)}, words
    elif block.hpa.metrics is None:
        yield ("scaling", "hpa", "metrics"), default_metrics(amount), "scaling.perWorker"


def _keda(recipe: Recipe, graph: str) -> Derived:
    block, numbers, file = recipe.scaling, facts.scaling(), facts.HERE / "scaling.yaml"
    keda = block.keda
    # Without the block the rules have refused the recipe.
    if keda is None:
        return
    if block.scale_down_seconds is None and is_async(recipe):
        words = "queueDownSeconds in facts/scaling.yaml, which is LLM Engine's"
        because = Because(words, file, "queueDownSeconds")
        yield ("scaling", "scaleDownSeconds"), numbers["queueDownSeconds"], because
    if keda.cooldown_period is None:
        longest = keda.queue.message_timeout or 0 if keda.queue else 0
        usual = Because("cooldownSeconds in facts/scaling.yaml", file, "cooldownSeconds")
        path = ("scaling", "keda", "cooldownPeriod")
        if longest > numbers["cooldownSeconds"]:
            yield path, longest, "scaling.keda.queue.messageTimeout: a task may take that long"
        else:
            yield path, numbers["cooldownSeconds"], usual
    if keda.fallback.replicas is None:
        words = "scaling.minReplicas, but at least 1: somebody may be asking"
        yield ("scaling", "keda", "fallback", "replicas"), max(least(recipe), 1), words
    if keda.prometheus and keda.prometheus.query is None:
        query = in_flight(recipe, f"{recipe.dynamo_namespace}-{graph}")
        words = "requests in flight at the workers of scaling.role"
        yield ("scaling", "keda", "prometheus", "query"), query, words


def _weights(recipe: Recipe, graph: str) -> Derived:
    """Yield what follows about where weights come from."""
    model = recipe.model
    if recipe.model_express.enabled and model.model_express_url is None:
        reason = "modelExpress.enabled is true, and this is its Service"
        yield ("model", "modelExpressUrl"), express_address(graph), reason


def _ingestion(recipe: Recipe) -> Derived:
    """Yield where a mirror goes, what it is made with, and that weights come from there."""
    uri = target_uri(recipe)
    if not recipe.ingestion.enabled or uri is None:
        return
    place: Path = ("ingestion", "target")
    found: list[tuple[Path, Any, str]] = [*_mirror(recipe, uri), *_tools(recipe)]
    tree = recipe.model_dump(by_alias=True, exclude_none=True)
    given = {path for path, _, _ in found if _there(tree, path)}
    yield from (each for each in found if each[0] not in given and each[1] is not None)
    target = {str(key): value for (*at, key), value, _ in found if (*at,) == place and value is not None}
    target |= recipe.ingestion.target.model_dump(by_alias=True, exclude_none=True)
    cache = recipe.model.cache
    if cache.enabled and cache.claim is None and cache.s3 is None:
        s3: dict[str, Any] = {
            key: target[key] for key in ("uri", "endpoint", "secret", "marker") if key in target
        }
        s3 |= {"image": facts.images()["aws"]}
        yield ("model", "cache", "s3"), s3, "ingestion.enabled is true, and this is its mirror"
    elif cache.enabled and cache.s3 and cache.s3.marker is None:
        reason = "ingestion.enabled is true: its Job writes it last"
        yield ("model", "cache", "s3", "marker"), target["marker"], reason


def _mirror(recipe: Recipe, uri: str) -> Derived:
    """Yield what is mirrored and where to, whoever has said it."""
    block, s3 = recipe.ingestion, mirrored(recipe)
    source, target = ("ingestion", "source"), ("ingestion", "target")
    yield (*source, "model"), recipe.model.name, "model.name: the graph's own model is mirrored"
    yield (*source, "revision"), recipe.model.revision, "model.revision: what the graph serves is mirrored"
    where = "the layout of object keys below ingestion.target.bucket" if block.target.bucket else None
    yield (*target, "uri"), uri, where or "model.cache.s3.uri"
    yield (*target, "endpoint"), s3.endpoint if s3 else None, "model.cache.s3.endpoint"
    yield (*target, "secret"), s3.secret if s3 else None, "model.cache.s3.secret"
    yield (*target, "marker"), marker_uri(recipe, uri), "beside the mirror, named for source and scan"
    if block.convert:
        kind = block.convert.quantize or block.convert.outtype
        yield ("ingestion", "convert", "uri"), f"{uri}-{kind}", "ingestion.target.uri and the format"


def _tools(recipe: Recipe) -> Derived:
    """Yield images and releases of what the steps of an ingestion run, from one table."""
    block = recipe.ingestion
    pickles = block.scan.tool == "picklescan"
    chosen: dict[Path, str] = {
        ("image",): "python",
        ("hubVersion",): "huggingFaceHub",
        ("uploadImage",): "aws",
        **({("convert", "image"): "llamaCpp"} if block.convert else {}),
        **({("scan", "image"): "python" if pickles else "clamav"} if block.scan.enabled else {}),
        **({("scan", "version"): "picklescan"} if block.scan.enabled and pickles else {}),
    }
    for path, name in chosen.items():
        reason = Because(f"{name} in facts/images.yaml", facts.HERE / "images.yaml", name)
        yield ("ingestion", *path), facts.images()[name], reason


def _there(tree: Any, path: Path) -> bool:
    """Return whether plain data has a path."""
    for step in path:
        if not isinstance(tree, dict) or step not in tree:
            return False
        tree = tree[step]
    return True


def _lifecycle(recipe: Recipe) -> Derived:
    """Yield how pods of an endpoint come and go, by LLM Engine's numbers, and where a forwarder forwards."""
    model, endpoint = recipe.model, recipe.endpoint
    forwarder = model.forwarder
    if forwarder is not None and forwarder.target_port is None:
        yield ("model", "forwarder", "targetPort"), FRONTEND_PORT, "Dynamo's frontend listens there"
    if endpoint is None:
        return
    numbers = facts.llm_endpoints()["rollout"]
    here = facts.HERE / "llm-endpoints.yaml"
    grace = numbers["terminationGraceSeconds"]
    kind = endpoint.kind if endpoint.kind in grace else "default"
    wanted: dict[str, tuple[Any, Because]] = {}
    # Grove and LeaderWorkerSet have their own way, which these do not change.
    if recipe.platform.grove == "none" and all(worker.nodes == 1 for worker in workers(model).values()):
        words = "no pod of an endpoint is taken away before another is ready; LLM Engine's deployments"
        for key in ("maxSurge", "maxUnavailable"):
            wanted[key] = numbers[key], Because(words, here, "rollout", key)
    words = f"endpoint.kind is {endpoint.kind}, whose requests get that long to end; LLM Engine's"
    place = ("rollout", "terminationGraceSeconds", kind)
    wanted["terminationGraceSeconds"] = grace[kind], Because(words, here, *place)
    if model.rollout is None:
        yield ("model", "rollout"), {}, "endpoint is there"
    for key, (value, reason) in wanted.items():
        if model.rollout is None or setting(model.rollout, key) is None:
            yield ("model", "rollout", key), value, reason
    if model.disruption_budget is None:
        words = "endpoint is there, and a drain of nodes leaves half of its pods; LLM Engine's"
        budget = {"enabled": True, "maxUnavailable": numbers["disruptionBudget"]}
        yield ("model", "disruptionBudget"), budget, Because(words, here, "rollout", "disruptionBudget")


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
        # How many there are of what something else scales, the recipe does not say.
        known = {
            role: span.least
            for role, span in replicas(recipe).items()
            if recipe.scaling.enabled or role not in adapted(recipe)
        }
        words = "the replicas of each role of the model, of a scaled one the fewest"
        yield ("observability", "alerts", "workers"), known, words
    if alerts.enabled and sleeps(recipe) and "DynamoModelNotReady" not in alerts.without:
        words = "scaling.minReplicas is 0, so a model that nobody can call is no fault"
        yield ("observability", "alerts", "without"), [*alerts.without, "DynamoModelNotReady"], words


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
    # Of a graph that others create, only the person knows how large it is; of a scaled one, nobody before.
    gpus = sum(w.replicas * gpus_of_replica(model, w) for w in workers(model).values())
    if benchmark.gpus is None and model.deployment.create and gpus and not open_ended(recipe):
        yield ("benchmark", "gpus"), gpus, "GPUs of all replicas of all workers"


def _faults(recipe: Recipe) -> Derived:
    """Yield the volume that is loaded where the recipe names none: the one that holds the weights."""
    cache = recipe.model.cache
    for number, experiment in enumerate(recipe.fault_injection.experiments):
        if experiment.name == "load-storage" and experiment.claim is None and cache.claim:
            path: Path = ("faultInjection", "experiments", number, "claim")
            yield path, cache.claim.name, "model.cache.claim.name"


def _warmup(recipe: Recipe) -> Derived:
    """Yield which images, on which nodes, and what room: the chart does not see the `model` block."""
    warmup, model = recipe.warmup, recipe.model
    if not warmup.enabled:
        return
    if warmup.images is None:
        yield ("warmup", "images"), [image_of(model)], "the image of the model's workers"
    for key, (value, reason) in _nodes(recipe).items():
        if setting(warmup, key) is None:
            yield ("warmup", key), value, reason
    yield from _placeholders(recipe)


def _nodes(recipe: Recipe) -> dict[str, tuple[Any, str]]:
    """Return what places pods on the nodes of the workers, each with its reason."""
    model = recipe.model
    selector = dict(model.node_selector or {})
    tolerations = [each.model_dump(by_alias=True, exclude_none=True) for each in model.tolerations or []]
    found: dict[str, tuple[Any, str]] = {
        "tolerations": (tolerations, "model.tolerations"),
        "gpuResource": (model.gpu_resource, "model.gpuResource"),
    }
    for path, value, reason in _placement(recipe):
        if path[1] == "nodeSelector":
            selector |= value if len(path) == 2 else {str(path[2]): value}
        else:
            found[str(path[1])] = value, reason
    if not selector and not model.mocker:
        # An image of ten gigabytes has no business on all other nodes.
        words = "neither hardware nor model.nodeSelector says which; NVIDIA's GPU feature discovery sets it"
        return {"nodeSelector": ({"nvidia.com/gpu.present": "true"}, words), **found}
    return {"nodeSelector": (selector, "model.nodeSelector"), **found}


def _placeholders(recipe: Recipe) -> Derived:
    """Yield what each placeholder holds: the GPUs of the largest pod of a worker, and what that asks for."""
    placeholders, model = recipe.warmup.placeholders, recipe.model
    if placeholders.count == 0:
        return
    sizes = {role: gpus_of_pod(model, worker) for role, worker in workers(model).items()}
    role = max(sizes, key=lambda each: sizes[each])
    if placeholders.gpus is None and sizes[role]:
        yield ("warmup", "placeholders", "gpus"), sizes[role], f"the GPUs of a pod of model.{role}"
    if placeholders.resources is None:
        given = workers(model)[role].resources
        # A limit alone is a request as well.
        asked = {**given.limits, **given.requests}
        found = {"requests": asked} if asked else {}
        yield ("warmup", "placeholders", "resources"), found, f"the requests of model.{role}"


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
        **({("warmup",): (recipe.warmup.image, "pause")} if recipe.warmup.enabled else {}),
    }
    for path, (image, name) in chosen.items():
        if image is None:
            reason = Because(f"{name} in facts/images.yaml", facts.HERE / "images.yaml", name)
            yield (*path, "image"), facts.images()[name], reason
    if recipe.warmup.enabled and recipe.warmup.tool_image is None:
        reason = Because("busybox in facts/images.yaml", facts.HERE / "images.yaml", "busybox")
        yield ("warmup", "toolImage"), facts.images()["busybox"], reason
