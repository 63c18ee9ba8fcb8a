"""Recipes that extend another: a single parent, and a merge patch of it."""

from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from recipegen import catalog, inheritance, pipeline, yamlio
from recipegen.cli import main
from recipegen.document import Document, merge
from recipegen.errors import RecipeError
from recipegen.load import load
from recipegen.origin import origin
from samples import MINIMAL, leaves
from test_document import KEYS, VALUES

PATCHES = st.dictionaries(KEYS, VALUES, max_size=4)


def written(folder: Path, name: str, data: dict[str, Any]) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yamlio.write(data))
    return path


def document(data: dict[str, Any]) -> Document:
    return yamlio.read(yamlio.write(data), "text")


def test_t11_an_endpoint_inherits_what_it_does_not_say(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "dippy-qwen",
        {"extends": "qwen-0.6b", "model": {"worker": {"replicas": 3, "env": {"A": "b"}}}},
    )
    plan, base = pipeline.plan(path), pipeline.plan("qwen-0.6b")

    assert plan.graph == "dippy-qwen"
    assert plan.recipe.model.worker.replicas == 3  # type: ignore[union-attr]
    assert plan.recipe.model.revision == base.recipe.model.revision
    assert plan.loaded.bases == (catalog.shown(catalog.recipes()["qwen-0.6b"]),)


def test_t11_each_value_keeps_the_file_and_line_that_it_was_written_at(tmp_path: Path) -> None:
    plan = pipeline.plan(written(tmp_path, "mine", {"extends": "qwen-0.6b", "dynamoNamespace": "team-a"}))

    assert origin(plan, ("dynamoNamespace",)) == f"{tmp_path}/mine.yaml:2:18"
    assert "qwen-0.6b.yaml:" in origin(plan, ("model", "name"))


def test_a_path_is_taken_from_the_folder_of_the_file_that_says_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    written(tmp_path / "a", "root", MINIMAL)
    written(tmp_path / "a", "base", {"extends": "./root.yaml", "model": {"engine": {"maxModelLen": 8192}}})
    last = written(tmp_path / "b", "last", {"extends": "../a/base.yaml"})

    assert load(last).document.data == {
        **MINIMAL,
        "model": {**MINIMAL["model"], "engine": {"maxModelLen": 8192}},
    }


def test_what_was_seen_of_the_parent_says_nothing_of_its_child(tmp_path: Path) -> None:
    path = written(tmp_path, "mine", {"extends": "qwen-0.6b", "model": {"worker": {"replicas": 3}}})
    own = written(tmp_path, "own", {"extends": "./mine.yaml", "about": {"evidence": "simulated today"}})

    assert pipeline.plan("qwen-0.6b").recipe.about.evidence.startswith("simulated")
    assert pipeline.plan(path).recipe.about.evidence == "rendered"
    assert pipeline.plan(own).recipe.about.evidence == "simulated today"


def test_a_null_deletes_what_the_parents_parent_says(tmp_path: Path) -> None:
    written(tmp_path, "root", {**MINIMAL, "benchmark": {"enabled": True}})
    written(tmp_path, "middle", {"extends": "./root.yaml", "model": {"mocker": True}})

    found = load(written(tmp_path, "last", {"extends": "./middle.yaml", "benchmark": None})).document.data

    assert "benchmark" not in found


@given(st.lists(PATCHES, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_chain_is_the_merge_of_all_from_the_first_parent_down(
    tmp_path_factory: pytest.TempPathFactory, chain: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("chain")
    expected = document(chain[0])
    path = written(folder, "0", chain[0])
    for number, patch in enumerate(chain[1:], start=1):
        path = written(folder, str(number), {"extends": f"./{number - 1}.yaml", **patch})
        expected = merge(expected, document(patch))

    found, bases = inheritance.extended(yamlio.read_file(path, "last"), path)

    assert found.data == expected.data
    assert [base.stem for base in bases] == [str(n) for n in reversed(range(len(chain) - 1))]


def test_variants_are_inherited_and_can_be_changed(tmp_path: Path) -> None:
    patch = {"variants": {"disagg": {"patch": {"model": {"decode": {"replicas": 3}}}}}}
    path = written(tmp_path, "mine", {"extends": "qwen-0.6b", **patch})

    assert pipeline.plan(path, "disagg").recipe.model.decode.replicas == 3  # type: ignore[union-attr]
    assert main(["validate", str(path)]) == 0


def test_a_link_that_leads_to_itself_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").symlink_to("base.yaml")
    path = written(tmp_path, "endpoint", {"extends": "./base.yaml"})
    with pytest.raises(RecipeError, match=r"base\.yaml: Too many levels of symbolic links"):
        load(path)


def test_a_variant_of_the_base_that_is_wrong_here_can_be_taken_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model: dict[str, Any] = {"disaggregation": True, "worker": None, "prefill": {}, "decode": {}}
    path = written(tmp_path, "mine", {"extends": "qwen3-8b", "model": model})
    code = main(["validate", str(path)])

    assert code == 1
    assert "or take the variant " in capsys.readouterr().err


@pytest.mark.parametrize("variant", ["default", "own"])
def test_what_is_no_variant_of_the_base_cannot_be_taken_out(
    variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"model": {"worker": {"replicas": -1}}}
    own = {"own": {"patch": wrong}}
    path = written(tmp_path, "mine", {"extends": "qwen3-8b", **wrong, "variants": own})

    assert main(["validate", str(path), "--variant", variant]) == 1
    assert "take the variant" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"model": {"name": None}}, "mine.yaml:3:9: model.name: is required, and null takes it out"),
        ({"model": None}, "mine.yaml:2:8: model: is required, and null takes it out"),
    ],
)
def test_what_a_null_takes_away_and_is_required_is_told_at_the_null(
    patch: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, "mine", {"extends": "qwen-0.6b", **patch})
    with pytest.raises(RecipeError) as raised:
        pipeline.plan(path)

    assert said in str(raised.value)


@given(PATCHES, PATCHES, PATCHES)
def test_what_is_told_as_taken_away_is_not_there(
    first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
) -> None:
    whole = merge(merge(document(first), document(second)), document(third))

    assert not whole.removed.keys() & {path for path, _ in leaves(whole.data)}


def test_a_circle_names_every_file_in_it(tmp_path: Path) -> None:
    written(tmp_path, "a", {"extends": "./b.yaml"})
    written(tmp_path, "b", {"extends": "./c.yaml"})
    written(tmp_path, "c", {"extends": "./a.yaml"})

    with pytest.raises(RecipeError) as raised:
        load(tmp_path / "a.yaml")

    (problem,) = raised.value.problems
    assert problem.code == "cyclic-extends"
    assert [Path(name).stem for name in problem.message.split(": ")[1].split(" extends ")] == [
        "a",
        "b",
        "c",
        "a",
    ]
    assert str(problem.mark) == f"{tmp_path}/c.yaml:1:10"


def test_standard_input_extends_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, "root", MINIMAL)
    monkeypatch.chdir(tmp_path)
    text = b"extends: ./root.yaml\nmodel: {mocker: true}\n"
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(text)))

    assert main(["validate", "-"]) == 0
    assert capsys.readouterr().out == ""


def test_plain_helm_refuses_what_only_recipegen_can_read() -> None:
    schema = (ROOT / "charts/stack/values.schema.json").read_text()

    assert '"extends"' not in schema
