"""Dashboards, alerts and PodMonitors as objects.

Whether their metrics exist is asked of Dynamo in tests/twin, whether alerts fire of Prometheus in tests/lab.
"""

import json
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

import kinds
from recipegen import recipe
from recipegen.twin import promql

Render = Callable[..., list[dict[str, Any]]]
Json = dict[str, Any]

CHART = Path(__file__).parents[2] / "charts/stack/charts/metrics"
DASHBOARDS = get_args(recipe.Dashboard)
ALERTS = get_args(recipe.AlertName)
COLUMNS = 24
# A ConfigMap holds 1 MiB at most, and a release's manifest no more than that after compression.
LARGEST = 256 * 1024
UNITS = {"short", "s", "ms", "reqps", "percent", "percentunit"}
EVERY_ALERT = {"enabled": True, "targets": {"outputTokensPerSecond": 100}, "workers": {"worker": 2}}
# Matchers by which series belong to one graph: Dynamo's own label, or the pod's name and namespace.
OWN = ({"dynamo_namespace"}, {"namespace", "pod"}, {"exported_namespace", "exported_pod"})


@pytest.fixture
def made(render: Render) -> Callable[..., list[Json]]:
    """The objects of a kind that the chart makes of values."""

    def found(kind: str, **values: Any) -> list[Json]:
        objects = render({"enabled": True, **values}, chart="metrics", namespace="team")
        return [o for o in objects if o["kind"] == kind]

    return found


@pytest.fixture
def config_map(made: Callable[..., list[Json]]) -> Callable[..., Json]:
    return lambda **values: made("ConfigMap", **values)[0]


@pytest.fixture
def dashboards(config_map: Callable[..., Json]) -> Callable[..., dict[str, Json]]:
    """The dashboards by name, as Grafana reads them."""

    def found(**values: Any) -> dict[str, Json]:
        files = config_map(**values)["data"].items()
        return {name.removesuffix(".json").rpartition("-")[2]: json.loads(text) for name, text in files}

    return found


@pytest.fixture
def rules(made: Callable[..., list[Json]]) -> Callable[..., list[Json]]:
    def found(**alerts: Any) -> list[Json]:
        (rule,) = made("PrometheusRule", alerts={"enabled": True, **alerts})
        (group,) = rule["spec"]["groups"]
        return list(group["rules"])

    return found


def variable(dashboard: Json, name: str) -> str:
    (found,) = [v["query"] for v in dashboard["templating"]["list"] if v["name"] == name]
    return str(found)


def graphs(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "text"]


def of_one_graph(expression: str) -> bool:
    labels = [{m.label for m in selector.matchers} for selector in promql.selectors(expression)]
    return bool(labels) and all(any(own <= found for own in OWN) for found in labels)


def test_switched_off_makes_nothing(render: Render) -> None:
    on = {"enabled": True}
    values = {"enabled": False, "alerts": on, "podMonitor": on}

    assert render(values, chart="metrics") == []


def test_only_dashboards_are_on_by_default(render: Render) -> None:
    """The kinds of the rest come with the Prometheus operator, which a cluster may not have."""
    assert [o["kind"] for o in render({"enabled": True}, chart="metrics")] == ["ConfigMap"]


def test_every_dashboard_of_the_language_is_there_and_no_other() -> None:
    assert {path.stem for path in (CHART / "dashboards").iterdir()} == set(DASHBOARDS)
    assert yaml.safe_load((CHART / "values.yaml").read_text())["dashboards"] == list(DASHBOARDS)


def test_dashboards_are_those_that_are_named(dashboards: Callable[..., dict[str, Json]]) -> None:
    assert list(dashboards(dashboards=["cache", "router"])) == ["cache", "router"]


def test_alerts_can_come_without_a_dashboard(made: Callable[..., list[Json]]) -> None:
    assert made("ConfigMap", dashboards=[]) == []


