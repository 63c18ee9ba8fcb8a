"""What a model is, read from its config.json: shape, attention, experts, context, number formats, weights.

Pure functions over plain data, for models of the catalog (`facts.model`) and for any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from recipegen.facts import formats
from recipegen.facts.formats import Quantization
from recipegen.facts.modules import (
    Config,
    ConfigError,
    Module,
    context,
    experts,
    experts_per_token,
    heads,
    layers,
    modules,
    predictors,
    tied,
)

__all__ = ["Attention", "ConfigError", "ModelFacts", "Parameters", "Quantization", "read"]

Attention = Literal["dense", "gqa", "mla", "sliding", "hybrid"]


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters."""

    total: int
    """All that an engine loads, without layers that predict further tokens."""
    active: int
    """What one token goes through: all but the experts that it does not go to, towers left out."""
    predictors: int
    """Layers that predict further tokens (MTP), loaded for speculation only."""


@dataclass(frozen=True)
class ModelFacts:
    """A model, as its published configuration describes it."""

    id: str
    layers: int
    hidden_size: int
    heads: int
    """Query heads."""
    kv_heads: int
    """Heads whose keys and values are stored. With MLA there is one latent, whatever this says."""
    head_dim: int
    """Width of a query head; with MLA both its parts, without positions and with."""
    vocab_size: int
    context: int
    """Longest context in tokens (`modules.context` says how scaled positions count); 0: not stated."""
    experts: int
    """Routed experts of a layer; 0 for a dense model."""
    experts_per_token: int
    mla: bool
    """Whether attention stores a latent in place of heads: nothing of it is divided by tensor parallelism."""
    kv_lora_rank: int
    """Width of the latent; 0 without one."""
    q_lora_rank: int
    rope_head_dim: int
    """Positions beside the latent, qk_rope_head_dim."""
    attention: Attention
    """dense: a KV head a head; gqa: fewer; sliding: some layers see a window; hybrid: some keep a state."""
    window: int
    """Tokens that sliding layers see; 0 without such layers."""
    full_layers: int
    """Layers whose cache grows with the context."""
    dtype: str
    """Number format of what is not quantised."""
    quantization: Quantization
    multimodal: bool
    tied: bool
    """Whether embedding and head are one matrix."""
    default_context: int
    """What vLLM serves where no length is asked for: less than `context` for long-rope models."""
    config: Config = field(repr=False, compare=False)

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """Return the modules of the weights, without layers that predict further tokens."""
        return tuple(modules(self.config))

    @cached_property
    def parameters(self) -> Parameters:
        """Return the numbers of parameters, summed over modules."""
        return Parameters(
            sum(module.parameters for module in self.modules),
            round(
                sum(module.parameters * module.active for module in self.modules if module.name != "vision")
            ),
            sum(module.parameters for module in predictors(self.config)),
        )

    @cached_property
    def weights_bytes(self) -> int:
        """Return the bytes of the weights, each module in its own number format, without predictors."""
        return self._bytes(self.modules)

    @cached_property
    def predictor_bytes(self) -> int:
        """Return the bytes of layers that predict further tokens."""
        return self._bytes(tuple(predictors(self.config)))

    def _bytes(self, found: tuple[Module, ...]) -> int:
        of = self.quantization.bytes_of
        return round(sum(module.parameters * of(module.name, self.dtype) for module in found))


def read(name: str, config: Mapping[str, Any], quant_config: Mapping[str, Any] | None = None) -> ModelFacts:
    """Return what a configuration says about its model.

    Args:
        name: What the model is called; nothing is derived from it.
        config: Its config.json.
        quant_config: Its hf_quant_config.json, where it has one.

    Raises:
        ConfigError: A key is missing that every language model has, or says what cannot be.
    """
    text = Config(config)
    found = layers(text)
    count, kv, size = heads(text)
    kv = _kv_heads(text, count, kv)
    if text.get("kv_lora_rank"):
        size = text.number("qk_nope_head_dim") + text.number("qk_rope_head_dim")
    mixers = {layer.mixer for layer in found} - {""}
    windows = text.number("sliding_window", "sliding_window_size", "attention_chunk_size", default=0)
    mla = bool(text.get("kv_lora_rank")) or bool(text.get("compress_ratios"))
    nested_towers = ("vision_config", "audio_config")
    return ModelFacts(
        id=name,
        layers=len(found),
        hidden_size=text.number("hidden_size", "n_embd"),
        heads=count,
        kv_heads=kv,
        head_dim=size,
        vocab_size=text.number("vocab_size"),
        context=context(text),
        experts=experts(text),
        experts_per_token=experts_per_token(text),
        mla=mla,
        kv_lora_rank=text.number("kv_lora_rank", default=size if mla else 0),
        q_lora_rank=text.number("q_lora_rank", default=0),
        rope_head_dim=text.number("qk_rope_head_dim", default=0),
        attention=_attention(mixers, count, kv, mla=mla),
        window=windows if "sliding" in mixers else 0,
        full_layers=sum(layer.mixer == "full" for layer in found),
        dtype=str(text.get("torch_dtype") or text.get("dtype") or "bfloat16"),
        quantization=formats.read(config, quant_config),
        multimodal=any(config.get(key) for key in nested_towers) or _conditional(text),
        tied=tied(text),
        default_context=_default_context(text),
        config=text,
    )


def _kv_heads(text: Config, count: int, kv: int) -> int:
    """Return the KV heads; the fewest of any layer where layers differ, for that one decides on divisions."""
    groups = [block["attention"].get("n_heads_in_group") for block in text.get("block_configs") or []]
    return min((count // group for group in groups if group), default=kv)


def _attention(mixers: set[str], count: int, kv: int, *, mla: bool) -> Attention:
    if mixers & {"linear", "mamba"}:
        return "hybrid"
    if mla:
        return "mla"
    if "sliding" in mixers:
        return "sliding"
    return "gqa" if kv < count else "dense"


def _conditional(text: Config) -> bool:
    names = text.whole.get("architectures") or []
    return bool(text.prefix) and any("ConditionalGeneration" in str(name) for name in names)


def _default_context(text: Config) -> int:
    rope = text.get("rope_scaling") or text.get("rope_parameters") or {}
    if (rope.get("rope_type") or rope.get("type")) == "longrope":
        return text.number("original_max_position_embeddings", default=context(text))
    return context(text)
