"""How pods of an endpoint come and go, what may take them away, and the forwarder beside the frontend."""

import re
from typing import Any

import pytest
import yaml

from conftest import ROOT
from recipegen import facts, helm
from recipegen.compile import compile_plan
from recipegen.resolve import Plan
from samples import MINIMAL, Object, plan_of

SERVERLESS = {"endpoint": {"kind": "serverless"}}
FORWARDER = {"image": "registry.example.com/http-forwarder:1.0"}
SURGE = "nvidia.com/deployment-rolling-update-max-surge"
UNAVAILABLE = "nvidia.com/deployment-rolling-update-max-unavailable"
NODES = {"engine": {"tensorParallel": 16}, "worker": {"nodes": 2, "sharedMemory": "16Gi"}}


def planned(model: dict[str, Any] | None = None, **more: Any) -> Plan:
    return plan_of({**MINIMAL, **more, "model": {**MINIMAL["model"], **(model or {})}})


def objects(plan: Plan) -> dict[str, list[Object]]:
    """The objects of the model's release, by kind."""
    (release,) = [r for r in compile_plan(plan).releases if r.labels.get("component") == "model"]
    found: dict[str, list[Object]] = {}
    for item in helm.objects(release):
        found.setdefault(item["kind"], []).append(item)
    return found


def graph(plan: Plan) -> Object:
    (found,) = objects(plan)["DynamoGraphDeployment"]
    return found


def pods(plan: Plan) -> dict[str, Object]:
    return {c["name"]: c["podTemplate"] for c in graph(plan)["spec"]["components"]}


def test_l27_an_endpoint_takes_no_pod_away_before_another_is_ready() -> None:
    plan = planned(**SERVERLESS)

    assert graph(plan)["spec"]["annotations"] == {SURGE: "1", UNAVAILABLE: "0"}
    assert plan.tree["model"]["rollout"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
        "terminationGraceSeconds": 600,
    }


@pytest.mark.parametrize(
    ("endpoint", "more", "seconds"),
    [
        ({"kind": "serverless"}, {}, 600),
        ({"kind": "dedicated", "prefix": "dippy", "owner": "u1"}, {}, 600),
        ({"kind": "reserved", "prefix": "dippy", "owner": "u1"}, {}, 600),
        ({"kind": "batch"}, {"batch": {"enabled": True}}, 600),
    ],
    ids=str,
)
def test_l27_requests_get_ten_minutes_to_end(
    endpoint: dict[str, Any], more: dict[str, Any], seconds: int
) -> None:
    plan = derived_of(endpoint, more)

    assert plan[("model", "rollout", "terminationGraceSeconds")][0] == seconds


def test_l27_requests_from_a_queue_get_half_an_hour() -> None:
    value, reason = derived_of({"kind": "async"}, {})[("model", "rollout", "terminationGraceSeconds")]

    assert value == 1800
    assert "endpoint.kind is async" in reason


def derived_of(endpoint: dict[str, Any], more: dict[str, Any]) -> dict[Any, tuple[Any, str]]:
    """What follows from a recipe, by path, before any rule looks at what belongs to other blocks."""
    from recipegen.derive import derived
    from recipegen.recipe import Recipe

    data = {**MINIMAL, **more, "endpoint": endpoint}
    recipe = Recipe.model_validate(data)
    return {path: (value, reason) for path, value, reason in derived(recipe, "qwen")}


def test_l27_every_pod_of_the_graph_has_the_grace() -> None:
    templates = pods(planned({"rollout": {"terminationGraceSeconds": 900}}))

    assert {pod["spec"]["terminationGracePeriodSeconds"] for pod in templates.values()} == {900}
    assert templates.keys() == {"frontend", "worker"}


def test_l27_what_is_written_wins_and_the_rest_is_filled_in() -> None:
    plan = planned({"rollout": {"maxSurge": "50%"}}, **SERVERLESS)

    assert graph(plan)["spec"]["annotations"] == {SURGE: "50%", UNAVAILABLE: "0"}
    assert plan.reasons.keys().isdisjoint({("model", "rollout"), ("model", "rollout", "maxSurge")})


