"""Whether the metrics that dashboards and alerts ask for are there, with the labels they are chosen by."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from recipegen.twin import promql
from recipegen.twin.client import Sample

# What the mocker cannot have, for it keeps no cache to measure. What does not begin like Dynamo's own metrics
# comes from an engine or the cluster.
ENGINE_ONLY = ("dynamo_component_gpu_cache_usage_percent",)
DYNAMO = "dynamo_"
# Labels that come with scraping: by Prometheus itself, and by the PodMonitors of Dynamo's platform chart
# (operator/templates/prometheus.yaml). A label that a process writes itself is taken as it is.
SCRAPED = ("container", "dynamo_component_type", "endpoint", "instance", "job", "namespace", "pod")
# The PodMonitor of frontends gives this one, from the pod's label.
NAMESPACE = "dynamo_namespace"
FRONTEND = "dynamo_frontend_"


@dataclass(frozen=True)
class Findings:
    """What was found of the metrics that are asked for."""

    there: tuple[str, ...]
    unseen: tuple[str, ...]
    """Metrics that only an engine or a cluster has."""
    problems: tuple[str, ...]


def expressions(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return the PromQL of dashboards and alerts among Kubernetes objects, with constants filled in.

    Dashboards are JSON files in ConfigMaps, alerts are PrometheusRules.
    """
    found = []
    for item in objects:
        if item["kind"] == "PrometheusRule":
            found += _expressions(item)
        for name, text in item.get("data", {}).items():
            if name.endswith(".json"):
                dashboard = json.loads(text)
                variables = dashboard.get("templating", {}).get("list", [])
                constants = {v["name"]: v["query"] for v in variables if v["type"] == "constant"}
                found += [_filled(expression, constants) for expression in _expressions(dashboard)]
    return found


def look(wanted: Iterable[str], samples: Iterable[Sample], dynamo_namespace: str) -> Findings:
    """Return what is there of the series that expressions ask for.

    Args:
        wanted: PromQL expressions.
        samples: what the graph's processes show.
        dynamo_namespace: the graph's, as the operator writes it on pods.
    """
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    there: dict[str, None] = {}
    unseen: dict[str, None] = {}
    problems: dict[str, None] = {}
    for expression in wanted:
        for selector in promql.selectors(expression):
            name = selector.metric
            if name in ENGINE_ONLY or not name.startswith(DYNAMO):
                unseen[name] = None
            elif name not in by_name:
                problems[f"nobody has {name}"] = None
            else:
                there[name] = None
                groups = promql.grouping(expression)
                problems |= dict.fromkeys(_labels(selector, groups, by_name[name], dynamo_namespace))
    return Findings(tuple(there), tuple(unseen), tuple(problems))


def _labels(selector: promql.Selector, groups: set[str], samples: list[Sample], graph: str) -> Iterator[str]:
    """Yield what is wrong with the labels that series are chosen and grouped by."""
    written = {label for sample in samples for label in sample.labels}
    known = {*written, *SCRAPED, *([NAMESPACE] if selector.metric.startswith(FRONTEND) else [])}
    for label in sorted({m.label for m in selector.matchers} | groups):
        if label not in known:
            yield f"{selector.metric} has no label {label}"
    for matcher in selector.matchers:
        if matcher.label == NAMESPACE and matcher.operator in ("=", "=~"):
            values = {s.labels[NAMESPACE] for s in samples if NAMESPACE in s.labels} or {graph}
            pattern = matcher.value if matcher.operator == "=~" else re.escape(matcher.value)
            if not any(re.fullmatch(pattern, value) for value in values):
                yield f"{selector.metric} is of {', '.join(sorted(values))}, asked for is {matcher.value}"


def _expressions(data: Any) -> list[str]:
    """Return every `expr` in plain data."""
    if isinstance(data, dict):
        own = [data["expr"]] if isinstance(data.get("expr"), str) else []
        return own + [expression for value in data.values() for expression in _expressions(value)]
    if isinstance(data, list):
        return [expression for value in data for expression in _expressions(value)]
    return []


def _filled(expression: str, constants: dict[str, str]) -> str:
    for name, value in constants.items():
        expression = re.sub(rf"\$(\{{{name}\}}|{name}\b)", lambda _, v=value: v, expression)  # type: ignore[misc]
    return expression
