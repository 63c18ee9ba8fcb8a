"""Metrics of a HorizontalPodAutoscaler: each whole, and one that the cluster has."""

from collections.abc import Iterator

from recipegen.errors import Path, Problem, show
from recipegen.language import key_names, setting
from recipegen.recipe import Metric, MetricTarget, Recipe
from recipegen.roles import workers
from recipegen.scaling import scaled_role

# Types of metrics that Kubernetes has from nobody but an adapter.
ADAPTED = ("Pods", "Object", "External")


def check(recipe: Recipe, metric: Metric, path: Path) -> Iterator[Problem]:
    """Yield a metric whose parts do not belong together, or that the cluster will not have by itself."""
    blocks = {key[0].upper() + key[1:]: key for key in key_names(Metric) if key != "type"}
    own = blocks.pop(metric.type)
    for key in blocks.values():
        if setting(metric, key) is not None:
            message = f"has no effect while type is {metric.type}"
            yield Problem("metric-form", (*path, key), message, "leave it out, or write another metric")
    part = setting(metric, own)
    if part is None:
        yield Problem("metric-form", path, f"type {metric.type} needs the block {own}", f"write {own}")
        return
    yield from _target(metric, part.target, (*path, own, "target"))
    if metric.type in ADAPTED:
        message = f"an adapter such as prometheus-adapter has to serve it, got {show(part.metric.name)}"
        message = f"{message}: Kubernetes has no {metric.type} metrics of its own"
        hint = "without one the replicas only stay within their bounds; scaling.keda does without"
        yield Problem("metrics-adapter", (*path, own, "metric", "name"), message, hint, warning=True)
    elif part.target.type == "Utilization":
        worker = workers(recipe.model).get(scaled_role(recipe))
        if worker and part.name not in worker.resources.requests and recipe.model.deployment.create:
            message = f"is a share of the {part.name} that pods request, and those of {scaled_role(recipe)}"
            hint = f"write model.{scaled_role(recipe)}.resources.requests.{part.name}"
            yield Problem(
                "metric-without-request",
                (*path, own, "target"),
                f"{message} request none",
                hint,
                warning=True,
            )


def _target(metric: Metric, target: MetricTarget, path: Path) -> Iterator[Problem]:
    """Yield a target that says no value, or another than its type is about."""
    kinds = {"Utilization": "averageUtilization", "Value": "value", "AverageValue": "averageValue"}
    allowed = {
        "Resource": ("Utilization", "AverageValue"),
        "ContainerResource": ("Utilization", "AverageValue"),
        "Pods": ("AverageValue",),
    }.get(metric.type, ("Value", "AverageValue"))
    if target.type not in allowed:
        message = f"a metric of type {metric.type} takes {' or '.join(allowed)}, got {show(target.type)}"
        yield Problem("metric-form", (*path, "type"), message)
    for kind, key in kinds.items():
        there = setting(target, key) is not None
        if kind == target.type and not there:
            yield Problem("metric-form", path, f"type {kind} needs {key}", f"write {key}")
        elif kind != target.type and there:
            message = f"has no effect while type is {target.type}"
            yield Problem("metric-form", (*path, key), message, "leave it out")
