"""The modules that mix tokens: attention in its forms, linear attention, state spaces."""

from collections.abc import Iterator
from dataclasses import dataclass

from recipegen.modelfacts.config import Part
from recipegen.modelfacts.layers import Layer, heads, value_size


@dataclass(frozen=True)
class Module:
    """Weights that are quantised and divided alike."""

    name: str
    """Below the model, such as `layers.3.mlp.experts`."""
    parameters: int
    active: float = 1.0
    """Share of the parameters that one token uses."""


def mixer(config: Part, layer: Layer) -> Iterator[Module]:
    """Yield the modules of a layer that mix tokens, named below the layer."""
    place = "self_attn" if layer.mlp else "mixer"
    match layer.mixer:
        case "full" | "sliding" | "cross":
            yield from _attention(config, layer, place)
        case "parallel":
            yield from _heads(config, layer, "self_attn")
            yield from _mamba(config)
        case "shared":
            yield from _mamba(config)
            yield from _adapters(config)
        case "matrix":
            yield Module("self_attn.linear", config.number("hidden_size") ** 2)
        case "linear" if config.map("linear_attn_config"):
            yield from _kimi(config)
        case "linear":
            yield from _linear(config, "linear_attn")
        case "lightning":
            yield from _lightning(config)
        case "mamba":
            yield from _mamba(config)
        case "mamba1":
            yield from _mamba1(config)
        case "conv":
            yield from _convolution(config)


def shared_blocks(config: Part) -> Iterator[Module]:
    """Yield Zamba 2's blocks of attention and MLP, each of which several layers use."""
    hidden, inner = config.number("hidden_size"), config.number("intermediate_size")
    count, _, size = heads(config)
    for block in range(config.number("num_mem_blocks", default=1)):
        # They see the embedding beside the state, so twice the width.
        for part in ("q_proj", "k_proj", "v_proj"):
            yield Module(f"blocks.{block}.self_attn.{part}", 2 * hidden * count * size)
        yield Module(f"blocks.{block}.self_attn.o_proj", count * size * hidden)
        yield Module(f"blocks.{block}.mlp", 3 * hidden * inner)


def _adapters(config: Part) -> Iterator[Module]:
    """Yield what a layer has of its own around the block that it shares."""
    hidden, rank = config.number("hidden_size"), config.number("adapter_rank", default=128)
    yield Module("linear", hidden * hidden)
    yield Module("adapter", rank * (hidden + 2 * config.number("intermediate_size")))
    if config.flag("use_shared_attention_adapter"):
        yield Module("attention_adapter", 3 * rank * 4 * hidden)


def _attention(config: Part, layer: Layer, place: str) -> Iterator[Module]:
    if config.number("kv_lora_rank", default=0):
        yield from _latent(config, layer, place)
    elif config.find("compress_ratios"):
        yield from _compressed(config, layer, place)
    else:
        yield from _heads(config, layer, place)


def _heads(config: Part, layer: Layer, place: str) -> Iterator[Module]:
    hidden = config.number("hidden_size")
    sliding = layer.mixer == "sliding"
    count, kv, size = heads(config, full=layer.mixer == "full", sliding=sliding)
    value = value_size(config, size, sliding=sliding)
    if layer.group:
        kv = count // layer.group
    gate = 2 if config.flag("attn_output_gate") else 1
    same = config.flag("attention_k_eq_v") and layer.mixer == "full"
    yield Module(f"{place}.q_proj", hidden * count * size * gate)
    if not layer.reuses:
        yield Module(f"{place}.k_proj", hidden * kv * size)
    if not layer.reuses and not same:
        yield Module(f"{place}.v_proj", hidden * kv * value)
    yield Module(f"{place}.o_proj", count * value * hidden)
    sparse = config.map("sparse_attention_config")
    if sparse and layer.indexer:
        width, number = (
            sparse.number(f"sparse_{key}", default=0) for key in ("index_dim", "num_index_heads")
        )
        yield Module(f"{place}.index_q_proj", hidden * width * number)
        yield Module(f"{place}.index_k_proj", hidden * width)


def _latent(config: Part, layer: Layer, place: str) -> Iterator[Module]:
    """Yield multi-head latent attention, with the indexer of its sparse form."""
    hidden, count = config.number("hidden_size"), config.number("num_attention_heads")
    nope, rope = config.number("qk_nope_head_dim"), config.number("qk_rope_head_dim")
    rank = config.number("kv_lora_rank")
    value = config.number("v_head_dim", default=0) or hidden // count
    queries = config.number("q_lora_rank", default=0)
    if queries:
        yield Module(f"{place}.q_a_proj", hidden * queries)
        yield Module(f"{place}.q_b_proj", queries * count * (nope + rope))
    else:
        yield Module(f"{place}.q_proj", hidden * count * (nope + rope))
    yield Module(f"{place}.kv_a_proj_with_mqa", hidden * (rank + rope))
    yield Module(f"{place}.kv_b_proj", rank * count * (nope + value))
    yield Module(f"{place}.o_proj", count * value * hidden)
    if config.flag("mla_use_output_gate"):
        yield Module(f"{place}.g_proj", hidden * count * value)
    if layer.indexer and config.number("index_n_heads", default=0):
        width, number = config.number("index_head_dim"), config.number("index_n_heads")
        yield Module(f"{place}.indexer", queries * width * number + hidden * (width + number))