def test_dashboards_have_all_that_grafana_needs(dashboards: Callable[..., dict[str, Json]]) -> None:
    for dashboard in dashboards().values():
        sources = [v for v in dashboard["templating"]["list"] if v["type"] == "datasource"]
        assert [v["name"] for v in sources] == ["datasource"]
        assert dashboard["schemaVersion"] == 39
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
        for panel in graphs(dashboard):
            assert panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
            assert [target["refId"] for target in panel["targets"]] == [*"ABCDEFGH"[: len(panel["targets"])]]
            for each in (panel, *panel["targets"]):
                assert each["datasource"] == {"type": "prometheus", "uid": "$datasource"}
            assert all(target["legendFormat"] for target in panel["targets"])


def test_grafanas_own_model_knows_every_key_and_every_type(
    dashboards: Callable[..., dict[str, Json]],
) -> None:
    """What the model does not know is lost on the way through it."""
    register_default_plugins()

    def lost(before: Any, after: Any, path: str = "") -> list[str]:
        if isinstance(before, dict) and isinstance(after, dict):
            return [p for key in before for p in lost(before[key], after.get(key), f"{path}/{key}")]
        if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            return [
                p
                for i, pair in enumerate(zip(before, after, strict=True))
                for p in lost(*pair, f"{path}/{i}")
            ]
        return [] if before == after else [path]

    for dashboard in dashboards(alerts={"enabled": True}).values():
        read = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
        assert lost(dashboard, read) == []


def test_panels_fill_the_columns_and_do_not_overlap(dashboards: Callable[..., dict[str, Json]]) -> None:
    for dashboard in dashboards().values():
        places = [panel["gridPos"] for panel in dashboard["panels"]]
        assert all(p["x"] >= 0 and p["y"] >= 0 and p["x"] + p["w"] <= COLUMNS for p in places)
        assert not [
            (a, b)
            for a, b in combinations(places, 2)
            if a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
        ]  # fmt: skip


def test_dashboards_show_the_graph_that_global_names(dashboards: Callable[..., dict[str, Json]]) -> None:
    for name, dashboard in dashboards(**{"global": {"graph": "g", "dynamoNamespace": "a-g"}}).items():
        assert dashboard["title"] == f"Dynamo a-g: {name}"
        assert re.fullmatch(variable(dashboard, "dynamo_namespace"), "a-g")
        assert re.fullmatch(variable(dashboard, "pods"), "g-worker-x2-y")


@pytest.mark.parametrize(
    ("value", "own"),
    [
        ("team-qwen", True),
        ("team_qwen", True),
        ("team-qwen-0123abcd", True),
        ("team_qwen_0123abcd", True),
        ("team-qwen-big", False),
        ("my-team-qwen", False),
        ("team-qwen-0123abcdef", False),
    ],
)
def test_the_graph_is_known_in_every_spelling_and_no_other_is(
    value: str, own: bool, dashboards: Callable[..., dict[str, Json]]
) -> None:
    """A pod's label and an engine have dashes, Dynamo's runtime underscores; a rollout adds a hash."""
    pattern = variable(dashboards()["workers"], "dynamo_namespace")

    assert bool(re.fullmatch(pattern, value)) is own


@pytest.mark.parametrize(
    ("pod", "own"),
    [
        ("qwen-worker-7d9f-abcde", True),
        ("qwen-0-decode-abcde", True),
        ("qwen-0-prefill-0-prefill-ldr-abcde", True),
        ("qwen-frontend-7d9f-abcde", False),
        ("qwen-big-worker-7d9f-abcde", False),
    ],
)
def test_workers_pods_are_known_by_their_names(
    pod: str, own: bool, dashboards: Callable[..., dict[str, Json]]
) -> None:
    assert bool(re.fullmatch(variable(dashboards()["workers"], "pods"), pod)) is own


def test_every_query_is_about_the_graph_alone(dashboards: Callable[..., dict[str, Json]]) -> None:
    for dashboard in dashboards().values():
        queries = [target["expr"] for panel in graphs(dashboard) for target in panel["targets"]]
        assert [query for query in queries if not of_one_graph(query)] == []


def test_every_variable_of_a_query_is_grafanas_or_the_dashboards(
    dashboards: Callable[..., dict[str, Json]],
) -> None:
    for dashboard in dashboards().values():
        known = {v["name"] for v in dashboard["templating"]["list"]} | {"__rate_interval"}
        assert set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"]))) <= known


