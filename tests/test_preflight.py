"""Preflight on clusters made of objects: the verdict, the changes that it proposes, the reasons it gives."""

import json
from typing import Any

import pytest

from recipegen import load, pipeline
from recipegen.cli import preflight as verb
from recipegen.cluster.client import harmless
from recipegen.cluster.preflight import Preflight, examine
from recipegen.cluster.preflight.items import CANNOT, OK, UNKNOWN, WARN, Item
from recipegen.cluster.preflight.report import data, headline, report
from recipegen.cluster.preflight.stores import selects
from recipegen.errors import ClusterError
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate
from scenes import DYNAMO, GATEWAY, MONITORING, connection, item, node, pod, storage_class

RECIPE = "tests/doctor/llama.yaml"
ALONE = {"benchmark": {"enabled": False}}
TOKEN = item(
    "v1",
    "Secret",
    "hf-token",
    "chat",
    metadata={"managedFields": [{"fieldsV1": {"f:data": {"f:HF_TOKEN": {}}}}]},
)
SHARED = storage_class("shared-nvme", "nfs.csi.k8s.io")
READY = (SHARED, TOKEN, item("v1", "Namespace", "chat"))


def plan(*patches: dict[str, Any], recipe: str = RECIPE, variant: str | None = None) -> Plan:
    return pipeline.plan(recipe, variant, patches)


def look(*objects: Any, of: Plan | None = None, **scene: Any) -> Preflight:
    asked = of or plan(ALONE)
    found = examine(asked, connection=connection(*objects, **scene))
    # Each key that is named has to be one of the language, or else there is no line to show for it.
    assert found.context in verb._text(asked, found)
    assert found.context == verb._data(asked, found)["context"]
    return found


def changes(found: Preflight) -> dict[str, Any]:
    return {change.key: change.value for change in found.changes}


def of(found: Preflight, check: str) -> list[Item]:
    return [each for each in found.outcome.items if each.check == check]


def reasons(found: Preflight) -> str:
    return " | ".join(each.words for each in found.outcome.reasons)


# ---- room ---------------------------------------------------------------------------------------


def test_t14_a_cluster_with_free_gpus_of_the_right_type_fits() -> None:
    found = look(*READY, node("gpu-0", 8), node("gpu-1", 8), pod("busy", "gpu-0", 6))

    assert (found.verdict, found.changes, found.outcome.told) == ("fits", (), True)
    (product,) = found.inventory.products
    assert (product.product, product.nodes, product.allocatable) == ("NVIDIA-H100-80GB-HBM3", 2, 16)
    assert (product.used, product.free, product.most) == (6, 10, 8)
    assert "worker: 2 of 2 on gpu-0, gpu-1" in [each.words for each in of(found, "room")]


def test_t14_only_the_rights_of_a_chart_that_is_not_opened_remain_untold() -> None:
    def may(attributes: dict[str, str]) -> bool:
        return attributes["verb"] != "*"

    away = plan(ALONE, {"platform": {"install": False}})
    whole = look(*READY, node("gpu-0"), may=may)
    without = look(*READY, node("gpu-0"), of=away, kinds=(DYNAMO,), may=may)

    assert [(found.verdict, found.outcome.told) for found in (whole, without)] == [
        ("fits", False),
        ("fits", True),
    ]
    assert (
        "dynamo-platform needs: its chart is fetched by Helm and not opened here"
        in of(whole, "rights")[1].words
    )


