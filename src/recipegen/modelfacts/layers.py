"""What the layers of a language model are: how each mixes tokens, its heads, its experts."""

from dataclasses import dataclass
from typing import Literal

from recipegen.modelfacts.arrangement import mixers, same_length
from recipegen.modelfacts.config import LAYERS, MOST, Part

Attention = Literal["dense", "gqa", "mla", "sliding", "hybrid"]

# Kinds of layers as configurations spell them.
SINGLE = {
    "M": ("mamba", ""), "*": ("full", ""), "E": ("", "moe"), "-": ("", "dense"),
    "mamba": ("mamba", ""), "attention": ("full", ""), "moe": ("", "moe"), "mlp": ("", "dense"),
    "hybrid": ("shared", ""), "linear_attention": ("mamba", ""), "full_attention": ("full", ""),
}  # fmt: skip
STATES = {"linear", "lightning", "mamba", "mamba1", "conv", "parallel", "shared"}
SHARING = ("gemma4", "gemma4_text")
"""Families whose last layers, which read the cache of earlier ones, have no keys and values of their own."""
MLPS = {"dense": "dense", "sparse": "moe"}
INDEXERS = {"full": True, "shared": False}


@dataclass(frozen=True)
class Layer:
    """What one layer of the language model is."""

    mixer: str
    """full, sliding; cross: to an image; linear, lightning, mamba (the second), mamba1, conv: a state;
    parallel: attention beside a state; shared: a state beside attention that several layers share;
    matrix: a single one; or empty where it has none."""
    mlp: str
    """`dense`, `moe`, `both`, or empty where it has none."""
    group: int = 0
    """Query heads for one KV head, where a search has chosen them layer by layer; else 0."""
    widening: float = 0.0
    """Width of the dense part by that of the model, where a search has chosen it; else 0."""
    indexer: bool = False
    """Whether it has an indexer of its own that picks tokens for sparse attention."""
    ratio: int = 0
    """Tokens that one entry of a compressed cache stands for; 0 where it is not compressed."""
    reuses: bool = False
    """Whether it has no keys and values of its own, but those of an earlier layer."""


def layers(config: Part) -> list[Layer]:
    """Return the layers of the language model, in order."""
    for name in ("hybrid_override_pattern", "layers_block_type"):
        if config.find(name):
            found = [Layer(*single) for single in config.words(name, SINGLE, length=1)]
            stated = config.number("num_hidden_layers", default=len(found), most=LAYERS)
            same_length(config, name, stated, len(found))
            return found
    count = config.number("num_hidden_layers", most=LAYERS)
    every = config.family.mixers.get("every", "")
    if "mamba" in every:
        return [Layer(every, "")] * count
    mlps, indexers, ratios = _mlps(config, count), _indexers(config, count), [0] * count
    if config.find("compress_ratios"):
        ratios = config.numbers("compress_ratios", length=count)
    if config.find("block_configs"):
        blocks = config.maps("block_configs", length=count)[:count]
        return [_searched(config, block, mlp) for block, mlp in zip(blocks, mlps, strict=False)]
    # Lists may go on with layers that predict further tokens.
    kinds = [every] * count if every else mixers(config, count)
    reusing = config.number("num_kv_shared_layers", default=0, most=count)
    reuses = [config.text("model_type") in SHARING and index >= count - reusing for index in range(count)]
    parts = zip(kinds, mlps, indexers, ratios, reuses, strict=False)
    return [
        Layer(config.family.mixers.get(mixer, mixer), mlp, indexer=indexer, ratio=ratio, reuses=again)
        for mixer, mlp, indexer, ratio, again in parts
    ]


def predictors(config: Part, last: Layer) -> list[Layer]:
    """Return the layers in one predictor of a further token.

    Args:
        config: The configuration of the language model.
        last: The last layer of the model, which they are like where nothing else is said.
    """
    for name in ("mtp_layers_block_type", "mtp_hybrid_override_pattern"):
        if config.value(name):
            return [Layer(*single) for single in config.words(name, SINGLE)]
    return [Layer("full", last.mlp or "moe", last.group, last.widening, last.indexer, last.ratio)]