def test_gpus_are_said_to_be_measured_by_another(dashboards: Callable[..., dict[str, Json]]) -> None:
    panels = [p for d in dashboards().values() for p in graphs(d) if "DCGM" in json.dumps(p["targets"])]

    assert [panel["title"] for panel in panels] == ["GPU utilization (from the DCGM exporter, not Dynamo)"]


def test_a_dashboard_that_can_be_empty_says_when(dashboards: Callable[..., dict[str, Json]]) -> None:
    found = dashboards()
    notes = {name: dashboard["panels"][0]["options"]["content"] for name, dashboard in found.items()}

    assert "model.disaggregation false" in notes["disaggregation"]
    assert "model.routingPolicy" in notes["router"]


def test_a_target_is_a_line_in_its_panel_while_alerts_are_on(
    dashboards: Callable[..., dict[str, Json]],
) -> None:
    def lines(**alerts: Any) -> dict[str, float]:
        panels = [p for d in dashboards(alerts=alerts).values() for p in graphs(d)]
        steps = {p["title"]: p["fieldConfig"]["defaults"].get("thresholds") for p in panels}
        return {title: found["steps"][-1]["value"] for title, found in steps.items() if found}

    assert lines(enabled=False) == {}
    assert lines(enabled=True, targets={"requestP99Seconds": 20}) == {
        "Time to first token": 0.5,
        "Whole request": 20,
        "Requests waiting and in flight": 100,
    }


def test_every_target_of_a_panel_is_one_of_the_language() -> None:
    files = [yaml.safe_load(path.read_text()) for path in (CHART / "dashboards").iterdir()]
    named = {panel["target"] for data in files for panel in data["panels"] if "target" in panel}
    targets = yaml.safe_load((CHART / "values.yaml").read_text())["alerts"]["targets"]

    assert named <= targets.keys()


def test_grafana_finds_the_dashboards_by_the_given_labels(config_map: Callable[..., Json]) -> None:
    assert config_map(dashboardLabels={"team": "yes"})["metadata"]["labels"]["team"] == "yes"


def test_dashboards_of_two_graphs_can_lie_in_one_folder(
    config_map: Callable[..., Json], dashboards: Callable[..., dict[str, Json]]
) -> None:
    one, other = ({"global": {"graph": g, "dynamoNamespace": f"team-{g}"}} for g in ("a", "b"))
    found = [d["uid"] for values in (one, other) for d in dashboards(**values).values()]

    assert not config_map(**one)["data"].keys() & config_map(**other)["data"].keys()
    assert len(set(found)) == len(found)


def test_all_dashboards_fit_into_one_config_map(config_map: Callable[..., Json]) -> None:
    assert sum(len(text) for text in config_map()["data"].values()) < LARGEST