@pytest.mark.parametrize(
    ("cluster", "label", "value"),
    [
        ("gpu-operator", "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3"),
        ("gke", "cloud.google.com/gke-accelerator", "nvidia-h100-80gb"),
        ("eks", "node.kubernetes.io/instance-type", "p5.48xlarge"),
        ("aks", "node.kubernetes.io/instance-type", "Standard_ND96isr_H100_v5"),
    ],
)
def test_t14_gpus_are_found_by_the_labels_of_each_kind_of_cluster(
    cluster: str, label: str, value: str
) -> None:
    gpus = node("gpu-0", labels={label: value})
    named = look(*READY, gpus, of=plan(ALONE, {"hardware": {"cluster": cluster, "gpu": "h100-sxm-80gb"}}))
    other = "eks" if cluster != "eks" else "gke"
    elsewhere = look(*READY, gpus, of=plan(ALONE, {"hardware": {"cluster": other}}))

    assert named.verdict == "fits"
    assert [product.product for product in named.inventory.products] == [value]
    assert (elsewhere.verdict, changes(elsewhere)) == ("fits with", {"hardware.cluster": cluster})


def test_t14_a_full_cluster_fits_with_fewer_replicas() -> None:
    found = look(*READY, node("gpu-0", 8), pod("busy", "gpu-0", 5))

    assert (found.verdict, changes(found)) == ("fits with", {"model.worker.replicas": 1})
    assert (
        "room for 1 of 2 replicas now (a replica asks for 2 nvidia.com/gpu, 0.1 cpu, 64Gi memory)"
        in of(found, "room")[-1].words
    )
    assert "1 node: its room is taken by what was placed before" in of(found, "room")[-1].words


def test_t14_a_cluster_without_any_room_says_why_no_node_takes_a_pod() -> None:
    cordoned = node("gpu-1", spec={"unschedulable": True})
    tainted = node("gpu-2", spec={"taints": [{"key": "team", "value": "a", "effect": "NoSchedule"}]})
    found = look(*READY, node("gpu-0", 8), pod("busy", "gpu-0", 7), cordoned, tainted)

    assert found.verdict == "cannot"
    assert "room for 0 of 2 replicas now" in reasons(found)
    assert "1 node: too little nvidia.com/gpu free" in reasons(found)
    assert "1 node: it is cordoned" in reasons(found)
    assert "1 node: its taint team:NoSchedule is not tolerated" in reasons(found)


def test_t14_other_gpus_that_the_cluster_has_are_a_change_that_was_tried() -> None:
    found = look(*READY, node("gpu-0", product="NVIDIA-H200"))

    assert (found.verdict, changes(found)) == ("fits with", {"hardware.gpu": "h200-sxm-141gb"})


def test_t14_gpus_that_the_model_does_not_fit_on_are_no_change() -> None:
    found = look(*READY, node("gpu-0", product="Tesla-T4"))

    assert (found.verdict, changes(found)) == ("cannot", {})
    assert "its label nvidia.com/gpu.product is Tesla-T4" in reasons(found)


def test_t14_pods_without_a_node_are_told_and_the_graphs_own_count_as_free() -> None:
    own = pod("llama-worker-0", "gpu-0", 8, "chat", **{"nvidia.com/dynamo-graph-deployment-name": "llama"})
    found = look(*READY, node("gpu-0", 8), own, pod("waits", "", 4))

    assert (found.verdict, found.inventory.own, found.inventory.waiting) == ("fits", 8, 4)
    assert "8 of them are held by this graph itself" in report(found)
    assert "pods without a node wait for 4 of them, and may be faster" in report(found)


def test_t14_memory_and_cpu_count_as_gpus_do() -> None:
    found = look(*READY, node("gpu-0", allocatable={"memory": "100Gi"}))

    assert changes(found) == {"model.worker.replicas": 1}


def test_t14_replicas_over_several_nodes_need_all_of_their_nodes() -> None:
    wide = {"model": {"worker": {"replicas": 1, "nodes": 2, "engine": {"tensorParallel": 16}}}}
    few = look(*READY, node("gpu-0", 8), of=plan(ALONE, wide))
    enough = look(*READY, node("gpu-0", 8), node("gpu-1", 8), of=plan(ALONE, wide))

    assert (few.verdict, enough.verdict) == ("cannot", "fits")
    assert "a replica asks for 2 pods, each with 8 nvidia.com/gpu" in reasons(few)


