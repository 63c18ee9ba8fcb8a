"""Reading what sizes are asked of: right files give a model and its weights, wrong ones say where and why."""

import json
import os
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import checkpoints
from recipegen import facts, yamlio
from recipegen.errors import Problem, RecipeError, RecipegenError, ToolError
from recipegen.memory import Setup, fit
from recipegen.modelfacts import Files, ModelFacts
from recipegen.modelfacts.decoders import families
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint import exact, folder, headers, kinds, tensors
from recipegen.sizing.checkpoint.headers import Tensor
from recipegen.sizing.checkpoint.jsontext import Json

PLAIN: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 4096,
}
SHAPE = json.dumps(PLAIN, indent=2)


def said(text: bytes | str, quant: bytes | str | None = None) -> str:
    with pytest.raises(RecipeError) as raised:
        checkpoint.checked(text, "config.json", quant)
    return str(raised.value)


def refused(call: Callable[[], object]) -> tuple[str, ...]:
    """Return the kind of error that a call ends in; nothing where it does not."""
    try:
        call()
    except RecipegenError as error:
        return (type(error).__name__,)
    return ()


def changed(**keys: Any) -> str:
    return json.dumps({**PLAIN, **keys}, indent=2)


def config_of(name: str) -> dict[str, Any]:
    path = facts.HERE / "models" / f"{name.replace('/', '--')}.yaml"
    data: dict[str, Any] = yamlio.read_file(path, path.name).data["config"]
    return data


def known(name: str) -> ModelFacts:
    model = facts.model(name)
    assert model is not None
    return model


def count(found: list[checkpoints.Tensor], model: ModelFacts) -> Files:
    every = (Tensor(name, dtype, shape, checkpoints.bytes_of(dtype, shape)) for name, dtype, shape in found)
    return exact.counted(every, model, "a test")


