"""What a model's weights are made of: its modules with their parameters, from config.json alone.

Formulas: of the Transformers library's and the engines' model definitions, per module; small parts (biases,
norms of heads, positions of a tower) are left out. Nothing here knows a model by its name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NESTED = ("text_config", "llm_config", "language_config")
WORDS = {
    "M": "mamba", "*": "attention", "E": "moe", "-": "mlp",
    "full_attention": "full", "sliding_attention": "sliding", "chunked_attention": "sliding",
    "linear_attention": "linear", "deepseek_sparse_attention": "full",
}  # fmt: skip
"""Kinds of layers as configurations spell them, each with ours."""


class ConfigError(ValueError):
    """A configuration lacks a key, or has one that cannot be."""

    def __init__(self, key: str, message: str) -> None:
        """Take the key and what is wrong with it."""
        super().__init__(f"{key}: {message}")
        self.key, self.message = key, message


class Config:
    """The part of a config.json that describes the language model, under any of its keys' names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.whole = config
        nested = next((key for key in NESTED if isinstance(config.get(key), Mapping)), "")
        self.prefix = nested and f"{nested}."
        self.text: Mapping[str, Any] = config[nested] if nested else config

    def number(self, *names: str, default: int | None = None) -> int:
        """Return the number under the first of the names that is there.

        Raises:
            ConfigError: There is none and no default, or it is no number.
        """
        for name in names:
            value = self.text.get(name)
            if value is not None:
                if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
                    raise ConfigError(self.prefix + name, f"is no number of things, got {value!r}")
                return int(value)
        if default is None:
            raise ConfigError(self.prefix + names[0], "is missing")
        return default

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a key of the language model, or else of the whole configuration."""
        value = self.text.get(name)
        value = self.whole.get(name) if value is None else value
        return default if value is None else value


@dataclass(frozen=True)
class Module:
    """Weights that are quantised and divided alike."""

    name: str
    """Below the model, such as `layers.3.mlp.experts`."""
    parameters: int
    active: float = 1.0
    """Share of the parameters that one token uses."""


@dataclass(frozen=True)
class Layer:
    """What one layer of the language model is."""

    mixer: str
    """`full`, `sliding`, `linear`, `mamba`, `matrix` (a single one), or empty where it has none."""
    mlp: str
    """`dense`, `moe`, `both`, or empty where it has none."""


def layers(config: Config) -> list[Layer]:
    """Return the layers of the language model, in order."""
    pattern = config.get("hybrid_override_pattern") or config.get("layers_block_type")
    if pattern:
        kinds = [WORDS.get(kind, kind) for kind in pattern]
        single = {"attention": ("full", ""), "mamba": ("mamba", ""), "moe": ("", "moe"), "mlp": ("", "dense")}
        unknown = next((kind for kind in kinds if kind not in single), None)
        if unknown:
            raise ConfigError("layers_block_type", f"has a layer that is not known here, got {unknown!r}")
        return [Layer(*single[kind]) for kind in kinds]
    count = config.number("num_hidden_layers", "n_layer")
    blocks = config.get("block_configs")
    mixers = [_searched(block["attention"]) for block in blocks] if blocks else _mixers(config, count)
    return [Layer(mixers[index], _mlp(config, index)) for index in range(count)]


def modules(config: Config) -> Iterator[Module]:
    """Yield the modules of the language model and its towers, without layers that predict further tokens."""
    hidden, vocabulary = config.number("hidden_size", "n_embd"), config.number("vocab_size")
    yield Module("embed", vocabulary * hidden)
    if not tied(config):
        yield Module("lm_head", vocabulary * hidden)
    yield Module("norm", hidden)
    found = layers(config)
    for index, layer in enumerate(found):
        yield from _layer(config, index, layer, f"layers.{index}")
    yield from _towers(config)


def predictors(config: Config) -> Iterator[Module]:
    """Yield the modules of layers that predict further tokens, which engines load for speculation only."""
    count = config.number("num_nextn_predict_layers", "mtp_num_hidden_layers", default=0)
    if not count:
        return
    hidden = config.number("hidden_size", "n_embd")
    last = layers(config)[-1]
    kinds = config.get("mtp_layers_block_type") or list(config.get("mtp_hybrid_override_pattern", ""))
    single = {"attention": Layer("full", ""), "moe": Layer("", "moe"), "mamba": Layer("mamba", "")}
    parts = [single[WORDS.get(kind, kind)] for kind in kinds] or [Layer("full", last.mlp or "moe")]
    if not kinds and config.get("num_nextn_predict_layers"):
        # DeepSeek's layout has copies of embedding and head in that layer; Qwen's shares the model's.
        yield Module("mtp.embed", 2 * hidden * config.number("vocab_size"))
    for number in range(count):
        name = f"mtp.layers.{number}"
        yield Module(f"{name}.eh_proj", 2 * hidden * hidden)
        for part in parts:
            yield from _layer(config, len(layers(config)) - 1, part, name)


def _mixers(config: Config, count: int) -> list[str]:
    linear = config.get("linear_attn_config") or {}
    if linear.get("kda_layers"):
        # Counted from 1.
        return ["linear" if index + 1 in set(linear["kda_layers"]) else "full" for index in range(count)]
    types = config.get("layer_types")
    if types:
        if len(types) != count:
            raise ConfigError("layer_types", f"has {len(types)} layers, num_hidden_layers {count}")
        return [WORDS.get(kind, "full") for kind in types]
    if config.get("hybrid_layer_pattern"):
        return ["sliding" if kind else "full" for kind in config.get("hybrid_layer_pattern")]
    interval = config.get("full_attention_interval")
    if interval:
        return ["full" if (index + 1) % interval == 0 else "linear" for index in range(count)]
    window = config.get("sliding_window")
    if window and config.get("use_sliding_window", True) and window < context(config):
        # Where a window stands without a word on layers, Gemma 2 and 3 alternate, others use it everywhere.
        every = config.get("sliding_window_pattern") or (2 if config.get("model_type") == "gemma2" else 0)
        return ["full" if every and (index + 1) % every == 0 else "sliding" for index in range(count)]
    return ["full"] * count


def _searched(attention: Mapping[str, Any]) -> str:
    """Return what a search has left of one layer's attention."""
    if attention.get("replace_with_linear"):
        return "matrix"
    return "full" if attention.get("n_heads_in_group") else ""


