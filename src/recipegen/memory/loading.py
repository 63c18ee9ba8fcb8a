"""What an engine adds to the weights of a checkpoint while it loads them."""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from recipegen import facts
from recipegen.memory.setup import Setup
from recipegen.memory.stages import LAYER, divided
from recipegen.memory.terms import Term
from recipegen.memory.versions import since
from recipegen.modelfacts import ModelFacts

SOURCES = {"vllm": "vLLM 0.31.0", "sglang": "SGLang 0.5.21"}


def added(model: ModelFacts, setup: Setup, layers: range) -> tuple[Term, ...]:
    """Return what comes to the weights on a GPU of a pipeline stage, in bytes.

    Nothing where facts/memory.yaml does not say how the engine loads.

    Args:
        model: The model as it is loaded.
        setup: The engine and its GPU.
        layers: The layers of the stage.
    """
    table = facts.memory()[setup.backend].get("loading")
    if table is None:
        return ()
    parts = (_padding(model, setup, layers, table), _latent(model, setup, layers))
    return (*(term for part in parts for term in part), *_positions(model, setup, table))


def padded(model: ModelFacts, setup: Setup, table: dict[str, Any]) -> tuple[float, str]:
    """Return how much larger MXFP4's kernels want the experts of a GPU, and the formula.

    Source: mxfp4_round_up_hidden_size_and_intermediate_size in vLLM 0.31.0,
    vllm/model_executor/layers/fused_moe/oracle/mxfp4.py; SGLang 0.5.21, srt/layers/quantization/mxfp4.py.
    """
    capability = facts.hardware()[setup.gpu]["computeCapability"]
    steps = since(table["mxfp4"], capability)
    width = model.expert_width / (1 if setup.expert > 1 else setup.expert_ranks)
    wide = math.ceil(width / steps["width"]) * steps["width"]
    high = math.ceil(model.hidden_size / steps["hidden"]) * steps["hidden"]
    larger = wide * high / (width * model.hidden_size)
    formula = f"{width:g} x {model.hidden_size} padded to {wide} x {high}"
    if capability.startswith("9.") and since(table["scalesTwice"], setup.version):
        # A scale of one byte belongs to 32 numbers of half a byte.
        return larger * 18 / 17, f"{formula}, scales kept twice"
    return larger, formula


def _padding(model: ModelFacts, setup: Setup, layers: range, table: dict[str, Any]) -> Iterator[Term]:
    if not model.experts or model.quantization.format != "mxfp4":
        return
    larger, formula = padded(model, setup, table)
    loads = divided(model).layers
    experts = sum(loads[index].experts for index in layers) / setup.expert_ranks
    if larger > 1:
        yield _term("padding of experts", (larger - 1) * experts, formula, setup, "±3 % of the experts")


def _latent(model: ModelFacts, setup: Setup, layers: range) -> Iterator[Term]:
    """Yield the matrix from the latent to keys and values: decoding has it once more, turned, in 16 bits.

    Source: process_weights_after_loading in vLLM 0.31.0,
    vllm/model_executor/layers/attention/mla_attention.py; SGLang 0.5.21,
    srt/models/deepseek_common/deepseek_weight_loader.py.
    """
    count = sum(numbers for layer, numbers in _latents(model).items() if layer in layers)
    if count:
        formula = f"{count} numbers x 2 bytes / {setup.attention_ranks}"
        yield _term("latent's matrix, turned", count * 2 / setup.attention_ranks, formula, setup)


@lru_cache(maxsize=256)
def _latents(model: ModelFacts) -> dict[int, int]:
    """Return the numbers of each layer's matrix from the latent to keys and values, by layer."""
    named = ((LAYER.match(module.name), module) for module in model.modules)
    return {
        int(layer[1]): module.parameters
        for layer, module in named
        if layer and module.name.endswith(".kv_b_proj")
    }


def _positions(model: ModelFacts, setup: Setup, table: dict[str, Any]) -> Iterator[Term]:
    """Yield the tables of rotary positions: as long as the model's context, not as the one that is served."""
    size = max(table["positions"], 4 if model.dtype == "float32" else 2)
    rows = [(each.rows * (table["sections"] if each.sections else 1), each.width) for each in model.rotary]
    parts = " + ".join(f"{count} positions x {width} numbers" for count, width in rows)
    parts = f"({parts})" if len(rows) > 1 else parts
    if rows:
        numbers = sum(count * width for count, width in rows)
        yield _term("rotary positions", numbers * size, f"{parts} x {size} bytes", setup)


def _term(name: str, size: float, formula: str, setup: Setup, unsure: str = "") -> Term:
    return Term(name, size, "B", formula, "published", SOURCES[setup.backend], unsure)
