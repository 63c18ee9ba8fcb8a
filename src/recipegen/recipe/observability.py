"""The `observability` block: dashboards, alerts, scraping."""

from typing import Annotated

from pydantic import Field

from recipegen.recipe.forms import (
    PERIOD,
    AlertName,
    Block,
    Count,
    Dashboard,
    LabelKey,
    LabelValue,
    Replicas,
    Role,
)


class AlertTargets(Block):
    """What is asked of the graph. Missing one of these, for as long as `after` says, fires the alert that it belongs to."""

    request_p99_seconds: Annotated[float, Field(gt=0, le=86_400)] = 2.0
    """99 of 100 requests are answered in full within this, in seconds. Default: 2."""
    ttft_p99_milliseconds: Annotated[float, Field(gt=0, le=86_400_000)] = 500.0
    """99 of 100 requests have the first token of their answer within this, in milliseconds. Default: 500."""
    output_tokens_per_second: Count | None = None
    """Tokens of answers that the graph writes at least, a second, while requests wait. Default: none, and no such alert."""
    gpu_utilization: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Busy share of the workers' GPUs, 0 to 1, as NVIDIA's DCGM exporter measures it. Default: 0.95."""
    queued_requests: Count = 100
    """Requests that wait for the first token of their answer at most. Default: 100."""
    error_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of the requests, 0 to 1, that fail through no fault of the client at most. Default: 0.01."""


class Alerts(Block):
    """Alerts of the graph: a PrometheusRule, whose kind the Prometheus operator brings."""

    enabled: bool = False
    """Whether there are any. Default: `false`."""
    labels: dict[LabelKey, LabelValue] = {}
    """Labels by which Prometheus finds rules, such as `{release: kube-prometheus-stack}`. Default: none."""
    after: Annotated[str, Field(pattern=PERIOD)] = "5m"
    """How long a target is missed before its alert fires: 30s, 5m, 1h. Default: 5m."""
    targets: AlertTargets = AlertTargets.model_construct()
    """What is asked of the graph. Default: see its keys."""
    workers: dict[Role, Replicas] | None = None
    """Workers of each role that have to serve at least. Default: the replicas of each role."""
    without: Annotated[list[AlertName], Field(max_length=7)] = []
    """Alerts to leave out, by name. Default: none."""


class PodMonitor(Block):
    """PodMonitors of this graph alone, for a cluster whose Dynamo platform has none. Their kind comes with the Prometheus operator."""

    enabled: bool = False
    """Whether there are any. Default: `false`, for those of Dynamo's platform scrape every graph."""
    labels: dict[LabelKey, LabelValue] = {}
    """Labels by which Prometheus finds them, such as `{release: kube-prometheus-stack}`. Default: none."""


class Observability(Block):
    """Grafana dashboards, Prometheus alerts and scraping of the graph."""

    enabled: bool = False
    """Whether the dashboards are installed, and what is switched on below. Default: `false`."""
    dashboards: list[Dashboard] | None = None
    """Dashboards, by name. Default: frontend, workers and cache, router with KV routing, disaggregation where the graph is."""
    alerts: Alerts = Alerts.model_construct()
    """Alerts. Default: off."""
    pod_monitor: PodMonitor = PodMonitor.model_construct()
    """Scraping. Default: off, left to Dynamo's platform."""
    dashboard_labels: dict[LabelKey, LabelValue] = {"grafana_dashboard": "1"}
    """Labels by which Grafana's sidecar finds dashboards. Default: `grafana_dashboard: "1"`."""