def context(config: Config) -> int:
    """Return the longest context that the configuration states, in tokens.

    `max_position_embeddings`, times the factor of `rope_scaling` for the kinds whose factor is not in it yet
    (linear, dynamic): so does vLLM 0.31.0 in `_get_and_verify_max_len` (vllm/config/model.py).
    """
    length = config.number("max_position_embeddings", "n_positions", "seq_length", default=0)
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    kind = str(rope.get("rope_type") or rope.get("type") or "default")
    scaled = ("linear", "dynamic", "ntk")
    mixed = "gemma3" in str(config.whole.get("model_type", ""))
    factor = rope.get("factor") or 1
    return int(length * factor) if kind in scaled and not mixed else length


def _mlp(config: Config, index: int) -> str:
    blocks = config.get("block_configs")
    if blocks and blocks[index]["ffn"].get("no_op"):
        return ""
    if not experts(config):
        return "dense"
    if config.get("enable_moe_block"):
        return "both"
    return "moe" if _routed(config, index) else "dense"


def _routed(config: Config, index: int) -> bool:
    """Return whether a layer of a model with experts has them."""
    kinds, frequency = config.get("mlp_layer_types"), config.get("moe_layer_freq", 1)
    if kinds:
        return bool(kinds[index] != "dense")
    if isinstance(frequency, list):
        return bool(frequency[index])
    dense = index < config.number("first_k_dense_replace", default=0)
    dense = dense or index in (config.get("mlp_only_layers") or [])
    step = config.number("interleave_moe_layer_step", "decoder_sparse_step", default=1) or 1
    return not dense and index % max(frequency, 1) == 0 and (index + 1) % step == 0