@pytest.mark.parametrize("surge", [0, "0%"])
def test_l27_without_a_gpu_to_spare_a_pod_goes_before_another_comes(surge: int | str) -> None:
    plan = planned({"rollout": {"maxSurge": surge}}, **SERVERLESS)

    assert graph(plan)["spec"]["annotations"] == {SURGE: str(surge), UNAVAILABLE: "1"}
    assert "maxSurge is 0" in plan.reasons["model", "rollout", "maxUnavailable"]


@pytest.mark.parametrize("unavailable", [0, "0%", 1, "25%"])
def test_l27_pods_that_may_be_missing_leave_the_one_more(unavailable: int | str) -> None:
    plan = planned({"rollout": {"maxUnavailable": unavailable}}, **SERVERLESS)

    assert graph(plan)["spec"]["annotations"] == {SURGE: "1", UNAVAILABLE: str(unavailable)}


def test_l27_without_an_endpoint_nothing_is_said() -> None:
    plan = planned()

    assert plan.tree["model"].keys().isdisjoint({"rollout", "disruptionBudget", "forwarder"})
    assert "annotations" not in graph(plan)["spec"]
    assert all("terminationGracePeriodSeconds" not in pod["spec"] for pod in pods(plan).values())


@pytest.mark.parametrize(
    "more", [{"model": NODES}, {"platform": {"grove": "existing"}}], ids=["several nodes", "grove"]
)
def test_l27_where_others_replace_pods_only_the_grace_is_derived(more: dict[str, Any]) -> None:
    plan = planned(more.get("model"), **SERVERLESS, **{k: v for k, v in more.items() if k != "model"})

    assert plan.tree["model"]["rollout"] == {"terminationGraceSeconds": 600}
    assert "annotations" not in graph(plan)["spec"]


def test_l26_an_endpoint_keeps_half_of_each_components_pods() -> None:
    budgets = objects(planned({"worker": {"replicas": 4}}, **SERVERLESS))["PodDisruptionBudget"]

    assert [b["metadata"]["name"] for b in budgets] == ["qwen-frontend", "qwen-worker"]
    assert [b["spec"]["maxUnavailable"] for b in budgets] == ["50%", "50%"]


def test_l26_a_budget_selects_the_pods_of_its_component_and_no_others() -> None:
    disaggregated = {"disaggregation": True, "prefill": {"replicas": 2}, "disruptionBudget": {}}
    plan = planned(disaggregated)
    labels = {role: pod["metadata"]["labels"] for role, pod in pods(plan).items()}
    budgets = objects(plan)["PodDisruptionBudget"]

    assert len(budgets) == len(labels) == 3
    for budget, role in zip(budgets, labels, strict=True):
        selector = budget["spec"]["selector"]["matchLabels"]
        assert [each for each, found in labels.items() if selector.items() <= found.items()] == [role]


def test_l26_replicas_over_several_nodes_have_no_budget() -> None:
    budgets = objects(planned(NODES, **SERVERLESS))["PodDisruptionBudget"]

    assert [b["metadata"]["name"] for b in budgets] == ["qwen-frontend"]


@pytest.mark.parametrize(("given", "rendered"), [(1, 1), ("25%", "25%"), (0, 0)])
def test_l26_a_budget_may_be_a_number_or_a_share(given: Any, rendered: Any) -> None:
    budgets = objects(planned({"disruptionBudget": {"maxUnavailable": given}}))["PodDisruptionBudget"]

    assert {b["spec"]["maxUnavailable"] for b in budgets} == {rendered}


def test_l26_an_endpoint_can_do_without() -> None:
    plan = planned({"disruptionBudget": {"enabled": False}}, **SERVERLESS)

    assert "PodDisruptionBudget" not in objects(plan)


def test_l28_every_pod_of_the_graph_has_the_priority_class() -> None:
    plan = planned({"priorityClass": "model-high"})

    assert {pod["spec"]["priorityClassName"] for pod in pods(plan).values()} == {"model-high"}
    # Grove alone reads that of the graph.
    assert "priorityClassName" not in graph(plan)["spec"]


