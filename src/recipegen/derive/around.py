"""What follows in the blocks around the graph, whose charts do not see the `model` block."""

from recipegen import facts
from recipegen.derive.because import Because, Derived
from recipegen.errors import Path
from recipegen.recipe import Recipe
from recipegen.roles import gpus_of_replica, workers
from recipegen.scaling import adapted, open_ended, replicas, sleeps


def gateway(recipe: Recipe) -> Derived:
    """Yield where a gateway sends requests: to the picker's pool or to the frontend."""
    if recipe.gateway.inference_pool is None:
        picker = recipe.model.endpoint_picker.enabled
        reason = f"model.endpointPicker.enabled is {str(picker).lower()}"
        yield ("gateway", "inferencePool"), picker, reason


def observability(recipe: Recipe) -> Derived:
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


def benchmark(recipe: Recipe) -> Derived:
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


def faults(recipe: Recipe) -> Derived:
    """Yield the volume that is loaded where the recipe names none: the one that holds the weights."""
    cache = recipe.model.cache
    for number, experiment in enumerate(recipe.fault_injection.experiments):
        if experiment.name == "load-storage" and experiment.claim is None and cache.claim:
            path: Path = ("faultInjection", "experiments", number, "claim")
            yield path, cache.claim.name, "model.cache.claim.name"


def images(recipe: Recipe) -> Derived:
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
