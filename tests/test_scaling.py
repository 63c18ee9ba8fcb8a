"""The `scaling` block: which autoscaler a recipe gets, what it follows, and what else has to know of it."""

import re
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from recipegen import pipeline, policyfile, yamlio
from recipegen.compile import compile_plan, stack_values
from recipegen.errors import RecipeError
from recipegen.recipe import Recipe
from recipegen.resolve import Plan
from recipegen.scaling import scaler
from recipegen.targets import TARGETS
from samples import MINIMAL, objects, plan_of, releases, through_the_parent

PROMETHEUS = {"address": "http://prometheus-operated.monitoring:9090"}
WOKEN = {**PROMETHEUS, "wakeQuery": 'sum(rate(istio_requests_total{destination_service_name="x"}[1m]))'}
QUEUE = {"address": "redis.queues:6379", "name": "tasks"}
SQS = "https://sqs.eu-west-1.amazonaws.com/1/tasks"
ADAPTER = {"apiVersion": "nvidia.com/v1beta1", "kind": "DynamoGraphDeploymentScalingAdapter"}


def scaled(
    block: dict[str, Any], *, kind: str = "", model: dict[str, Any] | None = None, **more: Any
) -> Plan:
    """The plan of the smallest recipe with a `scaling` block."""
    data = {**MINIMAL, "model": {**MINIMAL["model"], **(model or {})}, **more}
    endpoint = {"endpoint": {"kind": kind}} if kind else {}
    return plan_of({**endpoint, **data, "scaling": {"enabled": True, **block}})


def scalers(plan: Plan) -> list[dict[str, Any]]:
    """What the release of the autoscaler renders to; nothing where it is off."""
    found = releases(plan)
    return objects(found["scaling"]) if "scaling" in found else []


def only(plan: Plan) -> dict[str, Any]:
    [found] = scalers(plan)
    return found


def component(plan: Plan, role: str) -> dict[str, Any]:
    """One component of the graph."""
    [graph] = [o for o in objects(releases(plan)["model"]) if o["kind"] == "DynamoGraphDeployment"]
    found: dict[str, Any] = next(c for c in graph["spec"]["components"] if c["name"] == role)
    return found


# LLM Engine's rule as a table: kind, fewest replicas, nodes of a replica, and what a recipe gets.
NODES = {"engine": {"tensorParallel": 2}, "worker": {"nodes": 2}}
RULE = [
    ("serverless", 1, 1, {}, "HorizontalPodAutoscaler"),
    ("serverless", 3, 1, {}, "HorizontalPodAutoscaler"),
    ("serverless", 0, 1, {"keda": {"prometheus": WOKEN}}, "ScaledObject"),
    ("async", 0, 1, {"keda": {"queue": QUEUE}}, "ScaledObject"),
    ("async", 2, 1, {"keda": {"queue": QUEUE}}, "ScaledObject"),
    ("serverless", 4, 2, {}, None),
]


@pytest.mark.parametrize(("kind", "least", "nodes", "more", "expected"), RULE)
def test_l25_the_autoscaler_is_chosen_by_kind_minimum_and_nodes(
    kind: str, least: int, nodes: int, more: dict[str, Any], expected: str | None
) -> None:
    model = NODES if nodes > 1 else {}
    plan = scaled({"minReplicas": least, "maxReplicas": 4, **more}, kind=kind, model=model)

    assert [item["kind"] for item in scalers(plan)] == ([expected] if expected else [])


def test_l25_work_from_a_queue_is_scaled_by_it_though_the_recipe_names_no_autoscaler() -> None:
    recipe = Recipe.model_validate(
        {
            "dynamoNamespace": "own",
            "endpoint": {"kind": "async"},
            "model": {"name": "a/b", "worker": {}},
            "scaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 4},
        }
    )

    assert scaler(recipe) == "keda"


@pytest.mark.parametrize(
    ("kind", "least", "code"),
    [
        ("serverless", 0, "scaler-without-source"),
        ("async", 0, "async-without-queue"),
        ("async", 1, "async-without-queue"),
    ],
)
def test_l25_what_keda_would_read_is_never_left_out_in_silence(kind: str, least: int, code: str) -> None:
    with pytest.raises(RecipeError) as raised:
        scaled({"minReplicas": least, "maxReplicas": 4}, kind=kind)

    [problem] = raised.value.problems
    assert problem.code == code
    assert problem.mark is not None
    assert "scaling.keda: {" in problem.hint


def test_l25_from_zero_the_numbers_are_llm_engines() -> None:
    spec = only(scaled({"minReplicas": 0, "maxReplicas": 4, "keda": {"prometheus": WOKEN}}))["spec"]

    assert (spec["pollingInterval"], spec["cooldownPeriod"]) == (5, 300)
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 1}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 4)


