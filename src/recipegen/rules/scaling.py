"""The autoscaler: exactly one, with something to scale by, of a role that the graph has and that takes it."""

from collections.abc import Iterator
from typing import Any, get_args

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.language import key_names, setting
from recipegen.recipe import AlertName, Metric, Queue, Recipe, Scaling
from recipegen.roles import workers
from recipegen.rules import metrics
from recipegen.scaling import (
    adapted,
    default_metrics,
    is_async,
    is_unscalable,
    least,
    nodes,
    scaled_role,
    scaler,
    sleeps,
    written,
)

BLOCK = "scaling"
KEDA: Path = (BLOCK, "keda")
# Keys that say what Dynamo's planner has settings of its own for, or nothing at all while nothing scales.
NUMBERS = ("role", "minReplicas", "maxReplicas", "perWorker", "scaleDownSeconds")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield autoscalers that fight, are without numbers or a source, or that the graph cannot follow.

    A block that is off keeps its settings for `--with scaling`, so it is fine.
    """
    yield from _replicas(recipe)
    if not recipe.scaling.enabled:
        return
    yield from _one(recipe)
    yield from _role(recipe)
    yield from _range(recipe)
    if is_unscalable(recipe):
        # The rules of endpoints say that there is no such thing.
        return
    match scaler(recipe):
        case "planner":
            yield from _planner(recipe.scaling)
        case "hpa":
            yield from _hpa(recipe)
        case "keda":
            yield from _keda(recipe)
            yield from _asleep(recipe)
        case None:
            yield from _fixed(recipe)
    yield from _queue_and_kind(recipe)


def _replicas(recipe: Recipe) -> Iterator[Problem]:
    """Yield numbers of replicas that something else writes, which would be put back with every apply."""
    scaled = adapted(recipe)
    for role, worker in workers(recipe.model).items():
        path: Path = ("model", role)
        if role in scaled and worker.scaling_adapter is False:
            message = "the autoscaler has nothing else to scale this role by, got false"
            yield Problem("replicas-not-ours", (*path, "scalingAdapter"), message, "leave it out")
        if role in scaled and "replicas" in worker.model_fields_set:
            message = f"an autoscaler writes the replicas of this role, got {worker.replicas}"
            hint = "leave it out (`replicas: null` in a patch); scaling.minReplicas and maxReplicas bound it"
            if not recipe.scaling.enabled:
                hint = "leave it out (`replicas: null` in a patch), or scalingAdapter"
            yield Problem("replicas-not-ours", (*path, "replicas"), message, hint)
    clusters = recipe.endpoint.clusters if recipe.endpoint and scaled else {}
    for name, cluster in clusters.items():
        if cluster.replicas is not None:
            message = f"an autoscaler writes the replicas there, got {cluster.replicas}"
            hint = "leave it out: scaling.minReplicas and maxReplicas bound them in every cluster"
            yield Problem("replicas-not-ours", ("endpoint", "clusters", name, "replicas"), message, hint)


def _one(recipe: Recipe) -> Iterator[Problem]:
    named = written(recipe)
    for other in named[1:]:
        message = f"stands beside scaling.{named[0]}: two autoscalers of one role undo each other's work"
        yield Problem("two-autoscalers", (BLOCK, other), message, f"keep it or scaling.{named[0]}")


def _role(recipe: Recipe) -> Iterator[Problem]:
    role, known = scaled_role(recipe), workers(recipe.model)
    if not recipe.model.deployment.create:
        message = "the graph is not created here, so whether its component has a scaling adapter is not known"
        hint = f"see that `kubectl get dgdsa` lists the one of {role}"
        yield Problem("scaled-elsewhere", (BLOCK, "enabled"), message, hint, warning=True)
    elif role not in known:
        message = f"the graph has no {role} workers, got {show(role)}"
        yield Problem("scaled-role", (BLOCK, "role"), message, f"its roles: {', '.join(known)}")


def _range(recipe: Recipe) -> Iterator[Problem]:
    block = recipe.scaling
    most, few = block.max_replicas, least(recipe)
    if scaler(recipe) == "planner":
        return
    if most is None:
        message = "is missing: how many replicas there may be at most"
        yield Problem("missing-key", (BLOCK, "maxReplicas"), message, "write it; every replica takes GPUs")
    elif few > most:
        message = f"is more than maxReplicas, which is {most}, got {few}"
        yield Problem("replica-range", (BLOCK, "minReplicas"), message, "swap them, or change one")
    if few:
        return
    path: Path = (BLOCK, "minReplicas")
    if recipe.model.disaggregation:
        message = "a disaggregated graph needs at least one replica of each role, got 0"
        yield Problem("none-of-a-pair", path, message, "write 1 or more")
    if recipe.endpoint and recipe.endpoint.kind == "reserved":
        message = "a reserved endpoint keeps a replica at all times, got 0"
        yield Problem("reserved-at-zero", path, message, "write 1 or more, or another endpoint.kind")


def _planner(block: Scaling) -> Iterator[Problem]:
    yield from _without_effect(block, "Dynamo's planner has settings of its own for it")
    message = "nothing is scaled until a planner runs, which is yours to deploy"
    hint = "see docs/scaling.md for the settings that its configuration has for these roles"
    yield Problem("planner-is-yours", (BLOCK, "planner"), message, hint, warning=True)


def _fixed(recipe: Recipe) -> Iterator[Problem]:
    """Yield what does not fit replicas that span several nodes, whose number stays."""
    block, role = recipe.scaling, scaled_role(recipe)
    if block.max_replicas is not None and least(recipe) != block.max_replicas:
        message = f"replicas of {role} span {nodes(recipe)} nodes and are not scaled: minReplicas has to be"
        message = f"{message} maxReplicas, which is {block.max_replicas}, got {least(recipe)}"
        yield Problem("several-nodes", (BLOCK, "minReplicas"), message, "write one number for both")
    worker = workers(recipe.model)[role]
    if "replicas" in worker.model_fields_set and worker.replicas != least(recipe):
        message = f"scaling.minReplicas says {least(recipe)}, got {worker.replicas}"
        yield Problem("said-twice", ("model", role, "replicas"), message, "leave it out")
    for key in ("perWorker", "scaleDownSeconds"):
        if setting(block, key) is not None:
            message = f"has no effect, for replicas of {role} span several nodes and are not scaled"
            yield Problem("no-effect", (BLOCK, key), message, "leave it out")


def _several_nodes(recipe: Recipe, key: str) -> Iterator[Problem]:
    """Yield an autoscaler of replicas that span several nodes."""
    if nodes(recipe) > 1:
        message = f"replicas of {scaled_role(recipe)} span {nodes(recipe)} nodes, and are not scaled"
        hint = "leave it out and write one number for minReplicas and maxReplicas"
        yield Problem("several-nodes", (BLOCK, key), message, hint)


def _hpa(recipe: Recipe) -> Iterator[Problem]:
    block = recipe.scaling
    yield from _several_nodes(recipe, "hpa")
    if not least(recipe):
        message = "a HorizontalPodAutoscaler does not scale to zero, got 0"
        hint = "write 1 or more, or scaling.keda in the place of hpa"
        yield Problem("hpa-at-zero", (BLOCK, "minReplicas"), message, hint)
    given = block.hpa.metrics if block.hpa else None
    for number, metric in enumerate(given or []):
        yield from metrics.check(recipe, metric, (BLOCK, "hpa", "metrics", number))
    if given is None:
        message = f"an adapter such as prometheus-adapter has to serve {facts.scaling()['metric']} of each"
        message = f"{message} worker's pod, else the replicas only stay within their bounds"
        hint = "see docs/scaling.md; scaling.keda does without one"
        yield Problem("metrics-adapter", (BLOCK, "enabled"), message, hint, warning=True)
    elif given == []:
        message = "is empty, so the replicas follow nothing"
        yield Problem("missing-key", (BLOCK, "hpa", "metrics"), message, "write one, or leave the key out")
    elif block.per_worker is not None and _plain(given) != default_metrics(block.per_worker):
        message = f"has no effect beside scaling.hpa.metrics, got {block.per_worker}"
        yield Problem("no-effect", (BLOCK, "perWorker"), message, "leave one of the two out")


def _keda(recipe: Recipe) -> Iterator[Problem]:
    block, keda = recipe.scaling, recipe.scaling.keda
    yield from _several_nodes(recipe, "keda")
    prometheus, queue = (keda.prometheus, keda.queue) if keda else (None, None)
    most = block.max_replicas
    if keda and most is not None and (keda.fallback.replicas or 0) > most:
        message = f"is more than maxReplicas, which is {most}, got {keda.fallback.replicas}"
        yield Problem("replica-range", (*KEDA, "fallback", "replicas"), message, "make it smaller")
    if is_async(recipe):
        return
    if prometheus is None and queue is None:
        place: Path = KEDA if keda else (BLOCK, "minReplicas")
        why = "without Prometheus' address KEDA sees no request and never scales"
        message = f"{why} up from 0" if not least(recipe) else why
        wake = ", wakeQuery: …" if not least(recipe) else ""
        hint = f"write scaling.keda: {{prometheus: {{address: http://HOST:PORT{wake}}}}}, or minReplicas: 1"
        hint = hint if not least(recipe) else hint.removesuffix(", or minReplicas: 1")
        yield Problem("scaler-without-source", place, message, hint)
    if prometheus and prometheus.wake_query is None and not least(recipe):
        message = "wakeQuery is missing: Dynamo's frontend counts no request for a model without workers, so"
        message = f"{message} nothing that it shows would bring the first one back"
        hint = "ask the gateway's metrics, such as sum(rate(istio_requests_total{…}[1m])); or minReplicas: 1"
        yield Problem("nothing-wakes", (*KEDA, "prometheus"), message, hint)
    if prometheus and prometheus.wake_query is not None and least(recipe):
        message = f"has no effect while scaling.minReplicas is {least(recipe)}: there always is a worker"
        yield Problem("no-effect", (*KEDA, "prometheus", "wakeQuery"), message, "leave it out")


def _asleep(recipe: Recipe) -> Iterator[Problem]:
    """Yield what asks a model that may have no worker, or watches it."""
    alerts, benchmark = recipe.observability.alerts, recipe.benchmark
    if not sleeps(recipe):
        return
    if benchmark.enabled and benchmark.url is None:
        message = (
            "asks the frontend, which wakes no worker, and scaling.minReplicas is 0: it may wait in vain"
        )
        hint = "give benchmark.url the address of the gateway that scaling.keda.prometheus.wakeQuery counts"
        yield Problem("asleep", ("benchmark", "enabled"), message, hint, warning=True)
    if recipe.batch.enabled:
        message = "asks the frontend, which wakes no worker, and scaling.minReplicas is 0: it may ask in vain"
        hint = "keep a worker with scaling.minReplicas: 1, or see that one is awake when the batch starts"
        yield Problem("asleep", ("batch", "enabled"), message, hint, warning=True)
    others = {*get_args(AlertName)} - {"DynamoModelNotReady"}
    others -= {"DynamoThroughputLow"} if alerts.targets.output_tokens_per_second is None else set()
    if alerts.enabled and others <= {*alerts.without}:
        message = "none is left: with scaling.minReplicas 0 a model without workers is no fault either"
        hint = "set it to false, or leave fewer out"
        yield Problem("no-effect", ("observability", "alerts", "enabled"), message, hint)


def _queue_and_kind(recipe: Recipe) -> Iterator[Problem]:
    """Yield a queue that nobody else is told of, and an asynchronous endpoint without one."""
    keda = recipe.scaling.keda
    queue = keda.queue if keda else None
    if is_async(recipe) and queue is None:
        message = "an asynchronous endpoint is scaled by the length of its queue, and there is none"
        hint = "write scaling.keda: {queue: {broker: redis, address: HOST:PORT, name: LIST}}"
        yield Problem("async-without-queue", KEDA if keda else (BLOCK, "enabled"), message, hint)
    if queue is None or keda is None:
        return
    if not is_async(recipe):
        kind = recipe.endpoint.kind if recipe.endpoint else None
        message = f"is for an asynchronous endpoint, and endpoint.kind is {show(kind)}"
        hint = "write endpoint.kind: async, or scale by scaling.keda.prometheus"
        yield Problem("queue-without-async", (*KEDA, "queue"), message, hint)
    if keda.prometheus is not None:
        message = "has no effect beside scaling.keda.queue: an asynchronous endpoint follows its queue alone"
        yield Problem("no-effect", (*KEDA, "prometheus"), message, "leave one of the two out")
    short, task = keda.cooldown_period, queue.message_timeout
    if short is not None and task is not None and short < task and not least(recipe):
        message = f"all workers go {short} s after the queue ran empty, and a task may take {task} s"
        hint = "leave it out: it follows from queue.messageTimeout"
        yield Problem("cut-tasks", (*KEDA, "cooldownPeriod"), message, hint, warning=True)
    yield from _broker(queue)


def _broker(queue: Queue) -> Iterator[Problem]:
    row = facts.brokers()[queue.broker]
    for key in key_names(Queue):
        path: Path = (*KEDA, "queue", key)
        if key in row.get("required", []) and setting(queue, key) is None:
            yield Problem("missing-key", path, f"is missing, and {queue.broker} cannot do without it")
        elif key in ("address", "region", "namespace") and key not in row["keys"] and setting(queue, key):
            message = f"has no effect with {queue.broker}, got {show(setting(queue, key))}"
            yield Problem("no-effect", path, message, "leave it out")


def _without_effect(block: Scaling, why: str) -> Iterator[Problem]:
    for key in NUMBERS:
        if setting(block, key) is not None:
            message = f"has no effect with scaling.planner: {why}, got {show(setting(block, key))}"
            yield Problem("no-effect", (BLOCK, key), message, "leave it out")


def _plain(given: list[Metric]) -> list[dict[str, Any]]:
    return [metric.model_dump(by_alias=True, exclude_none=True) for metric in given]
