"""Dashboards, alerts and scraping against the graph that they are about, and against Dynamo's platform."""

from collections.abc import Iterator
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.platform_values import upstream_values
from recipegen.recipe import Recipe
from recipegen.roles import workers
from recipegen.scaling import adapted, replicas

# The last finite buckets of dynamo_frontend_request_duration_seconds and …_time_to_first_token_seconds, as
# Dynamo's frontend shows them: Prometheus' percentile never exceeds them.
LAST_REQUEST_BUCKET, LAST_TTFT_BUCKET = 510, 480_000


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield what would stay empty, never fire or fire forever, and what would count everything twice."""
    block = recipe.observability
    for key, on in (("alerts", block.alerts.enabled), ("podMonitor", block.pod_monitor.enabled)):
        if on and not block.enabled:
            message = "has no effect while observability.enabled is false"
            hint = "set observability.enabled to true, or this to false"
            yield Problem("no-effect", ("observability", key, "enabled"), message, hint, warning=True)
    yield from _labels(recipe)
    yield from _dashboards(recipe)
    yield from _renamed(recipe)
    yield from _workers(recipe)
    yield from _left_out(recipe)
    if block.enabled and block.alerts.enabled:
        yield from _never_or_forever(recipe)
    if block.enabled and recipe.platform.install:
        yield from _scraping(recipe)


def _labels(recipe: Recipe) -> Iterator[Problem]:
    """Yield labels that every object has already: the same key twice is no YAML."""
    block = recipe.observability
    for place, labels in (
        (("dashboardLabels",), block.dashboard_labels),
        (("alerts", "labels"), block.alerts.labels),
        (("podMonitor", "labels"), block.pod_monitor.labels),
    ):
        for key in labels:
            if key.startswith("app.kubernetes.io/"):
                message = f"is a label that recipegen writes itself, got {show(labels[key])}"
                path = ("observability", *place, key)
                yield Problem("said-twice", path, message, "leave it out, or take another key")


def _dashboards(recipe: Recipe) -> Iterator[Problem]:
    empty = {
        "router": "" if recipe.model.routing_policy == "kv" else "model.routingPolicy is not kv",
        "disaggregation": "" if recipe.model.disaggregation else "model.disaggregation is false",
    }
    names = recipe.observability.dashboards or []
    for index, name in enumerate(names):
        path = ("observability", "dashboards", index)
        if name in names[:index]:
            yield Problem("said-twice", path, f"stands in the list already, got {show(name)}", "leave it out")
        elif empty.get(name):
            # Only a warning: the frontend's own arguments and variables can say it, too.
            message = f"stays empty while {empty[name]}, got {show(name)}"
            yield Problem("no-effect", path, message, "leave it out", warning=True)


def _renamed(recipe: Recipe) -> Iterator[Problem]:
    """Yield frontends that are told to call their metrics otherwise than dashboards and alerts do."""
    path: Path = ("model", "frontend")
    frontend = recipe.model.frontend
    told = {
        (*path, "args"): any(argument.split("=")[0] == "--metrics-prefix" for argument in frontend.args),
        (*path, "env", "DYN_METRICS_PREFIX"): "DYN_METRICS_PREFIX" in frontend.env,
    }
    for place, renames in told.items():
        if renames and recipe.observability.enabled:
            message = "renames the metrics that dashboards and alerts ask for, so they stay empty"
            yield Problem("renamed-metrics", place, message, "leave it out", warning=True)


def _workers(recipe: Recipe) -> Iterator[Problem]:
    known = workers(recipe.model)
    for role in recipe.observability.alerts.workers or {}:
        # A graph that exists already may have other roles.
        if role not in known and recipe.model.deployment.create:
            message = f"the graph has no {role} workers, so its alert would never stop"
            path = ("observability", "alerts", "workers", role)
            yield Problem("alert-without-workers", path, message, f"its roles: {', '.join(known)}")


def _never_or_forever(recipe: Recipe) -> Iterator[Problem]:
    """Yield targets that Dynamo's buckets cannot show to be missed, and more workers than the graph has."""
    place: Path = ("observability", "alerts")
    targets = recipe.observability.alerts.targets
    for key, (last, value) in {
        "requestP99Seconds": (LAST_REQUEST_BUCKET, targets.request_p99_seconds),
        "ttftP99Milliseconds": (LAST_TTFT_BUCKET, targets.ttft_p99_milliseconds),
    }.items():
        if value >= last:
            message = f"never fires: Dynamo tells no times beyond {last} apart, got {show(value)}"
            yield Problem("alert-never-fires", (*place, "targets", key), message, f"give less than {last}")
    if not recipe.model.deployment.create:
        return
    known = replicas(recipe)
    for role, least in (recipe.observability.alerts.workers or {}).items():
        unknown = role in adapted(recipe) and not recipe.scaling.enabled
        if role in known and not unknown and least > known[role].least:
            message = f"is more than the {known[role].least} that the recipe has, so its alert fires until"
            message = f"{message} something scales them up, got {least}"
            yield Problem("alert-fires-at-once", (*place, "workers", role), message, warning=True)


def _left_out(recipe: Recipe) -> Iterator[Problem]:
    """Yield settings of alerts that are left out, and alerts to leave out that are not there."""
    alerts, place = recipe.observability.alerts, ("observability", "alerts")
    tokens = alerts.targets.output_tokens_per_second
    # Only what has no default is known to be meant.
    meant = {
        "DynamoThroughputLow": ("targets", "outputTokensPerSecond") if tokens is not None else None,
        "DynamoWorkersMissing": ("workers",) if alerts.workers else None,
    }
    for index, name in enumerate(alerts.without):
        path = meant.get(name)
        if path:
            message = f"has no effect while observability.alerts.without names {name}"
            yield Problem("no-effect", (*place, *path), message, "leave one of the two out")
        elif name == "DynamoThroughputLow":
            message = f"there is no such alert without targets.outputTokensPerSecond, got {show(name)}"
            yield Problem("no-effect", (*place, "without", index), message, "leave it out")


def _scraping(recipe: Recipe) -> Iterator[Problem]:
    """Yield PodMonitors beside the platform's, with which every sum doubles, and alerts without any."""
    block = recipe.observability
    switch: Any = upstream_values(recipe.platform)
    for key in facts.platform()["values"]["podMonitors"]:
        switch = switch.get(key) if isinstance(switch, dict) else None
    if switch is False and block.alerts.enabled and not block.pod_monitor.enabled:
        message = (
            "nothing scrapes the graph while the platform has no PodMonitors, so some alerts would never stop"
        )
        hint = "set platform.podMonitors or observability.podMonitor.enabled to true"
        yield Problem("not-scraped", ("observability", "alerts", "enabled"), message, hint, warning=True)
    if switch is False or not block.pod_monitor.enabled:
        return
    # Left to itself, the platform's chart looks whether the cluster knows the kind.
    sure = switch is not None
    where = "" if sure else ", wherever the cluster knows that kind"
    message = f"the platform's own PodMonitors scrape the graph, too{where}, and every sum doubles"
    hint = "leave it out, or set platform.podMonitors to false"
    yield Problem(
        "scraped-twice", ("observability", "podMonitor", "enabled"), message, hint, warning=not sure
    )
