"""What dashboards ask for, and whether it is there."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen.twin import metrics, promql
from recipegen.twin.client import Sample
from recipegen.twin.promql import Matcher, Selector

NAMES = st.from_regex(r"[a-z_]{1,4}_[a-z0-9_]{1,8}:?[a-z]{1,4}", fullmatch=True)
LABELS = st.from_regex(r"[a-z]{1,6}_[a-z]{1,6}", fullmatch=True)
VALUES = st.text(st.characters(codec="ascii", exclude_characters='"\\\n'), max_size=8)
MATCHERS = st.lists(st.builds(Matcher, LABELS, st.sampled_from(["=", "!=", "=~", "!~"]), VALUES), max_size=3)
SERVED = [
    Sample("dynamo_frontend_requests_total", {"model": "m", "status": "success"}, 1),
    Sample("dynamo_router_overhead_total_ms_count", {"router_id": "1"}, 1),
    Sample("dynamo_component_requests_total", {"dynamo_namespace": "a_b", "dynamo_endpoint": "generate"}, 1),
]


@given(NAMES, MATCHERS, NAMES, LABELS)
def test_a_selector_is_found_wherever_it_stands(
    name: str, matchers: list[Matcher], other: str, label: str
) -> None:
    shown = ", ".join(f'{m.label}{m.operator}"{m.value}"' for m in matchers)
    text = f"sum by ({label}) (rate({name}{{{shown}}}[$__rate_interval])) / on ({label}) {other} > 0.5"

    assert promql.selectors(text) == [Selector(name, tuple(matchers)), Selector(other, ())]
    assert promql.grouping(text) == {label}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("dynamo_frontnd_requests_total", "nobody has dynamo_frontnd_requests_total"),
        ("sum by (modelname) (dynamo_frontend_requests_total)", "has a label modelname"),
        ("sum BY (modelname) (dynamo_frontend_requests_total)", "has a label modelname"),
        ("sum by (model", "cannot be read () is missing): sum by (model"),
        ('dynamo_frontend_requests_total{model="m"', "cannot be read (} is missing)"),
        ('dynamo_frontend_requests_total{dynamo_namespace=~"("}', "cannot be read ("),
        ('dynamo_frontend_requests_total{dynamo_ns="a-b"}', "has no label dynamo_ns"),
        ('dynamo_frontend_requests_total{dynamo_namespace="a_b"}', "is of a-b, asked for is a_b"),
        ('dynamo_component_requests_total{dynamo_namespace=~"a-b(-x)?"}', "is of a_b, asked for is a-b"),
    ],
)
def test_what_would_leave_a_panel_empty_is_found(expression: str, problem: str) -> None:
    [found] = metrics.look([expression], SERVED, "a-b").problems

    assert problem in found


@pytest.mark.parametrize(
    "expression",
    [
        'sum by (model, pod) (rate(dynamo_frontend_requests_total{dynamo_namespace=~"a-b(-x)?"}[5m]))',
        'dynamo_component_requests_total{dynamo_namespace=~"a_b(_x)?", dynamo_endpoint="generate"}',
        'dynamo_component_requests_total{dynamo_namespace=~"a[_-]b([_-][0-9a-f]{8})?"}',
        'sum by (pod) (dynamo_router_overhead_total_ms_count{dynamo_namespace="a-b"})',
        'dynamo_frontend_requests_total{status="error"}',
        "dynamo_frontend_requests_total{model='m', ${adhoc}} # by (nothing)",
        'dynamo_frontend_requests_total{nosuch="", other!="x"} offset 5m',
        'dynamo_frontend_requests_total{dynamo_namespace=~"${ns:regex}"}',
        "sum without (le) (dynamo_frontend_requests_total) / sum by (model) (dynamo_frontend_requests_total)",
        'sum by (dst) (label_replace(dynamo_frontend_requests_total, "dst", "$1", "model", "(.*)"))',
        "sum by (${group:csv}) (rate(dynamo_frontend_requests_total[$__interval:5m]))",
        "max_over_time(sum(dynamo_frontend_requests_total)[1h:1m]) @ end()",
    ],
)
def test_what_fills_a_panel_is_right(expression: str) -> None:
    assert metrics.look([expression], SERVED, "a-b").problems == ()


def test_what_only_an_engine_or_a_cluster_has_is_named() -> None:
    wanted = [
        "vllm:num_requests_running",
        "dynamo_component_gpu_cache_usage_percent",
        '{__name__=~"kube_.*"}',
    ]

    assert metrics.look(wanted, SERVED, "a-b").unseen == (*wanted[:2], "{…}")


@given(st.text(st.sampled_from("{}()[],=~!\"'` ab$:#by_dynamo_1"), max_size=40))
def test_no_text_is_too_odd_to_be_judged(text: str) -> None:
    """Right or wrong, it gets an answer, the same each time, and never a fault."""
    wanted = [text, f"dynamo_frontend_requests_total{text}"]

    assert metrics.look(wanted, SERVED, "a-b") == metrics.look(wanted, SERVED, "a-b")


def test_expressions_come_from_dashboards_and_alerts_with_constants_filled_in() -> None:
    dashboard: dict[str, Any] = {
        "templating": {"list": [{"name": "ns", "type": "constant", "query": "a-b"}]},
        "panels": [{"targets": [{"expr": 'up{x="$ns"}'}, {"expr": 'up{x="${ns}"}'}]}],
    }
    objects: list[dict[str, Any]] = [
        {"kind": "ConfigMap", "data": {"d.json": json.dumps(dashboard), "other": "no JSON"}},
        {"kind": "PrometheusRule", "spec": {"groups": [{"rules": [{"alert": "A", "expr": "down > 0"}]}]}},
    ]

    assert metrics.expressions(objects) == ['up{x="a-b"}', 'up{x="a-b"}', "down > 0"]
