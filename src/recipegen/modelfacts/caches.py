"""What each layer keeps of a sequence while it is served: keys and values, a latent, or a state."""

from dataclasses import dataclass
from typing import Literal

from recipegen.modelfacts.config import Part
from recipegen.modelfacts.layers import Layer, heads, value_size

Kind = Literal["full", "sliding", "latent", "compressed", "state", "none"]
GROWING = ("full", "latent", "compressed")
"""Kinds of which there is more the longer a sequence is."""


@dataclass(frozen=True)
class State:
    """Numbers that a layer keeps of a sequence, however long it is."""

    numbers: int
    """Of the whole layer; tensor parallelism divides them."""
    dtype: str = ""
    """Number format that the configuration asks for; empty: the model's."""


@dataclass(frozen=True)
class Kept:
    """What one layer keeps of a sequence."""

    kind: Kind
    """full: of every token; sliding: of those in the window; latent: one vector a token for all heads;
    compressed: one for several tokens, and those in the window; state: the same for any length; none."""
    heads: int = 0
    """KV heads; 1 for a latent."""
    key: int = 0
    """Numbers of a head's key; of the whole latent with its positions."""
    value: int = 0
    """Numbers of a head's value; a latent has none."""
    window: int = 0
    """Tokens in the window; 0 without one."""
    ratio: int = 1
    """Tokens that one entry stands for."""
    index: int = 0
    """Numbers of the key by which an indexer finds a token again; 0 without one."""
    states: tuple[State, ...] = ()


def caches(config: Part, found: list[Layer]) -> tuple[Kept, ...]:
    """Return what the layers of a language model keep, in their order.

    Source: the shapes of vLLM 0.31.0, vllm/model_executor/layers/mamba/mamba_utils.py for states,
    vllm/v1/kv_cache_interface.py for the rest.
    """
    kinds = {layer: _kept(config, layer) for layer in dict.fromkeys(found)}
    kept = [kinds[layer] for layer in found]
    # The last layers of Gemma 3n and 4 read the cache of earlier ones.
    shared = config.number("num_kv_shared_layers", default=0, most=len(kept))
    return (*kept[: len(kept) - shared], *[Kept("none")] * shared)


def _kept(config: Part, layer: Layer) -> Kept:
    if layer.mixer in ("full", "sliding"):
        return _attention(config, layer)
    states = _states(config, layer.mixer)
    if layer.mixer in ("parallel", "shared"):
        _, kv, size = heads(config)
        return Kept("full", kv, size, size, states=states)
    return Kept("state", states=states) if states else Kept("none")


def _states(config: Part, kind: str) -> tuple[State, ...]:
    """Return the states of a layer; none where it has no state."""
    match kind:
        case "mamba" | "parallel" | "shared":
            return _mamba(config)
        case "mamba1":
            return _mamba1(config)
        case "linear":
            delta = config.map("linear_attn_config")
            return _kimi(delta) if delta else _delta(config)
        case "lightning":
            count, _, size = heads(config)
            return (State(count * size * size),)
        case "conv":
            return (State(config.number("hidden_size") * (config.number("conv_L_cache", default=3) - 1)),)
    return ()


def _attention(config: Part, layer: Layer) -> Kept:
    indexed = layer.indexer and config.number("index_n_heads", default=0)
    index = config.number("index_head_dim", default=128) if indexed else 0
    rank = config.number("kv_lora_rank", default=0)
    if rank and not config.family.latent:
        # Keys and values are both stored at the width of a query head.
        count, size = heads(config)[0], config.number("qk_nope_head_dim") + config.number("qk_rope_head_dim")
        return Kept("full", count, size, size)
    if rank:
        return Kept("latent", 1, rank + config.number("qk_rope_head_dim"), index=index)
    sliding = layer.mixer == "sliding"
    count, kv, size = heads(config, full=layer.mixer == "full", sliding=sliding)
    window = config.number("sliding_window", "sliding_window_size", "attention_chunk_size", default=0)
    if config.find("compress_ratios"):
        index = config.number("index_head_dim", default=0) if layer.ratio == 4 else 0
        return Kept("compressed", 1, size, window=window, ratio=layer.ratio, index=index)
    if layer.group:
        kv = count // layer.group
    value = value_size(config, size, sliding=sliding)
    if sliding:
        return Kept("sliding", kv, size, value, window)
    return Kept("full", kv, size, value)


def _mamba(config: Part) -> tuple[State, ...]:
    """Return the states of a Mamba 2 layer: the convolution's last inputs, and the state space."""
    count, size = config.number("mamba_num_heads"), config.number("mamba_head_dim")
    groups, state = config.number("n_groups", default=1), config.number("ssm_state_size")
    inputs = count * size + 2 * groups * state
    kernel = config.number("conv_kernel", default=4)
    # Nemotron-H's own default; the configuration of others says what differs from the model's format.
    plain = "float32" if config.text("model_type") == "nemotron_h" else ""
    dtype = config.text("mamba_ssm_cache_dtype", "mamba_ssm_dtype", default=plain)
    return State(inputs * (kernel - 1)), State(count * size * state, dtype)


def _mamba1(config: Part) -> tuple[State, ...]:
    """Return the states of a Mamba layer of the first kind."""
    inner = config.number("expand", default=2) * config.number("hidden_size")
    kernel = config.number("conv_kernel", default=4)
    return State(inner * (kernel - 1)), State(inner * config.number("ssm_state_size"))


def _delta(config: Part) -> tuple[State, ...]:
    """Return the states of a gated delta net."""
    keys, size = config.number("linear_num_key_heads"), config.number("linear_key_head_dim")
    values, width = config.number("linear_num_value_heads"), config.number("linear_value_head_dim")
    kernel = config.number("linear_conv_kernel_dim", default=4)
    inputs = 2 * keys * size + values * width
    return State(inputs * (kernel - 1)), State(values * width * size, config.text("mamba_ssm_dtype"))


def _kimi(own: Part) -> tuple[State, ...]:
    """Return the states of Kimi's delta attention."""
    size, count = own.number("head_dim"), own.number("num_heads")
    kernel = own.number("short_conv_kernel_size", default=4)
    return State(3 * size * count * (kernel - 1)), State(count * size * size, "float32")
