"""What a model manager keeps in its server or database, and what of recipes and clusters stands in for it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from recipegen import facts, pipeline
from recipegen.cli import main
from recipegen.compile import compile_plan
from recipegen.components import COMPONENTS
from samples import objects, plan_of, releases

MODEL: dict[str, Any] = {"name": "Qwen/Qwen3-0.6B", "cache": {"enabled": True}}
TARGET = {"bucket": "llmariner", "secret": "s3-credentials"}
# What runs as long as it is installed.
SERVERS = {"Deployment", "StatefulSet", "DaemonSet", "Service"}


def mirrored(**model: Any) -> Any:
    block = {"enabled": True, "target": TARGET}
    return plan_of({"dynamoNamespace": "qwen", "model": {**MODEL, **model}, "ingestion": block})


def test_m04_a_model_is_created_by_a_recipe_that_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(facts.configuration("Qwen/Qwen3-0.6B")[0]))
    made = tmp_path / "made.yaml"
    arguments = ["--model", "own/model", "--backend", "vllm", "--gpu", "h100-sxm-80gb", "-o", str(made)]
    code = main(["new", "--config", str(config), *arguments])

    assert code == 0, capsys.readouterr().err
    assert pipeline.plan(made).recipe.model.name == "own/model"


def test_m11_there_is_no_server_so_there_are_no_ports_and_no_database() -> None:
    kinds = {item["kind"] for item in objects(releases(mirrored())["ingestion"])}

    assert kinds & SERVERS == set()
    assert not [each for each in COMPONENTS if each.chart == "ingestion" and each.needs]


def test_m12_a_file_is_enough_for_a_model_to_be_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the place of the row that the debug path inserts."""
    path = tmp_path / "mine.yaml"
    path.write_text("dynamoNamespace: own\nmodel: {name: my/model}\n")

    assert main(["validate", str(path)]) == 0
    assert pipeline.plan(path).shared["model"] == "my/model"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("endpoint", [None, "http://minio.minio:9000"])
def test_m10_a_mirror_goes_to_any_store_that_speaks_s3(endpoint: str | None) -> None:
    target = {**TARGET, **({"endpoint": endpoint} if endpoint else {})}
    plan = plan_of(
        {"dynamoNamespace": "own", "model": MODEL, "ingestion": {"enabled": True, "target": target}}
    )
    found = [item for part in ("ingestion", "model") for item in objects(releases(plan)[part])]
    jobs = [str(item) for item in found if item["kind"] == "Job"]

    assert len(jobs) == 2
    assert ["'value': 'http://minio.minio:9000'" in job for job in jobs] == [endpoint is not None] * 2


def test_m22_what_a_model_is_configured_with_is_in_its_recipe_with_the_same_defaults() -> None:
    plan = mirrored()
    (worker,) = plan.workers.values()

    assert (worker.gpus, worker.replicas) == (1, 1)


def test_m22_another_configuration_of_workers_copies_nothing_anew() -> None:
    old, new = mirrored(), mirrored(worker={"replicas": 3}, engine={"args": ["--enable-log-requests"]})
    jobs = [
        [item["metadata"]["name"] for item in objects(releases(plan)["ingestion"]) if item["kind"] == "Job"]
        for plan in (old, new)
    ]

    assert jobs[0] == jobs[1]
    assert old.digest != new.digest


def test_m23_a_model_is_inactive_where_its_graph_is_not_created_and_its_mirror_stays() -> None:
    plan = mirrored(deployment={"create": False}, cache={"enabled": False})
    installed = {release.name for release in compile_plan(plan).releases if release.installed}

    assert "qwen-ingestion" in installed
    assert "qwen" not in installed


def test_m24_a_project_is_a_folder_in_the_store_a_namespace_and_a_choice_of_nodes() -> None:
    data = {
        "dynamoNamespace": "proj0",
        "model": {**MODEL, "nodeSelector": {"pool": "proj0"}},
        "ingestion": {"enabled": True, "target": {**TARGET, "project": "proj0"}},
    }
    plan = plan_of(data)

    assert (
        plan.tree["ingestion"]["target"]["uri"] == "s3://llmariner/models/base-models/proj0/Qwen/Qwen3-0.6B"
    )
    assert {release.namespace for release in compile_plan(plan).releases if "qwen" in release.name} == {
        "proj0"
    }
    assert plan.recipe.model.node_selector == {"pool": "proj0"}


ALL = ["vllm", "sglang", "trtllm"]


@pytest.mark.parametrize(
    ("name", "paths", "said"),
    [
        ("a/b", ("config.json", "x.safetensors"), (False, ["HUGGING_FACE"], ALL, None)),
        ("a/b", ("adapter_config.json", "adapter_model.safetensors"), (True, ["HUGGING_FACE"], [], None)),
        # A model that has one beside it is a model.
        ("a/b", ("config.json", "adapter_config.json"), (False, ["HUGGING_FACE"], ALL, None)),
        ("a/b", ("x-q4_0.gguf",), (False, ["GGUF"], [], None)),
        ("a/b-AWQ", ("config.json",), (False, ["HUGGING_FACE"], ALL, "awq")),
    ],
    ids=["model", "lora", "both", "gguf", "awq"],
)
def test_m25_adapters_and_quantised_models_are_told_apart(
    name: str,
    paths: tuple[str, ...],
    said: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = {}
    for form in ("json", "text"):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(paths)))
        assert main(["identify", name, "--files", "-", "--format", form]) == 0
        shown[form] = capsys.readouterr().out
    found = json.loads(shown["json"])
    [model] = found["models"]

    assert (model["adapter"], model["formats"], model["workers"], found["quantization"]) == said
    assert ("no model by itself" in shown["text"]) == model["adapter"]


@pytest.mark.parametrize(
    ("short", "meant"),
    [
        ("llama-3-8b", "meta-llama/Meta-Llama-3-8B"),
        ("mixtral-8x7b", "mistralai/Mixtral-8x7B-v0.1"),
        ("qwen2-72b-instruct", "Qwen/Qwen2-72B-Instruct"),
        # LLM Engine's own table leads to LLaMA 1, and to a repository that was removed.
        ("llama-2-7b", "meta-llama/Llama-2-7b-hf"),
        ("decapoda-research/llama-7b-hf", "huggyllama/llama-7b"),
    ],
)
def test_l31_a_short_name_is_warned_of_with_the_id_that_it_stands_for(short: str, meant: str) -> None:
    plan = plan_of({"dynamoNamespace": "own", "model": {"name": short}})

    assert [(each.code, each.hint) for each in plan.warnings if each.path == ("model", "name")] == [
        ("mistaken-model", f"did you mean {meant!r}?")
    ]


def test_l31_a_checkpoint_comes_from_hugging_face_or_from_s3_and_from_nowhere_else() -> None:
    assert facts.ingestion()["workers"].keys() == {"vllm", "sglang", "trtllm"}
    assert mirrored().tree["model"]["cache"]["s3"]["uri"].startswith("s3://")
    assert mirrored().tree["ingestion"]["source"]["model"] == "Qwen/Qwen3-0.6B"


@pytest.mark.parametrize("revision", ["a", "b"])
def test_a_revision_has_a_marker_of_its_own_on_the_same_place(revision: str) -> None:
    target = mirrored(revision=revision).tree["ingestion"]["target"]

    assert target["uri"] == mirrored().tree["ingestion"]["target"]["uri"]
    assert target["marker"] != mirrored().tree["ingestion"]["target"]["marker"]