def unknown(files: Files) -> int:
    """Return the bytes of tensors that fit no module."""
    every = (*files.modules.items(), *files.predictors.items())
    return sum(size for name, size in every if name.rpartition(".")[2] == tensors.OTHER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config.json: is empty"),
        (" \n", "config.json: is empty"),
        (SHAPE[:60], "config.json:5:10: ends before the JSON does: it was cut short"),
        (SHAPE[:-1], "config.json:12:34: ends before the JSON does: it was cut short"),
        ('{"model_type": "lla', "config.json:1:20: ends before the JSON does: it was cut short"),
        ('{"a": 1} {"b": 2}', "config.json:1:10: goes on after the JSON has ended, with '{\"b\": 2}'"),
        (
            '{"a": [1, 2,]}',
            "config.json:1:12: is no JSON: unexpected ','\n  hint: no comma behind the last entry",
        ),
        (
            "{'a': 1}",
            'config.json:1:2: is no JSON: unexpected "\'"\n  hint: strings and keys stand in double quotes',
        ),
        ('{"a": None}', "config.json:1:7: is no JSON: unexpected 'None'\n  hint: write null"),
        ('{\n // x\n "a": 1}', "config.json:2:2: is no JSON: unexpected '/'\n  hint: JSON has no comments"),
        ("model:\n  name: x\n", "config.json:1:1: is no JSON: unexpected 'model'\n  hint: this may be YAML"),
        ('{"a": "x\ny"}', "config.json:1:9: a control character, '\\n', inside a string"),
        ("[1, 2]", "config.json:1:1: must be a JSON object, got a list of 2"),
        ("7", "config.json:1:1: must be a JSON object, got 7"),
        ('{\n "a": 1,\n "b": {"c": 1, "c": 2}}', "config.json:3:16: b.c: stands twice"),
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "config.json:1:70: is nested more than 64 levels deep"),
        ("[" * 100_000, "config.json:1:65: is nested more than 64 levels deep"),
        (b"\xef\xbb\xbf{}", "config.json:1:1: begins with a byte order mark"),
        ("{}".encode("utf-16"), "config.json: is UTF-16, not UTF-8"),
        ("{}".encode("utf-16-le"), "config.json: is UTF-16, not UTF-8"),
        (b'{\n"a": "\xff"}', "config.json:2:7: is not text: byte 0xff is not UTF-8"),
        (b"GGUF\x03\0\0\0", "config.json: is a GGUF file"),
        (b"PK\x03\x04", "config.json: is a zip archive"),
        (b"\x1f\x8b\x08", "config.json: is compressed with gzip"),
        (b"<!DOCTYPE html>", "config.json: is a web page, not the file"),
        (
            "version https://git-lfs.github.com/spec/v1\n",
            "config.json: is a pointer of Git LFS, not the file",
        ),
        (b"\x02\0\0\0\0\0\0\0{}", "config.json: is a safetensors file"),
        (b" " * (16 * 2**20 + 1), "config.json: is larger than 16 MiB"),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(text: bytes | str, expected: str) -> None:
    assert said(text).startswith(expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"peft_type": "LORA", "base_model_name_or_path": "a/b"},
            "a LoRA adapter\n  hint: give the config.json of its base model, a/b",
        ),
        (
            {"_class_name": "FluxPipeline", "_diffusers_version": "0.30"},
            "the model_index.json of a diffusion model",
        ),
        ({"tokenizer_class": "X", "bos_token": "<s>"}, "a tokenizer_config.json"),
        ({"version": "1.0", "added_tokens": [], "model": {"vocab": {}}}, "a tokenizer.json"),
        ({"name": "x", "version": "1.0.0", "scripts": {}}, "a package.json of Node.js"),
        ({"image_processor_type": "X", "size": {}}, "the configuration of a processor of images or sound"),
        ({"temperature": 0.6, "top_p": 0.9}, "a generation_config.json"),
        ({"producer": {}, "quantization": {"quant_algo": "FP8"}}, "a hf_quant_config.json"),
        ({"metadata": {}, "weight_map": {}}, "a weights index"),
        ({"dim": 4096, "n_layers": 32}, "the params.json of an original checkpoint"),
        ({"pretrained_config": {}, "build_config": {}}, "a TensorRT-LLM engine's config.json"),
        ({"apiVersion": "v1", "kind": "Pod"}, "an object of Kubernetes"),
        ({str(index): index for index in range(200)}, "a vocabulary"),
        ({}, "an empty object"),
        ({"x": 1}, "something with the keys 'x'"),
    ],
)
def test_a_file_that_is_no_model_is_told_what_it_looks_like(data: dict[str, Any], expected: str) -> None:
    message = said(json.dumps(data))

    assert message.startswith("config.json:1:1: is not the configuration of a model: it looks like ")
    assert expected in message


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"hidden_size": -64},
            "config.json:7:3: hidden_size: must be a whole number from 1 to 1048576, got -64",
        ),
        ({"vocab_size": 0}, "vocab_size: must be a whole number from 1 to 268435456, got 0"),
        (
            {"num_hidden_layers": 10**12},
            "num_hidden_layers: must be a whole number from 1 to 10000, got 1000000000000",
        ),
        (
            {"num_attention_heads": True},
            "num_attention_heads: must be a whole number from 1 to 65536, got True",
        ),
        ({"hidden_size": float("nan")}, "hidden_size: must be a whole number from 1 to 1048576, got nan"),
        ({"hidden_size": float("inf")}, "hidden_size: must be a whole number from 1 to 1048576, got inf"),
        ({"hidden_size": "64"}, "hidden_size: must be a whole number from 1 to 1048576, got '64'"),
        ({"num_key_value_heads": 8}, "num_key_value_heads: must be a whole number from 1 to 4, got 8"),
        (
            {"num_experts": -1},
            "config.json:13:3: num_experts: must be a whole number from 0 to 1048576, got -1",
        ),
        (
            {"intermediate_size": None},
            "intermediate_size: is missing\n  hint: every language model has it; this one calls",
        ),
        (
            {"vocab_size": 2**28, "hidden_size": 2**20},
            "describes a model of 5.7e+14 parameters, 2.8e+14 of them in embed",
        ),
        (
            {"layer_types": ["full_attention", "holography"]},
            "config.json:15:5: layer_types[1]: must be one of 'full_attention'",
        ),
        ({"text_config": 7}, "config.json:13:3: text_config: must be a map, got 7"),
        (
            {"quantization_config": {"quant_method": "awq", "bits": "four"}},
            "config.json:15:5: quantization_config.bits: must be a whole number",
        ),
    ],
)
def test_a_size_that_cannot_be_is_named_with_its_place(keys: dict[str, Any], expected: str) -> None:
    assert expected in said(changed(**keys))