def test_t14_pods_that_share_a_volume_of_one_node_are_placed_on_one() -> None:
    once = plan(ALONE, {"model": {"cache": {"accessMode": "ReadWriteOnce"}, "worker": {"replicas": 4}}})
    apart = look(*READY, node("gpu-0", 4), node("gpu-1", 4), of=once)
    beside = look(*READY, node("gpu-0", 8), of=once)

    assert changes(apart) == {"model.worker.replicas": 2}
    assert "all of them on one node" in of(apart, "room")[-1].words
    assert beside.verdict == "fits"


def test_t14_what_scales_needs_room_for_its_least_and_says_how_far_it_could_grow() -> None:
    block = {"enabled": True, "minReplicas": 2, "maxReplicas": 6, "perWorker": 8, "hpa": {}}
    scaled = plan({"scaling": block, "model": {"worker": {"replicas": None}}}, recipe="qwen-0.6b")
    kinds = {"autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"}}
    adapter = {"custom.metrics.k8s.io/v1beta1": {"Metric": "metrics"}, "external.metrics.k8s.io/v1beta1": {}}
    some = look(node("gpu-0", 4), of=scaled, kinds=(kinds, adapter))
    few = look(node("gpu-0", 1), of=scaled, kinds=(kinds, adapter))
    without = look(node("gpu-0", 4), of=scaled, kinds=(kinds,))

    assert some.verdict == "fits"
    assert "worker: 2 of 2, may grow to 4 of 6 on gpu-0" in [each.words for each in of(some, "room")]
    assert changes(few) == {"scaling.minReplicas": 1}
    assert "metrics.k8s.io, which HorizontalPodAutoscaler qwen-0-6b-worker reads: it would" in reasons(
        without
    )


def test_t14_the_other_variants_are_judged_too() -> None:
    recipe = load.read("qwen-0.6b")
    others = [
        resolve(validate(load.choose(recipe, each, (), alone=True)))
        for each in load.variants(recipe.document)
    ]
    found = examine(plan(recipe="qwen-0.6b"), others, connection=connection(node("gpu-0", 1)))
    told = {each.variant: each.verdict for each in found.variants}

    assert changes(found) == {"model.worker.replicas": 1}
    assert told["sglang"] == "fits with"
    assert told["disagg"] == "cannot", "one prefill and one decode worker need two GPUs"


def test_t14_where_nodes_cannot_be_looked_at_nothing_is_claimed() -> None:
    found = look(*READY, forbidden=("nodes",))
    blind = look(*READY, node("gpu-0"), forbidden=("api/v1/pods",))

    assert (found.verdict, of(found, "room")[0].state) == ("fits", UNKNOWN)
    assert headline(found).startswith("fits, as far as could be told")
    assert "could not look at nodes: not allowed to look" in report(found)
    assert [each.words for each in of(blind, "room") if each.state == UNKNOWN] == [
        "what other pods use: the nodes are taken for empty"
    ]


# ---- who asks, kinds, rights --------------------------------------------------------------------


def test_t06_who_asks_is_told_by_the_cluster() -> None:
    (login,) = of(look(*READY, user="deployer"), "login")
    (nobody,) = of(look(*READY, user="system:anonymous"), "login")

    assert (login.state, login.words) == (OK, "deployer, by context scene")
    assert nobody.state == CANNOT


def test_t06_a_login_that_has_expired_is_a_fault_of_the_cluster_with_a_remedy() -> None:
    with pytest.raises(ClusterError, match="401 Unauthorized") as raised:
        look(*READY, status=401)

    assert raised.value.exit_code == 5
    assert "log in again" in raised.value.problems[0].hint


