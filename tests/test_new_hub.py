"""`recipegen new --hf`, against a small Hub on this machine."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT
from hub import COMMIT, Hub, Model, serve
from recipegen import yamlio

pytest.importorskip("huggingface_hub")

TOKEN = "hf_" + "a1B2" * 8
CONFIG = json.dumps(
    {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "torch_dtype": "bfloat16",
        "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "max_position_embeddings": 40960,
        "tie_word_embeddings": False,
    }
)  # fmt: skip
FILES = {
    "config.json": CONFIG,
    "tokenizer_config.json": '{"chat_template": "{{ messages }}"}',
    "README.md": "# x",
}
GPU = ("--backend", "vllm", "--gpu", "h100-sxm-80gb")


def new(hub: Hub | str, name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`recipegen new --hf org/NAME`, in an empty folder of its own."""
    address = hub if isinstance(hub, str) else hub.address
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "recipegen", "new", "--hf", f"org/{name}", *GPU],
        env={**base, "HF_ENDPOINT": address, "HF_HUB_DOWNLOAD_TIMEOUT": "2", **environment},
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_model_of_the_hub_becomes_a_recipe_pinned_to_the_commit_that_was_seen(tmp_path: Path) -> None:
    with serve(Small=Model(FILES, {"license": "apache-2.0"})) as hub:
        answer = new(hub, "Small", tmp_path)

    assert (answer.returncode, answer.stdout) == (0, "small.yaml\n"), answer.stderr
    text = (tmp_path / "small.yaml").read_text()
    data = yamlio.read(text, "small.yaml").data
    assert data["model"]["name"] == "org/Small"
    assert data["model"]["revision"] == COMMIT
    assert data["about"]["license"] == "Apache-2.0"
    assert data["model"]["engine"]["toolCallParser"] == "hermes"
    assert "huggingFaceTokenSecret" not in data["model"]
    assert f"/org/Small/resolve/{COMMIT}/config.json" in hub.asked
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"], "nothing is left in the home"


def test_weights_are_never_fetched_and_their_size_is_compared(tmp_path: Path) -> None:
    weights = {"lm_head.weight": "model-00001-of-00002.safetensors"}
    index = json.dumps({"metadata": {"total_size": 30_000_000_000}, "weight_map": weights})
    files = {**FILES, "model.safetensors.index.json": index}
    sizes = {"model-00001-of-00002.safetensors": 10**10, "model-00002-of-00002.safetensors": 6 * 10**9}
    with serve(Small=Model(files, sizes=sizes)) as hub:
        answer = new(hub, "Small", tmp_path)

    assert answer.returncode == 0, answer.stderr
    assert not any("-of-" in path for path in hub.asked)
    text = " ".join((tmp_path / "small.yaml").read_text().split())
    assert "30.0 GB (27.9 GiB)" in text
    assert "where the configuration lets expect 16.4 GB" in text


@pytest.mark.parametrize("token", ["", TOKEN], ids=["without a token", "with one"])
def test_a_gated_model_asks_for_a_token_and_the_recipe_for_its_secret(tmp_path: Path, token: str) -> None:
    model = Model(FILES, gated="manual", token=TOKEN)
    with serve(Gated=model) as hub:
        answer = new(hub, "Gated", tmp_path, **({"HF_TOKEN": token} if token else {}))

    if token:
        assert answer.returncode == 0, answer.stderr
        assert "huggingFaceTokenSecret: hf-token-secret" in (tmp_path / "gated.yaml").read_text()
        assert hub.tokens == {TOKEN}
        assert TOKEN not in answer.stdout + answer.stderr + (tmp_path / "gated.yaml").read_text()
    else:
        assert answer.returncode == 4
        assert "org/Gated is gated, and HF_TOKEN is not set" in answer.stderr
        assert "accept its terms" in answer.stderr


def test_a_token_of_an_earlier_login_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / ".cache/huggingface").mkdir(parents=True)
    (tmp_path / ".cache/huggingface/token").write_text(TOKEN)
    with serve(Small=Model(FILES)) as hub:
        new(hub, "Small", tmp_path)

    assert hub.tokens == {""}


WRONG = {
    "no such model": (Model(), "Missing", {}, "the Hub has no model 'org/Missing', or it is private"),
    "private": (Model(FILES, private=True, token="x"), "It", {}, "no model 'org/It', or it is private"),
    "private, another's token": (
        Model(FILES, private=True, token="x"), "It", {"HF_TOKEN": TOKEN}, "that HF_TOKEN may read",
    ),
    "gated, another's token": (
        Model(FILES, gated="auto", token="x"), "It", {"HF_TOKEN": TOKEN}, "an account that may not read it",
    ),
    "rate limit": (Model(FILES, status=429), "It", {}, "takes no more requests for now"),
    "a fault": (Model(FILES, status=500), "It", {}, "a fault of its own (500)"),
    "forbidden": (Model(FILES, status=403), "It", {}, "may not read org/It"),
    "no config": (Model({"README.md": ""}), "It", {}, "has no config.json"),
    "no answer": (Model(FILES, slow=20), "It", {}, "does not answer in time"),
    "an endless file": (Model(FILES, endless="config.json"), "It", {}, "larger than"),
    "offline": (Model(FILES), "It", {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
    "no commit": (Model(FILES, sha="main"), "It", {}, "names no commit"),
    "no token": (Model(FILES), "It", {"HF_TOKEN": "my\nsecret"}, "HF_TOKEN is no token"),
    "an old token": (Model(FILES, status=401), "It", {"HF_TOKEN": TOKEN}, "does not take HF_TOKEN"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_the_hub_refuses_is_an_error_with_a_remedy(tmp_path: Path, case: str) -> None:
    model, name, environment, said = WRONG[case]
    began = time.monotonic()
    with serve(It=model) as hub:
        answer = new(hub, name, tmp_path, **environment)

    assert answer.returncode == 4, answer.stderr
    assert said in answer.stderr
    assert "\n  hint: " in answer.stderr
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert environment.get("HF_TOKEN", TOKEN).split()[-1] not in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == []
    assert time.monotonic() - began < 30


def test_a_hub_that_is_not_there_is_named(tmp_path: Path) -> None:
    answer = new("http://127.0.0.1:9", "Small", tmp_path)

    assert answer.returncode == 4
    assert "http://127.0.0.1:9 cannot be reached" in answer.stderr
    assert "--config config.json" in answer.stderr


def test_without_the_package_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "huggingface_hub.py").write_text("raise ImportError")
    path = f"{tmp_path}:{ROOT / 'src'}"
    answer = new("http://127.0.0.1:9", "Small", tmp_path, PYTHONPATH=path)

    assert answer.returncode == 4
    assert "pip install 'recipegen[hub]'" in answer.stderr
