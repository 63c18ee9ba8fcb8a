"""Stage 3: what follows from what was written, and that nothing is left to decide."""

from typing import Any

import pytest
from hypothesis import given, settings

from recipegen import facts
from recipegen.errors import RecipeError
from samples import MINIMAL, catalog_plans, leaves, plan_of, recipes

PLANS = catalog_plans()


def model(**block: Any) -> dict[str, Any]:
    return {**MINIMAL, "model": {**MINIMAL["model"], **block}}


@given(recipes())
@settings(max_examples=60, deadline=None)
def test_a_resolved_recipe_resolves_to_itself(data: dict[str, Any]) -> None:
    once = plan_of(data)
    twice = plan_of(once.tree)

    assert twice.tree == once.tree
    assert twice.digest == once.digest
    assert twice.reasons == {}


@pytest.mark.parametrize("name", PLANS)
def test_a_resolved_recipe_of_the_catalog_resolves_to_itself(name: str) -> None:
    plan = PLANS[name]

    assert plan_of(plan.tree, plan.name).tree == plan.tree


def test_the_newest_dynamo_release_is_the_default() -> None:
    plan = plan_of(MINIMAL)

    newest = next(version for version, fact in facts.dynamo().items() if "preview" not in fact)
    assert plan.tree["model"]["backend"]["version"] == newest
    assert plan.tree["platform"]["version"] == facts.dynamo()[newest]["platformChart"]


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("example.com/x:1.6.0", "1.6.0"),
        ("example.com/x:v1.6.0-cuda13", "1.6.0"),
        (f"example.com/x:1.6.0@sha256:{'a' * 64}", "1.6.0"),
        ("localhost:5000/x:0.1.0", "1.6.1"),
    ],
)
def test_the_tag_of_an_image_tells_its_dynamo_release(image: str, version: str) -> None:
    assert plan_of(model(backend={"image": image})).tree["model"]["backend"]["version"] == version


def test_the_platforms_version_does_not_follow_the_recipes_runtime() -> None:
    older = plan_of(model(backend={"version": "1.6.0"}))

    assert older.tree["platform"] == plan_of(MINIMAL).tree["platform"]


@pytest.mark.parametrize(("disaggregated", "roles"), [(False, ["worker"]), (True, ["prefill", "decode"])])
def test_a_role_that_is_not_written_gets_one_replica(disaggregated: bool, roles: list[str]) -> None:
    plan = plan_of(model(disaggregation=disaggregated))

    assert list(plan.workers) == roles
    assert [worker.replicas for worker in plan.workers.values()] == [1] * len(roles)


@pytest.mark.parametrize(
    ("backend", "gpus"), [("vllm", 8), ("sglang", 4)], ids=["vllm adds GPUs for ranks", "sglang shares them"]
)
def test_parallel_sizes_give_the_gpus(backend: str, gpus: int) -> None:
    plan = plan_of(model(backend={"type": backend}, engine={"tensorParallel": 4, "dataParallel": 2}))

    assert plan.tree["model"]["worker"]["gpus"] == gpus


def test_gpus_are_spread_over_the_nodes_of_a_replica() -> None:
    plan = plan_of(model(engine={"tensorParallel": 16}, worker={"nodes": 2, "replicas": 3}))

    assert plan.tree["model"]["worker"]["gpus"] == 8
    assert plan.gpus == 48


def test_a_graph_that_is_not_created_has_no_gpus() -> None:
    assert plan_of(model(deployment={"create": False}, engine={"tensorParallel": 8})).gpus == 0


def test_a_roles_engine_wins_over_the_shared_one() -> None:
    worker = {"engine": {"tensorParallel": 2}}
    plan = plan_of(model(engine={"tensorParallel": 8}, worker=worker))

    assert plan.tree["model"]["worker"]["gpus"] == 2


