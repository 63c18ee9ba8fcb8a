"""What follows in the `scaling` block, and the scaling adapters of the roles that it is about."""

from operator import itemgetter

from recipegen import facts
from recipegen.derive.because import Because, Derived
from recipegen.recipe import Recipe
from recipegen.scaling import (
    adapted,
    default_metrics,
    in_flight,
    is_async,
    least,
    per_worker,
    scaled_role,
    scaler,
)


def scaling(recipe: Recipe, graph: str) -> Derived:
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
    window = block.scale_down_seconds
    if window is None and is_async(recipe):
        window = numbers["queueDownSeconds"]
        words = "queueDownSeconds in facts/scaling.yaml, which is LLM Engine's"
        yield ("scaling", "scaleDownSeconds"), window, Because(words, file, "queueDownSeconds")
    if keda.cooldown_period is None:
        task = keda.queue.message_timeout if keda.queue else None
        # To none KEDA goes by itself, from any number of replicas and whatever the window says.
        longest: list[tuple[int, Because | str]] = [
            (
                numbers["cooldownSeconds"],
                Because("cooldownSeconds in facts/scaling.yaml", file, "cooldownSeconds"),
            ),
            (window or 0, "scaling.scaleDownSeconds: to none they go no sooner"),
            (task or 0, "scaling.keda.queue.messageTimeout: a task may take that long"),
        ]
        seconds, why = max(longest, key=itemgetter(0))
        yield ("scaling", "keda", "cooldownPeriod"), seconds, why
    if keda.fallback.replicas is None:
        words = "scaling.minReplicas, but at least 1: somebody may be asking"
        yield ("scaling", "keda", "fallback", "replicas"), max(least(recipe), 1), words
    if keda.prometheus and keda.prometheus.query is None:
        query = in_flight(recipe, f"{recipe.dynamo_namespace}-{graph}")
        words = "requests in flight at the workers of scaling.role"
        yield ("scaling", "keda", "prometheus", "query"), query, words