def experts(config: Config) -> int:
    """Return the routed experts of a layer; 0 for a dense model."""
    return config.number("num_experts", "n_routed_experts", "num_local_experts", default=0)


def experts_per_token(config: Config) -> int:
    """Return the routed experts that a token goes to."""
    names = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts")
    return config.number(*names, default=0)


def heads(config: Config, *, full: bool = False) -> tuple[int, int, int]:
    """Return query heads, KV heads and head size; of the full layers where they differ."""
    count = config.number("num_attention_heads", "n_head")
    size = config.number("head_dim", "attention_head_dim", default=0)
    size = size or config.number("hidden_size", "n_embd") // max(count, 1)
    own = 1 if config.get("multi_query") and not config.get("new_decoder_architecture") else count
    kv = config.number("num_key_value_heads", "n_head_kv", default=own)
    if full and config.get("global_head_dim"):
        size = config.number("global_head_dim")
        kv = config.number("num_global_key_value_heads", "num_key_value_heads", default=own)
    return count, kv, size


def tied(config: Config) -> bool:
    """Return whether embedding and head are one matrix: Gemma's are where nothing is said, others not."""
    family = str(config.get("model_type", ""))
    return bool(config.get("tie_word_embeddings", family.startswith("gemma")))


def _layer(config: Config, index: int, layer: Layer, name: str) -> Iterator[Module]:
    yield Module(f"{name}.norm", 2 * config.number("hidden_size", "n_embd"))
    if layer.mixer in ("full", "sliding"):
        yield from _attention(config, index, layer, name)
    elif layer.mixer == "matrix":
        yield Module(f"{name}.self_attn.linear", config.number("hidden_size") ** 2)
    elif layer.mixer == "linear":
        yield from _linear(config, name)
    elif layer.mixer == "mamba":
        yield from _mamba(config, name)
    if layer.mlp:
        yield from _feed_forward(config, index, layer, name)
    if config.get("hc_mult"):
        # DeepSeek V4's two hyper-connections, each a matrix from all streams to (2 + streams) x streams.
        streams = int(config.get("hc_mult"))
        mixing = (2 + streams) * streams * streams * config.number("hidden_size")
        yield Module(f"{name}.hyper", 2 * mixing)


def _attention(config: Config, index: int, layer: Layer, name: str) -> Iterator[Module]:
    hidden = config.number("hidden_size", "n_embd")
    place = f"{name}.{'mixer' if not layer.mlp else 'self_attn'}"
    if config.get("kv_lora_rank"):
        yield from _latent(config, index, place)
        return
    if config.get("compress_ratios"):
        yield from _compressed(config, index, place)
        return
    count, kv, size = heads(config, full=layer.mixer == "full")
    blocks = config.get("block_configs")
    if blocks:
        kv = count // int(blocks[index]["attention"]["n_heads_in_group"])
    gate = 2 if config.get("attn_output_gate") else 1
    same = bool(config.get("attention_k_eq_v")) and layer.mixer == "full"
    yield Module(f"{place}.q_proj", hidden * count * size * gate)
    yield Module(f"{place}.k_proj", hidden * kv * size)
    if not same:
        yield Module(f"{place}.v_proj", hidden * kv * size)
    yield Module(f"{place}.o_proj", count * size * hidden)
    sparse = config.get("sparse_attention_config") or {}
    if sparse and (sparse.get("sparse_attention_freq") or [1] * (index + 1))[index]:
        width = sparse.get("sparse_index_dim", 0)
        yield Module(f"{place}.index_q_proj", hidden * width * sparse.get("sparse_num_index_heads", 0))
        yield Module(f"{place}.index_k_proj", hidden * width)


