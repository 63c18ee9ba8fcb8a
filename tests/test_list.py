"""`recipegen list`: what its rows say, what its filters keep, and what it says when nothing is left."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock import cpu_seconds
from recipegen import catalog
from recipegen.cli import main
from recipegen.overview import MODES, Form, count, tokens
from samples import Answer, Cli, catalog_forms

SMALL = """\
about: {title: A small one, description: The quickstart., license: Apache-2.0}
dynamoNamespace: small
model:
  name: Qwen/Qwen3-0.6B
  engine: {maxModelLen: 32768}
  worker: {replicas: 2}
variants:
  sglang: {description: Another engine., patch: {model: {backend: {type: sglang}}}}
"""
LARGE = """\
about: {title: A large one, license: MIT, evidence: simulated 2026-11-21}
dynamoNamespace: large
hardware: {gpu: h200-sxm-141gb}
model:
  name: deepseek-ai/DeepSeek-R1
  backend: {type: sglang}
  engine: {tensorParallel: 8}
  worker: {sharedMemory: 32Gi}
variants:
  wide:
    description: Experts over two nodes.
    patch:
      model:
        disaggregation: true
        worker: null
        engine: {tensorParallel: 16, expertParallel: 16, maxModelLen: 65536}
        prefill: {nodes: 2, sharedMemory: 32Gi}
        decode: {nodes: 2, sharedMemory: 32Gi}
  h100: {patch: {hardware: {gpu: h100-sxm-80gb}, model: {engine: {tensorParallel: 16}, worker: {nodes: 2}}}}
