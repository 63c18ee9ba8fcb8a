"""What `hardware` decides: node labels of each kind of cluster, MIG instances, what a usual node can give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import facts
from recipegen.errors import Problem
from recipegen.resolve import Plan
from recipegen.rules import hardware
from samples import MINIMAL, catalog_plans, plan_of

NODES = facts.nodes()["types"]
PLANS = catalog_plans()


def plan(block: dict[str, Any], **model: Any) -> Plan:
    """The plan of a recipe for the hardware."""
    return plan_of({**MINIMAL, "hardware": block, "model": {**MINIMAL["model"], **model}})


def told(found: Plan, code: str) -> list[Problem]:
    """The warnings of one kind."""
    return [warning for warning in found.warnings if warning.code == code]


# ---- node labels --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cluster", "label"),
    [
        ("gpu-operator", {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}),
        ("gke", {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}),
        ("eks", {"node.kubernetes.io/instance-type": "p5.48xlarge"}),
        ("aks", {"node.kubernetes.io/instance-type": "Standard_ND96isr_H100_v5"}),
    ],
)
def test_each_kind_of_cluster_has_its_own_label(cluster: str, label: dict[str, str]) -> None:
    found = plan({"gpu": "h100-sxm-80gb", "cluster": cluster})

    assert found.tree["model"]["nodeSelector"] == label


def test_an_instance_type_of_ones_own_stands_where_none_is_known() -> None:
    own = {"node.kubernetes.io/instance-type": "my.large"}

    assert plan({"gpu": "h20-96gb", "cluster": "eks"}, nodeSelector=own).tree["model"]["nodeSelector"] == own


@pytest.mark.parametrize("kind", NODES)
def test_the_usual_node_type_of_a_gpu_is_the_first_in_the_table(kind: str) -> None:
    node = NODES[kind]
    usual = next(k for k, n in NODES.items() if (n["gpu"], n["cluster"]) == (node["gpu"], node["cluster"]))
    _, value = hardware.node_label(plan({"gpu": node["gpu"], "cluster": node["cluster"]}).recipe)

    assert value == (facts.hardware()[node["gpu"]]["gke"] if node["cluster"] == "gke" else usual)


# ---- MIG ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu", "profile"), [(gpu, mig) for gpu, fact in facts.hardware().items() for mig in fact.get("mig", {})]
)
def test_every_mig_profile_is_a_resource(gpu: str, profile: str) -> None:
    found = plan({"gpu": gpu, "mig": profile})

    assert found.tree["model"]["gpuResource"] == f"nvidia.com/mig-{profile}"
    assert found.reasons["model", "gpuResource"] == f"hardware.mig is {profile}"
    assert found.tree["model"]["worker"]["gpus"] == 1


def test_whole_gpus_are_what_they_were() -> None:
    found = plan({"gpu": "h100-sxm-80gb"})

    assert found.tree["model"]["gpuResource"] == "nvidia.com/gpu"
    assert ("model", "gpuResource") not in found.reasons


def test_a_node_holds_all_instances_of_its_gpus() -> None:
    cut = plan({"gpu": "h100-sxm-80gb", "mig": "1g.10gb"}).recipe

    assert hardware.gpus_of_node(cut) == 8 * 7
    assert hardware.gpus_of_node(plan({"gpu": "h100-sxm-80gb"}).recipe) == 8


# ---- what a node can give -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "key"),
    [
        ({"requests": {"memory": "3Ti"}}, "requests.memory"),
        ({"limits": {"memory": "3Ti"}}, "limits.memory"),
        ({"requests": {"cpu": "208"}}, "requests.cpu"),
        ({"requests": {"ephemeral-storage": "40T"}}, "requests.ephemeral-storage"),
    ],
)
def test_more_than_any_known_node_has_is_told(resources: dict[str, Any], key: str) -> None:
    (warning,) = told(plan({"gpu": "h100-sxm-80gb"}, worker={"resources": resources}), "node-limits")

    assert ".".join(map(str, warning.path)) == f"model.worker.resources.{key}"
    assert "has" in warning.hint


def test_a_request_is_what_is_asked_for_where_there_is_a_limit_too() -> None:
    resources = {"requests": {"memory": "64Gi"}, "limits": {"memory": "3Ti"}}

    assert told(plan({"gpu": "h100-sxm-80gb"}, worker={"resources": resources}), "node-limits") == []


def test_the_named_cloud_alone_counts_where_one_is_named() -> None:
    worker = {"resources": {"requests": {"cpu": "150"}}}

    assert told(plan({"gpu": "h100-sxm-80gb"}, worker=worker), "node-limits") == []
    assert told(plan({"gpu": "h100-sxm-80gb", "cluster": "aks"}, worker=worker), "node-limits")


def test_shared_memory_beyond_the_node_is_told() -> None:
    (warning,) = told(plan({"gpu": "h100-sxm-80gb"}, worker={"sharedMemory": "4Ti"}), "node-limits")

    assert warning.path == ("model", "worker", "sharedMemory")


@given(st.sampled_from(sorted(NODES)), st.sampled_from(["cpu", "memoryGiB"]))
def test_a_whole_machine_never_fits_and_three_quarters_always_do(kind: str, key: str) -> None:
    node = NODES[kind]
    name, unit = ("cpu", "") if key == "cpu" else ("memory", "Gi")
    block = {"gpu": node["gpu"], "cluster": node["cluster"]}
    largest = max(
        n[key] for n in NODES.values() if (n["gpu"], n["cluster"]) == (node["gpu"], node["cluster"])
    )

    def found(amount: int) -> list[Problem]:
        worker = {"resources": {"requests": {name: f"{amount}{unit}"}}}
        return told(plan(block, worker=worker), "node-limits")

    assert found(largest)
    assert not found(largest * 3 // 4)


@pytest.mark.parametrize(("gpus", "size", "warned"), [
    (2, None, False), (4, None, True), (8, "8Gi", True), (8, "16Gi", False), (8, "32Gi", False),
])  # fmt: skip
def test_many_gpus_want_more_shared_memory_than_the_default(
    gpus: int, size: str | None, warned: bool
) -> None:
    worker = {"sharedMemory": size} if size else {}
    found = told(
        plan({"gpu": "h100-sxm-80gb"}, engine={"tensorParallel": gpus}, worker=worker), "shared-memory"
    )

    assert bool(found) is warned


@pytest.mark.parametrize(("limit", "warned"), [("8Gi", True), ("64Gi", False)])
def test_shared_memory_that_fills_the_memory_limit_is_told(limit: str, warned: bool) -> None:
    worker = {"resources": {"limits": {"memory": limit}}}

    assert bool(told(plan({"gpu": "h100-sxm-80gb"}, worker=worker), "shared-memory-limit")) is warned


# ---- the facts and the catalog ------------------------------------------------------------------


@pytest.mark.parametrize("kind", NODES)
def test_a_node_type_is_complete_and_of_a_known_gpu(kind: str) -> None:
    node = NODES[kind]

    assert node["cluster"] in {"eks", "gke", "aks"}
    assert 1 <= node["gpus"] <= facts.hardware()[node["gpu"]]["gpusPerNode"]
    assert 8 <= node["cpu"] <= 512
    assert 100 <= node["memoryGiB"] <= 8192
    assert node.keys() <= {"cluster", "gpu", "gpus", "cpu", "memoryGiB", "localGB"}


@pytest.mark.parametrize("name", PLANS)
def test_a_shipped_form_fits_on_the_nodes_it_is_meant_for(name: str) -> None:
    found = PLANS[name]
    fact = facts.hardware()[found.recipe.hardware.gpu] if found.recipe.hardware else {}

    assert {w.code for w in found.warnings} & {"node-limits", "shared-memory", "shared-memory-limit"} == set()
    assert all((worker.gpus or 0) <= fact.get("gpusPerNode", 8) for worker in found.workers.values())