def test_l25_the_first_replica_is_all_that_a_wake_query_brings() -> None:
    spec = only(scaled({"minReplicas": 0, "maxReplicas": 4, "keda": {"prometheus": WOKEN}}))["spec"]
    follow, wake = (trigger["metadata"] for trigger in spec["triggers"])

    assert wake["query"] == WOKEN["wakeQuery"]
    # What KEDA's HorizontalPodAutoscaler asks for while a hundred thousand requests come a second.
    assert ceil(100_000 / int(wake["threshold"])) == 1
    assert follow["threshold"] == "250"


def test_l25_an_hpa_holds_requests_in_flight_to_perworker() -> None:
    spec = only(scaled({"minReplicas": 2, "maxReplicas": 4, "perWorker": 12}))["spec"]

    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 4)
    assert spec["metrics"] == [
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": "dynamo_component_inflight_requests"},
                "target": {"type": "AverageValue", "averageValue": "12"},
            },
        }
    ]


@pytest.mark.parametrize("fewest", [1, 3])
def test_l25_several_nodes_keep_their_number(fewest: int) -> None:
    plan = scaled({"minReplicas": fewest, "maxReplicas": fewest}, model=NODES)

    assert component(plan, "worker")["replicas"] == fewest
    assert "scalingAdapter" not in component(plan, "worker")


@pytest.mark.parametrize(
    ("kind", "engine", "expected"),
    [("serverless", {}, "250"), ("async", {}, "20"), ("serverless", {"maxNumSeqs": 64}, "64")],
)
def test_l24_a_replica_has_as_many_requests_as_its_batch_else_llm_engines_number(
    kind: str, engine: dict[str, int], expected: str
) -> None:
    keda = {"queue": QUEUE} if kind == "async" else {"prometheus": PROMETHEUS}
    spec = only(scaled({"maxReplicas": 4, "keda": keda}, kind=kind, model={"engine": engine}))["spec"]
    metadata = spec["triggers"][0]["metadata"]

    assert metadata.get("threshold", metadata.get("listLength")) == expected


def test_l24_an_endpoint_has_250_workers_at_most() -> None:
    assert only(scaled({"maxReplicas": 250}))["spec"]["maxReplicas"] == 250
    with pytest.raises(RecipeError, match="at most 250, got 251"):
        scaled({"maxReplicas": 251})


@given(
    queue=st.integers(0, 10_000),
    per_worker=st.integers(1, 500),
    least=st.integers(0, 20),
    most=st.integers(20, 250),
)
def test_l05_workers_are_the_queue_over_perworker_rounded_up_within_bounds(
    queue: int, per_worker: int, least: int, most: int
) -> None:
    block = {"minReplicas": least, "maxReplicas": most, "perWorker": per_worker, "keda": {"queue": QUEUE}}
    plan = scaled(block, kind="async")
    spec = only(plan)["spec"]
    fewest, highest = spec["minReplicaCount"], spec["maxReplicaCount"]
    [trigger] = spec["triggers"]

    # LLM Engine's formula, against what KEDA and its HorizontalPodAutoscaler make of the object.
    engine = min(max(ceil(queue / per_worker), least), most)
    asked = ceil(queue / int(trigger["metadata"]["listLength"]))
    ours = min(max(asked, fewest, 1), highest) if queue or fewest else 0
    assert ours == engine


def test_l05_the_queue_is_read_as_an_average_of_each_worker_and_its_maximum_of_600_s_counts() -> None:
    spec = only(scaled({"minReplicas": 0, "maxReplicas": 9, "keda": {"queue": QUEUE}}, kind="async"))["spec"]

    assert spec["triggers"] == [
        {
            "type": "redis",
            "metricType": "AverageValue",
            "metadata": {"address": "redis.queues:6379", "listName": "tasks", "listLength": "20"},
        }
    ]
    window = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert window == {"stabilizationWindowSeconds": 600}


@pytest.mark.parametrize(
    ("queue", "metadata"),
    [
        (
            {
                "broker": "aws-sqs-queue",
                "name": "https://sqs.eu-west-1.amazonaws.com/1/q",
                "region": "eu-west-1",
            },
            {
                "queueURL": "https://sqs.eu-west-1.amazonaws.com/1/q",
                "awsRegion": "eu-west-1",
                "queueLength": "7",
            },
        ),
        (
            {"broker": "gcp-pubsub", "name": "tasks"},
            {"subscriptionName": "tasks", "mode": "SubscriptionSize", "value": "7"},
        ),
        (
            {"broker": "azure-servicebus", "name": "tasks", "namespace": "ours"},
            {"queueName": "tasks", "namespace": "ours", "messageCount": "7"},
        ),
    ],
)
def test_l05_queues_of_the_clouds_have_their_own_spelling(
    queue: dict[str, str], metadata: dict[str, str]
) -> None:
    block = {"maxReplicas": 4, "perWorker": 7, "keda": {"queue": {**queue, "authentication": "identity"}}}
    [trigger] = only(scaled(block, kind="async"))["spec"]["triggers"]

    assert trigger["type"] == queue["broker"]
    assert trigger["metadata"] == metadata
    assert trigger["authenticationRef"] == {"name": "identity"}


