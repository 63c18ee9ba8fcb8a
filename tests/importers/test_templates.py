"""Dynamo's own templates of graphs, from its published package, become recipes that render the same graph."""

import subprocess
from pathlib import Path

import pytest

from recipegen import importers, yamlio
from recipegen.twin import runtime

pytestmark = pytest.mark.usefixtures("dynamo")

# What every import adds or says in its own way.
ALWAYS = {"names", "labels", "hardening", "backend-framework", "namespace-chosen"}
WORKING_DIR = ("lost", "working-dir")
# What else differs, with its reason: no more and no less.
DIFFERENT = {
    "vllm/agg": {WORKING_DIR, ("added", "served-name-added")},
    # The template gives the KV connector to prefill workers alone.
    "vllm/disagg": {WORKING_DIR, ("added", "served-name-added"), ("added", "role-arguments")},
    "sglang/agg": {WORKING_DIR, ("added", "metrics")},
    "sglang/disagg": {WORKING_DIR, ("added", "metrics")},
    "trtllm/agg": {WORKING_DIR, ("added", "metrics")},
    # The transceiver is said over whatever the engine's file in the image says.
    "trtllm/disagg": {WORKING_DIR, ("added", "metrics"), ("added", "role-arguments")},
    "mocker/disagg": {WORKING_DIR, ("added", "secret-everywhere")},
}


@pytest.fixture(scope="session")
def templates(dynamo: None) -> Path:  # noqa: ARG001
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    python = runtime.python(runtime.DYNAMO, print)
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()) / "dynamo/profiler/templates/dgd"


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_template_renders_the_same_graph(templates: Path, name: str) -> None:
    found = importers.import_graph(templates / f"{name}.yaml")

    different = {(each.how, each.reason) for each in found.differences if each.reason not in ALWAYS}
    assert different == DIFFERENT[name]
    assert not found.unexplained


def test_the_mocker_stays_one(templates: Path) -> None:
    found = importers.import_graph(templates / "mocker/disagg.yaml")
    model = yamlio.read(found.recipe, "mocker").data["model"]

    assert model["mocker"] is True
    assert model["disaggregation"] is True


def test_an_engine_file_of_the_image_keeps_its_place(templates: Path) -> None:
    found = importers.import_graph(templates / "trtllm/agg.yaml")
    worker = yamlio.read(found.recipe, "agg").data["model"]["worker"]

    path = "/workspace/examples/backends/trtllm/engine_configs/qwen3/agg.yaml"
    assert worker["env"] == {"DYN_TRTLLM_EXTRA_ENGINE_ARGS": path}


def test_no_template_is_left_out(templates: Path) -> None:
    files = {str(path.relative_to(templates).with_suffix("")) for path in templates.rglob("*.yaml")}

    assert files == set(DIFFERENT)
