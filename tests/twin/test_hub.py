"""The files of a model, found or made up."""

import json
from pathlib import Path

import pytest

from recipegen.twin import hub

COMMIT = "c" * 40
MODEL = "Org/Model"
SIZES = json.dumps({"num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 1})


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a Hugging Face cache with one model, as huggingface_hub lays it out."""
    repository = tmp_path / "models--Org--Model"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name in hub.NEEDED:
        (snapshot / name).write_text(SIZES)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(COMMIT)
    (repository / "refs/v1.0").write_text(COMMIT)
    return tmp_path


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT])
def test_a_cached_model_is_found_by_branch_tag_and_commit(cache: Path, revision: str | None) -> None:
    found = hub.cached(MODEL, revision, {"HF_HUB_CACHE": str(cache)})

    assert found == cache / "models--Org--Model/snapshots" / COMMIT


def test_another_revision_is_not_taken_for_it(cache: Path) -> None:
    assert hub.cached(MODEL, "d" * 40, {"HF_HUB_CACHE": str(cache)}) is None


def test_a_model_without_its_tokenizer_does_not_count(cache: Path) -> None:
    (cache / "models--Org--Model/snapshots" / COMMIT / "tokenizer.json").unlink()

    assert hub.cached(MODEL, None, {"HF_HUB_CACHE": str(cache)}) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"num_hidden_layers": 1}'])
def test_a_model_with_a_broken_file_does_not_count(cache: Path, text: str) -> None:
    file = cache / "models--Org--Model/snapshots" / COMMIT / "config.json"
    file.write_text(text, encoding="latin-1")

    assert hub.cached(MODEL, None, {"HF_HUB_CACHE": str(cache)}) is None


def test_a_model_of_several_parts_has_its_sizes_below(cache: Path) -> None:
    file = cache / "models--Org--Model/snapshots" / COMMIT / "config.json"
    file.write_text(json.dumps({"vision_config": {}, "text_config": json.loads(SIZES)}))

    assert hub.cached(MODEL, None, {"HF_HUB_CACHE": str(cache)}) is not None


def test_the_cache_is_looked_for_where_hugging_face_has_it(tmp_path: Path) -> None:
    folders = {
        tmp_path / "a": {"HF_HUB_CACHE": f"{tmp_path}/a", "HF_HOME": "/nowhere"},
        tmp_path / "b/hub": {"HF_HOME": f"{tmp_path}/b"},
        tmp_path / "c/huggingface/hub": {"XDG_CACHE_HOME": f"{tmp_path}/c"},
    }
    for folder in folders:
        snapshot = folder / "models--Org--Model/snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        for name in hub.NEEDED:
            (snapshot / name).write_text(SIZES)
    found = [hub.cached(MODEL, COMMIT, env) for env in folders.values()]

    assert found == [folder / "models--Org--Model/snapshots" / COMMIT for folder in folders]


def test_weights_are_left_where_they_are(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "models--Org--Model/snapshots" / COMMIT / "model.safetensors").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    hub.lay_out(tmp_path / "home", MODEL, None, 4096)
    snapshot = tmp_path / "home/hub/models--Org--Model/snapshots" / COMMIT

    assert {path.name for path in snapshot.iterdir()} == {*hub.NEEDED}


def test_the_made_up_tokenizer_has_a_token_for_each_byte_and_each_word_of_the_mocker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    hub.lay_out(tmp_path / "home", MODEL, None, 4096)
    [file] = (tmp_path / "home").rglob("tokenizer.json")
    tokenizer = json.loads(file.read_text())
    words = {entry["id"] for entry in tokenizer["added_tokens"] if not entry["special"]}

    assert sorted(tokenizer["model"]["vocab"].values()) == [*range(256)]
    assert words >= {*range(1000, 2000)}