@pytest.mark.parametrize(
    ("timeout", "window", "expected"),
    [(None, {}, 600), (1, {}, 600), (43_200, {}, 43_200), (400, {"scaleDownSeconds": 60}, 400)],
)
def test_l30_workers_outlive_the_window_and_the_longest_task_that_left_the_queue(
    timeout: int | None, window: dict[str, int], expected: int
) -> None:
    """KEDA goes to none from any number of replicas, whatever the window of its HorizontalPodAutoscaler."""
    queue = QUEUE | ({"messageTimeout": timeout} if timeout else {})
    block = {"minReplicas": 0, "maxReplicas": 4, "keda": {"queue": queue}, **window}

    assert only(scaled(block, kind="async"))["spec"]["cooldownPeriod"] == expected


def test_l25_to_none_replicas_go_no_sooner_than_the_window_lets_one_go() -> None:
    block = {"minReplicas": 0, "maxReplicas": 4, "scaleDownSeconds": 1200, "keda": {"prometheus": WOKEN}}

    assert only(scaled(block))["spec"]["cooldownPeriod"] == 1200


@pytest.mark.parametrize(
    "key", ["taskExpiresSeconds", "defaultCallbackUrl", "defaultCallbackAuth", "messageTimeoutSeconds"]
)
def test_l30_what_only_a_consumer_of_tasks_could_do_is_no_key(key: str) -> None:
    """Nothing here takes tasks from a queue, so nothing could expire them or call anybody back."""
    block = {"maxReplicas": 4, "keda": {"queue": {**QUEUE, key: 86_400}}}

    with pytest.raises(RecipeError, match=f"{key}: is no key of the recipe language"):
        scaled(block, kind="async")


B24: dict[str, Any] = {
    "minReplicas": 2,
    "maxReplicas": 10,
    "metrics": [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        },
        {
            "type": "External",
            "external": {
                "metric": {"name": "inference_queue_depth"},
                "target": {"type": "Value", "value": 100},
            },
        },
    ],
}


def bud() -> Plan:
    block = {**{key: B24[key] for key in ("minReplicas", "maxReplicas")}, "hpa": {"metrics": B24["metrics"]}}
    return scaled(block, model={"worker": {"resources": {"requests": {"cpu": "8"}}}})


def test_b24_the_hpa_of_buds_guide_is_rendered_as_it_is_written() -> None:
    found = only(bud())

    assert (found["apiVersion"], found["kind"]) == ("autoscaling/v2", "HorizontalPodAutoscaler")
    assert found["spec"] == {"scaleTargetRef": {**ADAPTER, "name": "qwen-worker"}, **B24}


def test_b24_an_external_metric_is_said_to_need_an_adapter() -> None:
    [warning] = bud().warnings

    assert warning.code == "metrics-adapter"
    assert "inference_queue_depth" in warning.message
    assert "prometheus-adapter" in warning.message


