"""A model is added by two files: a recipe, and the facts that rules, `list` and `show` read."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

RECIPE = """\
about:
  title: Small 8B
  license: MIT
  evidence: rendered 2026-11-21
dynamoNamespace: small
hardware: {gpu: h100-sxm-80gb}
model:
  name: example/Small-8B
  engine: {maxModelLen: 8192}
  worker: {replicas: 2}
"""
FACTS = """\
id: example/Small-8B
source: {repository: example/small, path: config.json, commit: a1b2c3d}
license: MIT
licenseSource: its model card
config:
  architectures: [LlamaForCausalLM]
  model_type: llama
  torch_dtype: bfloat16
  hidden_size: 4096
  intermediate_size: 14336
  num_hidden_layers: 32
  num_attention_heads: 32
  num_key_value_heads: 8
  vocab_size: 128256
  max_position_embeddings: 8192
  tie_word_embeddings: false
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project with the two files in it."""
    for name in ("src", "charts", "recipes"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "recipes/small-8b.yaml").write_text(RECIPE)
    (tmp_path / "src/recipegen/facts/models/example--Small-8B.yaml").write_text(FACTS)
    return tmp_path


def test_two_files_make_a_model_known_to_every_command(checkout: Path) -> None:
    def recipegen(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "recipegen", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
        return subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )

    listed = recipegen("list", "small-8b")
    assert [line.split()[:3] for line in listed.stdout.splitlines()[1:]] == [["small-8b", "8.0B", "8k"]]
    assert "32 layers, GQA with 32" in recipegen("show", "small-8b").stdout
    assert recipegen("check", "small-8b").returncode == 0
    assert (
        "8192 tokens, the longest context"
        in recipegen("explain", "small-8b", "model.engine.maxModelLen").stdout
    )

    # The facts are in force: three GPUs do not divide the heads.
    refused = recipegen("validate", "small-8b", "--set", "model.engine.tensorParallel=3")
    assert refused.returncode == 1
    assert "32" in refused.stderr
