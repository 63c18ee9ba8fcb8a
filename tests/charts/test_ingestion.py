"""A mirror in an object store: its Job and steps, and what the model's download waits for."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python
import pytest

from recipegen import facts
from recipegen.compile import compile_plan
from recipegen.ingestion import stored
from recipegen.ingestion.listing import Listed
from recipegen.resolve import Plan
from samples import objects, plan_of, releases

Render = Callable[..., list[dict[str, Any]]]
Script = Callable[..., "subprocess.CompletedProcess[str]"]

CHARTS = Path(__file__).parents[2] / "charts" / "stack" / "charts"
TARGET = {"bucket": "llmariner", "secret": "s3-credentials"}
MIRROR = "s3://llmariner/models/base-models/global/Qwen/Qwen3-0.6B"
CONVERT = {"quantize": "q4_0"}
# Every optional part on.
ALL: dict[str, Any] = {"scan": {"enabled": True}, "convert": CONVERT}


def recipe(cache: dict[str, Any] | None = None, revision: str = "abc", **block: Any) -> Plan:
    model = {"name": "Qwen/Qwen3-0.6B", "revision": revision, "cache": cache or {"enabled": True}}
    data = {"dynamoNamespace": "qwen", "model": model}
    return plan_of({**data, "ingestion": {"enabled": True, "target": TARGET, **block}})


def of(plan: Plan, key: str, kind: str) -> dict[str, Any]:
    """The only object of a kind in the release of a block."""
    (found,) = [item for item in objects(releases(plan)[key]) if item["kind"] == kind]
    return found


def job(plan: Plan) -> dict[str, Any]:
    return of(plan, "ingestion", "Job")


def steps(plan: Plan) -> dict[str, dict[str, Any]]:
    """The containers of the Job in their order."""
    spec = job(plan)["spec"]["template"]["spec"]
    return {each["name"]: each for each in (*spec["initContainers"], *spec["containers"])}


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["env"]}


def after(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


# ---- the Job ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "names"),
    [
        ({}, ["download", "upload"]),
        ({"scan": {"enabled": True}}, ["download", "scan", "upload"]),
        ({"convert": CONVERT}, ["download", "convert", "upload"]),
        (ALL, ["download", "scan", "convert", "upload"]),
    ],
)
def test_m02_steps_follow_each_other_and_upload_is_the_last(block: dict[str, Any], names: list[str]) -> None:
    assert [*steps(recipe(**block))] == names
    assert [each["name"] for each in job(recipe(**block))["spec"]["template"]["spec"]["containers"]] == [
        "upload"
    ]


def test_m01_there_is_a_loader_and_no_server() -> None:
    kinds = {item["kind"] for item in objects(releases(recipe())["ingestion"])}

    assert kinds == {"ConfigMap", "Job", "PersistentVolumeClaim"}


def test_m05_the_job_carries_the_labels_that_its_state_is_read_by() -> None:
    found = job(recipe())
    labels = {"app.kubernetes.io/name": "ingestion", "app.kubernetes.io/component": "ingestion"}

    assert found["metadata"]["labels"].items() >= labels.items()
    assert found["spec"]["template"]["metadata"]["labels"].items() >= labels.items()


def test_m06_the_same_work_is_the_same_job_and_other_work_another() -> None:
    names = [
        job(plan)["metadata"]["name"]
        for plan in (recipe(), recipe(), recipe(revision="def"), recipe(**ALL), recipe(size="200Gi"))
    ]

    assert names[0] == names[1]
    assert len(set(names[:4])) == 3
    # Room is no work.
    assert names[4] == names[0]


def test_m06_it_is_tried_again_five_times_with_what_was_there_already() -> None:
    spec = job(recipe())["spec"]

    assert spec["backoffLimit"] == 5
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "podFailurePolicy" not in spec
    assert {"name": "work", "persistentVolumeClaim": {"claimName": "qwen-ingestion"}} in spec["template"][
        "spec"
    ]["volumes"]


def test_what_a_scanner_finds_is_not_tried_again() -> None:
    (rule,) = job(recipe(**ALL))["spec"]["podFailurePolicy"]["rules"]

    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {"containerName": "scan", "operator": "In", "values": [1]}


def test_t07_files_of_the_hub_go_to_the_store_under_the_same_id() -> None:
    found = steps(recipe())
    command, env = found["download"]["command"], variables(found["upload"])

    assert command[2:5] == ["/tmp/hub/bin/hf", "download", "Qwen/Qwen3-0.6B"]
    assert after(command, "--revision") == "abc"
    assert env["TARGET"] == MIRROR
    assert env["TARGET"].endswith(command[4])
    assert after(command, "--local-dir") == f"{env['FOLDER']}/model"


def test_t08_the_name_on_the_hub_is_the_one_name_of_the_weights() -> None:
    plan = recipe()

    assert job(plan)["metadata"]["annotations"]["huggingface.co/model"] == plan.recipe.model.name
    assert plan.tree["ingestion"]["source"]["model"] == plan.recipe.model.name
    assert plan.shared["model"] == plan.recipe.model.name


def test_m16_a_loaders_configuration_has_its_keys_in_the_block() -> None:
    target = {**TARGET, "endpoint": "http://minio:9000", "region": "us-west-2"}
    target |= {"pathPrefix": "v1", "baseModelPathPrefix": "base", "project": "proj0"}
    env = variables(steps(recipe(target=target))["upload"])

    assert env["TARGET"] == "s3://llmariner/v1/base/proj0/Qwen/Qwen3-0.6B"
    assert env["ENDPOINT"] == "http://minio:9000"
    assert env["AWS_DEFAULT_REGION"] == "us-west-2"


def test_m16_files_that_are_not_wanted_are_left_out() -> None:
    source = {"include": ["*.json", "*.safetensors"], "exclude": ["original/*"]}
    command = steps(recipe(source=source))["download"]["command"]

    assert command[-6:] == ["--include", "*.json", "--include", "*.safetensors", "--exclude", "original/*"]


def test_m15_it_runs_once_with_the_hubs_token_and_the_stores_keys_each_where_it_is_needed() -> None:
    found = {
        name: [each["secretRef"]["name"] for each in step.get("envFrom", [])]
        for name, step in steps(recipe(**ALL)).items()
    }

    assert job(recipe())["kind"] == "Job"
    assert found == {"download": ["hf-token-secret"], "scan": [], "convert": [], "upload": ["s3-credentials"]}


@pytest.mark.parametrize("tool", ["picklescan", "clamav"])
def test_images_and_releases_are_those_of_the_table(tool: str) -> None:
    found = steps(recipe(scan={"enabled": True, "tool": tool}, convert=CONVERT))
    images = facts.images()
    scanner = {"picklescan": "python", "clamav": "clamav"}[tool]

    assert {name: step["image"] for name, step in found.items()} == {
        "download": images["python"],
        "scan": images[scanner],
        "convert": images["llamaCpp"],
        "upload": images["aws"],
    }
    assert variables(found["download"])["HUB"] == f"huggingface_hub=={images['huggingFaceHub']}"
    assert variables(found["scan"]).get("INSTALL") in (None, f"picklescan=={images['picklescan']}")


def test_the_charts_own_images_are_those_of_the_table(render: Render) -> None:
    images = facts.images()
    block: dict[str, Any] = {
        "enabled": True,
        "source": {"model": "a/b"},
        "target": {"uri": "s3://models/b", "marker": "s3://models/b.complete", "secret": "s"},
        "scan": {"enabled": True, "tool": "clamav"},
        "convert": {"uri": "s3://models/b-f16"},
    }
    (found,) = [item for item in render(block, "ingestion") if item["kind"] == "Job"]
    (upload,) = found["spec"]["template"]["spec"]["containers"]
    containers = [*found["spec"]["template"]["spec"]["initContainers"], upload]

    assert [each["image"] for each in containers] == [
        images[k] for k in ("python", "clamav", "llamaCpp", "aws")
    ]


@pytest.mark.parametrize("key", ["uri", "marker", "secret"])
def test_the_chart_alone_refuses_a_mirror_without_a_place(key: str, render: Render) -> None:
    target = {"uri": "s3://models/b", "marker": "s3://models/b.complete", "secret": "s"}
    target.pop(key)
    block = {"enabled": True, "source": {"model": "a/b"}, "target": target}

    with pytest.raises(helm_python.HelmError, match=rf"target\.{key} is missing"):
        render(block, "ingestion")


def test_no_step_has_privileges() -> None:
    for step in steps(recipe(**ALL)).values():
        assert step["securityContext"]["readOnlyRootFilesystem"], step["name"]
        assert step["securityContext"]["capabilities"] == {"drop": ["ALL"]}


# ---- conversion ---------------------------------------------------------------------------------


def test_m17_m19_a_conversion_goes_under_an_id_of_its_own_as_one_file() -> None:
    env = variables(steps(recipe(convert={"outtype": "f32"}))["upload"])
    smaller = variables(steps(recipe(**ALL))["upload"])

    assert env["GGUF"] == f"{MIRROR}-f32"
    assert smaller["GGUF"] == f"{MIRROR}-q4_0"
    assert "upload.sh" in of(recipe(**ALL), "ingestion", "ConfigMap")["data"]


@pytest.mark.parametrize("outtype", ["f32", "f16", "bf16", "q8_0"])
def test_m18_weights_are_converted_to_the_format_that_is_asked_for(outtype: str) -> None:
    env = variables(steps(recipe(convert={"outtype": outtype}))["convert"])

    assert (env["OUTTYPE"], env["QUANTIZE"]) == (outtype, "")


def test_m26_workers_load_the_mirror_and_never_the_conversion() -> None:
    plan = recipe(**ALL)
    found = stored.identify("a/b", [Listed("model.gguf")])

    assert plan.recipe.model.cache.s3 is not None
    assert plan.recipe.model.cache.s3.uri == MIRROR
    assert {each.code for each in plan.warnings} == {"gguf-unread"}
    assert found.models[0].workers == {}


# ---- what the model waits for -------------------------------------------------------------------


def test_the_weights_come_from_the_mirror_without_saying_so_twice() -> None:
    plan = recipe(target={**TARGET, "endpoint": "http://minio:9000"})
    s3 = plan.tree["model"]["cache"]["s3"]

    assert s3 == {
        "uri": MIRROR,
        "endpoint": "http://minio:9000",
        "secret": "s3-credentials",
        "marker": plan.tree["ingestion"]["target"]["marker"],
        "image": facts.images()["aws"],
    }


def test_the_mirror_goes_where_the_weights_are_said_to_come_from() -> None:
    s3 = {"uri": "s3://models/qwen", "endpoint": "http://minio:9000", "secret": "reader"}
    plan = recipe({"enabled": True, "s3": s3}, target={"secret": "writer"})
    env = variables(steps(plan)["upload"])

    assert (env["TARGET"], env["ENDPOINT"]) == (s3["uri"], s3["endpoint"])
    assert steps(plan)["upload"]["envFrom"] == [{"secretRef": {"name": "writer"}}]
    assert plan.tree["model"]["cache"]["s3"]["secret"] == "reader"
    assert plan.tree["model"]["cache"]["s3"]["marker"] == env["MARKER"]


def test_the_download_waits_for_what_the_upload_writes_last() -> None:
    plan = recipe()
    pod = of(plan, "model", "Job")["spec"]["template"]["spec"]
    (waiting,) = pod["initContainers"]
    secret = [{"secretRef": {"name": "s3-credentials"}}]

    assert variables(waiting)["MIRRORED"] == variables(steps(plan)["upload"])["MARKER"]
    assert waiting["command"] == ["sh", "/scripts/mirrored.sh"]
    assert "mirrored.sh" in of(plan, "model", "ConfigMap")["data"]
    assert waiting["envFrom"] == pod["containers"][0]["envFrom"] == secret


@pytest.mark.parametrize(
    "other", [{"revision": "def"}, {"scan": {"enabled": True}}, {"source": {"exclude": ["x"]}}]
)
def test_other_files_have_another_marker_and_another_folder_on_the_volume(other: dict[str, Any]) -> None:
    def folder(plan: Plan) -> str:
        (download,) = of(plan, "model", "Job")["spec"]["template"]["spec"]["containers"]
        return variables(download)["FOLDER"]

    old, new = recipe(), recipe(**other)

    assert old.tree["ingestion"]["target"]["marker"] != new.tree["ingestion"]["target"]["marker"]
    assert folder(old) != folder(new)


def test_a_marker_lies_beside_the_folder_and_not_in_it() -> None:
    marker = recipe().tree["ingestion"]["target"]["marker"]

    assert re.fullmatch(rf"{MIRROR}\.[0-9a-f]{{8}}\.complete", marker)


def test_a_resolved_recipe_is_a_recipe_and_becomes_the_same() -> None:
    plan = recipe(**ALL)
    again = plan_of(plan.tree)

    assert again.tree == plan.tree
    assert compile_plan(again).releases == compile_plan(plan).releases


def test_ingestion_comes_before_the_model_which_needs_it() -> None:
    found = releases(recipe())
    names = [release.name for release in compile_plan(recipe()).releases]

    assert f"qwen/{found['ingestion'].name}" in found["model"].needs
    assert names.index(found["ingestion"].name) < names.index(found["model"].name)


# ---- the weights cache of the model, which stands in for a cache of its own ----------------------


def test_l35_weights_lie_in_a_folder_named_for_their_source_and_one_job_fills_it() -> None:
    def cached(**model: Any) -> tuple[str, str]:
        data = {"name": "a/b", "cache": {"enabled": True}, **model}
        plan = plan_of({"dynamoNamespace": "qwen", "model": data})
        found = of(plan, "model", "Job")
        (download,) = found["spec"]["template"]["spec"]["containers"]
        return variables(download)["FOLDER"], found["metadata"]["name"]

    assert cached(revision="a") == cached(revision="a", worker={"replicas": 2})
    assert len({cached(revision=revision) for revision in "abc"}) == 3