BLOCKS = {
    "hpa": {"maxReplicas": 4},
    "keda": {"maxReplicas": 4, "keda": {"prometheus": PROMETHEUS}},
    "asleep": {"minReplicas": 0, "maxReplicas": 4, "keda": {"prometheus": WOKEN}},
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_an_autoscaler_targets_the_adapter_that_the_operator_makes_and_never_the_graph(
    block: dict[str, Any],
) -> None:
    plan = scaled(block)

    assert only(plan)["spec"]["scaleTargetRef"] == {**ADAPTER, "name": "qwen-worker"}
    assert component(plan, "worker")["scalingAdapter"] == {}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_replicas_of_a_scaled_role_are_not_ours(block: dict[str, Any]) -> None:
    plan = scaled(block)

    assert "replicas" not in component(plan, "worker")
    assert "replicas" not in plan.tree["model"]["worker"]
    assert component(plan, "frontend")["replicas"] == 1


@pytest.mark.parametrize("block", [*BLOCKS.values(), {"planner": {}}])
def test_a_resolved_recipe_that_is_scaled_resolves_to_itself(block: dict[str, Any]) -> None:
    plan = scaled(block)

    assert plan_of(plan.tree).tree == plan.tree


def test_a_fixed_number_over_several_nodes_resolves_to_itself() -> None:
    plan = scaled({"minReplicas": 2, "maxReplicas": 2}, model=NODES)

    assert plan_of(plan.tree).tree == plan.tree


def test_decode_workers_are_scaled_in_a_disaggregated_graph_unless_another_role_is_named() -> None:
    model = {"disaggregation": True}
    decode, prefill = (scaled({"maxReplicas": 4, **role}, model=model) for role in ({}, {"role": "prefill"}))

    assert only(decode)["spec"]["scaleTargetRef"]["name"] == "qwen-decode"
    assert component(decode, "prefill")["replicas"] == 1
    assert only(prefill)["metadata"]["name"] == "qwen-prefill"


def test_a_planner_gets_adapters_for_every_role_of_the_workers_and_no_object() -> None:
    plan = scaled({"planner": {}}, model={"disaggregation": True})

    assert scalers(plan) == []
    assert [component(plan, role).get("scalingAdapter") for role in ("frontend", "prefill", "decode")] == [
        None, {}, {},
    ]  # fmt: skip


def test_an_adapter_alone_is_for_a_scaler_of_ones_own() -> None:
    plan = plan_of({**MINIMAL, "model": {**MINIMAL["model"], "worker": {"scalingAdapter": True}}})

    assert component(plan, "worker")["scalingAdapter"] == {}
    assert "scaling" not in releases(plan)


def test_gpus_are_a_range() -> None:
    plan = scaled({"minReplicas": 2, "maxReplicas": 5}, model={"engine": {"tensorParallel": 4}})

    assert (plan.fewest_gpus, plan.gpus) == (8, 20)
    assert plan.gpus_words == "8 to 20 GPUs"


def watched(least: int, **alerts: Any) -> dict[str, Any]:
    keda = {"prometheus": PROMETHEUS if least else WOKEN}
    block = {"minReplicas": least, "maxReplicas": 4, "keda": keda}
    on = {"enabled": True, "alerts": {"enabled": True, **alerts}}
    found: dict[str, Any] = scaled(block, observability=on).tree["observability"]["alerts"]
    return found


def test_alerts_about_missing_workers_know_the_minimum() -> None:
    assert watched(3)["workers"] == {"worker": 3}


def test_a_model_without_workers_is_no_fault_where_there_may_be_none() -> None:
    assert watched(0)["workers"] == {"worker": 0}
    assert watched(0)["without"] == ["DynamoModelNotReady"]
    assert watched(0, without=["DynamoGPUsBusy"])["without"] == ["DynamoGPUsBusy", "DynamoModelNotReady"]
    assert watched(1)["without"] == []


def test_nothing_is_divided_by_gpus_that_come_and_go() -> None:
    assert "gpus" not in scaled({"maxReplicas": 4}, benchmark={"enabled": True}).tree["benchmark"]


@pytest.mark.parametrize("block", [*BLOCKS.values(), {"planner": {}}])
def test_both_forms_of_a_scaled_recipe_are_the_same_objects(block: dict[str, Any]) -> None:
    plan = scaled(block)

    assert through_the_parent(plan, stack_values(plan)) == objects(*releases(plan).values())


def test_the_scaler_comes_after_the_graph() -> None:
    plan = scaled({"maxReplicas": 4})
    document = yamlio.read(TARGETS["helmfile"](plan, compile_plan(plan)), "helmfile.yaml").data
    needs = {release["name"]: release.get("needs") for release in document["releases"]}

    assert needs["qwen-scaling"] == ["qwen/qwen"]


def test_every_broker_of_the_chart_is_in_the_language() -> None:
    from typing import get_args

    from recipegen import facts
    from recipegen.recipe import Queue

    assert [*facts.brokers()] == [*get_args(Queue.model_fields["broker"].annotation)]


def test_the_patches_of_the_page_apply() -> None:
    patches = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/scaling.md").read_text(), re.DOTALL)
    found = [patch for patch in patches if "apiVersion" not in patch]
    plans = [pipeline.plan("qwen-0.6b", None, [yamlio.read(patch, "p.yaml")]) for patch in found]

    assert [only(plan)["kind"] for plan in plans] == ["HorizontalPodAutoscaler", "ScaledObject"]
    assert [problem.code for plan in plans for problem in plan.warnings] == ["metrics-adapter"]


def test_a_policy_bounds_the_most_replicas() -> None:
    plan = scaled({"minReplicas": 1, "maxReplicas": 9})
    policy = policyfile.parsed("ours.yaml", yamlio.read("maxReplicas: 8\n", "ours.yaml"))
    [problem] = policyfile.hold(plan, policy)

    assert problem.path == ("scaling", "maxReplicas")
    assert problem.message == "is more than 8, got 9"
