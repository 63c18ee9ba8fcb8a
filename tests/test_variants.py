"""Variants files: which variants they become, what those are called, and what is wrong with others."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recipegen
from conftest import ROOT, Golden
from recipegen import facts, pipeline, variants
from recipegen.cli import main
from recipegen.errors import RecipeError, UsageError
from recipegen.recipe import LABEL
from recipegen.variants import foreign

FOLDER = ROOT / "tests/variants"
BASE = FOLDER / "base.yaml"
TINMAN = FOLDER / "tinman.yaml"
SEEDS = {"togetherNode.modelGPUs", 'nodeSelector."nvidia.com/gpu.product"'}
MISTAKES = sorted((FOLDER / "invalid").glob("*.yaml"))


def names(file: Path, base: str | Path = BASE) -> list[str]:
    return [each.name for each in variants.expand(base, file).variants]


def file_of(folder: Path, *documents: dict[str, Any]) -> Path:
    path = folder / "variants.yaml"
    path.write_text("---\n".join(yaml.safe_dump(document) for document in documents))
    return path


# What documents become.


def test_t24_tinmans_five_documents_become_five_variants_named_by_gpus_and_type() -> None:
    found = {each.name: each.plan for each in variants.expand(BASE, TINMAN).variants}

    assert list(found) == [
        "1x-nvidia-h100-80gb-hbm3",
        "2x-nvidia-h100-80gb-hbm3",
        "4x-nvidia-h100-80gb-hbm3",
        "1x-nvidia-a100-sxm4-80gb",
        "2x-nvidia-a100-sxm4-80gb",
    ]
    for name, plan in found.items():
        worker, selector = plan.tree["model"]["worker"], plan.tree["model"]["nodeSelector"]
        assert worker["gpus"] == int(name.partition("x")[0])
        assert f"{worker['gpus']}x-{selector['nvidia.com/gpu.product'].lower()}" == name


def test_t24_a_variant_of_a_file_renders_as_one_of_the_recipe_would(tmp_path: Path) -> None:
    own = yaml.safe_load(BASE.read_text())
    patch = {"hardware": {"gpu": "a100-sxm-80gb"}, "model": {"engine": {"tensorParallel": 2}}}
    path = tmp_path / "base.yaml"
    path.write_text(yaml.safe_dump({**own, "variants": {"two": {"patch": patch}}}))
    name = "2x-nvidia-a100-sxm4-80gb"
    of_file = pipeline.render(BASE, name, variants=TINMAN).splitlines()
    of_recipe = pipeline.render(path, "two").splitlines()

    assert name in of_file[0]
    assert of_file[1:] == of_recipe[1:]


@pytest.mark.parametrize("verb", ["render", "show", "validate", "check", "explain"])
def test_t24_every_verb_that_takes_a_recipe_chooses_among_them(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "4x-nvidia-h100-80gb-hbm3"
    key = ["model.engine.tensorParallel"] if verb == "explain" else []
    code = main([verb, str(BASE), *key, "--variants", str(TINMAN), "--variant", name])
    out, err = capsys.readouterr()

    assert code == 0
    assert {
        "render": "tensorParallel: 4",
        "show": name,
        "validate": name,
        "check": name,
        "explain": "tinman.yaml:10:14",
    }[verb] in out + err


def test_t24_without_a_variant_all_of_them_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    main(["validate", str(BASE), "--variants", str(TINMAN)])

    assert "6 forms (default, 1x-nvidia-h100" in capsys.readouterr().err


def test_a_value_is_where_the_document_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    mixed = FOLDER / "mixed.yaml"
    name = names(mixed)[1]
    main(["explain", str(BASE), "model.engine.maxModelLen", "--variants", str(mixed), "--variant", name])

    assert f"mixed.yaml:4:44 (variant {name})" in capsys.readouterr().out


def test_the_first_document_that_asks_for_the_recipes_own_gpus_is_the_recipe() -> None:
    first = variants.expand(BASE, TINMAN).variants[0]

    assert first.changes == {}
    assert first.plan.digest == pipeline.plan(BASE).digest
    assert pipeline.plan(BASE, first.name, variants=TINMAN).digest == first.plan.digest


def test_a_role_with_a_size_of_its_own_gets_the_gpus_there(tmp_path: Path) -> None:
    own = yaml.safe_load(BASE.read_text())
    own["model"]["worker"]["engine"] = {"tensorParallel": 2}
    base = tmp_path / "base.yaml"
    base.write_text(yaml.safe_dump(own))
    found = variants.expand(base, file_of(tmp_path, {"togetherNode": {"modelGPUs": 4}})).variants[0]

    assert found.changes == {"model.worker.engine.tensorParallel": 4}
    assert found.plan.tree["model"]["worker"]["gpus"] == 4


def test_pipeline_stages_are_counted_among_the_gpus(tmp_path: Path) -> None:
    document = {"togetherNode": {"modelGPUs": 8}, "model": {"engine": {"pipelineParallel": 2}}}
    found = variants.expand(BASE, file_of(tmp_path, document)).variants[0]

    assert found.plan.tree["model"]["engine"]["tensorParallel"] == 4
    assert found.plan.tree["model"]["worker"]["gpus"] == 8


# What they are called.


def test_a_name_ends_in_a_digest_where_more_than_the_gpus_changes() -> None:
    assert names(FOLDER / "mixed.yaml") == [
        "1x-nvidia-h200",
        "2x-nvidia-h100-80gb-hbm3-f1f1e56e",
        "4x-nvidia-h100-80gb-hbm3-8d1fe5a1",
        "1x-nvidia-a100-sxm4-80gb-mig-3g-40gb-00c2928e",
    ]


def test_both_languages_give_one_name_to_one_choice_of_gpus(tmp_path: Path) -> None:
    written = {"hardware": {"gpu": "a100-sxm-80gb"}, "model": {"engine": {"tensorParallel": 2}}}

    assert names(file_of(tmp_path, written)) == [names(TINMAN)[-1]]


def test_any_gpu_is_called_gpu(tmp_path: Path) -> None:
    assert names(file_of(tmp_path, {"togetherNode": {"modelGPUs": 2}}), "qwen-0.6b") == ["2x-gpu"]


def test_every_gpu_type_has_a_name_that_a_variant_can_have() -> None:
    labels = {fact["product"].lower() for fact in facts.hardware().values()}

    assert len(labels) == len(facts.hardware())
    for label in labels:
        longest = f"4096x-{label}-mig-7g-141gb-00c2928e"
        assert len(longest) <= 80
        assert re.fullmatch(LABEL, re.sub("[^a-z0-9]+", "-", longest))


DOCUMENTS = st.lists(
    st.sampled_from(
        [
            {"togetherNode": {"modelGPUs": 2}},
            {"togetherNode": {"modelGPUs": 4}},
            {"hardware": {"gpu": "a100-sxm-80gb"}},
            {"hardware": {"gpu": "h200-sxm-141gb"}, "model": {"engine": {"tensorParallel": 2}}},
            {"model": {"engine": {"maxModelLen": 16384}}},
            {"model": {"engine": {"maxModelLen": 8192, "tensorParallel": 2}}},
            {"model": {"worker": {"replicas": 3}}},
            {"model": {"worker": None}},
        ]
    ),
    min_size=1, max_size=8, unique_by=json.dumps,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS)
def test_t24_a_name_depends_on_its_own_document_alone(
    documents: list[dict[str, Any]], tmp_path: Path
) -> None:
    together = names(file_of(tmp_path, *documents))

    assert together == [names(file_of(tmp_path, document))[0] for document in documents]
    assert len(set(together)) == len(documents)


# The config id.


def test_t23_the_expansion_has_a_config_id_and_nothing_is_uploaded(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def told(file: Path, *options: str) -> str:
        assert main(["variants", str(BASE), "--variants", str(file), *options]) == 0
        return capsys.readouterr().out

    documents = list(yaml.safe_load_all(TINMAN.read_text()))
    found = json.loads(told(TINMAN, "--format", "json"))
    other = json.loads(told(file_of(tmp_path, *documents[:4]), "--format", "json"))
    turned = json.loads(told(file_of(tmp_path, *reversed(documents)), "--format", "json"))

    assert f"config id of all 5: {found['configId']}\nnot uploaded by recipegen" in told(TINMAN)
    assert found["uploaded"] is False
    assert found["configId"] == turned["configId"] == variants.expand(BASE, TINMAN).config_id
    assert found["configId"] != other["configId"]
    ids = [each["configId"] for each in found["variants"]]
    assert len(set(ids)) == 5
    plan = pipeline.plan(BASE, found["variants"][4]["name"], variants=TINMAN)
    assert ids[4] == f"sha256:{plan.digest}"


def test_the_id_changes_with_the_recipe(tmp_path: Path) -> None:
    other = tmp_path / "base.yaml"
    other.write_text(BASE.read_text().replace("replicas: 2", "replicas: 3"))

    assert variants.expand(other, TINMAN).config_id != variants.expand(BASE, TINMAN).config_id


def test_the_variants_of_a_recipe_itself_are_listed_too(capsys: pytest.CaptureFixture[str]) -> None:
    main(["variants", "qwen-0.6b"])
    out, _ = capsys.readouterr()

    assert "\nsglang-disagg " in out
    assert "config id of all 5: sha256:" in out


def test_the_library_takes_a_variants_file() -> None:
    name = "2x-nvidia-h100-80gb-hbm3"

    assert recipegen.plan(BASE, name, variants=TINMAN).variant == name
    assert name in recipegen.render(BASE, name, variants=TINMAN, target="helmfile")
    assert recipegen.bundle(BASE, name, variants=TINMAN).variant == name


def test_what_a_variant_of_a_file_holds_is_sized_and_recommended() -> None:
    file = ROOT / "docs/examples/variants.yaml"
    size = recipegen.size("qwen3-8b", "2x-nvidia-h100-80gb-hbm3", variants=file)
    best = recipegen.recommend("qwen3-8b", "1x-nvidia-a100-sxm4-80gb", variants=file, source="estimated")

    assert size.tightest.fit.setup.tensor == 2
    assert best.subject.base.gpu == "a100-sxm-80gb"


@pytest.mark.parametrize(
    "verb",
    ["plan", "bundle", "render", "simulate", "doctor", "preflight", "probe", "status", "size", "recommend"],
)
def test_every_verb_of_the_library_takes_a_variants_file(verb: str) -> None:
    """And reads it before it looks anywhere else: at a cluster, or for a runtime."""
    with pytest.raises(RecipeError, match="document 3 repeats"):
        getattr(recipegen, verb)("qwen3-8b", "x", variants=FOLDER / "invalid/repeats.yaml")


@pytest.mark.parametrize("verb", ["size", "recommend", "render", "status"])
def test_a_variants_file_asks_for_one_of_its_variants(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([verb, str(BASE), "--variants", str(TINMAN)])
    answer = capsys.readouterr()

    assert (code, answer.out) == (2, "")
    assert "say which of its variants with --variant" in answer.err


# What cannot be.


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_t24_a_wrong_variants_file_gets_its_message(
    path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(path.parent)
    code = main(["variants", "../base.yaml", "--variants", path.name])
    out, err = capsys.readouterr()

    assert code == 1
    assert out == ""
    golden.file(path.with_suffix(".txt"), err)


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_every_mistake_is_told_with_its_line_and_a_remedy(path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        variants.expand(BASE, path)

    for problem in caught.value.problems:
        assert problem.mark is not None
        assert problem.mark.line
        assert problem.hint or problem.code == "wrong-type"


def test_a_name_that_the_recipe_has_itself_is_refused(tmp_path: Path) -> None:
    own = yaml.safe_load(BASE.read_text())
    name = "2x-nvidia-h100-80gb-hbm3"
    base = tmp_path / "base.yaml"
    patch = {"model": {"worker": {"replicas": 9}}}
    base.write_text(yaml.safe_dump({**own, "variants": {name: {"patch": patch}}}))

    with pytest.raises(RecipeError, match=f"document 2 makes {name}"):
        variants.expand(base, TINMAN)


def test_a_hundred_variants_are_allowed_with_those_of_the_recipe(tmp_path: Path) -> None:
    many = [{"model": {"worker": {"replicas": 3 + n}}} for n in range(100)]

    assert len(names(file_of(tmp_path, *many))) == 100
    with pytest.raises(RecipeError, match="these are 105 variants, and 100 may be"):
        variants.expand("qwen-0.6b", file_of(tmp_path, *many))


def test_a_variants_file_is_for_one_recipe_and_no_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "qwen-0.6b", "qwen3-8b", "--variants", str(TINMAN)]) == 2
    assert "is for one recipe" in capsys.readouterr().err
    with pytest.raises(UsageError, match="standard input"):
        variants.expand(BASE, "-")


def test_the_table_of_foreign_keys_has_the_two_of_the_guide() -> None:
    assert set(foreign.table()["keys"]) == SEEDS