def test_every_size_that_cannot_be_is_named_at_once() -> None:
    message = said(changed(hidden_size=-1, vocab_size=0, num_hidden_layers=1.5))

    assert [line.split(": ")[1] for line in message.splitlines()] == [
        "num_hidden_layers",
        "hidden_size",
        "vocab_size",
    ]


def test_a_number_of_thousands_of_digits_is_no_size() -> None:
    message = said(SHAPE.replace('"hidden_size": 64', f'"hidden_size": {"9" * 5000}'))

    assert message.startswith("config.json:7:3: hidden_size: must be a whole number")


def test_infinity_where_nothing_depends_on_it_is_none_of_our_business() -> None:
    text = changed(time_step_limit=[0.0, float("inf")])

    assert checkpoint.checked(text, "config.json").model.layers == 2


def test_a_key_of_the_quantisation_beside_it_is_named_with_that_file() -> None:
    quant = json.dumps({"quantization": {"quant_algo": "FP8", "exclude_modules": [7]}}, indent=1)

    assert (
        said(SHAPE, quant) == "hf_quant_config.json:5:4: quantization.exclude_modules[0]: must be text, got 7"
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("BertForMaskedLM", "an encoder"),
        ("XLMRobertaModel", "an encoder"),
        ("ModernBertModel", "an encoder"),
        ("LlamaBidirectionalModel", "an encoder"),
        ("SiglipModel", "an encoder"),
        ("ColQwen3", "an encoder"),
        ("Qwen2ForSequenceClassification", "classifies"),
        ("Qwen2ForRewardModel", "classifies"),
        ("WhisperForConditionalGeneration", "hears"),
        ("Qwen3OmniMoeForConditionalGeneration", "hears"),
        ("Qwen2AudioForConditionalGeneration", "hears"),
        ("VoxtralForConditionalGeneration", "hears"),
        ("FluxTransformer2DModel", "diffuses"),
        ("DiffusionGemmaForBlockDiffusion", "diffuses"),
        ("T5ForConditionalGeneration", "an encoder with a decoder"),
        ("LlamaForCausalLMEagle3", "a draft model"),
        ("Qwen3_5MTP", "a draft model"),
        ("MedusaModel", "a draft model"),
    ],
)
def test_what_is_no_decoder_is_refused_with_the_reason(name: str, what: str) -> None:
    message = said(changed(architectures=[name], model_type="x"))

    assert message.startswith(f"config.json:3:5: architectures[0]: '{name}' is ")
    assert what in message


@pytest.mark.parametrize(
    "name",
    [
        "LlamaForCausalLM",
        "Eagle2_5_VLForConditionalGeneration",
        "GlmForCausalLM",
        "OlmoeForCausalLM",
        "GPT2LMHeadModel",
        "Cohere2ForCausalLM",
        "Ernie4_5_MoeForCausalLM",
        "LlavaForConditionalGeneration",
        "MiniCPM3ForCausalLM",
        "MiMoV2FlashForCausalLM",
        "HunYuanDenseV1ForCausalLM",
        "Step3p5ForCausalLM",
        "Glm4vMoeForConditionalGeneration",
    ],
)
def test_a_decoder_is_not_refused(name: str) -> None:
    assert kinds.refusal(Json({"architectures": [name]}, "{}", "x")) is None


@pytest.mark.parametrize("name", checkpoints.FAMILIES)
def test_a_family_without_facts_has_the_parameters_that_are_published(name: str) -> None:
    billions, config = checkpoints.FAMILIES[name]
    found = checkpoint.checked(json.dumps(config), "config.json")

    assert found.warnings == ()
    assert found.model.parameters.total / 1e9 == pytest.approx(billions, rel=0.01)


