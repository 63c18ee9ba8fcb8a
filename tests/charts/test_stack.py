"""The parent chart: a recipe is its values file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from recipegen.rules.hardware import node_label
from samples import plan_of

Render = Callable[..., list[dict[str, Any]]]

TESTS = Path(__file__).parents[1]
STACK = TESTS.parent / "charts" / "stack"
PROPOSAL = yaml.safe_load((TESTS / "golden" / "proposal" / "recipe.yaml").read_text())
RECIPE = {
    "about": {"title": "Qwen", "evidence": "rendered"},
    "dynamoNamespace": "qwen",
    "model": {"name": "Qwen/Qwen3-0.6B"},
    "gateway": {"enabled": False},
    "benchmark": {"enabled": True, "config": None},
    "observability": {"enabled": True},
    "platform": {"install": False},
    "variants": {"small": {"description": "Small.", "patch": {"model": {"worker": None}}}},
}

METRIC = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}


def kinds(objects: list[dict[str, Any]]) -> list[str]:
    return sorted(o["kind"] for o in objects)


def notes(values: dict[str, Any], namespace: str) -> str:
    files = helm_python.Chart.load(STACK).render(values, name="qwen", namespace=namespace)
    return files["stack/templates/NOTES.txt"]


def test_raw_recipe_is_a_values_file(render: Render) -> None:
    objects = render(RECIPE, namespace="qwen")

    assert kinds(objects) == ["ConfigMap", "ConfigMap", "DynamoGraphDeployment", "Job"]


def test_proposals_own_block_is_a_values_file(render: Render) -> None:
    objects = render(PROPOSAL, namespace="qwen-test")

    assert kinds(objects) == ["ConfigMap", "ConfigMap", "DynamoGraphDeployment", "Job"]


def test_other_namespace_than_the_recipes_is_refused_with_the_right_one(render: Render) -> None:
    with pytest.raises(helm_python.HelmError, match="run helm with -n qwen"):
        render(RECIPE, namespace="default")


def test_hardware_is_refused_without_the_label_that_it_stands_for(render: Render) -> None:
    """Silently left out, it would let a recipe for one GPU run on any other."""
    recipe: dict[str, Any] = {**RECIPE, "hardware": {"gpu": "h100-sxm-80gb"}}
    label = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    labelled = {**recipe, "model": {**recipe["model"], "nodeSelector": {**label, "pool": "big"}}}

    assert "DynamoGraphDeployment" in kinds(render(labelled, namespace="qwen"))
    with pytest.raises(helm_python.HelmError, match="recipegen render NAME --target values"):
        render(recipe, namespace="qwen")
    with pytest.raises(helm_python.HelmError, match=r"hardware: its node label is filled in by recipegen"):
        render({**recipe, "model": {**recipe["model"], "nodeSelector": {"pool": "big"}}}, namespace="qwen")


def test_an_endpoint_is_refused_without_its_labels(render: Render) -> None:
    """Silently left out, whoever writes the bills would miss them."""
    recipe = {**RECIPE, "endpoint": {"kind": "dedicated", "prefix": "dippy", "owner": "user-1"}}

    assert render({**recipe, "global": {"labels": {"recipegen/endpoint": "dedicated"}}}, namespace="qwen")
    with pytest.raises(helm_python.HelmError, match=r"endpoint: its labels are filled in by recipegen"):
        render(recipe, namespace="qwen")


def test_an_autoscaler_that_only_recipegen_derives_is_refused(render: Render) -> None:
    """Silently left out, nothing would be scaled."""
    model = {**RECIPE["model"], "worker": {"scalingAdapter": True}}  # type: ignore[dict-item]
    recipe: dict[str, Any] = {**RECIPE, "model": model}
    block = {"enabled": True, "minReplicas": 2, "maxReplicas": 2}
    wide = {**model, "engine": {"tensorParallel": 2}, "worker": {"nodes": 2}}
    pair = {**RECIPE["model"], "disaggregation": True, "decode": {"scalingAdapter": True}}  # type: ignore[dict-item]

    keda = {"prometheus": {"address": "http://a", "query": "b"}}
    autoscalers: list[dict[str, Any]] = [{"planner": {}}, {"keda": keda}]
    for chosen in autoscalers:
        assert render({**recipe, "scaling": {**block, "perWorker": 8, **chosen}}, namespace="qwen")
    assert render({**recipe, "model": wide, "scaling": block}, namespace="qwen")
    with pytest.raises(helm_python.HelmError, match=r"its autoscaler is filled in by recipegen"):
        render({**recipe, "scaling": block}, namespace="qwen")
    with pytest.raises(helm_python.HelmError, match=r"its role is filled in by recipegen"):
        render(
            {**recipe, "model": pair, "scaling": {**block, "hpa": {"metrics": [METRIC]}}}, namespace="qwen"
        )


@pytest.mark.parametrize("cluster", ["gpu-operator", "gke", "eks", "aks"])
def test_the_chart_asks_for_the_label_that_recipegen_derives(render: Render, cluster: str) -> None:
    recipe: dict[str, Any] = {**RECIPE, "hardware": {"gpu": "h100-sxm-80gb", "cluster": cluster}}
    label, value = node_label(plan_of(recipe).recipe)
    labelled = {**recipe, "model": {**recipe["model"], "nodeSelector": {label: value}}}

    assert "DynamoGraphDeployment" in kinds(render(labelled, namespace="qwen"))
    with pytest.raises(helm_python.HelmError, match=label):
        render(recipe, namespace="qwen")


def test_mig_instances_are_refused_without_their_resource(render: Render) -> None:
    recipe: dict[str, Any] = {**RECIPE, "hardware": {"gpu": "h100-sxm-80gb", "mig": "3g.40gb"}}
    complete = plan_of(recipe).tree

    assert "DynamoGraphDeployment" in kinds(render(complete, namespace="qwen"))
    model = {**recipe["model"], "nodeSelector": complete["model"]["nodeSelector"]}
    with pytest.raises(helm_python.HelmError, match=r"nvidia.com/mig-3g\.40gb"):
        render({**recipe, "model": model}, namespace="qwen")


def test_nothing_but_the_graph_is_on_by_default(render: Render) -> None:
    assert kinds(render({"model": {"name": "M"}})) == ["DynamoGraphDeployment"]


def test_existing_graph_is_left_alone(render: Render) -> None:
    model = {"name": "M", "deployment": {"create": False}}
    objects = render({"model": model, "observability": {"enabled": True}})

    assert kinds(objects) == ["ConfigMap"]


@pytest.mark.parametrize(
    ("chart", "key", "block"),
    [
        ("metrics", "observability", {}),
        ("troubleshooting", "troubleshooting", {}),
        ("benchmark", "benchmark", {}),
        ("batch", "batch", {"input": {"claimName": "c", "path": "in"}, "output": {"size": "1Gi"}}),
        ("gateway", "gateway", {"name": "g"}),
        ("model-express", "modelExpress", {}),
    ],
)
def test_component_is_the_same_in_a_release_of_its_own(
    chart: str, key: str, block: dict[str, Any], render: Render
) -> None:
    shared = {"graph": "qwen", "model": "Qwen/Qwen3-0.6B", "dynamoNamespace": "qwen-qwen"}
    values = {"enabled": True, **block}
    model = {"name": "M", "modelExpressUrl": "http://qwen-model-express:8001"}
    together = render({key: values, "model": model, "global": shared}, namespace="qwen")
    alone = render({**values, "global": shared}, chart=chart, name=f"qwen-{chart}", namespace="qwen")

    assert [o for o in together if o["kind"] != "DynamoGraphDeployment"] == alone


def test_faults_are_the_same_in_a_release_of_their_own(render: Render) -> None:
    shared = {"graph": "qwen", "model": "M"}
    faults = {"enabled": True, "acknowledge": "qwen/qwen", "allowedNamespaces": ["qwen"]}
    faults |= {"experiments": [{"name": "kill-worker"}]}
    together = render({"faultInjection": faults, "model": {"name": "M"}, "global": shared}, namespace="qwen")
    alone = render({**faults, "global": shared}, chart="fault-injection", name="qwen-f", namespace="qwen")

    assert [o for o in together if o["kind"] != "DynamoGraphDeployment"] == alone


@pytest.mark.parametrize(
    ("disaggregation", "experiment"),
    [(False, "kill-prefill"), (False, "kill-decode"), (False, "partition"), (True, "kill-worker")],
)
def test_faults_of_workers_that_the_graph_does_not_have_are_refused(
    disaggregation: bool,
    experiment: str,
    render: Render,
) -> None:
    faults = {"enabled": True, "acknowledge": "qwen/qwen", "allowedNamespaces": ["qwen"]}
    model = {"name": "M", "disaggregation": disaggregation}
    with pytest.raises(helm_python.HelmError, match=f"{experiment} does not fit the graph"):
        render(
            {"faultInjection": {**faults, "experiments": [{"name": experiment}]}, "model": model},
            namespace="qwen",
        )


def test_model_is_the_same_in_a_release_of_its_own(render: Render) -> None:
    block = {"name": "M", "cache": {"enabled": True}, "worker": {"extraConfig": {"content": "a: 1"}}}

    assert render({"model": block}) == render(block, chart="model")


def test_notes_name_the_commands_that_reach_the_model() -> None:
    text = notes(RECIPE, "qwen")

    assert "kubectl -n qwen port-forward svc/qwen-frontend 8000" in text
    assert "curl http://localhost:8000/v1/models" in text


def test_notes_name_the_gateway_and_the_header_that_it_wants() -> None:
    text = notes({**RECIPE, "gateway": {"enabled": True, "name": "g", "modelHeader": {"value": "M"}}}, "qwen")

    assert "through the Gateway g" in text
    assert "X-Gateway-Model-Name: M" in text
    assert "Gateway" not in notes(RECIPE, "qwen")


def test_notes_tell_how_helm_asks_the_model_itself() -> None:
    assert "helm test qwen -n qwen --logs" in notes(RECIPE, "qwen")
    assert "helm test" not in notes({"model": {"name": "M", "deployment": {"create": False}}}, "qwen")


def test_notes_tell_how_to_read_the_diagnosis() -> None:
    text = notes({"model": {"name": "M"}, "troubleshooting": {"enabled": True}}, "qwen")

    assert "logs -f -l app.kubernetes.io/instance=qwen,app.kubernetes.io/component=troubleshooting" in text
    assert "troubleshooting" not in notes(RECIPE, "qwen")


def test_notes_name_the_kinds_that_model_express_needs() -> None:
    model = {"name": "M", "modelExpressUrl": "http://qwen-model-express:8001"}
    redis = {"metadata": "redis", "redis": {"url": "redis://redis:6379"}}

    assert "modelmetadatas.modelexpress.nvidia.com" in notes(
        {"model": model, "modelExpress": {"enabled": True}}, "qwen"
    )
    assert "modelmetadatas" not in notes({"model": model, "modelExpress": {"enabled": True, **redis}}, "qwen")
    assert "modelmetadatas" not in notes({"model": {"name": "M"}}, "qwen")


def test_notes_tell_how_to_follow_the_batch() -> None:
    batch = {"enabled": True, "input": {"claimName": "c", "path": "in"}, "output": {"claimName": "c"}}

    assert "component=batch" in notes({**RECIPE, "batch": batch}, "qwen")
    assert "batch" not in notes(RECIPE, "qwen")


def test_notes_tell_how_to_follow_the_benchmark() -> None:
    assert "component=benchmark" in notes(RECIPE, "qwen")
    assert "benchmark" not in notes({"model": {"name": "M"}}, "qwen")


@pytest.mark.parametrize(
    "block",
    [
        {"troubleshooting": {"enabled": True, "clusterRead": True}},
        {
            "faultInjection": {
                "enabled": True,
                "acknowledge": "a-b/c",
                "allowedNamespaces": ["a-b", "a"],
                "experiments": [{"name": "take-node", "node": "node-1"}],
            }
        },
    ],
    ids=["troubleshooting", "faults"],
)
def test_what_stands_outside_of_namespaces_is_called_like_no_other_graphs(
    render: Callable[..., list[dict[str, Any]]], block: dict[str, Any]
) -> None:
    def names(namespace: str, graph: str) -> set[str]:
        given = {key: dict(value) for key, value in block.items()}
        if "faultInjection" in given:
            given["faultInjection"]["acknowledge"] = f"{namespace}/{graph}"
        made = render({**RECIPE, **given, "dynamoNamespace": namespace}, name=graph, namespace=namespace)
        return {o["metadata"]["name"] for o in made if o["kind"].startswith("ClusterRole")}

    assert names("a-b", "c")
    assert not names("a-b", "c") & names("a", "b-c")
