"""The batch in the document: what a project of a cluster gives it, and what stays as it is beside it."""

import re
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from recipegen import helm, pipeline, yamlio
from recipegen.errors import RecipeError
from recipegen.resolve import Plan

EXAMPLES = ROOT / "docs/examples"
BATCH = EXAMPLES / "batch.yaml"
PROJECT = EXAMPLES / "project.yaml"
SOME: dict[str, Any] = {
    "enabled": True,
    "input": {"url": "http://files.example.com/in.jsonl"},
    "output": {"size": "1Gi"},
}


def read(patches: tuple[Any, ...]) -> list[Any]:
    """Patches as they are; files among them are read."""
    return [yamlio.read_file(each, each.name) if isinstance(each, Path) else each for each in patches]


def plan(*patches: Any) -> Plan:
    return pipeline.plan("qwen-0.6b", None, read(patches))


def objects(*patches: Any) -> dict[str, list[dict[str, Any]]]:
    """What each component's release renders to."""
    bundle = pipeline.bundle("qwen-0.6b", patches=read(patches))
    return {
        release.labels["component"]: helm.objects(release)
        for release in bundle.releases
        if release.installed and not release.version
    }


def the(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [item for item in items if item["kind"] == kind]
    return found


def test_m24_a_projects_patch_gives_namespace_queue_and_nodes() -> None:
    bundle = pipeline.bundle("qwen-0.6b", patches=read((BATCH, PROJECT)))
    made = objects(BATCH, PROJECT)
    job = the("Job", made["batch"])
    graph = the("DynamoGraphDeployment", made["model"])
    workers = [c for c in graph["spec"]["components"] if c["name"] == "worker"]

    assert {release.namespace for release in bundle.releases} == {"team-search"}
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "search-night"
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"example.com/project": "search"}
    assert [c["podTemplate"]["spec"]["nodeSelector"] for c in workers] == [{"example.com/project": "search"}]


def test_m24_the_same_patch_fits_a_recipe_without_a_batch() -> None:
    """A project's patch is the same for all its recipes; what is off keeps its settings for `--with`."""
    found = plan(PROJECT)

    assert found.warnings == ()
    assert "kueue" not in str(objects(PROJECT))


def test_m24_nodes_of_a_project_stand_beside_those_with_its_gpus() -> None:
    found = plan(PROJECT, {"hardware": {"gpu": "h100-sxm-80gb"}})

    assert found.tree["model"]["nodeSelector"] == {
        "example.com/project": "search",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    }


def test_m24_only_the_batch_is_in_the_queue() -> None:
    queued = [
        (item["kind"], component)
        for component, items in objects(BATCH, PROJECT, {"benchmark": {"enabled": True}}).items()
        for item in items
        if "kueue.x-k8s.io/queue-name" in str(item)
    ]

    assert queued == [("Job", "batch")]


@pytest.mark.parametrize("kind", ["serverless", "batch", "dedicated", "reserved"])
def test_l36_a_batch_goes_with_an_endpoint_of_other_kinds(kind: str) -> None:
    customers = kind in ("dedicated", "reserved")
    endpoint = {"kind": kind, **({"prefix": "dippy", "owner": "user-1"} if customers else {})}
    made = objects({"endpoint": endpoint, "batch": SOME})["batch"]

    assert the("Job", made)["metadata"]["labels"]["recipegen/endpoint"] == kind


def test_l36_an_endpoint_for_batches_has_one() -> None:
    with pytest.raises(RecipeError) as raised:
        plan({"endpoint": {"kind": "batch"}})

    assert [problem.path for problem in raised.value.problems] == [("endpoint", "kind")]


@pytest.mark.parametrize("completions", [1, 64])
def test_l36_data_parallelism_is_1_to_64(completions: int) -> None:
    made = objects({"batch": {**SOME, "completions": completions}})["batch"]

    assert the("Job", made)["spec"]["completions"] == completions


@pytest.mark.parametrize("seconds", [1, 172_800])
def test_l36_the_longest_time_is_two_days(seconds: int) -> None:
    made = objects({"batch": {**SOME, "maxRuntimeSeconds": seconds}})["batch"]

    assert the("Job", made)["spec"]["activeDeadlineSeconds"] == seconds


@pytest.mark.parametrize(
    ("key", "value"),
    [("completions", 0), ("completions", 65), ("maxRuntimeSeconds", 0), ("maxRuntimeSeconds", 172_801)],
)
def test_l36_beyond_llm_engines_bounds_is_refused(key: str, value: int) -> None:
    with pytest.raises(RecipeError) as raised:
        plan({"batch": {**SOME, key: value}})

    assert [problem.path for problem in raised.value.problems] == [("batch", key)]


def test_switching_the_batch_on_changes_no_other_release() -> None:
    without, with_one = objects(), objects({"batch": SOME})

    assert {key: items for key, items in with_one.items() if key != "batch"} == without


def test_l38_the_yaml_of_the_page_makes_a_schedule() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/batch.md").read_text(), re.DOTALL)
    cron = the("CronJob", objects(BATCH, yamlio.read(block, "docs/batch.md"))["batch"])

    assert cron["spec"]["schedule"] == "0 3 * * 1-5"
    assert cron["spec"]["jobTemplate"]["spec"]["completions"] == 2