def test_t18_rights_are_asked_one_by_one_for_what_is_rendered() -> None:
    asked = []

    def may(attributes: dict[str, str]) -> bool:
        asked.append(attributes)
        return attributes["verb"] != "*" and attributes.get("resource") != "persistentvolumeclaims"

    found = look(*READY, node("gpu-0"), may=may)

    assert found.verdict == "cannot"
    assert reasons(found) == "may not get, create, patch, delete persistentvolumeclaims in namespace chat"
    wanted = {
        "verb": "create",
        "group": "nvidia.com",
        "resource": "dynamographdeployments",
        "namespace": "chat",
    }
    assert wanted in asked
    assert {"verb": "create", "resource": "namespaces"} in asked, "dynamo-system is to be made"


def test_t18_a_role_needs_the_rights_that_it_grants() -> None:
    def may(attributes: dict[str, str]) -> bool:
        return attributes["verb"] not in ("*", "escalate") and attributes.get("resource") != "pods"

    found = look(*READY, node("gpu-0"), may=may, of=plan(ALONE, {"troubleshooting": {"enabled": True}}))

    assert reasons(found) == "may not list pods in namespace chat"


def test_t18_kinds_are_served_brought_or_missing() -> None:
    away = {"platform": {"install": False}}
    brought = look(*READY, node("gpu-0"))
    missing = look(*READY, node("gpu-0"), of=plan(ALONE, away))
    older = {"nvidia.com/v1alpha1": {"DynamoGraphDeployment": "dynamographdeployments"}}
    old = look(*READY, node("gpu-0"), of=plan(ALONE, away), kinds=(older,))

    assert (
        "brought: DynamoGraphDeployment nvidia.com/v1beta1 by dynamo-platform"
        in of(brought, "kinds")[0].words
    )
    assert changes(missing) == {"platform.install": True}
    assert "serves DynamoGraphDeployment as v1alpha1, not as v1beta1" in of(old, "kinds")[0].words


def test_t18_kinds_of_others_can_be_left_out() -> None:
    watched = plan({"observability": {"enabled": True, "podMonitor": {"enabled": True}}}, recipe="qwen-0.6b")
    without = examine(watched, connection=connection(node("gpu-0")))
    routed = plan(
        {"gateway": {"enabled": True, "create": True, "gatewayClassName": "istio"}}, recipe="qwen-0.6b"
    )

    assert changes(without) == {"observability.podMonitor.enabled": False}
    assert changes(examine(routed, connection=connection(node("gpu-0")))) == {"gateway.enabled": False}
    classes = item("gateway.networking.k8s.io/v1", "GatewayClass", "istio")
    served = look(node("gpu-0"), classes, of=routed, kinds=(GATEWAY,))
    assert "kinds" not in {each.check for each in served.outcome.items if each.state != OK}


def test_t18_a_namespace_that_goes_is_none() -> None:
    going = item("v1", "Namespace", "chat", status={"phase": "Terminating"})

    assert reasons(look(SHARED, TOKEN, going, node("gpu-0"))) == "chat is being deleted"


# ---- what the namespace allows ------------------------------------------------------------------


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    status = {"hard": hard, "used": used or {}}
    return item("v1", "ResourceQuota", "team", "chat", spec={"hard": hard, **spec}, status=status)


def test_t18_a_quota_without_gpus_is_a_reason_that_names_it() -> None:
    found = look(*READY, node("gpu-0"), quota({"requests.nvidia.com/gpu": "0"}))

    assert found.verdict == "cannot"
    assert reasons(found) == "quota team of namespace chat: requests.nvidia.com/gpu: 4 asked, 0 left of 0"


def test_t18_a_quota_for_some_gpus_leaves_some_replicas() -> None:
    found = look(
        *READY, node("gpu-0"), quota({"requests.nvidia.com/gpu": "8"}, {"requests.nvidia.com/gpu": "5"})
    )

    assert (found.verdict, changes(found)) == ("fits with", {"model.worker.replicas": 1})