def test_alerts_are_those_of_the_language(rules: Callable[..., list[Json]]) -> None:
    assert [rule["alert"] for rule in rules(**EVERY_ALERT)] == list(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_can_be_left_out(name: str, rules: Callable[..., list[Json]]) -> None:
    left = [rule["alert"] for rule in rules(**EVERY_ALERT, without=[name])]

    assert left == [alert for alert in ALERTS if alert != name]


def test_an_alert_without_a_target_is_not_there(rules: Callable[..., list[Json]]) -> None:
    """Plain Helm knows neither the replicas of the model nor a throughput that it should have."""
    names = {rule["alert"] for rule in rules()}

    assert names == {*ALERTS} - {"DynamoThroughputLow", "DynamoWorkersMissing"}


def test_workers_of_each_role_have_an_alert_of_their_own(rules: Callable[..., list[Json]]) -> None:
    found = [r for r in rules(workers={"prefill": 1, "decode": 3, "worker": 0}) if "role" in r["labels"]]
    asked = {r["labels"]["role"]: r["expr"].rpartition("<")[2].strip() for r in found}

    assert asked == {"prefill": "1", "decode": "3"}


def test_targets_stand_in_the_alerts(rules: Callable[..., list[Json]]) -> None:
    targets = {
        "requestP99Seconds": 30.5, "ttftP99Milliseconds": 250, "outputTokensPerSecond": 2_000_000,
        "gpuUtilization": 0.5, "queuedRequests": 1_000_000, "errorRate": 0.002,
    }  # fmt: skip
    ends = {
        rule["alert"]: rule["expr"].split("\n")[-1 if "Through" not in rule["alert"] else 0]
        for rule in rules(targets=targets)
    }

    assert {name: re.split("[<>]", end)[-1].strip() for name, end in ends.items()} == {
        "DynamoRequestsSlow": "30.5",
        "DynamoFirstTokenSlow": "0.25",
        "DynamoThroughputLow": "2000000",
        "DynamoGPUsBusy": "0.5",
        "DynamoQueueLong": "1000000",
        "DynamoRequestsFail": "0.002",
        "DynamoModelNotReady": "1",
    }


def test_every_alert_is_about_the_graph_alone(rules: Callable[..., list[Json]]) -> None:
    assert [rule["alert"] for rule in rules(**EVERY_ALERT) if not of_one_graph(rule["expr"])] == []


def test_every_alert_says_how_bad_it_is_what_happens_and_what_to_do(rules: Callable[..., list[Json]]) -> None:
    for rule in rules(**EVERY_ALERT, after="90s"):
        assert rule["for"] == "90s"
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert (rule["labels"]["graph"], rule["labels"]["namespace"]) == ("qwen", "team")
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert "qwen" in rule["annotations"]["summary"]
        value = "$value" in rule["annotations"]["description"]
        assert value or rule["alert"] == "DynamoModelNotReady"


def test_prometheus_finds_rules_and_monitors_by_the_given_labels(made: Callable[..., list[Json]]) -> None:
    block = {"enabled": True, "labels": {"release": "prometheus"}}
    found = [
        o for kind in ("PrometheusRule", "PodMonitor") for o in made(kind, alerts=block, podMonitor=block)
    ]

    assert len(found) == 3
    assert all(o["metadata"]["labels"]["release"] == "prometheus" for o in found)


def test_pods_are_scraped_as_dynamos_platform_does_it(made: Callable[..., list[Json]]) -> None:
    monitors = {o["metadata"]["name"]: o["spec"] for o in made("PodMonitor", podMonitor={"enabled": True})}
    frontend, worker = monitors["qwen-frontend"], monitors["qwen-worker"]

    namespace = ("dynamo_namespace", "dynamo-namespace")
    role = ("dynamo_component_type", "dynamo-component-type")

    assert types(frontend) == ["frontend"]
    assert types(worker) == ["worker", "prefill", "decode"]
    assert endpoints(frontend) == {"http": (True, [namespace])}
    # The second is the frontend that a worker's pod has for a gateway with an endpoint picker.
    assert endpoints(worker) == {"system": (False, [role]), "http": (True, [namespace, role])}
    enabled = "nvidia.com/metrics-enabled"
    assert all(spec["selector"]["matchLabels"][enabled] == "true" for spec in monitors.values())


def test_only_this_graphs_pods_are_scraped(made: Callable[..., list[Json]]) -> None:
    values = {"podMonitor": {"enabled": True}, "global": {"graph": "g"}}
    label = "nvidia.com/dynamo-graph-deployment-name"
    specs = [o["spec"] for o in made("PodMonitor", **values)]

    assert [spec["selector"]["matchLabels"][label] for spec in specs] == ["g", "g"]
    assert all("namespaceSelector" not in spec for spec in specs)


def test_the_prometheus_operators_kinds_know_every_field(made: Callable[..., list[Json]]) -> None:
    found = [
        *made("PrometheusRule", alerts={**EVERY_ALERT, "labels": {"a": "b"}}),
        *made("PodMonitor", podMonitor={"enabled": True}),
    ]

    assert len(found) == 3
    for item in found:
        kinds.check(item)


def types(spec: Json) -> list[str]:
    (expression,) = spec["selector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("nvidia.com/dynamo-component-type", "In")
    return list(expression["values"])


def endpoints(spec: Json) -> dict[str, tuple[bool, list[tuple[str, str]]]]:
    """By port: whether the process's own labels win, and which labels come from which of the pod's."""
    prefix = "__meta_kubernetes_pod_label_nvidia_com_"
    return {
        found["port"]: (
            found.get("honorLabels", False),
            [
                (r["targetLabel"], r["sourceLabels"][0].removeprefix(prefix).replace("_", "-"))
                for r in found["relabelings"]
            ],
        )
        for found in spec["podMetricsEndpoints"]
    }