def test_gemma_3_sees_everything_in_every_sixth_layer() -> None:
    model = checkpoint.checked(json.dumps(checkpoints.FAMILIES["gemma-3-27b"][1]), "config.json").model

    assert (model.full_layers, model.layers, model.window) == (10, 62, 1024)


def test_sliding_layers_have_the_heads_that_are_said_of_them() -> None:
    model = checkpoint.checked(json.dumps(checkpoints.FAMILIES["mimo-v2-flash"][1]), "config.json").model
    full, sliding = model.caches[0], model.caches[1]

    assert (full.heads, full.key, full.value) == (4, 192, 128)
    assert (sliding.heads, sliding.key, sliding.value, sliding.window) == (8, 192, 128, 128)


def test_what_the_library_takes_where_gemma_3_is_silent_is_taken() -> None:
    small = {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024}
    text = json.dumps({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", **small}})
    model = checkpoint.checked(text, "config.json").model

    assert (model.heads, model.kv_heads, model.head_dim, model.vocab_size) == (8, 4, 256, 262208)


@pytest.mark.parametrize("name", sorted(facts.known_models().values()))
def test_every_model_with_facts_is_known(name: str) -> None:
    config = Json(config_of(name), "{}", "x")

    assert kinds.refusal(config) is None
    assert kinds.assumption(config, known(name)) is None


def test_a_family_that_is_known_is_not_refused() -> None:
    for name in families():
        assert kinds.refusal(Json({"model_type": name}, "{}", "x")) is None


def test_an_unknown_decoder_is_an_error_with_the_nearest_family() -> None:
    with pytest.raises(RecipeError) as error:
        checkpoint.checked(changed(model_type="qwen33", architectures=["Qwen33ForCausalLM"]), "config.json")

    assert str(error.value).startswith(
        "config.json:5:3: model_type: 'qwen33' is a family of models that is not"
    )
    assert error.value.problems[0].hint == "did you mean 'qwen3'?"


def test_a_decoder_without_a_family_is_sized_with_a_warning() -> None:
    found = checkpoint.checked(changed(model_type=None, architectures=["BrandNewForCausalLM"]), "config.json")

    assert found.model.parameters.total == checkpoint.checked(SHAPE, "x").model.parameters.total
    assert (found.model.assumed, found.loaded.assumed) == (True, True)
    assert "its layers are taken to be plain ones" in str(found.warnings[0])


def test_a_known_decoder_has_no_warning() -> None:
    found = checkpoint.checked(SHAPE, "config.json")

    assert (found.warnings, found.loaded.assumed) == ((), False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a small Llama, its weights in three files."""
    (tmp_path / "config.json").write_text(SHAPE)
    checkpoints.sharded(tmp_path, list(checkpoints.llama(PLAIN)), 3)
    return tmp_path


def test_weights_of_a_folder_are_the_sum_of_its_tensors(model: Path) -> None:
    found = checkpoint.read(model)

    assert found.weights is not None
    assert found.weights.bytes == found.model.weights_bytes == found.loaded.weights_bytes
    assert found.weights.parameters == found.model.parameters.total
    assert (found.warnings, unknown(found.weights)) == ((), 0)


def test_modules_have_the_bytes_that_their_tensors_have(model: Path) -> None:
    found = checkpoint.read(model).weights

    assert found is not None
    assert found.modules["layers.1.self_attn.k_proj"] == 2 * 16 * 2 * 64
    assert found.modules["layers.0.norm"] == 2 * 2 * 64
    assert set(found.modules) == {module.name for module in checkpoint.read(model).model.modules}


@pytest.mark.parametrize("name", ["model.safetensors.index.json", ""])
def test_the_index_stands_for_files_that_are_not_there(model: Path, name: str) -> None:
    whole = checkpoint.read(model)
    (model / "model-00002-of-00003.safetensors").unlink()
    found = checkpoint.read(model / name)

    assert found.weights is not None
    assert whole.weights is not None
    assert (found.weights.bytes, found.weights.counted) == (whole.weights.bytes, False)
    sources = [fit(each.loaded, Setup("h100-sxm-80gb")).source for each in (whole, found)]
    assert [each[0] for each in sources] == ["measured", "published"]
    assert "the headers of 3 files in " in sources[0][1]
    assert "metadata.total_size of " in sources[1][1]


def test_copies_and_adapters_are_not_counted(model: Path) -> None:
    before = checkpoint.read(model).weights
    (model / "original").mkdir()
    for name in (
        "consolidated.safetensors",
        "adapter_model.safetensors",
        "left-over.safetensors",
        "original/x.safetensors",
    ):
        checkpoints.write(model / name, [("extra", "BF16", (1000, 1000))])
    (model / "consolidated.00.pth").write_bytes(b"x")

    assert checkpoint.read(model).weights == before


def test_a_single_file_counts_without_an_index(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    size = checkpoints.write(tmp_path / "model.safetensors", list(checkpoints.llama(PLAIN)))

    for path in (tmp_path, tmp_path / "model.safetensors"):
        found = checkpoint.read(path).weights
        assert found is not None
        assert found.bytes == size


def test_a_file_cut_short_is_sized_and_warned_of(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    size = checkpoints.write(tmp_path / "model.safetensors", list(checkpoints.llama(PLAIN)), whole=False)
    found = checkpoint.read(tmp_path)

    assert found.weights is not None
    assert found.weights.bytes == size
    assert f"warning: is cut short: {size} bytes are missing" in str(found.warnings[0])


def test_weights_of_another_model_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    checkpoints.write(
        tmp_path / "model.safetensors", list(checkpoints.llama({**PLAIN, "num_hidden_layers": 1}))
    )

    assert "but its config.json describes" in str(checkpoint.read(tmp_path).warnings[0])


def test_weights_of_names_that_are_not_known_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    strange = [
        (name.replace("down_proj", "wings"), dtype, shape) for name, dtype, shape in checkpoints.llama(PLAIN)
    ]
    checkpoints.write(tmp_path / "model.safetensors", strange)
    found = checkpoint.read(tmp_path)

    assert found.weights is not None
    assert unknown(found.weights) == 2 * 2 * 64 * 128
    assert [problem.code for problem in found.warnings] == ["weights-unknown"]
    assert "8% of its weights have names that recipegen does not know" in str(found.warnings[0])


def test_a_config_in_a_folder_is_read_with_the_quantisation_beside_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "hf_quant_config.json").write_text('{"quantization": {"quant_algo": "FP8"}}')

    assert checkpoint.read(tmp_path / "config.json").model.quantization.format == "fp8"
    assert checkpoint.read(tmp_path).model.quantization.format == "fp8"


def test_a_folder_of_a_cache_has_the_name_of_its_model(tmp_path: Path) -> None:
    folder_ = tmp_path / "models--acme--llama-9" / "snapshots" / "abc"
    folder_.mkdir(parents=True)
    (folder_ / "config.json").write_text(SHAPE)

    assert checkpoint.read(folder_).model.id == "acme/llama-9"
    assert checkpoint.read(folder_, "mine").model.id == "mine"


def header(data: Any, length: int | None = None) -> bytes:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "is empty"),
        (b"abc", "is no safetensors file: it has no header"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS, not the weights"),
        (header({}, 2**40), "is no safetensors file: its header would have 1099511627776 bytes"),
        (header({}, 100), "is cut short: its header has 100 bytes, the file 10"),
        (header(b"nope"), "its header is no JSON: unexpected 'nope'"),
        (header([]), "its header must be a JSON object, got a list of 0"),
        (header({"a": 7}), "tensor 'a' has no data_offsets"),
        (header({"a": {"data_offsets": [4, 0]}}), "tensor 'a' has no data_offsets"),
        (header({"a": {"data_offsets": [0, 4]}}), "tensor 'a' has no dtype and shape"),
        (
            header({"a": {"data_offsets": [0, 4], "dtype": "F32", "shape": [-1]}}),
            "tensor 'a' has no shape: [-1]",
        ),
        (
            header({"a": {"data_offsets": [0, 4], "dtype": "F32", "shape": [2]}}),
            "has 4 bytes, but 8 by its shape and dtype 'F32'",
        ),
        (
            header({"a": {"data_offsets": [0, 4], "dtype": "F3", "shape": [1]}}),
            "has the dtype 'F3', which is none that is known",
        ),
        (header({}), "has weights of no bytes"),
    ],
)
def test_a_file_of_weights_that_is_none_says_why(raw: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "model.safetensors").write_bytes(raw)

    with pytest.raises(RecipeError, match=re.escape(expected)):
        checkpoint.read(tmp_path)


def _adapter(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "adapter_config.json").write_text("{}")


def _gguf(at: Path) -> None:
    (at / "model.gguf").write_bytes(b"GGUF")


def _gguf_alone(at: Path) -> None:
    (at / "config.json").unlink()
    _gguf(at)


def _without_config(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "README.md").write_text("x")


def _nested(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "llama").mkdir()
    (at / "llama/config.json").write_text(SHAPE)


def _diffusion(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "model_index.json").write_text("{}")


def _part_missing(at: Path) -> None:
    checkpoints.write(at / "model-00001-of-00002.safetensors", [("a", "F32", (1,))])


def _twice(at: Path) -> None:
    checkpoints.write(at / "a.safetensors", [("x", "F32", (1,))])
    checkpoints.write(at / "b.safetensors", [("x", "F32", (1,))])


def _two_indexes(at: Path) -> None:
    (at / "model.fp16.safetensors.index.json").write_text("{}")
    (at / "model.fp32.safetensors.index.json").write_text("{}")


def _no_sum(at: Path) -> None:
    (at / "model.safetensors.index.json").write_text('{"weight_map": {"a": "gone.safetensors"}}')


def _wrong_sum(at: Path) -> None:
    index = {"metadata": {"total_size": -5}, "weight_map": {"a": "../gone.safetensors"}}
    (at / "model.safetensors.index.json").write_text(json.dumps(index))


def _no_map(at: Path) -> None:
    (at / "model.safetensors.index.json").write_text('{"weight_map": ["a"]}')


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_adapter, ": is a LoRA adapter, not a model"),
        (_gguf, ": has its weights as GGUF (model.gguf), whose sizes config.json does not tell"),
        (_gguf_alone, ": has GGUF weights and no config.json"),
        (_without_config, ": has no config.json; it has README.md"),
        (_nested, "hint: 'm/llama/config.json' is there: give that"),
        (_diffusion, ": is a diffusion model"),
        (_part_missing, ": has 1 of the 2 files model-…-of-00002.safetensors"),
        (_twice, "m/b.safetensors: tensor 'x' is also in m/a.safetensors"),
        (_two_indexes, ": has 2 weights indexes: model.fp16.safetensors.index.json, model.fp32"),
        (
            _no_sum,
            "m/model.safetensors.index.json:1:1: 1 of its 1 files are not there, such as 'gone.safetensors'",
        ),
        (
            _wrong_sum,
            "m/model.safetensors.index.json:1:15: metadata.total_size: must be a whole number of bytes",
        ),
        (_no_map, "m/model.safetensors.index.json:1:2: weight_map: must be a map from tensors to files"),
    ],
)
def test_a_folder_that_cannot_be_sized_says_why(
    make: Callable[[Path], None], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text(SHAPE)
    make(tmp_path / "m")

    with pytest.raises(RecipeError, match=re.escape(expected)):
        checkpoint.read("m")


def test_weights_of_another_format_leave_the_configured_size_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    found = checkpoint.read(tmp_path)

    assert found.weights is None
    assert "its weights (pytorch_model.bin) are not read" in str(found.warnings[0])


def test_one_of_several_files_is_not_the_model(model: Path) -> None:
    with pytest.raises(RecipeError, match="is one of 3 files of a model"):
        checkpoint.read(model / "model-00001-of-00003.safetensors")


def test_a_file_of_weights_needs_its_configuration(model: Path) -> None:
    (model / "config.json").unlink()

    with pytest.raises(RecipeError, match=r"has no config\.json beside it"):
        checkpoint.read(model / "model.safetensors.index.json")


def test_what_cannot_be_read_is_a_matter_of_tools(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text(SHAPE)
    os.mkfifo(tmp_path / "m/model.safetensors")

    for name in ("pipe", "gone", "gone.safetensors", "m/model.safetensors", "m"):
        with pytest.raises(ToolError):
            checkpoint.read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_a_matter_of_tools(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "config.json").chmod(0)

    with pytest.raises(ToolError, match="Permission denied"):
        checkpoint.read(tmp_path)


PUBLISHED: dict[str, Callable[[dict[str, Any]], list[checkpoints.Tensor]]] = {
    "meta-llama/Meta-Llama-3.1-8B": lambda config: list(checkpoints.llama(config)),
    "Qwen/Qwen3-30B-A3B": lambda config: list(checkpoints.llama(config, normed=True)),
    "deepseek-ai/DeepSeek-V3": lambda config: list(checkpoints.deepseek(config)),
    "openai/gpt-oss-20b": lambda config: list(checkpoints.gpt_oss(config)),
    "nvidia/Qwen3-235B-A22B-NVFP4": lambda config: list(
        checkpoints.in_nvfp4(list(checkpoints.llama(config, normed=True)))
    ),
}


@cache
def published(name: str) -> list[checkpoints.Tensor]:
    """Return every tensor of a checkpoint, by the rules of `checkpoints`."""
    return PUBLISHED[name](config_of(name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_configured_is_within_a_hundredth_of_what_is_counted(name: str) -> None:
    model = known(name)
    found = count(published(name), model)

    assert found.bytes == pytest.approx(model.weights_bytes, rel=0.01)
    assert sum(found.predictors.values()) == pytest.approx(model.predictor_bytes, rel=0.01)
    assert found.parameters == pytest.approx(model.parameters.total, rel=0.001)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_module_is_found_in_the_files_and_weighs_what_is_configured(name: str) -> None:
    model = known(name)
    found = count(published(name), model)

    assert unknown(found) < 10_000
    for module in model.modules:
        size = module.parameters * model.quantization.bytes_of(module.name, model.dtype)
        assert found.modules[module.name] == pytest.approx(size, rel=0.02, abs=100_000)


@pytest.mark.parametrize(
    ("name", "gib"),
    [
        ("meta-llama/Meta-Llama-3.1-8B", 14.96),
        ("openai/gpt-oss-20b", 12.82),
        ("deepseek-ai/DeepSeek-V3", 641.30),
    ],
)
def test_tensors_written_out_are_as_large_as_the_published_files(name: str, gib: float) -> None:
    size = sum(checkpoints.bytes_of(dtype, shape) for _, dtype, shape in published(name))

    assert size / 2**30 == pytest.approx(gib, abs=0.02)


def test_the_head_of_a_tied_model_is_a_copy() -> None:
    model = known("Qwen/Qwen3-0.6B")
    found = count(list(checkpoints.llama(config_of("Qwen/Qwen3-0.6B"), normed=True)), model)

    assert found.bytes == pytest.approx(model.weights_bytes, rel=0.001)
    assert "lm_head" not in found.modules


def test_four_bit_numbers_that_share_a_word_are_counted_one_by_one() -> None:
    quantised = {"quant_method": "awq", "bits": 4, "group_size": 128}
    config = {**config_of("meta-llama/Meta-Llama-3.1-8B"), "quantization_config": quantised}
    model = checkpoint.checked(json.dumps(config), "config.json").model
    found = count(list(checkpoints.in_groups(published("meta-llama/Meta-Llama-3.1-8B"), 128)), model)

    assert found.parameters == model.parameters.total
    assert found.bytes == pytest.approx(model.weights_bytes, rel=0.01)


def test_layers_of_a_hybrid_are_found_by_their_modules() -> None:
    name = "Qwen/Qwen3.5-35B-A3B"
    model = known(name)
    found = count(list(checkpoints.qwen_next(config_of(name)["text_config"])), model)
    own = [module for module in model.modules if module.name != "vision"]

    assert unknown(found) == 0
    assert found.bytes == pytest.approx(
        sum(module.parameters * model.quantization.bytes_of(module.name, model.dtype) for module in own),
        rel=0.001,
    )


@pytest.mark.parametrize(
    ("name", "tensor", "modules"),
    [
        (
            "meta-llama/Meta-Llama-3.1-8B",
            "model.layers.3.self_attn.qkv_proj.weight",
            ("q_proj", "k_proj", "v_proj"),
        ),
        ("meta-llama/Meta-Llama-3.1-8B", "model.layers.3.mlp.gate_up_proj.weight", ("gate_proj", "up_proj")),
        ("meta-llama/Meta-Llama-3.1-8B", "model.layers.3.strange.weight", ("other",)),
        ("mistralai/Mixtral-8x7B-v0.1", "model.layers.3.block_sparse_moe.experts.7.w2.weight", ("experts",)),
        ("mistralai/Mixtral-8x7B-v0.1", "model.layers.3.block_sparse_moe.gate.weight", ("router",)),
        (
            "moonshotai/Kimi-K2.5",
            "language_model.model.layers.9.mlp.experts.1.up_proj.weight_packed",
            ("experts",),
        ),
        ("moonshotai/Kimi-K2.5", "vision_tower.encoder.blocks.3.wqkv.weight", ("vision",)),
        ("Qwen/Qwen3-VL-8B-Instruct", "model.visual.blocks.3.attn.qkv.weight", ("vision",)),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "backbone.layers.0.mixer.A_log", ("ssm",)),
        ("deepseek-ai/DeepSeek-V4-Flash", "layers.2.attn.wq_a.weight", ("q_a_proj",)),
        ("deepseek-ai/DeepSeek-V4-Flash", "layers.2.ffn.experts.5.w1.weight", ("experts",)),
        ("deepseek-ai/DeepSeek-V4-Flash", "mtp.0.ffn.experts.5.w1.scale", ("experts",)),
    ],
)
def test_names_that_families_give_are_understood(name: str, tensor: str, modules: tuple[str, ...]) -> None:
    found = tensors.Names(known(name)).of(tensor)

    assert tuple(each.rpartition(".")[2] for each in found) == modules


NAMES = st.sampled_from(
    ["model.safetensors", "a.safetensors", "model.safetensors.index.json", "hf_quant_config.json"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*PLAIN, "x", "weight_map"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=60) | JSON.map(json.dumps))
def test_any_text_reads_or_is_refused(text: bytes | str) -> None:
    assert refused(lambda: checkpoint.checked(text, "config.json")) in ((), ("RecipeError",))


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_mangled_configuration_reads_or_is_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([SHAPE, json.dumps(config_of("deepseek-ai/DeepSeek-V3"))]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    mangled = text[:start] + data.draw(st.text(max_size=8) | JSON.map(json.dumps)) + text[end:]
    wrong: list[Problem] = []
    try:
        checkpoint.checked(mangled, "config.json", mangled)
    except RecipeError as error:
        wrong = list(error.problems)

    # Where it is wrong is in the text.
    for problem in wrong:
        assert problem.mark is not None
        assert problem.mark.line <= mangled.count("\n") + 1


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(
        NAMES, st.binary(max_size=40) | JSON.map(lambda data: json.dumps(data).encode()) | JSON.map(header)
    )
)
def test_any_folder_reads_or_is_refused(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name, "config.json").write_text(SHAPE)
        for file, raw in files.items():
            Path(name, file).write_bytes(raw)

        assert refused(lambda: checkpoint.read(name)) in ((), ("RecipeError",), ("ToolError",))


def test_headers_are_read_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoints.write(path, [("a", "BF16", (2**20, 2**16))])

    assert headers.read(path, "x").tensors[0].bytes == 2**37
    assert folder.look(tmp_path, "x").names == ("model.safetensors",)