@pytest.mark.parametrize(
    ("hard", "words"),
    [
        ({"pods": "2"}, "pods: 4 asked, 2 left of 2"),
        ({"requests.storage": "10Gi"}, "requests.storage: 40Gi asked, 10Gi left of 10Gi"),
        ({"count/jobs.batch": "0"}, "count/jobs.batch: 1 asked, 0 left of 0"),
    ],
)
def test_t18_quotas_count_pods_claims_and_objects(hard: dict[str, str], words: str) -> None:
    found = look(*READY, node("gpu-0"), quota(hard))

    assert words in [each.words.partition("chat: ")[2] for each in of(found, "quota")]


def test_t18_what_the_graph_holds_already_is_given_back() -> None:
    own = pod("llama-worker-0", "gpu-0", 4, "chat", **{"nvidia.com/dynamo-graph-deployment-name": "llama"})
    full = quota({"requests.nvidia.com/gpu": "4"}, {"requests.nvidia.com/gpu": "4"})

    assert look(*READY, node("gpu-0"), own, full).verdict == "fits"
    assert look(*READY, node("gpu-0"), full).verdict == "cannot"


def test_t18_a_quota_refuses_containers_that_do_not_state_what_it_counts() -> None:
    counts = quota({"requests.cpu": "100"})
    limits = [{"type": "Container", "defaultRequest": {"cpu": "1"}}]
    filled = item("v1", "LimitRange", "defaults", "chat", spec={"limits": limits})
    found = look(*READY, node("gpu-0"), counts)

    assert "quota team of namespace chat counts requests.cpu; worker does not state it" in reasons(found)
    assert "model.worker.resources.requests.cpu" in [p for each in of(found, "quota") for p in each.paths]
    assert look(*READY, node("gpu-0"), counts, filled).verdict == "fits"


def test_t18_a_quota_for_some_pods_only_is_not_judged() -> None:
    found = look(*READY, node("gpu-0"), quota({"pods": "0"}, scopes=["BestEffort"]))

    assert found.verdict == "fits"
    assert [each.what for each in found.unseen] == ["quota team"]


def test_t18_a_limit_range_is_kept_by_each_container() -> None:
    limits = [{"type": "Container", "max": {"memory": "32Gi"}}]
    found = look(*READY, node("gpu-0"), item("v1", "LimitRange", "small", "chat", spec={"limits": limits}))

    assert "limit range small of namespace chat: worker: container main asks for 64Gi of memory" in reasons(
        found
    )


def test_t18_a_restricted_namespace_is_a_reason_that_names_the_fields() -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    found = look(SHARED, TOKEN, item("v1", "Namespace", "chat", metadata={"labels": labels}), node("gpu-0"))
    baseline = item(
        "v1", "Namespace", "chat", metadata={"labels": {**labels, **dict.fromkeys(labels, "baseline")}}
    )

    assert "namespace chat enforces restricted, and worker is below: capabilities are not dropped" in reasons(
        found
    )
    assert look(SHARED, TOKEN, baseline, node("gpu-0")).verdict == "fits"


# ---- storage, Secrets, names --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "verdict", "change"),
    [
        ([storage_class("shared-nvme", "efs.csi.aws.com")], "fits", None),
        ([storage_class("shared-nvme", "example.com/own")], "fits", None),
        ([storage_class("files", "efs.csi.aws.com")], "fits with", "files"),
        ([storage_class("shared-nvme", "ebs.csi.aws.com")], "cannot", None),
        (
            [storage_class("shared-nvme", "ebs.csi.aws.com"), storage_class("z", "nfs.csi.k8s.io")],
            "fits with",
            "z",
        ),
        (
            [storage_class("blocks", "ebs.csi.aws.com"), storage_class("own", "example.com/own")],
            "fits with",
            "own",
        ),
        ([], "cannot", None),
    ],
)
def test_l41_a_storage_class_is_there_and_makes_such_volumes(
    classes: list[Any], verdict: str, change: str | None
) -> None:
    found = look(TOKEN, node("gpu-0"), *classes)

    assert found.verdict == verdict
    assert changes(found).get("model.cache.storageClass") == change