def _latent(config: Config, index: int, place: str) -> Iterator[Module]:
    """Yield multi-head latent attention, with the indexer of its sparse form."""
    hidden, count = config.number("hidden_size"), config.number("num_attention_heads")
    nope, rope = config.number("qk_nope_head_dim"), config.number("qk_rope_head_dim")
    value, rank = config.number("v_head_dim"), config.number("kv_lora_rank")
    queries = config.number("q_lora_rank", default=0)
    if queries:
        yield Module(f"{place}.q_a_proj", hidden * queries)
        yield Module(f"{place}.q_b_proj", queries * count * (nope + rope))
    else:
        yield Module(f"{place}.q_proj", hidden * count * (nope + rope))
    yield Module(f"{place}.kv_a_proj_with_mqa", hidden * (rank + rope))
    yield Module(f"{place}.kv_b_proj", rank * count * (nope + value))
    yield Module(f"{place}.o_proj", count * value * hidden)
    if config.get("mla_use_output_gate"):
        yield Module(f"{place}.g_proj", hidden * count * value)
    kinds = config.get("indexer_types") or ["full"] * (index + 1)
    if config.get("index_n_heads") and kinds[index] == "full":
        width, number = config.number("index_head_dim"), config.number("index_n_heads")
        yield Module(f"{place}.indexer", queries * width * number + hidden * (width + number))


def _compressed(config: Config, index: int, place: str) -> Iterator[Module]:
    """Yield DeepSeek V4's attention: one latent KV head, the output in groups, compressors and an indexer."""
    hidden = config.number("hidden_size")
    count, kv, size = heads(config)
    queries, rank = config.number("q_lora_rank"), config.number("o_lora_rank")
    yield Module(f"{place}.q_a_proj", hidden * queries)
    yield Module(f"{place}.q_b_proj", queries * count * size)
    yield Module(f"{place}.kv_proj", hidden * kv * size)
    yield Module(f"{place}.o_a_proj", count * size * rank)
    yield Module(f"{place}.o_b_proj", config.number("o_groups") * rank * hidden)
    ratio = config.get("compress_ratios")[index]
    if ratio:
        # At the ratio 4 neighbouring windows overlap, which doubles the width.
        width = size * (2 if ratio == 4 else 1)
        yield Module(f"{place}.compressor", 2 * hidden * width)
    if ratio == 4:
        width, number = config.number("index_head_dim"), config.number("index_n_heads")
        yield Module(f"{place}.indexer", queries * width * number + hidden * number + 4 * hidden * width)


def _linear(config: Config, name: str) -> Iterator[Module]:
    """Yield a gated delta net, or Kimi's delta attention."""
    hidden, place = config.number("hidden_size"), f"{name}.linear_attn"
    kimi = config.get("linear_attn_config")
    if kimi:
        size, count = int(kimi["head_dim"]), int(kimi["num_heads"])
        width = size * count
        gate = hidden * width if kimi.get("use_full_rank_gate") else (hidden + width) * size
        for part in ("q_proj", "k_proj", "v_proj", "o_proj"):
            yield Module(f"{name}.self_attn.{part}", hidden * width)
        yield Module(f"{name}.self_attn.g_proj", gate)
        yield Module(f"{name}.self_attn.f_proj", (hidden + width) * size + hidden * count)
        yield Module(f"{name}.conv1d", 3 * width * int(kimi.get("short_conv_kernel_size", 4)))
        return
    key = config.number("linear_num_key_heads") * config.number("linear_key_head_dim")
    count = config.number("linear_num_value_heads")
    value = count * config.number("linear_value_head_dim")
    yield Module(f"{place}.in_proj_qkv", hidden * (2 * key + value))
    yield Module(f"{place}.in_proj_z", hidden * value)
    yield Module(f"{place}.in_proj_ba.ssm", hidden * 2 * count)
    yield Module(f"{place}.out_proj", value * hidden)
    yield Module(f"{place}.conv1d", (2 * key + value) * config.number("linear_conv_kernel_dim", default=4))


