"""Whether the metrics that dashboards and alerts ask for are there, with the labels they are chosen by."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from recipegen.errors import brief
from recipegen.twin import promql
from recipegen.twin.client import Sample

# What the mocker cannot have, for it keeps no cache to measure: gauges that each engine's worker makes for
# itself (LLMBackendMetrics in dynamo/common/utils/prometheus.py of the wheel). What does not begin like
# Dynamo's own comes from an engine (vllm:, sglang:, trtllm_) or the cluster (DCGM_: NVIDIA's DCGM exporter).
ENGINE_ONLY = ("dynamo_component_gpu_cache_usage_percent", "dynamo_component_total_blocks")
DYNAMO = "dynamo_"
# Labels that come with scraping: by Prometheus itself, and by the PodMonitors of Dynamo's platform chart
# (operator/templates/prometheus.yaml). A label that a process writes itself is taken as it is.
SCRAPED = ("container", "dynamo_component_type", "endpoint", "instance", "job", "namespace", "pod")
# The PodMonitor of frontends gives this one, from the pod's label, to what only frontends have.
NAMESPACE = "dynamo_namespace"
FRONTEND = ("dynamo_frontend_", "dynamo_router_")
# What a value still has in it when a dashboard fills it in only while it is looked at.
VARIABLES = ("$", "[[")
# Functions that make labels of their own.
MAKE_LABELS = ("label_replace", "label_join", "count_values")


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
        files = item.get("data") or {}
        for dashboard in (json.loads(text) for name, text in files.items() if name.endswith(".json")):
            variables = dashboard.get("templating", {}).get("list", [])
            constants = {v["name"]: v["query"] for v in variables if v.get("type") == "constant"}
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
        try:
            selectors = promql.selectors(expression)
            for selector in selectors:
                name = selector.metric
                if name in ENGINE_ONLY or not name.startswith(DYNAMO):
                    unseen[name or "{…}"] = None
                elif name not in by_name:
                    problems[f"nobody has {name}"] = None
                else:
                    there[name] = None
                    problems |= dict.fromkeys(_wrong_labels(selector, by_name[name], dynamo_namespace))
            problems |= dict.fromkeys(_wrong_groups(expression, selectors, by_name))
        except (ValueError, re.error) as error:
            problems[f"cannot be read ({error}): {brief(expression)}"] = None
    return Findings(tuple(there), tuple(unseen), tuple(problems))


def _wrong_labels(selector: promql.Selector, samples: list[Sample], graph: str) -> Iterator[str]:
    """Yield what is wrong with the labels that series are chosen by."""
    known = _labels(selector, samples)
    for matcher in selector.matchers:
        # What must not be there, or may be empty, need not be there.
        if matcher.label not in known and matcher.operator in ("=", "=~") and matcher.value:
            yield f"{selector.metric} has no label {matcher.label}"
        filled = not any(variable in matcher.value for variable in VARIABLES)
        if matcher.label == NAMESPACE and matcher.operator in ("=", "=~") and filled:
            values = {s.labels[NAMESPACE] for s in samples if NAMESPACE in s.labels} or {graph}
            pattern = matcher.value if matcher.operator == "=~" else re.escape(matcher.value)
            if not any(re.fullmatch(pattern, value) for value in values):
                yield f"{selector.metric} is of {', '.join(sorted(values))}, asked for is {matcher.value}"


def _wrong_groups(
    expression: str, selectors: Iterable[promql.Selector], by_name: dict[str, list[Sample]]
) -> Iterator[str]:
    """Yield labels to group by that no series of the expression has, where all of them are seen."""
    selectors = [*selectors]
    made = any(function in expression for function in MAKE_LABELS)
    if made or not all(selector.metric in by_name for selector in selectors):
        return
    known = {label for selector in selectors for label in _labels(selector, by_name[selector.metric])}
    for label in sorted(promql.grouping(expression) - known):
        yield f"nothing in {brief(expression)} has a label {label}"


def _labels(selector: promql.Selector, samples: list[Sample]) -> set[str]:
    written = {label for sample in samples for label in sample.labels}
    return {*written, *SCRAPED, *([NAMESPACE] if selector.metric.startswith(FRONTEND) else [])}


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
