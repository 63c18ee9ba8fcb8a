"""Whether a model can be divided over the GPUs of a setup: heads, vocabulary, layers, experts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from recipegen.memory.setup import Setup
from recipegen.modelfacts import ModelFacts

# To what engines round the vocabulary up: DEFAULT_VOCAB_PADDING_SIZE of vLLM 0.31.0 and SGLang 0.5.21.
PADDING = 64


@dataclass(frozen=True)
class Undivided:
    """What cannot be divided."""

    what: Literal["heads", "kv-heads", "vocabulary", "stages", "experts"]
    message: str
    hint: str
    unsure: bool = False
    """Whether the engine's source was not read for it."""


def divides(model: ModelFacts, setup: Setup) -> bool:
    """Return whether the model can be divided as the setup says."""
    return next(undivided(model, setup), None) is None


def undivided(model: ModelFacts, setup: Setup) -> Iterator[Undivided]:
    """Yield what of the model cannot be divided as the setup says, each once.

    Sources. Heads: vLLM 0.31.0, verify_with_parallel_config in vllm/config/model.py; SGLang 0.5.21,
    srt/layers/linear.py; KV heads: QKVParallelLinear of both. Vocabulary: VocabParallelEmbedding in vLLM
    0.31.0, layers/vocab_parallel_embedding.py, and in SGLang, which rounds further on CPUs alone
    (sgl-project/sglang issue 31799). Experts: vLLM 0.31.0, _verify_with_expert_parallelism in
    vllm/config/model.py; it spreads unevenly where it must (fused_moe/expert_map_manager.py), SGLang 0.5.21
    does not: srt/layers/moe/fused_moe_triton/layer.py. TensorRT-LLM's source was not read.
    """
    yield from _attention(model, setup)
    if setup.pipeline > model.layers:
        message = f"{model.id} has {model.layers} layers, too few for {setup.pipeline} stages"
        yield Undivided("stages", message, f"take {model.layers} or less")
    ranks = setup.expert
    if ranks > 1 and not model.experts:
        yield Undivided(
            "experts", f"{model.id} is a dense model without experts, got {ranks}", "leave it out"
        )
    elif setup.backend == "sglang" and model.experts % ranks and setup.tensor % ranks == 0:
        message = f"{model.id} has {model.experts} experts, which {ranks} ranks cannot share evenly"
        yield Undivided("experts", message, _sizes(model.experts))


def _attention(model: ModelFacts, setup: Setup) -> Iterator[Undivided]:
    ranks, heads = setup.attention_ranks, model.kv_heads
    read = setup.backend != "trtllm"
    if model.heads % ranks:
        message = f"{model.id} has {model.heads} attention heads, which {ranks} GPUs cannot share evenly"
        yield Undivided("heads", message, _sizes(model.heads), unsure=not read)
        return
    # A latent is whole on every GPU.
    if read and not model.mla and heads and heads % ranks and ranks % heads:
        message = f"{model.id} has {heads} KV heads: {ranks} GPUs neither share nor repeat them evenly"
        hint = f"take a divisor of {heads}, or a multiple of it that divides {model.heads}"
        yield Undivided("kv-heads", message, hint)
    padded = -(-model.vocab_size // PADDING) * PADDING
    if read and padded % ranks:
        rounded = "" if padded == model.vocab_size else f", rounded up to {padded}"
        message = f"{model.id} has {model.vocab_size} tokens{rounded}, which {ranks} GPUs cannot share evenly"
        yield Undivided("vocabulary", message, "take a power of two")


def _sizes(count: int) -> str:
    return f"take one of {', '.join(str(size) for size in range(1, min(count, 64) + 1) if count % size == 0)}"
