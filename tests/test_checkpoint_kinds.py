"""Which files are configurations of models that decode, and what is said of all others."""

import json
from typing import Any

import pytest

import checkpoints
from checkpoints import SHAPE, changed, said
from recipegen import facts
from recipegen.errors import RecipeError
from recipegen.modelfacts.decoders import families
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint import kinds
from recipegen.sizing.checkpoint.jsontext import Json
from samples import known


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
    config = Json(facts.configuration(name)[0], "{}", "x")

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