def test_l41_a_provisioner_that_nobody_knows_cannot_be_told() -> None:
    (storage,) = of(look(TOKEN, node("gpu-0"), storage_class("shared-nvme", "example.com/own")), "storage")

    assert (storage.state, storage.words.rpartition("; ")[2]) == (
        UNKNOWN,
        "whether it makes ReadWriteMany volumes",
    )


def test_l41_without_a_class_the_default_is_taken() -> None:
    unnamed = plan(ALONE, {"model": {"cache": {"storageClass": None}}})
    default = storage_class("files", "nfs.csi.k8s.io", default=True)

    assert look(TOKEN, node("gpu-0"), default, of=unnamed).verdict == "fits"
    assert changes(look(TOKEN, node("gpu-0"), storage_class("files", "nfs.csi.k8s.io"), of=unnamed)) == {
        "model.cache.storageClass": "files"
    }


def test_t18_a_missing_secret_is_a_reason_and_its_content_is_never_asked_for() -> None:
    found = look(SHARED, node("gpu-0"))
    wrong: dict[str, Any] = {"managedFields": [{"fieldsV1": {"f:data": {"f:token": {}}}}]}
    keyless = look(SHARED, node("gpu-0"), item("v1", "Secret", "hf-token", "chat", metadata=wrong))

    assert found.verdict == "cannot"
    assert "there is no Secret hf-token in namespace chat" in reasons(found)
    assert found.outcome.reasons[0].paths == ("model.huggingFaceTokenSecret",)
    assert "kubectl -n chat create secret generic hf-token" in found.outcome.reasons[0].remedy
    assert reasons(keyless) == "Secret hf-token in namespace chat has no key HF_TOKEN; it has token"


def test_t18_config_maps_and_claims_that_the_recipe_names_are_looked_for() -> None:
    named = plan(
        ALONE,
        {
            "model": {
                "worker": {"extraConfig": {"configMapRef": {"name": "engine"}, "key": "config.yaml"}},
                "cache": {"claim": {"name": "weights"}, "size": None, "storageClass": None},
            }
        },
    )
    found = look(*READY, node("gpu-0"), of=named)
    claim = item("v1", "PersistentVolumeClaim", "weights", "chat", spec={}, status={"phase": "Bound"})
    there = look(*READY, node("gpu-0"), item("v1", "ConfigMap", "engine", "chat"), claim, of=named)

    assert "there is no ConfigMap engine in namespace chat" in reasons(found)
    assert "there is no PersistentVolumeClaim weights in namespace chat" in reasons(found)
    assert "model.cache.claim.name" in [path for each in found.outcome.reasons for path in each.paths]
    assert there.verdict == "fits"


def test_l41_an_address_of_a_service_that_is_not_there_is_found() -> None:
    address = "http://prometheus.monitoring.svc.cluster.local:9090"
    watched = plan(ALONE, {"platform": {"prometheusEndpoint": address}})
    found = look(*READY, node("gpu-0"), of=watched)
    there = look(*READY, node("gpu-0"), item("v1", "Service", "prometheus", "monitoring"), of=watched)

    assert (
        reasons(found)
        == "there is no Service prometheus in namespace monitoring, which platform.prometheusEndpoint names"
    )
    assert there.verdict == "fits"