@pytest.mark.parametrize(("backend", "size"), [("vllm", 16), ("sglang", 16), ("trtllm", 32)])
def test_kv_routing_gives_the_block_size_of_the_backend(backend: str, size: int) -> None:
    plan = plan_of(model(backend={"type": backend}, routingPolicy="kv"))

    assert plan.tree["model"]["engine"] == {"blockSize": size}
    assert f"backends/{backend}.yaml" in plan.reasons["model", "engine", "blockSize"]


@pytest.mark.parametrize("block", [{"engine": {"blockSize": 64}}, {"worker": {"engine": {"blockSize": 64}}}])
def test_a_block_size_that_is_written_is_the_only_one(block: dict[str, Any]) -> None:
    plan = plan_of(model(routingPolicy="kv", **block))

    assert [value for path, value in leaves(plan.tree) if path[-1] == "blockSize"] == [64]


def test_the_block_size_of_one_role_is_held_to_the_others_default() -> None:
    roles = {"disaggregation": True, "prefill": {"engine": {"blockSize": 32}}}

    with pytest.raises(RecipeError, match="got prefill 32, decode 16"):
        plan_of(model(routingPolicy="kv", **roles))
    assert plan_of(model(routingPolicy="kv", backend={"type": "trtllm"}, **roles)).reasons


def test_the_block_size_is_the_engines_business_without_kv_routing() -> None:
    assert "blockSize" not in plan_of(MINIMAL).tree["model"]["engine"]


def test_workers_are_told_of_the_graphs_own_model_express_server() -> None:
    plan = plan_of({**MINIMAL, "modelExpress": {"enabled": True}})

    assert plan.recipe.model.model_express_url == "http://qwen-model-express:8001"
    assert "modelExpress.enabled is true" in plan.reasons["model", "modelExpressUrl"]


def test_workers_may_be_told_of_a_server_that_the_cluster_has() -> None:
    url = "http://model-express.shared:8001"

    assert plan_of(model(modelExpressUrl=url)).recipe.model.model_express_url == url
    assert plan_of(MINIMAL).recipe.model.model_express_url is None


def test_hardware_gives_node_selector_and_tolerations() -> None:
    plan = plan_of({**MINIMAL, "hardware": {"gpu": "l40s-48gb"}})

    assert plan.tree["model"]["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L40S"}
    assert plan.tree["model"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


LABEL = "nvidia.com/gpu.product"


@pytest.mark.parametrize(
    ("written", "selector"),
    [
        ({"pool": "big"}, {"pool": "big", LABEL: "NVIDIA-L40S"}),
        ({}, {LABEL: "NVIDIA-L40S"}),
        ({LABEL: "NVIDIA-L40"}, {LABEL: "NVIDIA-L40"}),
    ],
    ids=["another label", "no label", "the same label"],
)
def test_the_hardwares_label_stays_unless_it_is_written(
    written: dict[str, str], selector: dict[str, str]
) -> None:
    plan = plan_of({**model(nodeSelector=written), "hardware": {"gpu": "l40s-48gb"}})

    assert plan.tree["model"]["nodeSelector"] == selector
    assert (("model", "nodeSelector", LABEL) in plan.reasons) is (LABEL not in written)


def test_tolerations_that_are_written_replace_the_hardwares() -> None:
    plan = plan_of({**model(tolerations=[]), "hardware": {"gpu": "l40s-48gb"}})

    assert plan.tree["model"]["tolerations"] == []


def test_every_value_that_nobody_wrote_has_a_reason() -> None:
    plan = plan_of({**MINIMAL, "hardware": {"gpu": "l40s-48gb"}})

    assert {".".join(map(str, path)) for path in plan.reasons} == {
        "model.backend.version",
        "modelExpress.image",
        "model.nodeSelector",
        "model.tolerations",
        "model.worker",
        "gateway.inferencePool",
        "faultInjection.image",
        "platform.gate.image",
        "model.worker.gpus",
        "observability.dashboards",
        "platform.version",
        "troubleshooting.image",
    }


@pytest.mark.parametrize(
    ("name", "graph"),
    [("qwen-0.6b", "qwen-0-6b"), ("My Model_v2", "my-model-v2"), ("-x.", "x"), ("Größe", "gr--e")],
)
def test_the_graphs_name_comes_from_the_recipes(name: str, graph: str) -> None:
    assert plan_of(MINIMAL, name).graph == graph


@pytest.mark.parametrize("name", ["a{{ b", "a ref+x", "a\nreleases: []", "a\u202eb", "...", "7b"])
def test_a_name_that_would_do_harm_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="name"):
        plan_of(MINIMAL, name)


