"""Metrics of a HorizontalPodAutoscaler: each whole, and one that the cluster has."""

from collections.abc import Iterator

from recipegen.errors import Path, Problem, show
from recipegen.language import key_names, setting
from recipegen.recipe import ContainerMetric, Metric, MetricTarget, Recipe, ResourceMetric
from recipegen.roles import SIDECAR, workers
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
    elif recipe.model.deployment.create:
        yield from _of_pods(recipe, part, (*path, own))


def _of_pods(recipe: Recipe, part: ResourceMetric | ContainerMetric, path: Path) -> Iterator[Problem]:
    """Yield a metric of a container that pods do not have, or a share of what one does not request."""
    role = scaled_role(recipe)
    worker = workers(recipe.model).get(role)
    if worker is None:
        return
    # Without a container of its own, a metric is of them all, and unknown when one has no request.
    containers = {"main": (f"model.{role}", worker.resources)}
    picker = recipe.model.endpoint_picker
    if picker.enabled:
        containers[SIDECAR] = "model.endpointPicker.sidecar", picker.sidecar.resources
    if isinstance(part, ContainerMetric):
        if part.container not in containers:
            message = f"pods of {role} have no such container, got {show(part.container)}"
            hint = f"take {' or '.join(containers)}"
            yield Problem("metric-container", (*path, "container"), message, hint)
            return
        containers = {part.container: containers[part.container]}
    for name, (block, resources) in containers.items() if part.target.type == "Utilization" else ():
        # A limit alone is a request as well.
        if part.name not in {**resources.requests, **resources.limits}:
            whose = f"those of {role}" if name == "main" else f"their container {name}"
            message = f"is a share of the {part.name} that pods request, and {whose}"
            message = f"{message} request{'' if name == 'main' else 's'} none"
            hint = f"write {block}.resources.requests.{part.name}"
            yield Problem("metric-without-request", (*path, "target"), message, hint, warning=True)


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
