"""`identify`, `list --openai` and models with one id: what they print, and what they refuse."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from recipegen import catalog, pipeline
from recipegen.cli import main
from recipegen.ingestion import identity
from recipegen.rules import collisions
from samples import Answer, Cli

RECIPE = "dynamoNamespace: own\nmodel:\n  name: {name}\n"
HUB = "config.json\nmodel.safetensors\n"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> Answer:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(arguments)
        return Answer(code, *capsys.readouterr())

    return run


def identified(cli: Cli, *arguments: str, stdin: str = HUB) -> dict[str, Any]:
    answer = cli("identify", *arguments, "--format", "json", stdin=stdin)
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def recipe(folder: Path, stem: str, name: str) -> None:
    (folder / f"{stem}.yaml").write_text(RECIPE.format(name=name))


# ---- identify -----------------------------------------------------------------------------------


def test_m20_identify_says_what_is_there_and_that_nothing_was_copied(cli: Cli) -> None:
    answer = cli("identify", "google/gemma-2b", "--files", "-", stdin=HUB)

    assert answer.code == 0
    assert answer.out.splitlines()[:2] == [
        "google/gemma-2b, from hugging-face",
        "  id            google-gemma-2b",
    ]
    assert "HUGGING_FACE" in answer.out
    assert answer.err == "nothing was copied, scanned or converted: only names were looked at\n"


def test_m20_identify_reads_a_list_a_folder_and_standard_input_alike(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "files.txt").write_text(HUB)
    (tmp_path / "model").mkdir()
    for name in HUB.split():
        (tmp_path / "model" / name).touch()
    answers = [
        identified(cli, "google/gemma-2b", *given)
        for given in (("--files", "files.txt"), ("--dir", "model"), ("--files", "-"))
    ]

    assert answers[0] == answers[1] == answers[2]


def test_m16_identify_takes_a_project(cli: Cli) -> None:
    found = identified(cli, "google/gemma-2b", "--files", "-", "--project", "proj0")

    assert found["prefix"] == "models/base-models/proj0/google/gemma-2b/"
    assert found["keys"][0] == "models/base-models/proj0/google/gemma-2b/config.json"
    assert found["copied"] is False


def test_m09_identify_without_files_says_what_the_name_says(cli: Cli) -> None:
    answer = cli("identify", "gemma:2b")

    assert answer.code == 0
    assert "gemma:2b, from ollama" in answer.out
    assert "not looked at" in answer.out
    assert "models/base-models/global/gemma-2b/" in answer.out


def test_m14_identify_names_a_fine_tuned_model_after_its_base(cli: Cli) -> None:
    arguments = ("abc/lora1", "--base", "google/gemma-2b", "--suffix", "mine", "--tenant", "me")
    found = identified(
        cli, *arguments, "--files", "-", stdin="adapter_config.json\nadapter_model.safetensors"
    )

    assert [model["id"] for model in found["models"]] == ["ft:google-gemma-2b:mine"]
    assert found["prefix"] == "models/me/global/ft-google-gemma-2b-mine/"


def test_m25_identify_says_which_quantization_a_name_stands_for_as_a_guess(cli: Cli) -> None:
    assert "awq, as its name ends; a guess" in cli("identify", "a/b-AWQ").out


def test_m26_identify_says_that_workers_here_do_not_load_gguf(cli: Cli) -> None:
    answer = cli("identify", "a/b", "--files", "-", stdin="b-q4_0.gguf")

    assert "engines       ollama (GGUF), vllm (GGUF), sglang (GGUF)" in answer.out
    assert "workers here  none of vllm, sglang, trtllm" in answer.out


def test_l31_identify_says_that_weights_without_safetensors_may_run_code(cli: Cli) -> None:
    answer = cli("identify", "a/b", "--files", "-", stdin="config.json\npytorch_model.bin")

    assert "without safetensors" in answer.out


def test_m10_whole_keys_of_a_bucket_are_taken_for_the_files_below_the_models_folder(cli: Cli) -> None:
    folder = "models/base-models/global/google/gemma-2b"
    listed = "".join(f"2026-11-21 10:00:00    12 {folder}/{name}\n" for name in HUB.split())

    assert identified(cli, "google/gemma-2b", "--files", "-", stdin=listed) == identified(
        cli, "google/gemma-2b", "--files", "-"
    )


def test_m21_a_list_of_find_has_the_keys_of_the_same_files(cli: Cli) -> None:
    listed = "".join(f"./{name}\n" for name in HUB.split())

    assert identified(cli, "google/gemma-2b", "--files", "-", stdin=listed + HUB) == identified(
        cli, "google/gemma-2b", "--files", "-"
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("a/b", "--files", "-"), "file.txt", 1, "-:1:1: is in no known format"),
        (("a/b", "--files", "-"), "config.json\nx.safetensors\nx.gguf", 1, "-:3:1: is GGUF beside"),
        (("a/b", "--files", "-"), "config.json\n../secret", 1, "-:2:1: lies outside of the folder"),
        (("a/b", "--files", "-"), "", 1, "-: lists no file"),
        (("a/b", "--files", "-"), "config.json\nw.tar", 1, "-:2:1: is an archive"),
        (("../b",), "", 1, "is no id of a model"),
        (("gemma:2b", "--source", "hugging-face"), "", 1, "say --source ollama"),
        (("a/b", "--base", "c/d", "--suffix", "s" * 19), "", 1, "1 to 18 characters"),
        (("a/b", "--suffix", "s"), "", 2, "--suffix needs --base"),
        (("a/b", "--project", "../x"), "", 2, "--project is one name"),
        (("a/b", "--files", "nowhere.txt"), "", 4, "No such file"),
        (("a/b", "--dir", "nowhere"), "", 4, "is no folder"),
    ],
)
def test_m20_identify_refuses_what_is_no_model(
    arguments: tuple[str, ...], stdin: str, code: int, said: str, cli: Cli
) -> None:
    answer = cli("identify", *arguments, stdin=stdin)

    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


# ---- one id, two models -------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["validate", "check"])
def test_m09_two_models_with_one_id_are_refused_with_both_places(
    command: str, cli: Cli, tmp_path: Path
) -> None:
    recipe(tmp_path, "one", "a/b-c")
    recipe(tmp_path, "two", "a-b/c")
    answer = cli(command, "./one.yaml", "./two.yaml")

    assert answer.code == 1
    assert answer.err.splitlines()[0] == (
        "two.yaml:3:9: model.name: has the id 'a-b-c', and so has 'a/b-c' of one.yaml:3:9, got 'a-b/c'"
    )


def test_m09_several_recipes_of_one_model_are_fine(cli: Cli, tmp_path: Path) -> None:
    recipe(tmp_path, "one", "a/b-c")
    recipe(tmp_path, "two", "a/b-c")

    assert cli("validate", "./one.yaml", "./two.yaml").code == 0


def test_m03_no_two_models_of_the_catalog_have_one_id() -> None:
    plans = [pipeline.plan(name) for name in catalog.recipes()]

    assert [*collisions.check(plans)] == []
    assert len({identity.model_id(plan.recipe.model.name) for plan in plans}) > 40


# ---- list --openai ------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A catalog of three recipes: two of one model, one of a model without an organization."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    for stem, name in {"one": "Org/B", "two": "Org/B", "three": "gpt2"}.items():
        recipe(folder, stem, name)
    (folder / "one.yaml").write_text(
        "about: {evidence: simulated 2026-11-21}\n" + RECIPE.format(name="Org/B")
    )
    monkeypatch.setattr(catalog, "folder", lambda: folder)
    return folder


def test_m13_the_catalog_as_openais_list_of_models(cli: Cli, small: Path) -> None:
    answer = cli("list", "--openai")

    assert small.is_dir()
    assert json.loads(answer.out) == {
        "object": "list",
        "data": [
            {"id": "Org/B", "object": "model", "created": 1795219200, "owned_by": "Org"},
            {"id": "gpt2", "object": "model", "created": 0, "owned_by": "unknown"},
        ],
    }
    assert "these are recipes" in answer.err


def test_m13_the_list_is_the_same_each_time_and_takes_filters(cli: Cli) -> None:
    whole, again, some = (cli("list", *more, "--openai").out for more in ((), (), ("--backend", "trtllm")))
    ids, fewer = ([model["id"] for model in json.loads(text)["data"]] for text in (whole, some))

    assert whole == again
    assert ids == sorted(set(ids))
    assert set() < set(fewer) < set(ids)


def test_m13_clients_are_shown_the_name_that_they_ask_for(cli: Cli, small: Path) -> None:
    (small / "three.yaml").write_text(RECIPE.format(name="Org/C") + "  servedName: short\n")

    assert [model["id"] for model in json.loads(cli("list", "--openai").out)["data"]] == ["Org/B", "short"]
