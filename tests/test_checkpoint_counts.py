"""Weights counted tensor by tensor are those that the configuration lets expect."""

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest

import checkpoints
from checkpoints import unknown
from recipegen import facts
from recipegen.modelfacts import Files, ModelFacts
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint import exact, tensors
from recipegen.sizing.checkpoint.headers import Tensor
from samples import known


def count(found: Iterable[checkpoints.Tensor], model: ModelFacts) -> Files:
    every = (Tensor(name, dtype, shape, checkpoints.bytes_of(dtype, shape)) for name, dtype, shape in found)
    return exact.counted(every, model, "a test")


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
    return PUBLISHED[name](facts.configuration(name)[0])


@cache
def counted(name: str) -> Files:
    """Return what its tensors sum up to."""
    return count(published(name), known(name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_configured_is_within_a_hundredth_of_what_is_counted(name: str) -> None:
    model = known(name)
    found = counted(name)

    assert found.bytes == pytest.approx(model.weights_bytes, rel=0.01)
    assert sum(found.predictors.values()) == pytest.approx(model.predictor_bytes, rel=0.01)
    assert found.parameters == pytest.approx(model.parameters.total, rel=0.001)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_module_is_found_in_the_files_and_weighs_what_is_configured(name: str) -> None:
    model = known(name)
    found = counted(name)

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
    found = count(checkpoints.llama(facts.configuration("Qwen/Qwen3-0.6B")[0], normed=True), model)

    assert found.bytes == pytest.approx(model.weights_bytes, rel=0.001)
    assert "lm_head" not in found.modules


def test_four_bit_numbers_that_share_a_word_are_counted_one_by_one() -> None:
    quantised = {"quant_method": "awq", "bits": 4, "group_size": 128}
    config = {**facts.configuration("meta-llama/Meta-Llama-3.1-8B")[0], "quantization_config": quantised}
    model = checkpoint.checked(json.dumps(config), "config.json").model
    found = count(checkpoints.in_groups(published("meta-llama/Meta-Llama-3.1-8B"), 128), model)

    assert found.parameters == model.parameters.total
    assert found.bytes == pytest.approx(model.weights_bytes, rel=0.01)


def test_layers_of_a_hybrid_are_found_by_their_modules() -> None:
    name = "Qwen/Qwen3.5-35B-A3B"
    model = known(name)
    found = count(checkpoints.qwen_next(facts.configuration(name)[0]["text_config"]), model)
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