def _mamba(config: Config, name: str) -> Iterator[Module]:
    hidden, place = config.number("hidden_size"), f"{name}.mixer"
    count = config.number("mamba_num_heads")
    inner = count * config.number("mamba_head_dim")
    state = 2 * config.number("n_groups", default=1) * config.number("ssm_state_size")
    yield Module(f"{place}.in_proj", hidden * (2 * inner + state + count))
    yield Module(f"{place}.out_proj", inner * hidden)
    yield Module(f"{place}.conv1d", (inner + state) * (config.number("conv_kernel", default=4) + 1))
    yield Module(f"{place}.ssm", inner + 3 * count)


def _feed_forward(config: Config, index: int, layer: Layer, name: str) -> Iterator[Module]:
    hidden = config.number("hidden_size", "n_embd")
    place = f"{name}.{'mixer' if not layer.mixer else 'mlp'}"
    # Nemotron's squared ReLU has no gate, so one matrix less.
    gated = config.get("mlp_hidden_act") != "relu2"
    parts = ("gate_proj", "up_proj", "down_proj") if gated else ("up_proj", "down_proj")
    if layer.mlp in ("dense", "both"):
        width = _dense_width(config, index)
        for part in parts:
            yield Module(f"{place}.{part}", hidden * width)
    if layer.mlp == "dense":
        return
    count, chosen = experts(config), experts_per_token(config)
    width = config.number("moe_intermediate_size", "intermediate_size")
    narrow = config.number("moe_latent_size", "routed_expert_hidden_size", default=0)
    # Gemma 4 has the experts beside its dense layer, not within.
    place = name if layer.mlp == "both" else place
    yield Module(f"{place}.router", hidden * count + count)
    if narrow:
        yield Module(f"{place}.latent", 2 * hidden * narrow)
    each = len(parts) * (narrow or hidden) * width
    yield Module(f"{place}.experts", count * each, min(chosen / count, 1.0))
    shared = _shared_width(config, width)
    if shared:
        for part in parts:
            yield Module(f"{place}.shared_experts.{part}", hidden * shared)


def _dense_width(config: Config, index: int) -> int:
    blocks = config.get("block_configs")
    if blocks:
        # Two thirds of ffn_mult times the hidden size, made a multiple of 256, as in Llama's first models.
        width = int(2 * blocks[index]["ffn"]["ffn_mult"] * config.number("hidden_size") / 3)
        return -(-width // 256) * 256
    names = ("dense_intermediate_size", "intermediate_size_mlp") if experts(config) else ()
    return config.number(*names, "intermediate_size", "ffn_dim", "n_inner")


def _shared_width(config: Config, width: int) -> int:
    stated = ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim")
    count = config.number("n_shared_experts", "num_shared_experts", default=-1)
    own = config.number(*stated, "shared_intermediate_size", default=-1)
    if own >= 0:
        return own * max(count, 1)
    if config.get("intermediate_size_mlp"):
        # Llama 4 has one shared expert of the routed ones' width and no key for it.
        return width
    return max(count, 0) * width


def _towers(config: Config) -> Iterator[Module]:
    """Yield the vision tower: plain transformer layers and what joins it to the language model."""
    tower = Config(config.whole.get("vision_config") or {})
    depth = tower.number("depth", "num_hidden_layers", "vt_num_hidden_layers", "layers", default=0)
    width = tower.number("hidden_size", "vt_hidden_size", "width", default=0)
    if not depth or not width:
        return
    inner = tower.number("intermediate_size", "vt_intermediate_size", default=4 * width)
    attention = tower.number("qkv_hidden_size", default=width)
    layer = 4 * width * attention + 2 * width * inner
    merged = width * tower.number("spatial_merge_size", default=2) ** 2
    out = tower.number("out_hidden_size", "text_hidden_size", default=config.number("hidden_size", "n_embd"))
    joints = 1 + len(tower.get("deepstack_visual_indexes", []))
    yield Module("vision", depth * layer + joints * (merged * merged + merged * out))