def forwarder(plan: Plan) -> Object:
    found: Object
    (found,) = [c for c in pods(plan)["frontend"]["spec"]["containers"] if c["name"] == "http-forwarder"]
    return found


def config(plan: Plan) -> dict[str, Any]:
    (found,) = [o for o in objects(plan)["ConfigMap"] if o["metadata"]["name"] == "qwen-forwarder"]
    told: dict[str, Any] = yaml.safe_load(found["data"]["http_forwarder.yaml"])["forwarder"]
    return told


def test_l08_the_forwarder_stands_beside_the_frontend_with_llm_engines_defaults() -> None:
    plan = planned({"forwarder": FORWARDER})
    container, told = forwarder(plan), config(plan)

    assert container["args"][2:] == ["--port", "5000", "--num-workers", "2"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "forwarder"}
    assert told["max_concurrency"] == 100
    assert told["sync"]["predict_route"] == "/predict"
    assert told["stream"]["predict_route"] == "/stream"
    for half in ("sync", "stream"):
        assert told[half]["extra_routes"] == ["/v1/chat/completions", "/v1/completions"]
    assert "http-forwarder" not in {c["name"] for c in pods(plan)["worker"]["spec"]["containers"]}


def test_l08_it_forwards_to_where_dynamos_frontend_listens_not_to_5005() -> None:
    plan = planned({"forwarder": FORWARDER})
    told = config(plan)

    assert (told["sync"]["user_hostname"], told["sync"]["user_port"]) == ("localhost", 8000)
    assert told["stream"]["healthcheck_route"] == "/health"
    assert plan.reasons["model", "forwarder", "targetPort"] == "Dynamo's frontend listens there"


def test_l08_its_file_is_where_its_arguments_say() -> None:
    plan = planned({"forwarder": FORWARDER})
    container, pod = forwarder(plan), pods(plan)["frontend"]["spec"]
    (mount,) = container["volumeMounts"]
    (volume,) = [v for v in pod["volumes"] if v["name"] == mount["name"]]

    assert container["args"][:2] == ["--config", f"{mount['mountPath']}/http_forwarder.yaml"]
    assert volume["configMap"]["name"] == "qwen-forwarder"


def test_l08_its_service_leads_to_it() -> None:
    plan = planned({"forwarder": {**FORWARDER, "port": 5050}})
    (service,) = objects(plan)["Service"]
    (port,) = service["spec"]["ports"]
    labels = pods(plan)["frontend"]["metadata"]["labels"]

    assert service["metadata"]["name"] == "qwen-forwarder"
    assert (port["port"], port["targetPort"]) == (5050, forwarder(plan)["ports"][0]["name"])
    assert forwarder(plan)["ports"][0]["containerPort"] == 5050
    assert service["spec"]["selector"].items() <= labels.items()


def test_l08_another_configuration_starts_the_frontend_anew() -> None:
    def checksum(**keys: Any) -> str:
        metadata = pods(planned({"forwarder": {**FORWARDER, **keys}}))["frontend"]["metadata"]
        return str(metadata["annotations"]["checksum/config"])

    assert checksum() == checksum()
    assert checksum() != checksum(maxConcurrency=50)


def test_l08_its_limits_are_the_overhead_that_llm_engine_reserves() -> None:
    limits = forwarder(planned({"forwarder": FORWARDER}))["resources"]["limits"]

    assert limits == {"cpu": "1", "memory": "2Gi", "ephemeral-storage": "1G"}


def test_l08_switched_off_there_is_none() -> None:
    found = objects(planned({"forwarder": {**FORWARDER, "enabled": False}}))

    assert found.keys() == {"DynamoGraphDeployment"}


def test_l10_the_envelope_is_taken_off_requests() -> None:
    told = config(planned({"forwarder": FORWARDER}))

    assert told["sync"]["model_engine_unwrap"] is True
    assert told["stream"]["model_engine_unwrap"] is True


