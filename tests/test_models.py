"""Facts of models: what the reader makes of a configuration, against what was published of the same model."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st

from conftest import ROOT
from recipegen import facts, modelfacts, yamlio
from recipegen.errors import ToolError
from recipegen.facts import known as known_
from recipegen.modelfacts import patterns
from samples import MINIMAL, known, plan_of
from tools.models import trim

FOLDER = ROOT / "src/recipegen/facts/models"
IDS = sorted(path.stem.replace("--", "/") for path in FOLDER.glob("*.yaml"))

# Billions of parameters without predictors, and of active ones where stated: from names and model cards.
# gpt-oss counts no embedding among the active ones, unlike the others, so its 3.6 and 5.1 are left out.
PUBLISHED = {
    "Qwen/Qwen3-0.6B": (0.6, 0),
    "Qwen/Qwen3-8B": (8.2, 0),
    "Qwen/Qwen3-32B": (32.8, 0),
    "Qwen/Qwen3-30B-A3B": (30.5, 3.3),
    "Qwen/Qwen3-235B-A22B": (235, 22),
    "Qwen/Qwen3-Coder-480B-A35B-Instruct": (480, 35),
    "Qwen/Qwen3-VL-235B-A22B-Instruct": (235, 22),
    "Qwen/Qwen3.5-27B": (27, 0),
    "Qwen/Qwen3.5-35B-A3B": (35, 0),
    "Qwen/Qwen3.5-122B-A10B": (122, 10),
    "Qwen/Qwen3.5-397B-A17B": (397, 17),
    "meta-llama/Llama-2-13b-hf": (13, 0),
    "meta-llama/Meta-Llama-3.1-70B": (70.6, 0),
    "meta-llama/Meta-Llama-3.1-405B": (405, 0),
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": (109, 17),
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct": (400, 17),
    "mistralai/Mixtral-8x7B-v0.1": (46.7, 12.9),
    "deepseek-ai/DeepSeek-V3": (671, 37),
    "deepseek-ai/DeepSeek-V4-Flash": (284, 0),
    "deepseek-ai/DeepSeek-V4-Pro": (1600, 0),
    "moonshotai/Kimi-K2-Instruct": (1026, 32),
    "zai-org/GLM-5": (744, 40),
    "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-FP8": (120, 12),
    "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16": (550, 55),
    "nvidia/Llama-3_3-Nemotron-Super-49B-v1": (49.9, 0),
    "openai/gpt-oss-20b": (20.9, 0),
    "openai/gpt-oss-120b": (116.8, 0),
    "google/gemma-2-27b-it": (27.2, 0),
    "google/gemma-4-26B-A4B": (26, 4),
    "google/gemma-4-31B-it": (31, 0),
}
# Qwen/Qwen3-Next-80B-A3B-Instruct.
NEXT = """
{model_type: qwen3_next, num_hidden_layers: 48, hidden_size: 2048, intermediate_size: 5120,
 vocab_size: 151936,
 num_attention_heads: 16, num_key_value_heads: 2, head_dim: 256, partial_rotary_factor: 0.25,
 num_experts: 512, num_experts_per_tok: 10, moe_intermediate_size: 512, shared_expert_intermediate_size: 512,
 linear_conv_kernel_dim: 4, linear_key_head_dim: 128, linear_num_key_heads: 16, linear_num_value_heads: 32,
 linear_value_head_dim: 128, max_position_embeddings: 262144, tie_word_embeddings: false}