"""
# Nobody has facts of this model.
UNKNOWN = """\
dynamoNamespace: own
hardware: {gpu: l40s-48gb}
model: {name: Org/Own-Model, backend: {type: trtllm}}
"""
ALL = ["large default", "large wide", "large h100", "small default", "small sglang", "unknown default"]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """`recipegen list` with a catalog of three recipes."""
    (tmp_path / "large.yaml").write_text(LARGE)
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "unknown.yaml").write_text(UNKNOWN)
    monkeypatch.setattr(catalog, "folder", lambda: tmp_path)

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(["list", *arguments])
        return Answer(code, *capsys.readouterr())

    return run


def forms(answer: Answer) -> list[str]:
    """Name and variant of each row of `--variants`."""
    assert answer.code == 0
    return [" ".join(line.split()[:2]) for line in answer.out.splitlines()[1:]]


def test_a_row_speaks_of_all_forms_of_a_recipe(cli: Cli) -> None:
    answer = cli()

    assert answer == (
        0,
        "NAME     SIZE  CONTEXT  BACKENDS     GPUS  ON         FORMS  EVIDENCE\n"
        "large    671B  160k     sglang       8-32  h200 h100  3      simulated\n"
        "small    0.6B  32k      vllm sglang  2     any        2      rendered\n"
        "unknown  ?     ?        trtllm       1     l40s       1      rendered\n",
        "",
    )


def test_each_form_has_a_row_of_its_own(cli: Cli) -> None:
    assert cli("--variants").out.splitlines()[:4] == [
        "NAME     VARIANT  BACKEND  MODE                       GPUS  ON              CONTEXT",
        "large    default  sglang   agg                        8     h200-sxm-141gb  160k",
        "large    wide     sglang   disagg multi-node wide-ep  32    h200-sxm-141gb  64k",
        "large    h100     sglang   agg multi-node             16    h100-sxm-80gb   160k",
    ]
    assert forms(cli("--variants")) == ALL


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--backend", "sglang"], ["large default", "large wide", "large h100", "small sglang"]),
        (["--mode", "aggregated"], ["large default", "large h100", *ALL[3:]]),
        (["--mode", "disaggregated"], ["large wide"]),
        (["--mode", "multi-node"], ["large wide", "large h100"]),
        (["--mode", "wide-ep"], ["large wide"]),
        (["--gpu", "h200"], ["large default", "large wide", "small default", "small sglang"]),
        (["--gpu", "h100-sxm-80gb"], ["large h100", "small default", "small sglang"]),
        (["--max-gpus", "8"], ["large default", *ALL[3:]]),
        (["--max-gpus", "2", "--backend", "sglang"], ["small sglang"]),
        (["--license", "apache"], ["small default", "small sglang"]),
        (["--size", "0-10B"], ["small default", "small sglang"]),
        (["--size", "500M-0.7b"], ["small default", "small sglang"]),
        (["--size", "70B-"], ALL[:3]),
        (["--size", "0.1-1T"], ALL[:3]),
        (["deepseek"], ALL[:3]),
        (["LARGE", "one"], ALL[:3]),
        (["own-model"], ["unknown default"]),
    ],
    ids=" ".join,
)
def test_a_filter_keeps_the_forms_that_fit(cli: Cli, arguments: list[str], kept: list[str]) -> None:
    assert forms(cli("--variants", *arguments)) == kept


def test_a_recipe_is_listed_when_any_of_its_forms_fits(cli: Cli) -> None:
    (row,) = cli("--mode", "wide-ep").out.splitlines()[1:]

    assert row.split() == ["large", "671B", "64k", "sglang", "32", "h200", "1", "of", "3", "simulated"]


def test_nothing_left_says_which_filter_kept_how_many(cli: Cli) -> None:
    assert cli("--backend", "vllm", "--gpu", "h100", "--max-gpus", "1") == (
        0,
        "",
        "no recipe fits, of 3 with 6 forms:\n"
        "  --backend vllm  fits 1; 1 left\n"
        "  --gpu h100      fits 3; 1 left\n"
        "  --max-gpus 1    fits 1; 0 left\n",
    )


def test_nothing_left_is_an_empty_list_for_programs(cli: Cli) -> None:
    assert cli("--max-gpus", "0", "--format", "json") == (0, "[]\n", "")


def test_models_of_unknown_size_are_named_where_sizes_are_asked_for(cli: Cli) -> None:
    assert cli("--size", "0-10B").err == "of unknown size, so left out: unknown\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "vlm"], "--backend: nothing is called 'vlm'\n  hint: did you mean 'vllm'?"),
        (["--mode", "disagregated"], "did you mean 'disaggregated'?"),
        (["--mode", "x"], "known are aggregated, disaggregated, multi-node, wide-ep"),
        (["--gpu", "h10"], "did you mean 'h100'?"),
        (["--gpu", "h200-smx-141gb"], "did you mean 'h200-sxm-141gb'?"),
        (["--gpu", "potato"], "known are a100, h100, h200, h20, b200, "),
        (["--license", "aapche"], "did you mean 'Apache-2.0'?"),
        (["--size", "10"], "such as 0-10B, 70B- or 500M-3B"),
        (["--size", "0-10"], "such as 0-10B, 70B- or 500M-3B"),
        (["--size", "-"], "such as 0-10B, 70B- or 500M-3B"),
        (["--size", "10B-1B"], "the range ends before it begins"),
        (["--max-gpus", "many"], "a whole number"),
        (["--backend", "vllm", "--backend", "sglang"], "is there twice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_value_that_nothing_has_is_wrong_usage(cli: Cli, arguments: list[str], message: str) -> None:
    answer = cli(*arguments)

    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_programs_get_recipes_with_their_forms(cli: Cli) -> None:
    large, small, unknown = json.loads(cli("--json").out)

    assert (large["license"], large["parameters"], large["context"]) == ("MIT", 671026294272, 163840)
    assert [form["variant"] for form in large["forms"]] == ["default", *large["variants"]]
    assert large["forms"][1] == {
        "variant": "wide",
        "description": "Experts over two nodes.",
        "backend": "sglang",
        "modes": ["disaggregated", "multi-node", "wide-ep"],
        "gpus": 32,
        "gpu": "h200-sxm-141gb",
        "context": 65536,
    }
    assert (small["gpu"], unknown["parameters"]) == ("any", None)


def test_programs_get_forms_one_by_one_where_they_ask_for_them(cli: Cli) -> None:
    found = json.loads(cli("--json", "--variants", "--max-gpus", "2").out)

    assert [f"{form['name']} {form['variant']}" for form in found] == ALL[3:]


def test_a_variant_that_is_wrong_keeps_no_other_form_out(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("type: sglang", "type: slang"))
    answer = cli("--variants")

    assert answer.code == 1
    assert "small default" in [" ".join(line.split()[:2]) for line in answer.out.splitlines()]
    assert "did you mean 'sglang'?" in answer.err


def test_a_hundred_forms_take_less_than_a_second(cli: Cli, tmp_path: Path) -> None:
    many = "".join(
        f"  v{number}: {{patch: {{model: {{worker: {{replicas: {number}}}}}}}}}\n" for number in range(3, 53)
    )
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(SMALL + many)

    assert len(forms(cli("--variants"))) == 2 * 52 + len(ALL)
    assert cpu_seconds(lambda: cli("--variants")) < 1


# ---- words and numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("form", catalog_forms(), ids=lambda form: f"{form.name}-{form.variant}")
def test_a_form_of_the_catalog_is_aggregated_or_not(form: Form) -> None:
    assert form.modes[0] == ("disaggregated" if form.plan.recipe.model.disaggregation else "aggregated")
    assert set(form.modes) <= set(MODES)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (596042752, "0.6B"), (22_000_000, "22M"), (8_030_261_248, "8.0B"), (9_960_000_000, "10B"),
        (671_026_294_272, "671B"), (999_000_000_000, "1.0T"), (1_026_000_000_000, "1.0T"),
    ],
)  # fmt: skip
def test_parameters_are_said_as_people_say_them(number: int, text: str) -> None:
    assert count(number) == text


@given(st.integers(1, 2**24))
def test_a_number_of_tokens_can_be_read_back(number: int) -> None:
    text = tokens(number)
    sizes = {"M": [1024**2], "k": [1024, 1000]}.get(text[-1], [1])

    assert number in [int(text.rstrip("Mk")) * size for size in sizes]