def test_l10_routes_can_be_chosen_and_the_first_is_the_predict_route() -> None:
    told = config(planned({"forwarder": {**FORWARDER, "syncRoutes": ["/v1/embeddings", "/v1/models"]}}))

    assert told["sync"]["predict_route"] == "/v1/embeddings"
    assert told["sync"]["extra_routes"] == ["/v1/models"]


def test_plain_helm_has_the_defaults_of_the_language() -> None:
    """The chart's own defaults, for those who write values by hand, are the recipe's."""
    from pydantic.alias_generators import to_camel

    from recipegen.catalog import charts
    from recipegen.recipe import Forwarder

    values = yaml.safe_load((charts() / "stack/charts/model/values.yaml").read_text())["forwarder"]
    own = Forwarder().model_dump(by_alias=True, exclude_none=True)

    assert {to_camel(name) for name in Forwarder.model_fields} == values.keys() | {"image"}
    assert values == {**own, "targetPort": 8000}


def test_llm_engines_numbers_are_facts() -> None:
    assert facts.llm_endpoints()["rollout"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
        "terminationGraceSeconds": {"async": 1800, "default": 600},
        "disruptionBudget": "50%",
    }


BATCH: dict[str, Any] = {
    "enabled": True,
    "input": {"claimName": "files", "path": "in.jsonl"},
    "output": {"claimName": "files", "path": "out"},
}
# Recipes that together have everything that the page names, each with what makes it.
ASKED: dict[str, dict[str, Any]] = {
    "endpoint": {"endpoint": {"kind": "serverless"}},
    "several nodes": {"model": NODES},
    "engine's file": {"model": {"worker": {"extraConfig": {"content": {"seed": 1}}}}},
    "forwarder": {"model": {"forwarder": FORWARDER}},
    "cache": {"model": {"cache": {"enabled": True}}},
    "hpa": {"scaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 4}},
    "keda": {
        "scaling": {
            "enabled": True,
            "minReplicas": 0,
            "maxReplicas": 4,
            "keda": {
                "prometheus": {"address": "http://prometheus.monitoring:9090", "wakeQuery": "sum(asked)"}
            },
        }
    },
    "gateway": {"gateway": {"enabled": True, "create": True, "gatewayClassName": "any"}},
    "batch": {"batch": BATCH},
    "schedule": {"batch": {**BATCH, "schedule": "@daily"}},
    "warmup": {"warmup": {"enabled": True, "placeholders": {"count": 1}}},
}


def kinds(**recipe: Any) -> set[str]:
    """The kinds of a recipe's own objects."""
    plan = planned(recipe.pop("model", None), **recipe)
    own = [r for r in compile_plan(plan).releases if r.installed and r.labels["component"] != "platform"]
    return {item["kind"] for release in own for item in helm.objects(release)}


def test_l26_the_page_of_llm_engines_objects_names_kinds_that_are_rendered() -> None:
    table = (ROOT / "docs/policies.md").read_text().split("## LLM Engine's objects")[1]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("| ")][1:]
    named = {kind for row in rows for kind in re.findall(r"`([A-Z][A-Za-z]+)`", row)}
    made = set().union(*(kinds(**recipe) for recipe in ASKED.values()))

    assert len(rows) == 14
    assert named >= {"DynamoGraphDeployment", "PodDisruptionBudget", "DaemonSet", "CronJob", "ScaledObject"}
    assert named - made == set()


def test_l26_one_autoscaler_or_the_other_and_never_both() -> None:
    autoscalers = {"HorizontalPodAutoscaler", "ScaledObject"}

    assert kinds(**ASKED["hpa"]) & autoscalers == {"HorizontalPodAutoscaler"}
    assert kinds(**ASKED["keda"]) & autoscalers == {"ScaledObject"}


def test_l26_over_several_nodes_the_graph_says_how_many() -> None:
    (worker,) = [c for c in graph(planned(NODES))["spec"]["components"] if c["name"] == "worker"]

    assert worker["multinode"] == {"nodeCount": 2}