@pytest.mark.parametrize(
    ("block", "longest"),
    [({}, 37), ({"disaggregation": True, "prefill": {"nodes": 2, "engine": {"tensorParallel": 2}}}, 27)],
    ids=["one node: Helm's limit", "two nodes: Grove's limit"],
)
def test_a_name_fits_up_to_its_budget(block: dict[str, Any], longest: int) -> None:
    assert plan_of(model(**block), "n" * longest).graph == "n" * longest

    with pytest.raises(RecipeError, match=f"at most {longest} characters"):
        plan_of(model(**block), "n" * (longest + 1))


def test_the_platforms_name_is_free_in_another_namespace() -> None:
    assert plan_of(MINIMAL, "dynamo-platform").graph == "dynamo-platform"


def test_no_two_recipes_of_the_catalog_share_a_graphs_name() -> None:
    names = {plan.name for plan in PLANS.values()}

    assert len({plan.graph for plan in PLANS.values()}) == len(names)


def test_the_dynamo_namespace_is_what_the_operator_computes() -> None:
    assert plan_of(MINIMAL, "qwen-0.6b").dynamo_namespace == "qwen-qwen-0-6b"


def test_a_tag_that_names_no_known_release_is_a_warning() -> None:
    (warning,) = plan_of(model(backend={"image": "example.com/x:0.1.0"})).warnings

    assert warning.path == ("model", "backend", "image")


def test_a_shared_namespace_is_a_warning() -> None:
    (warning,) = plan_of({**MINIMAL, "dynamoNamespace": "default"}).warnings

    assert warning.warning
    assert "shared" in warning.message


@pytest.mark.parametrize(
    ("block", "dashboards"),
    [
        ({}, []),
        ({"routingPolicy": "kv"}, ["router"]),
        ({"disaggregation": True}, ["disaggregation"]),
        ({"disaggregation": True, "routingPolicy": "kv"}, ["router", "disaggregation"]),
    ],
    ids=str,
)
def test_dashboards_are_those_that_have_something_to_show(
    block: dict[str, Any], dashboards: list[str]
) -> None:
    tree = plan_of(model(**block)).tree

    assert tree["observability"]["dashboards"] == ["frontend", "workers", "cache", *dashboards]


@pytest.mark.parametrize(
    ("block", "alerts", "workers"),
    [
        ({"worker": {"replicas": 3}}, {}, {"worker": 3}),
        ({"disaggregation": True, "decode": {"replicas": 2}}, {}, {"prefill": 1, "decode": 2}),
        ({"worker": {"replicas": 3}}, {"workers": {"worker": 1}}, {"worker": 1}),
        ({"deployment": {"create": False}}, {}, None),
        ({}, {"without": ["DynamoWorkersMissing"]}, None),
        ({}, {"enabled": False}, None),
    ],
    ids=str,
)
def test_alerts_know_the_replicas_of_the_graph(
    block: dict[str, Any], alerts: dict[str, Any], workers: dict[str, int] | None
) -> None:
    observability = {"enabled": True, "alerts": {"enabled": True, **alerts}}
    plan = plan_of({**model(**block), "observability": observability})

    assert plan.tree["observability"]["alerts"].get("workers") == workers
