"""The dashboard."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., list[dict[str, Any]]]

# The names of Dynamo 1.6 that the dashboard may use, without the endings that Prometheus gives histograms.
METRICS = {
    "dynamo_frontend_requests_total",
    "dynamo_frontend_queued_requests",
    "dynamo_frontend_inflight_requests",
    "dynamo_frontend_time_to_first_token_seconds",
    "dynamo_frontend_inter_token_latency_seconds",
    "dynamo_frontend_input_sequence_tokens",
    "dynamo_frontend_output_tokens_total",
    "dynamo_component_requests_total",
    "dynamo_component_gpu_cache_usage_percent",
}


@pytest.fixture
def config_map(render: Render) -> Callable[..., dict[str, Any]]:
    def made(**values: Any) -> dict[str, Any]:
        (found,) = render({"enabled": True, **values}, chart="metrics", namespace="team")
        return found

    return made


@pytest.fixture
def dashboard(config_map: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def made(**values: Any) -> dict[str, Any]:
        (text,) = config_map(**values)["data"].values()
        found: dict[str, Any] = json.loads(text)
        return found

    return made


def variable(dashboard: dict[str, Any], name: str) -> str:
    (found,) = [v["query"] for v in dashboard["templating"]["list"] if v["name"] == name]
    return str(found)


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_switched_off_makes_nothing(render: Render) -> None:
    assert render({"enabled": False}, chart="metrics") == []


def test_dashboard_shows_the_graph_that_global_names(dashboard: Callable[..., dict[str, Any]]) -> None:
    made = dashboard(**{"global": {"graph": "g", "dynamoNamespace": "team-g"}})

    assert variable(made, "dynamo_namespace") == "team-g"


def test_dashboard_shows_the_releases_graph_without_global(dashboard: Callable[..., dict[str, Any]]) -> None:
    assert variable(dashboard(), "dynamo_namespace") == "team-qwen"


def test_a_worker_writes_the_namespace_with_underscores(dashboard: Callable[..., dict[str, Any]]) -> None:
    assert variable(dashboard(), "worker_namespace") == "team_qwen"


def test_every_query_is_about_the_graph_alone(dashboard: Callable[..., dict[str, Any]]) -> None:
    """A frontend's metrics get the label from the pod; a worker's have it from the worker itself."""
    variables = {"dynamo_frontend": "dynamo_namespace", "dynamo_component": "worker_namespace"}
    found = [
        re.findall(r'(dynamo_[a-z]+)_\w+\{dynamo_namespace=~"\$(\w+)\(', e) for e in expressions(dashboard())
    ]

    assert all(len(each) == 1 for each in found)
    assert {pair for each in found for pair in each} == {*variables.items()}


def test_every_metric_is_one_of_dynamos(dashboard: Callable[..., dict[str, Any]]) -> None:
    used = {m for e in expressions(dashboard()) for m in re.findall(r"(dynamo_\w+?)(?:_bucket|_sum)?\{", e)}

    assert used == METRICS


def test_grafana_finds_the_dashboard_by_the_given_labels(config_map: Callable[..., dict[str, Any]]) -> None:
    labels = config_map(dashboardLabels={"team": "yes"})["metadata"]["labels"]

    assert labels["team"] == "yes"


def test_dashboards_of_two_graphs_can_lie_in_one_folder(config_map: Callable[..., dict[str, Any]]) -> None:
    one, other = (config_map(**{"global": {"graph": g}})["data"].keys() for g in ("a", "b"))

    assert one != other


def test_panels_do_not_overlap(dashboard: Callable[..., dict[str, Any]]) -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard()["panels"]]

    assert len(set(places)) == len(places)