def test_l41_the_address_that_keda_reads_is_looked_for_and_keda_itself() -> None:
    keda = {"prometheus": {"address": "http://prometheus.monitoring:9090", "wakeQuery": "sum(up)"}}
    block = {"enabled": True, "minReplicas": 0, "maxReplicas": 6, "perWorker": 8, "keda": keda}
    scaled = plan({"scaling": block, "model": {"worker": {"replicas": None}}}, recipe="qwen-0.6b")
    kinds = {"keda.sh/v1alpha1": {"ScaledObject": "scaledobjects"}}
    found = look(node("gpu-0"), of=scaled, kinds=(kinds,))

    assert "there is no Service prometheus in namespace monitoring, which scaling.keda.prometheus" in reasons(
        found
    )
    assert "it does not serve ScaledObject of keda.sh" in of(look(node("gpu-0"), of=scaled), "kinds")[0].words


def test_l41_a_pod_monitor_that_no_prometheus_takes_is_told() -> None:
    watched = plan(
        {"observability": {"podMonitor": {"enabled": True}}, "platform": {"podMonitors": False}},
        recipe="qwen-0.6b",
    )

    def scraping(selector: Any) -> list[str]:
        spec = {} if selector is None else {"podMonitorSelector": selector}
        server = item("monitoring.coreos.com/v1", "Prometheus", "main", "monitoring", spec=spec)
        return [
            each.state
            for each in of(look(node("gpu-0"), server, of=watched, kinds=(MONITORING,)), "scraping")
        ]

    assert {*scraping({})} == {OK}
    assert {*scraping(None)} == {WARN}
    assert scraping({"matchLabels": {"release": "kube-prometheus-stack"}}) == [WARN, WARN]


@pytest.mark.parametrize(
    ("selector", "taken"),
    [
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchLabels": {"a": "1"}}, True),
        (None, False),
    ],
)
def test_label_selectors_take_what_kubernetes_takes(selector: Any, *, taken: bool) -> None:
    assert selects(selector, {"a": "1"}) == taken


# ---- what it says, and what it never does -------------------------------------------------------


def test_every_change_of_a_verdict_fits_when_it_is_made() -> None:
    there = [TOKEN, storage_class("files", "nfs.csi.k8s.io"), node("gpu-0", 2, product="NVIDIA-H200")]
    found = look(*there)
    patch: dict[str, Any] = {"benchmark": {"enabled": False}}
    for key, value in changes(found).items():
        block = patch
        *steps, last = key.split(".")
        for step in steps:
            block = block.setdefault(step, {})
        block[last] = value

    assert set(changes(found)) == {"hardware.gpu", "model.cache.storageClass", "model.worker.replicas"}
    assert look(*there, of=plan(patch)).verdict == "fits"


def test_t18_programs_get_keys_and_values_and_where_they_are_written() -> None:
    found = look(*READY, node("gpu-0", 2))
    told = json.loads(json.dumps(data(found, lambda path: {"path": path, "from": "a line"})))

    assert (told["verdict"], told["because"]) == ("fits with", [])
    assert [(each["path"], each["value"]) for each in told["changes"]] == [("model.worker.replicas", 1)]
    assert {each["state"] for each in told["checks"]} >= {"ok", "change"}
    assert told["gpus"][0]["free"] == 2


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", True),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", True),
        ("POST", "/api/v1/namespaces/a/pods?dryRun=All", True),
        ("PATCH", "/api/v1/namespaces/a/pods/b?fieldManager=x&dryRun=All", True),
        ("POST", "/api/v1/namespaces/a/pods", False),
        ("PATCH", "/api/v1/namespaces/a/pods/b?dryRun=", False),
        ("POST", "/api/v1/namespaces/a/pods?dryRun=All&dryRun=None", False),
        ("DELETE", "/api/v1/namespaces/a/pods/b?dryRun=All", False),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/../pods", False),
    ],
)
def test_nothing_is_sent_that_could_change_a_cluster(method: str, path: str, *, expected: bool) -> None:
    assert harmless(method, path) == expected


def test_a_secret_in_what_a_cluster_says_is_not_printed() -> None:
    token = "hf_canaryCANARYcanaryCANARY"
    found = look(*READY, node("gpu-0"), user=token)

    assert token not in report(found)