def _compressed(config: Part, layer: Layer, place: str) -> Iterator[Module]:
    """Yield DeepSeek V4's attention: one latent KV head, the output in groups, compressors and an indexer."""
    hidden = config.number("hidden_size")
    count, kv, size = heads(config)
    queries, rank = config.number("q_lora_rank"), config.number("o_lora_rank")
    yield Module(f"{place}.q_a_proj", hidden * queries)
    yield Module(f"{place}.q_b_proj", queries * count * size)
    yield Module(f"{place}.kv_proj", hidden * kv * size)
    yield Module(f"{place}.o_a_proj", count * size * rank)
    yield Module(f"{place}.o_b_proj", config.number("o_groups") * rank * hidden)
    if layer.ratio:
        # At the ratio 4 neighbouring windows overlap, which doubles the width.
        width = size * (2 if layer.ratio == 4 else 1)
        yield Module(f"{place}.compressor", 2 * hidden * width)
    if layer.ratio == 4:
        width, number = config.number("index_head_dim"), config.number("index_n_heads")
        yield Module(f"{place}.indexer", queries * width * number + hidden * number + 4 * hidden * width)


def _kimi(config: Part) -> Iterator[Module]:
    """Yield Kimi's delta attention."""
    hidden, own = config.number("hidden_size"), config.map("linear_attn_config")
    size, count = own.number("head_dim"), own.number("num_heads")
    width = size * count
    gate = hidden * width if own.flag("use_full_rank_gate") else (hidden + width) * size
    for part in ("q_proj", "k_proj", "v_proj", "o_proj"):
        yield Module(f"self_attn.{part}", hidden * width)
    yield Module("self_attn.g_proj", gate)
    yield Module("self_attn.f_proj", (hidden + width) * size + hidden * count)
    yield Module("conv1d", 3 * width * own.number("short_conv_kernel_size", default=4))


def _linear(config: Part, place: str) -> Iterator[Module]:
    """Yield a gated delta net."""
    hidden = config.number("hidden_size")
    key = config.number("linear_num_key_heads") * config.number("linear_key_head_dim")
    count = config.number("linear_num_value_heads")
    value = count * config.number("linear_value_head_dim")
    yield Module(f"{place}.in_proj_qkv", hidden * (2 * key + value))
    yield Module(f"{place}.in_proj_z", hidden * value)
    yield Module(f"{place}.in_proj_ba.ssm", hidden * 2 * count)
    yield Module(f"{place}.out_proj", value * hidden)
    yield Module(f"{place}.conv1d", (2 * key + value) * config.number("linear_conv_kernel_dim", default=4))


def _lightning(config: Part) -> Iterator[Module]:
    """Yield MiniMax's lightning attention, where every query head has keys and values."""
    hidden, (count, _, size) = config.number("hidden_size"), heads(config)
    for part in ("q_proj", "k_proj", "v_proj", "o_proj", "output_gate"):
        yield Module(f"self_attn.{part}", hidden * count * size)


def _mamba(config: Part) -> Iterator[Module]:
    hidden, count = config.number("hidden_size"), config.number("mamba_num_heads")
    inner = count * config.number("mamba_head_dim")
    state = 2 * config.number("n_groups", default=1) * config.number("ssm_state_size")
    yield Module("mixer.in_proj", hidden * (2 * inner + state + count))
    yield Module("mixer.out_proj", inner * hidden)
    yield Module("mixer.conv1d", (inner + state) * (config.number("conv_kernel", default=4) + 1))
    yield Module("mixer.ssm", inner + 3 * count)


def _mamba1(config: Part) -> Iterator[Module]:
    """Yield a state space of the first kind, whose step, input and output are matrices of the inner width."""
    hidden, state = config.number("hidden_size"), config.number("ssm_state_size")
    inner = config.number("expand", default=2) * hidden
    stated = config.value("time_step_rank")
    rank = -(-hidden // 16) if stated in (None, "auto") else config.number("time_step_rank")
    yield Module("mixer.in_proj", 2 * hidden * inner)
    yield Module("mixer.x_proj", inner * (rank + 2 * state))
    yield Module("mixer.dt_proj", (rank + 1) * inner)
    yield Module("mixer.out_proj", inner * hidden)
    yield Module("mixer.conv1d", inner * (config.number("conv_kernel", default=4) + 1))
    yield Module("mixer.ssm", inner * (state + 1))


def _convolution(config: Part) -> Iterator[Module]:
    """Yield LFM2's short convolution with its two gates."""
    hidden = config.number("hidden_size")
    yield Module("mixer.in_proj", 3 * hidden * hidden)
    yield Module("mixer.out_proj", hidden * hidden)
    yield Module("mixer.conv1d", hidden * config.number("conv_L_cache", default=3))