"""
ACTIVE_WITHIN = 0.08
"""Names round the active number, and some count neither embedding nor head."""

# GiB of weight files or, behind a *, of what vLLM printed; predictors counted where the files have them.
GIB = {
    "Qwen/Qwen3-0.6B": (1.12, False),  # *
    "Qwen/Qwen3-32B": (61.03, False),  # *
    "Qwen/Qwen2.5-7B": (14.25, False),  # *
    "meta-llama/Meta-Llama-3.1-8B": (14.96, False),
    "nvidia/Llama-3.1-70B-Instruct-FP8": (67.72, False),  # *
    "microsoft/phi-4": (27.31, False),
    "mistralai/Mistral-7B-Instruct-v0.3": (13.50, False),
    "openai/gpt-oss-20b": (12.82, False),
    "openai/gpt-oss-120b": (60.77, False),
    "moonshotai/Kimi-K2.5": (554.1, False),
    "deepseek-ai/DeepSeek-R1": (641.30, True),
}


GONE = object()
"""In place of a value: no such key."""
SEARCHED = "nvidia/Llama-3_3-Nemotron-Super-49B-v1"
"""A model whose layers a search has made unlike each other."""


@cache
def published(name: str) -> dict[str, Any]:
    """Return the facts file of a model; what reads it changes copies."""
    path = FOLDER / f"{name.replace('/', '--')}.yaml"
    found: dict[str, Any] = yamlio.read_file(path, str(path)).data
    return {"config": found["config"], "quantConfig": found.get("quantConfig", {})}


def changed(value: Any, at: list[Any], new: Any) -> Any:
    """Return a copy with another value at a path."""
    if not at:
        return new
    copy = value.copy()
    copy[at[0]] = changed(copy[at[0]], at[1:], new)
    if copy[at[0]] is GONE:
        del copy[at[0]]
    return copy


ANYTHING: Any = st.sampled_from([
    GONE, None, True, False, 0, -1, 1, 2.5, 10**9, 10**30, 10**6000, float("inf"), float("nan"),
    "", "many", "re:(", "{,}", "layers.{9-1}", "layers.{0-99999999999}",
    [], [None], [0, 0], ["x"], {}, {"a": 1}, {"a": {}},
])  # fmt: skip


def mangled(document: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """Return a copy in which one value, at any depth, is something else."""
    at: list[Any] = []
    value: Any = document
    while isinstance(value, dict | list) and value and (not at or data.draw(st.integers(0, 3))):
        at.append(data.draw(st.sampled_from([*value] if isinstance(value, dict) else range(len(value)))))
        value = value[at[-1]]
    choices = [ANYTHING]
    if isinstance(value, int | float):
        choices.append(st.just(-value))
    if isinstance(value, list | str):
        choices.append(st.integers(0, 2 * len(value)).map(lambda length: (value * 2)[:length]))
    result: dict[str, Any] = changed(document, at, data.draw(st.one_of(choices)))
    return result


@pytest.mark.parametrize("name", IDS)
def test_every_facts_file_reads_and_says_where_it_is_from(name: str) -> None:
    data = yaml.safe_load((FOLDER / f"{name.replace('/', '--')}.yaml").read_text())
    source = data["source"]

    assert data["id"] == name
    assert {"package", "version", "sha256", "file"} <= {*source} or {"repository", "commit", "path"} <= {
        *source
    }
    assert re.fullmatch("[0-9a-f]{64}|[0-9a-f]{40}", source.get("sha256") or source["commit"])
    assert data["license"] == "unknown" or data["licenseSource"]
    assert known(name).weights_bytes > 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_model_card(name: str) -> None:
    total, active = PUBLISHED[name]
    parameters = known(name).parameters

    assert parameters.total / 1e9 == pytest.approx(total, rel=0.03)
    if active:
        assert parameters.active / 1e9 == pytest.approx(active, rel=ACTIVE_WITHIN)


@pytest.mark.parametrize("name", GIB)
def test_weights_are_as_large_as_their_files(name: str) -> None:
    size, with_predictors = GIB[name]
    model = known(name)

    found = model.weights_bytes + (model.predictor_bytes if with_predictors else 0)
    assert found / 2**30 == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize(
    ("name", "attention", "full", "window"),
    [
        ("Qwen/Qwen3-0.6B", "gqa", 28, 0),
        ("meta-llama/Llama-2-7b-hf", "dense", 32, 0),
        ("deepseek-ai/DeepSeek-R1", "mla", 61, 0),
        ("openai/gpt-oss-20b", "sliding", 12, 128),
        ("google/gemma-2-9b-it", "sliding", 21, 4096),
        ("microsoft/phi-4", "gqa", 40, 0),
        ("Qwen/Qwen3.5-35B-A3B", "hybrid", 10, 0),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "hybrid", 6, 0),
        ("moonshotai/Kimi-K3", "hybrid", 24, 0),
        ("nvidia/Llama-3_3-Nemotron-Super-49B-v1", "gqa", 49, 0),
    ],
)
def test_the_kind_of_attention_is_read_from_the_layers(
    name: str, attention: str, full: int, window: int
) -> None:
    model = known(name)

    assert (model.attention, model.full_layers, model.window) == (attention, full, window)


@pytest.mark.parametrize(
    ("name", "method", "what", "kv_cache"),
    [
        ("Qwen/Qwen3-32B", "none", "none", ""),
        ("Qwen/Qwen3-32B-FP8", "fp8", "fp8", ""),
        ("nvidia/Llama-3.1-70B-Instruct-FP8", "modelopt", "fp8", "fp8"),
        ("nvidia/Qwen3-235B-A22B-NVFP4", "modelopt", "nvfp4", "fp8"),
        ("nvidia/MiniMax-M3-NVFP4", "modelopt", "nvfp4", ""),
        ("openai/gpt-oss-20b", "mxfp4", "mxfp4", ""),
        ("moonshotai/Kimi-K2.5", "compressed-tensors", "int4", ""),
        ("moonshotai/Kimi-K3", "compressed-tensors", "mxfp4", ""),
        ("deepseek-ai/DeepSeek-V4-Flash", "fp8", "mxfp4", ""),
    ],
)
def test_the_number_format_is_the_narrowest_one(name: str, method: str, what: str, kv_cache: str) -> None:
    found = known(name).quantization

    assert (found.method, found.format, found.kv_cache) == (method, what, kv_cache)


def test_an_exception_for_predictors_is_none_for_the_layer_of_that_number() -> None:
    model = known("nvidia/Qwen3.5-122B-A10B-NVFP4")

    # 116 billion of experts at 9/16 byte are 65.2 GB; with those of layer 0 in 16 bits it would be 68.7.
    assert model.quantization.bytes_of("layers.0.mlp.experts", model.dtype) == 9 / 16
    assert model.quantization.bytes_of("mtp.layers.0.mlp.experts", model.dtype) == 2


def test_a_scaled_context_counts_once() -> None:
    shape = {
        "num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 10,
        "intermediate_size": 64, "max_position_embeddings": 4096,
    }  # fmt: skip

    def context(rope: dict[str, Any]) -> int:
        return modelfacts.read("x", {**shape, "rope_scaling": rope}).context

    assert context({"type": "linear", "factor": 4}) == 16384
    assert context({"type": "yarn", "factor": 4}) == 4096
    assert context({"rope_type": "llama3", "factor": 8.0}) == 4096


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [(4096, 16, False)]),
        ({"partial_rotary_factor": 0.25}, [(4096, 4, False)]),
        ({"rotary_dim": 8}, [(4096, 8, False)]),
        ({"rope_scaling": {"type": "yarn", "factor": 4}}, [(4096, 16, False)]),
        ({"rope_scaling": {"type": "dynamic", "factor": 4}}, [(16384, 16, False)]),
        ({"rope_scaling": {"type": "default", "mrope_section": [2, 3, 3]}}, [(4096, 16, True)]),
        (
            {"model_type": "gemma3_text", "sliding_window": 512, "head_dim": 16, "num_hidden_layers": 6,
             "rope_scaling": {"rope_type": "linear", "factor": 8}},
            [(32768, 16, False), (4096, 16, False)],
        ),
        (
            {"global_head_dim": 32, "layer_types": ["sliding_attention"], "sliding_window": 512,
             "rope_parameters": {
                "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25},
                "sliding_attention": {"rope_type": "default"}}},
            [(4096, 32, False), (4096, 16, False)],
        ),
        ({"model_type": "opt"}, []),
    ],
)  # fmt: skip
def test_each_way_of_turning_positions_has_its_table(
    more: dict[str, Any], expected: list[tuple[int, int, bool]]
) -> None:
    shape = {
        "num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 10,
        "num_key_value_heads": 4, "intermediate_size": 64, "max_position_embeddings": 4096,
    }  # fmt: skip
    model = modelfacts.read("x", {**shape, **more})

    assert [(table.rows, table.width, table.sections) for table in model.rotary] == expected


def test_qwen3_next_has_a_layer_that_predicts_though_its_file_has_no_key_for_it() -> None:
    model = modelfacts.read("x", yaml.safe_load(NEXT))

    # 81 324 862 720 parameters are in its files.
    assert model.parameters.total + model.parameters.predictors == pytest.approx(81_324_862_720, rel=1e-4)
    assert model.predicts


def test_a_long_rope_model_serves_its_original_context_unless_asked_for_more() -> None:
    model = known("microsoft/Phi-3.5-mini-instruct")

    assert (model.context, model.default_context) == (131072, 4096)


def test_a_model_without_facts_is_none() -> None:
    assert facts.model("nobody/has-this") is None
    assert facts.model("../models/Qwen--Qwen3-0.6B") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": {}}, "config.num_hidden_layers: is missing"),
        (
            {"config": {"num_hidden_layers": "many"}},
            "config.num_hidden_layers: must be a whole number from 1 to 10000, got 'many'",
        ),
        ({"id": None}, "config: is missing"),
    ],
)
def test_a_broken_facts_file_is_named_with_its_key(
    change: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"id": "a/b", **change}
    (tmp_path / "a--b.yaml").write_text(json.dumps(data))
    monkeypatch.setattr(known_, "FOLDER", tmp_path)
    # Each case has another file of the same name.
    monkeypatch.setattr(known_, "_read", known_._read.__wrapped__)

    with pytest.raises(ToolError, match=re.escape(said)):
        known_._stored.__wrapped__("a/b")


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_mangled_configuration_reads_or_says_which_key_is_wrong(data: st.DataObject) -> None:
    document = published(data.draw(st.sampled_from(IDS)))
    for _ in range(data.draw(st.integers(1, 2))):
        document = mangled(document, data)

    try:
        model = modelfacts.read("x", document.get("config", {}), document.get("quantConfig"))
    except modelfacts.ConfigError as error:
        said = str(error)
        event("says what is wrong")
    else:
        said = f"{model.weights_bytes} bytes"
        event("reads")
        assert min(model.weights_bytes, model.parameters.total, model.parameters.active) > 0
        assert model.predictor_bytes >= 0

    assert 0 < len(said) < 400
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "at", "value", "said"),
    [
        (SEARCHED, ["block_configs", 3, "ffn"], GONE, "block_configs[3].ffn: is missing"),
        (SEARCHED, ["block_configs"], [], "block_configs: must have at least 80 entries, got 0"),
        (
            SEARCHED,
            ["block_configs", 0, "attention", "n_heads_in_group"],
            0,
            "block_configs[0].attention.n_heads_in_group: must be a whole number from 1 to 64, got 0",
        ),
        (
            "moonshotai/Kimi-K3",
            ["text_config", "linear_attn_config", "head_dim"],
            GONE,
            "text_config.linear_attn_config.head_dim: is missing",
        ),
        (
            "deepseek-ai/DeepSeek-V4-Flash",
            ["hc_mult"],
            "4",
            "hc_mult: must be a whole number from 0 to 2147483647, got '4'",
        ),
        (
            "deepseek-ai/DeepSeek-V4-Flash",
            ["compress_ratios"],
            [0, 4],
            "compress_ratios: must have at least 43 entries, got 2",
        ),
        (
            "zai-org/GLM-5.2",
            ["mlp_layer_types", 1],
            "thick",
            "mlp_layer_types[1]: must be one of 'dense', 'sparse', got 'thick'",
        ),
        (
            "Qwen/Qwen3-32B",
            ["num_key_value_heads"],
            7,
            "num_key_value_heads: must divide the 64 heads, got 7",
        ),
        (
            "Qwen/Qwen3-32B",
            ["torch_dtype"],
            "nonsense",
            "torch_dtype: must be one of 'bfloat16', 'float16', 'half', 'float32', 'float', 'auto',"
            " got 'nonsense'",
        ),
        (
            "Qwen/Qwen3-32B",
            ["num_hidden_layers"],
            10**12,
            "num_hidden_layers: must be a whole number from 1 to 10000, got 1000000000000",
        ),
        (
            "Qwen/Qwen3-32B-FP8",
            ["quantization_config", "weight_block_size", 1],
            0,
            "quantization_config.weight_block_size[1]: must be a whole number from 1 to 2147483647, got 0",
        ),
    ],
)
def test_the_key_that_is_wrong_is_named(name: str, at: list[Any], value: Any, said: str) -> None:
    config = changed(published(name)["config"], at, value)

    with pytest.raises(modelfacts.ConfigError, match=f"^{re.escape(said)}$"):
        modelfacts.read(name, config)


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("vocab_size", None, "missing"),
        ("model_type", "nobody's", "family"),
        ("layer_types", ["holography"] * 64, "choice"),
        ("vocab_size", 0, "value"),
    ],
)
def test_an_error_says_of_which_kind_it_is(key: str, value: Any, kind: str) -> None:
    with pytest.raises(modelfacts.ConfigError) as caught:
        modelfacts.read("x", {**published("Qwen/Qwen3-32B")["config"], key: value})

    assert caught.value.kind == kind


def test_a_key_of_the_file_beside_it_is_named_with_that_file() -> None:
    config = published("Qwen/Qwen3-32B")["config"]

    with pytest.raises(modelfacts.ConfigError) as caught:
        modelfacts.read("x", config, {"quantization": {"quant_algo": "FP8", "exclude_modules": [7]}})

    assert (caught.value.file, str(caught.value)) == (
        "hf_quant_config.json",
        "quantization.exclude_modules[0]: must be text, got 7",
    )


def test_the_facts_are_those_of_the_list() -> None:
    listed = yaml.safe_load((ROOT / "tools/models/list.yaml").read_text())["models"]

    assert sorted(row["id"] for row in listed) == IDS


@settings(deadline=None)
@given(st.sets(st.tuples(st.integers(0, 12), st.sampled_from(["self_attn", "mlp.up_proj"])), min_size=1))
def test_names_that_the_tool_joins_are_the_names_that_it_was_given(given_names: set[tuple[int, str]]) -> None:
    names = {f"layers.{layer}.{part}" for layer, part in given_names}
    joined = trim.joined(names)
    found = patterns.compiled(joined)

    for layer in range(13):
        for part in ("self_attn", "mlp.up_proj"):
            assert bool(found.search(f"layers.{layer}.{part}")) is ((layer, part) in given_names)
    assert len(joined) <= 2


def test_every_engine_of_the_tables_is_one_that_recipes_can_name() -> None:
    backends = {"vllm", "sglang", "trtllm"}

    assert facts.quantization().keys() <= backends
    assert facts.attention()["cacheFormats"].keys() <= backends


@pytest.mark.parametrize(
    ("field", "name"), [(field, name) for field, table in facts.families().items() for name in table]
)
def test_every_parser_of_a_family_is_one_that_dynamo_has(field: str, name: str) -> None:
    model = {"name": "example/model", "engine": {field: name}}

    assert plan_of({**MINIMAL, "model": model}).warnings == ()


@given(st.sets(st.integers(0, 200), min_size=1), st.integers(0, 200))
def test_joined_layers_match_the_layers_that_were_joined(numbers: set[int], other: int) -> None:
    listed = ",".join(str(number) for number in sorted(numbers))
    names = patterns.compiled([f"model.layers.{{{listed}}}.self_attn*"])

    assert bool(names.search(f"layers.{other}.self_attn.q_proj")) is (other in numbers)
    assert not names.search(f"layers.{other}.mlp.router")


def test_a_list_of_modules_reads_the_same_joined_or_not() -> None:
    plain = patterns.compiled([f"model.layers.{layer}.mlp.gate" for layer in range(3)] + ["lm_head"])
    joined = patterns.compiled(["model.layers.{0-2}.mlp.gate", "lm_head"])

    for name in ("lm_head", "layers.1.mlp.router", "layers.3.mlp.router", "layers.1.mlp.gate_proj"):
        assert bool(plain.search(name)) is bool(joined.search(name))
