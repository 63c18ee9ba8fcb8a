"""`recipegen new` without the Hub: what it writes, what it refuses, and that it writes nothing wrong."""

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conftest import ROOT, Golden
from recipegen import catalog, creation, facts, pipeline, sizing, writing, yamlio
from recipegen.cli import main
from recipegen.creation import card, engine, names
from recipegen.creation import given as inputs
from recipegen.creation.given import Given
from recipegen.errors import RecipeError, RecipegenError, ToolError, UsageError
from recipegen.load import load
from recipegen.rules import names as budgets
from recipegen.rules.given import ENGINES
from recipegen.validate import validate

MODELS = sorted(path.stem for path in (facts.HERE / "models").glob("*.yaml"))
GPUS = sorted(facts.hardware())
SMALL = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
    "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
}  # fmt: skip
H100: dict[str, Any] = {"backend": "vllm", "gpu": "h100-sxm-80gb"}


@cache
def published(model: str) -> dict[str, Any]:
    """The facts file of a model."""
    data: dict[str, Any] = yaml.safe_load((facts.HERE / "models" / f"{model}.yaml").read_text())
    return data


def lay_out(folder: Path, config: Any = SMALL, **others: str) -> Path:
    """A folder with a config.json and other files; dots of their names are written as `__`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name, content in others.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder / "config.json"


def of_facts(folder: Path, model: str) -> dict[str, Any]:
    """Where the configuration of a model of the facts is laid out, and an id that the facts do not have."""
    data = published(model)
    quant = {"hf_quant_config__json": json.dumps(data["quantConfig"])} if "quantConfig" in data else {}
    lay_out(folder / model, data["config"], **quant)
    return {"config": folder / model / "config.json", "model": f"example/{model.partition('--')[2]}"}


def data_of(recipe: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(recipe)
    return data


# What is written.

GOLDEN: dict[str, tuple[str, dict[str, Any]]] = {
    "dense": ("Qwen--Qwen3-32B", H100),
    "latent-nodes": ("deepseek-ai--DeepSeek-R1", {"backend": "sglang", "gpu": "h100-sxm-80gb"}),
    "latent-vllm": (
        "deepseek-ai--DeepSeek-V3.2",
        {"backend": "vllm", "gpu": "b200-sxm-180gb", "replicas": 2},
    ),
    "hybrid-disagg": ("Qwen--Qwen3.5-35B-A3B", {**H100, "disaggregated": True}),
    "windows-trtllm": ("openai--gpt-oss-120b", {"backend": "trtllm", "gpu": "h200-sxm-141gb"}),
    "shortened": ("meta-llama--Llama-4-Scout-17B-16E-Instruct", H100),
    "fp8": (
        "Qwen--Qwen3-235B-A22B-FP8",
        {"backend": "vllm", "gpu": "h200-sxm-141gb", "max_model_len": 32768},
    ),
    "small-gpus": ("microsoft--phi-4", {"backend": "vllm", "gpu": "a10g-24gb"}),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_the_recipe_is_what_the_golden_file_shows(case: str, golden: Golden, tmp_path: Path) -> None:
    model, wishes = GOLDEN[case]
    created = creation.new(**of_facts(tmp_path, model), **wishes)

    golden.file(ROOT / "tests/new" / f"{case}.yaml", created.recipe)


def test_a_directory_tells_licence_and_access_and_that_there_is_a_chat_template(
    golden: Golden, tmp_path: Path
) -> None:
    config = {**SMALL, "model_type": "qwen3", "auto_map": {"AutoConfig": "configuration.Odd"}}
    index = {
        "metadata": {"total_size": 15_500_000_000},
        "weight_map": {"lm_head.weight": "model-1.safetensors"},
    }
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "hub/models--example--Small-8B/snapshots" / commit
    lay_out(
        folder,
        config,
        README__md="---\nlicense: other\nlicense_name: Small License\nextra_gated_prompt: Accept.\n---\n",
        tokenizer_config__json='{"chat_template": "{{ messages }}"}',
        model__safetensors__index__json=json.dumps(index),
    )
    created = creation.new(config=folder, **H100)
    model = data_of(created.recipe)["model"]

    assert model["name"] == "example/Small-8B"
    assert model["revision"] == commit
    assert model["huggingFaceTokenSecret"] == "hf-token-secret"
    golden.file(ROOT / "tests/new/directory.yaml", created.recipe)
    assert "trustRemoteCode" not in created.recipe
    assert "--trust-remote-code" in " ".join(created.notes)
    trusted = creation.new(config=folder, trust_remote_code=True, **H100)
    assert data_of(trusted.recipe)["model"]["engine"]["trustRemoteCode"] is True


def test_files_of_another_size_are_told_by_new_and_size(tmp_path: Path) -> None:
    index = {"metadata": {"total_size": 15_000_000_000}, "weight_map": {"lm_head.weight": "1.safetensors"}}
    lay_out(tmp_path, model__safetensors__index__json=json.dumps(index))
    created = creation.new(config=tmp_path, model="example/small", **H100)
    sized = sizing.size(None, config=tmp_path, **H100)

    assert "where the configuration lets expect 16.1 GB" in created.recipe
    assert [each.code for each in sized.warnings] == ["weights-differ"]


def test_without_a_chat_template_there_are_no_parsers(tmp_path: Path) -> None:
    config = lay_out(tmp_path, {**SMALL, "model_type": "qwen3"}, tokenizer_config__json="{}")
    created = creation.new(config=config.parent, model="a/b", **H100)

    assert "toolCallParser" not in created.recipe
    assert any("no chat template" in note for note in created.notes)


def test_comments_say_nothing_of_the_data(tmp_path: Path) -> None:
    recipe = creation.new(config=lay_out(tmp_path), model="a/Small-8B", **H100).recipe
    bare = "".join(f"{line}\n" for line in recipe.splitlines() if not line.lstrip().startswith("#"))

    assert data_of(bare) == data_of(recipe)
    assert recipe.count("#") >= 8


def test_two_runs_in_new_processes_write_the_same_bytes(tmp_path: Path) -> None:
    lay_out(tmp_path)
    command = [sys.executable, "-m", "recipegen", "new", "--config", "config.json", "--model", "a/Small-8B"]
    command += ["--backend", "vllm", "--gpu", "h100-sxm-80gb", "-o", "-"]
    texts = {
        subprocess.run(
            command, cwd=tmp_path, capture_output=True, check=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip

    assert len(texts) == 1


# It is right, or there is none.


def judged(created: creation.Created, folder: Path) -> None:
    """Hold a written recipe to what everybody else will find of it."""
    path = folder / created.file
    path.write_text(created.recipe)
    plan = pipeline.plan(path)
    pipeline.render(path)

    assert plan.warnings == (), "recipegen does not know the model, so nothing is odd"
    assert created.fit.fits
    assert len(created.name) <= names.LONGEST


def attempt(**wishes: Any) -> creation.Created | RecipeError:
    """What comes of it, a refusal included; anything else that is raised is a fault."""
    try:
        return creation.new(**wishes)
    except RecipeError as error:
        return error


@pytest.mark.parametrize("backend", inputs.BACKENDS)
@pytest.mark.parametrize("model", MODELS)
def test_every_known_model_becomes_a_valid_recipe_or_the_reason_is_said(
    model: str, backend: str, tmp_path: Path
) -> None:
    place = (MODELS.index(model) * 3 + inputs.BACKENDS.index(backend)) % len(GPUS)
    # All of them on one of which nobody can say that it is too small.
    for gpu in (GPUS[place], *(["h200-sxm-141gb"] if backend == "vllm" else [])):
        found = attempt(**of_facts(tmp_path, model), backend=backend, gpu=gpu)
        if isinstance(found, RecipeError):
            assert {problem.code for problem in found.problems} <= {"no-fit", "weights-format"}, str(found)
            assert all(problem.hint for problem in found.problems)
            assert gpu != "h200-sxm-141gb", str(found)
        else:
            judged(found, tmp_path)
            assert found.fit.concurrency >= 2
            assert {warning.code for warning in found.warnings} <= {"weights-format"}


WISHES = {
    "backend": st.sampled_from(inputs.BACKENDS),
    "gpu": st.sampled_from(GPUS),
    "gpu_count": st.none() | st.integers(1, 32),
    "max_model_len": st.none() | st.integers(1, 2_000_000),
    "replicas": st.none() | st.integers(1, 9),
    "disaggregated": st.booleans(),
}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=st.sampled_from(MODELS), wishes=st.fixed_dictionaries(WISHES))
def test_whatever_is_asked_for_is_written_and_valid_or_refused_with_a_remedy(
    model: str, wishes: dict[str, Any], tmp_path: Path
) -> None:
    wishes |= of_facts(tmp_path, model)
    found = attempt(**wishes)
    if isinstance(found, RecipeError):
        assert all(problem.hint for problem in found.problems), str(found)
        return
    judged(found, tmp_path)
    length = data_of(found.recipe)["model"]["engine"]["maxModelLen"]
    assert wishes["max_model_len"] in (None, length)
    assert wishes["gpu_count"] in (None, found.fit.setup.gpus)
    assert creation.new(**wishes).recipe == found.recipe


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=st.sampled_from(MODELS), backend=st.sampled_from(inputs.BACKENDS), gpu=st.sampled_from(GPUS))
def test_half_the_gpus_would_not_do(model: str, backend: str, gpu: str, tmp_path: Path) -> None:
    source = {**of_facts(tmp_path, model), "backend": backend, "gpu": gpu}
    created = attempt(**source)
    assume(isinstance(created, creation.Created))
    assert isinstance(created, creation.Created)
    gpus, length = created.fit.setup.gpus, created.fit.max_model_len
    shortened = length < (created.fit.model.default_context or created.fit.model.context)
    assume(gpus > 1 and not shortened)
    half = attempt(**source, gpu_count=gpus // 2, max_model_len=length)

    assert isinstance(half, RecipeError) or half.fit.concurrency < 2


@pytest.mark.parametrize("form", [False, True], ids=["aggregated", "disaggregated"])
def test_the_longest_name_is_one_that_all_forms_have_room_for(form: bool) -> None:
    roles = ("prefill", "decode") if form else ("worker",)
    largest = max(2 * len(role) + budgets.CLIQUE_SUFFIX for role in roles)

    assert names.LONGEST + largest <= budgets.GROVE


def test_the_catalogs_recipes_have_the_parsers_of_the_table() -> None:
    for name in catalog.recipes():
        model = validate(load(name)).recipe.model
        known = facts.model(model.name)
        assert known is not None
        row = facts.parsers()[known.families[-1]]
        own = {
            "toolCallParser": model.engine.tool_call_parser,
            "reasoningParser": model.engine.reasoning_parser,
        }
        for key, parser in own.items():
            said = row.get(key)
            # The quickstart serves no tools; a list stands for models that differ.
            wanted = (
                {None, *said} if isinstance(said, list) else {said, None} if name == "qwen-0.6b" else {said}
            )
            assert parser in wanted, (name, key)


def test_shares_of_memory_are_those_of_the_catalogs_page() -> None:
    page = (ROOT / "docs/catalog.md").read_text()

    for backend, share in engine.SHARES.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {ENGINES[backend]} |"))
        assert f"| {share}" in row


@pytest.mark.parametrize("case", GOLDEN)
def test_size_says_the_same_of_the_recipe(case: str, tmp_path: Path) -> None:
    model, wishes = GOLDEN[case]
    source = of_facts(tmp_path, model)
    created = creation.new(**source, **wishes)
    path = tmp_path / created.file
    path.write_text(created.recipe)

    for role in sizing.size(path, config=source["config"]).roles:
        assert role.fit.concurrency == pytest.approx(created.fit.concurrency)
        assert role.fit.setup == created.fit.setup


# Names.


@pytest.mark.parametrize(
    ("model", "name", "namespace"),
    [
        ("Qwen/Qwen3-32B", "qwen3-32b", "qwen"),
        ("Qwen/Qwen3.6-27B", "qwen3.6-27b", "qwen"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b-instruct", "llama"),
        ("nvidia/Llama-3_3-Nemotron-Super-49B-v1", "llama-3-3-nemotron-super", "llama"),
        ("org/_Odd__Name.", "odd-name", "odd"),
        ("org/7B-chat", "model-7b-chat", "model"),
        ("org/Default-7B", "default-7b", "default-7b"),
        ("a/b", "b", "b"),
        ("no-org", "no-org", "no"),
        ("org/" + "x" * 60, "x" * 27, "x" * 27),
    ],
)
def test_recipe_and_namespace_are_called_after_the_model(model: str, name: str, namespace: str) -> None:
    assert names.recipe_name(model) == name
    assert names.namespace(name) == namespace


# Licences.


@pytest.mark.parametrize(
    ("readme", "license_"),
    [
        ("---\nlicense: apache-2.0\n---\n", "Apache-2.0"),
        ("---\nlicense: mit\ntags:\n- a\n---\n", "MIT"),
        ("---\r\nlicense: llama3.1\r\n---\r\n", "llama3.1"),
        ("---\nlicense: other\nlicense_name: qwen\n---\n", "qwen"),
        ("---\nlicense: [mit]\n---\n", "MIT"),
        ("---\nlicense: other\n---\n", ""),
        ("---\nlicense: 7\n---\n", ""),
        ("# A model\n", ""),
        ("", ""),
    ],
)
def test_the_licence_is_what_the_front_matter_says(readme: str, license_: str) -> None:
    assert card.of_readme(readme, "README.md").license == license_


def test_a_front_matter_that_is_no_yaml_is_a_note_and_no_error(tmp_path: Path) -> None:
    config = lay_out(tmp_path, README__md="---\nlicense: [\n---\n")
    created = creation.new(config=config.parent, model="a/b", **H100)

    assert any("front matter of README.md cannot be read" in note for note in created.notes)
    assert data_of(created.recipe)["about"]["license"] == "unknown"


@pytest.mark.parametrize(
    ("first", "license_"),
    [
        ("                                 Apache License", "Apache-2.0"),
        ("MIT License", "MIT"),
        ("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT", "Llama Community License"),
        ("Some words of our own", ""),
    ],
)
def test_the_licence_may_stand_in_a_file_of_its_own(tmp_path: Path, first: str, license_: str) -> None:
    config = lay_out(tmp_path, LICENSE=f"\n{first}\nVersion 2.0\n", README__md="# A model\n")
    created = creation.new(config=config.parent, model="a/b", **H100)

    assert data_of(created.recipe)["about"]["license"] == (license_ or "unknown")


# What cannot be.


def refused(**wishes: Any) -> str:
    with pytest.raises(RecipegenError) as caught:
        creation.new(**wishes)
    assert not isinstance(caught.value, ToolError)
    return str(caught.value)


def test_all_that_is_missing_is_named_in_one_error_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        creation.new()

    (problem,) = caught.value.problems
    for flag in ("--config", "--hf", "--model", "--backend", "--gpu"):
        assert flag in problem.message
    for choice in ("vllm", "trtllm", *GPUS):
        assert choice in problem.hint

    found = refused(config=lay_out(tmp_path))
    assert "needs --model ORG/NAME; --backend B; and --gpu GPU" in found


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    found = refused(
        config=lay_out(tmp_path),
        hf="a/b",
        model="-",
        backend="vlm",
        gpu="h100",
        replicas=-1,
        namespace="A",
        name="/",
    )

    for part in (
        "both say where",
        "'-'",
        "did you mean 'vllm'",
        "there is h100-sxm-80gb",
        "got -1",
        "'A'",
        "'/'",
    ):
        assert part in found


def test_a_number_of_gpus_without_their_type_is_partial_hardware(tmp_path: Path) -> None:
    found = refused(config=lay_out(tmp_path), model="a/b", backend="vllm", gpu_count=2)

    assert "nothing says of which type" in found


def test_the_engine_follows_where_one_alone_loads_the_format(tmp_path: Path) -> None:
    quantization = {"quant_method": "awq", "bits": 4, "group_size": 128}
    config = lay_out(tmp_path, {**SMALL, "quantization_config": quantization})
    assert "needs --backend" in refused(config=config, model="a/b", gpu="h100-sxm-80gb")

    source = of_facts(tmp_path, "nvidia--MiniMax-M3-NVFP4")
    assert facts.quantization()["vllm"].keys() >= {"nvfp4"}
    assert "needs --backend" in refused(**source, gpu="b200-sxm-180gb")


def test_too_few_gpus_are_an_error_with_the_arithmetic_and_the_least_that_do(tmp_path: Path) -> None:
    source = of_facts(tmp_path, "Qwen--Qwen3-32B")
    found = refused(**source, backend="vllm", gpu="l40s-48gb", gpu_count=1)

    assert "1 l40s-48gb cannot serve example/Qwen3-32B: 61.0 GiB of weights" in found
    assert re.search(r"--gpu-count \d is the least that does, with context \d+", found)


def test_blocks_that_share_a_scale_are_not_cut(tmp_path: Path) -> None:
    # 13824 numbers wide: four GPUs get 27 blocks of 128 each, eight would get 13 and a half.
    formats = {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
    wide = {**SMALL, "intermediate_size": 13824}
    plain, blocks = (
        creation.new(config=lay_out(tmp_path, config), model="example/wide", gpu_count=8, **H100).fit.setup
        for config in (wide, {**wide, **formats})
    )

    assert (plain.tensor, plain.pipeline) == (8, 1)
    assert (blocks.tensor, blocks.pipeline) == (4, 2)


def test_a_context_that_was_asked_for_is_never_shortened(tmp_path: Path) -> None:
    source = of_facts(tmp_path, "Qwen--Qwen3-8B")
    found = refused(**source, backend="vllm", gpu="l4-24gb", gpu_count=1, max_model_len=40960)
    assert re.search(r"--max-model-len \d+ is the longest here", found)
    assert "longer than the context" in refused(**source, **H100, max_model_len=10**6)


def test_a_model_of_the_catalog_is_said_to_be_there(tmp_path: Path) -> None:
    source = of_facts(tmp_path, "Qwen--Qwen3-32B")
    created = creation.new(config=source["config"], model="Qwen/Qwen3-32B", **H100)

    assert any("recipegen show qwen3-32b" in note for note in created.notes)
    assert data_of(created.recipe)["about"]["license"] == "Apache-2.0"


def test_what_a_rule_refuses_names_the_option_to_change(tmp_path: Path) -> None:
    config = lay_out(tmp_path)
    assert "change --namespace" in refused(config=config, model="a/b", **H100, namespace="kube-system")
    assert "change --name" in refused(config=config, model="a/b", **H100, name="x" * 50)


@pytest.mark.parametrize("config", ["{", "[]", "{}", '{"model_type": "llama", "hidden_size": -1}', ""])
def test_a_configuration_that_cannot_be_is_refused_with_its_place(config: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(config)
    found = refused(config=tmp_path / "config.json", model="a/b", **H100)

    assert "config.json" in found


# The verb.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    return tmp_path


FLAGS = (
    "new",
    "--config",
    "config.json",
    "--model",
    "a/Small-8B",
    "--backend",
    "vllm",
    "--gpu",
    "h100-sxm-80gb",
)


def written(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"config.json"}


def test_the_file_is_called_after_the_model_and_its_path_is_the_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(FLAGS) == 0

    out, err = capsys.readouterr()
    assert out == "small-8b.yaml\n"
    assert "next: recipegen check ./small-8b.yaml" in err
    assert written(folder) == {"small-8b.yaml"}
    assert main(("check", "./small-8b.yaml")) == 0
    assert "warning" not in capsys.readouterr().err


def test_the_name_of_the_file_is_that_of_the_recipe(folder: Path) -> None:
    assert main((*FLAGS, "-o", "deep-7b.yaml")) == 0
    assert data_of((folder / "deep-7b.yaml").read_text())["dynamoNamespace"] == "deep"
    assert main((*FLAGS, "-o", "one.yaml", "--name", "two")) == 2
    assert main((*FLAGS, "-o", "one.json")) == 2
    assert main((*FLAGS, "-o", "-", "--force")) == 2
    assert written(folder) == {"deep-7b.yaml"}


def test_an_existing_file_is_left_alone_without_force(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "small-8b.yaml").write_text("mine\n")

    assert main(FLAGS) == 4
    assert "--force writes the whole file anew" in capsys.readouterr().err
    assert (folder / "small-8b.yaml").read_text() == "mine\n"
    assert main((*FLAGS, "--force")) == 0
    assert "a/Small-8B" in (folder / "small-8b.yaml").read_text()


def test_a_name_of_the_catalog_is_refused_without_force(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = (*FLAGS, "--name", "qwen3-32b")

    assert main(flags) == 4
    assert "recipegen show qwen3-32b" in capsys.readouterr().err
    assert written(folder) == set()
    assert main((*flags, "--force")) == 0


def test_nothing_is_left_after_an_error(folder: Path) -> None:
    assert main((*FLAGS, "--gpu-count", "16", "--max-model-len", "999999999")) == 1
    assert main((*FLAGS, "-o", "not/there.yaml")) == 4
    assert main((*FLAGS, "-o", ".")) == 4
    assert written(folder) == set()


def test_a_file_that_comes_while_it_is_written_stays(folder: Path) -> None:
    path = folder / "x.yaml"
    path.write_text("first\n")

    with pytest.raises(ToolError, match="is there already"):
        writing.write("second\n", path)
    assert path.read_text() == "first\n"
    assert written(folder) == {"x.yaml"}


def test_force_writes_through_a_link_and_keeps_it(folder: Path) -> None:
    (folder / "real.yaml").write_text("old\n")
    (folder / "small-8b.yaml").symlink_to("real.yaml")

    assert main((*FLAGS, "--force")) == 0
    assert (folder / "small-8b.yaml").is_symlink()
    assert "a/Small-8B" in (folder / "real.yaml").read_text()


def test_force_keeps_the_rights_of_a_file_and_replaces_no_pipe(folder: Path) -> None:
    path, pipe = folder / "x.yaml", folder / "pipe"
    path.write_text("old\n")
    path.chmod(0o640)
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        writing.write("new\n", pipe, force=True)
        read = reader.communicate()[0]
    writing.write("new\n", path, force=True)

    assert (read, path.read_text()) == ("new\n", "new\n")
    assert pipe.is_fifo()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_whole_is_not_there(folder: Path) -> None:
    # No file may have a byte, as on a full disk.
    answer = subprocess.run(
        ["bash", "-c", 'ulimit -f 0; exec "$@"', "-", sys.executable, "-m", "recipegen", *FLAGS],
        capture_output=True, text=True, cwd=folder, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip

    assert (answer.returncode, answer.stderr) == (4, "small-8b.yaml: File too large\n")
    assert written(folder) == set()


def test_programs_get_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main((*FLAGS, "--format", "json")) == 0

    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["recipe"] == (folder / "small-8b.yaml").read_text()
    assert (found["name"], found["file"], found["gpus"]) == ("small-8b", "small-8b.yaml", 1)
    assert err == ""


def at_terminal(folder: Path, answers: str, *flags: str) -> tuple[int, str]:
    """Exit code and what a person at a terminal sees of a run that they answer."""
    leader, follower = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "HOME": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "recipegen", *flags], stdin=follower, stdout=follower, stderr=follower,
        cwd=folder, env=environment, start_new_session=True,
    ) as running:  # fmt: skip
        os.close(follower)
        os.write(leader, answers.encode())
        seen = b""
        try:
            while part := os.read(leader, 4096):
                seen += part
        except OSError:  # what Linux says when the other side is gone
            pass
        code = running.wait(timeout=30)
    os.close(leader)
    return code, seen.decode().replace("\r\n", "\n")


def test_a_person_at_a_terminal_is_asked_for_what_is_missing(folder: Path) -> None:
    code, seen = at_terminal(
        folder, "vlm\nvllm\nh100-sxm-80gb\n", "new", "--config", "config.json", "--model", "a/Small-8B"
    )

    assert code == 0, seen
    assert "engine (vllm, sglang, trtllm): " in seen
    assert "no engine is called 'vlm'" in seen
    assert written(folder) == {"small-8b.yaml"}


def test_a_person_who_gives_no_answer_gets_the_error(folder: Path) -> None:
    code, seen = at_terminal(folder, "\x04", "new", "--config", "config.json", "--model", "a/Small-8B")

    assert code == 2, seen
    assert "`recipegen new` needs --backend" in seen
    assert written(folder) == set()


def test_elsewhere_nobody_is_asked(folder: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "recipegen", "new", "--config", "config.json"],
        input="a/b\nvllm\nh100-sxm-80gb\n", capture_output=True, text=True, cwd=folder, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 2


def test_every_wish_has_an_option() -> None:
    from recipegen.cli.arguments import parser

    known = vars(parser().parse_args(["new"]))
    assert {field.name for field in fields(Given)} <= known.keys()


def test_no_option_takes_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(("new", "--help"))
    assert "--token" not in capsys.readouterr().out


# Comments in YAML.


VALUES = st.integers(-9, 10**9) | st.text("ab:#- ", max_size=5)


@given(st.dictionaries(st.text("abc", min_size=1), VALUES, max_size=4), st.text())
def test_comments_change_nothing_of_what_is_read(data: dict[str, Any], comment: str) -> None:
    inner: dict[str, object] = {"block": data, "x": 1}
    comments: dict[tuple[str | int, ...], str] = {("block",): comment, ("x",): comment}
    comments |= {("block", key): comment for key in data}

    assert yamlio.read(yamlio.write_by_hand(inner, comments), "x").data == inner