def heads(config: Part, *, full: bool = False, sliding: bool = False) -> tuple[int, int, int]:
    """Return query heads, KV heads and head size; of the full or the sliding layers where they differ."""
    if "mamba" in config.family.mixers.get("every", ""):
        return 0, 0, 0
    count = config.number("num_attention_heads")
    hidden = config.number("hidden_size")
    size = config.number("head_dim", default=0) or hidden // count
    if not size:
        raise config.error("num_attention_heads", f"must be at most hidden_size, {hidden}, got {count}")
    # Falcon's first models name their KV heads and have one nevertheless.
    if config.flag("multi_query") and not config.flag("new_decoder_architecture"):
        return count, 1, size
    kv = config.number("num_key_value_heads", default=count, least=1, most=count)
    if full and config.number("global_head_dim", default=0):
        size = config.number("global_head_dim")
        kv = config.number("num_global_key_value_heads", default=kv, least=1, most=count)
    if sliding:
        # As MiMo V2 has them; by the names of its published configuration.
        count = config.number("swa_num_attention_heads", default=count, least=1)
        kv = config.number("swa_num_key_value_heads", default=kv, least=1, most=count)
        size = config.number("swa_head_dim", default=size, least=1)
    if count % kv:
        raise config.error("num_key_value_heads", f"must divide the {count} heads, got {kv}")
    return count, kv, size


def value_size(config: Part, size: int, *, sliding: bool) -> int:
    """Return the size of a head's value, which is that of its key, `size`, where nothing else is said."""
    names = ("swa_v_head_dim", "v_head_dim") if sliding else ("v_head_dim",)
    return config.number(*names, default=size, least=1)


def fewest_kv_heads(config: Part, found: list[Layer]) -> int:
    """Return the KV heads; the fewest of any layer where layers differ, for that one decides on divisions."""
    count, kv, _ = heads(config)
    return min((count // layer.group for layer in found if layer.group), default=kv)


def mla(config: Part) -> bool:
    """Return whether attention stores a latent in place of heads."""
    rank = config.number("kv_lora_rank", default=0) if config.family.latent else 0
    return bool(rank) or bool(config.find("compress_ratios"))


def attention(config: Part, found: list[Layer]) -> Attention:
    """Return the kind of attention of a model whose layers are known."""
    mixers = {layer.mixer for layer in found}
    if mixers & STATES:
        return "hybrid"
    if mla(config):
        return "mla"
    if "sliding" in mixers:
        return "sliding"
    return "gqa" if fewest_kv_heads(config, found) < heads(config)[0] else "dense"


def experts(config: Part) -> int:
    """Return the routed experts of a layer; 0 for a dense model."""
    return config.number("num_experts", default=0)


def experts_per_token(config: Part) -> int:
    """Return the routed experts that a token goes to."""
    return config.number("num_experts_per_tok", default=0, most=experts(config) or MOST)


def _mlps(config: Part, count: int) -> list[str]:
    if not experts(config):
        return ["dense"] * count
    if config.flag("enable_moe_block"):
        return ["both"] * count
    if config.find("mlp_layer_types"):
        return config.words("mlp_layer_types", MLPS, length=count)
    return ["moe" if routed else "dense" for routed in _routed(config, count)]


def _routed(config: Part, count: int) -> list[bool]:
    """Return which layers of a model with experts have them."""
    for name in ("is_moe_layer", "moe_layer_freq"):
        if isinstance(config.value(name), list):
            return config.flags(name, length=count)
    if config.find("expert_layer_period"):
        period, offset = config.number("expert_layer_period"), config.number("expert_layer_offset", least=0)
        return [index % period == offset for index in range(count)]
    frequency = config.number("moe_layer_freq", default=1) or 1
    step = config.number("interleave_moe_layer_step", "decoder_sparse_step", default=1) or 1
    first = config.number("first_k_dense_replace", default=0)
    last = config.number("moe_layer_end_index", default=count)
    dense = set(config.numbers("mlp_only_layers"))
    return [
        first <= index <= last and index not in dense and index % frequency == 0 and (index + 1) % step == 0
        for index in range(count)
    ]


def _indexers(config: Part, count: int) -> list[bool]:
    sparse = config.map("sparse_attention_config")
    if sparse:
        return sparse.flags("sparse_attention_freq", length=count) or [True] * count
    if not config.number("index_n_heads", default=0):
        return [False] * count
    return config.words("indexer_types", INDEXERS, length=count) or [True] * count


def _searched(config: Part, block: Part, mlp: str) -> Layer:
    """Return what a search has left of one layer."""
    own, ffn = block.need("attention").map(), block.need("ffn").map()
    group = 0
    if own.flag("replace_with_linear"):
        mixer = "matrix"
    elif own.flag("no_op"):
        mixer = ""
    else:
        mixer, group = "full", own.number("n_heads_in_group", most=heads(config)[0])
    if ffn.flag("no_op"):
        return Layer(mixer, "", group)
    return Layer(mixer, mlp, group, widening=ffn.real("ffn_mult"))
