"""What the layers of a language model are: how each mixes tokens, its heads, its experts."""

from dataclasses import dataclass
from typing import Literal

from recipegen.modelfacts.config import LAYERS, MOST, Part
from recipegen.modelfacts.context import context

Attention = Literal["dense", "gqa", "mla", "sliding", "hybrid"]

EXPERTS = ("num_experts", "n_routed_experts", "num_local_experts")
LENGTH = ("num_hidden_layers", "n_layer")
# Kinds of layers as configurations spell them.
SINGLE = {
    "M": ("mamba", ""), "*": ("full", ""), "E": ("", "moe"), "-": ("", "dense"),
    "mamba": ("mamba", ""), "attention": ("full", ""), "moe": ("", "moe"), "mlp": ("", "dense"),
}  # fmt: skip
MIXERS = {
    "full_attention": "full", "sliding_attention": "sliding", "chunked_attention": "sliding",
    "linear_attention": "linear", "deepseek_sparse_attention": "full", "attention": "full",
}  # fmt: skip
# Every how many layers one sees everything, where the configuration leaves that to the library's own default.
ALTERNATING = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6}
MLPS = {"dense": "dense", "sparse": "moe"}
INDEXERS = {"full": True, "shared": False}


@dataclass(frozen=True)
class Layer:
    """What one layer of the language model is."""

    mixer: str
    """`full`, `sliding`, `linear`, `mamba`, `matrix` (a single one), or empty where it has none."""
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


def layers(config: Part) -> list[Layer]:
    """Return the layers of the language model, in order."""
    for name in ("hybrid_override_pattern", "layers_block_type"):
        if config.find(name):
            found = [Layer(*single) for single in config.words(name, SINGLE, length=1)]
            _same_length(config, name, config.number(*LENGTH, default=len(found), most=LAYERS), len(found))
            return found
    count = config.number(*LENGTH, most=LAYERS)
    mlps, indexers, ratios = _mlps(config, count), _indexers(config, count), [0] * count
    if config.find("compress_ratios"):
        ratios = config.numbers("compress_ratios", length=count)
    if config.find("block_configs"):
        blocks = config.maps("block_configs", length=count)[:count]
        return [_searched(config, block, mlp) for block, mlp in zip(blocks, mlps, strict=False)]
    # Lists may go on with layers that predict further tokens.
    parts = zip(_mixers(config, count), mlps, indexers, ratios, strict=False)
    return [Layer(mixer, mlp, indexer=indexer, ratio=ratio) for mixer, mlp, indexer, ratio in parts]


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
    count = config.number("num_attention_heads", "n_head")
    hidden = config.number("hidden_size", "n_embd")
    size = config.number("head_dim", "attention_head_dim", default=0) or hidden // count
    if not size:
        raise config.error("num_attention_heads", f"must be at most hidden_size, {hidden}, got {count}")
    kv = _stored(config, count)
    if full and config.number("global_head_dim", default=0):
        size = config.number("global_head_dim")
        kv = config.number("num_global_key_value_heads", default=kv, least=1, most=count)
    if sliding:
        count = config.number("swa_num_attention_heads", default=count, least=1)
        kv = config.number("swa_num_key_value_heads", default=kv, least=1, most=count)
        size = config.number("swa_head_dim", default=size, least=1)
    return count, kv, size


def value_size(config: Part, size: int, *, sliding: bool) -> int:
    """Return the size of a head's value, which is that of its key, `size`, where nothing else is said."""
    names = ("swa_v_head_dim", "v_head_dim") if sliding else ("v_head_dim",)
    return config.number(*names, default=size, least=1)


def _stored(config: Part, count: int) -> int:
    """Return the KV heads; Falcon has a single one unless it says otherwise, whatever `num_kv_heads` says."""
    falcon = config.text("model_type") == "falcon"
    if config.flag("new_decoder_architecture"):
        return config.number(
            "num_key_value_heads", "n_head_kv", "num_kv_heads", default=count, least=1, most=count
        )
    own = 1 if config.flag("multi_query", default=falcon) else count
    return config.number("num_key_value_heads", "n_head_kv", default=own, least=1, most=count)


def fewest_kv_heads(config: Part, found: list[Layer]) -> int:
    """Return the KV heads; the fewest of any layer where layers differ, for that one decides on divisions."""
    count, kv, _ = heads(config)
    return min((count // layer.group for layer in found if layer.group), default=kv)


def mla(config: Part) -> bool:
    """Return whether attention stores a latent in place of heads."""
    return bool(config.number("kv_lora_rank", default=0)) or bool(config.find("compress_ratios"))


def attention(config: Part, found: list[Layer]) -> Attention:
    """Return the kind of attention of a model whose layers are known."""
    mixers = {layer.mixer for layer in found}
    if mixers & {"linear", "mamba"}:
        return "hybrid"
    if mla(config):
        return "mla"
    if "sliding" in mixers:
        return "sliding"
    return "gqa" if fewest_kv_heads(config, found) < heads(config)[0] else "dense"


def experts(config: Part) -> int:
    """Return the routed experts of a layer; 0 for a dense model."""
    return config.number(*EXPERTS, default=0)


def experts_per_token(config: Part) -> int:
    """Return the routed experts that a token goes to."""
    names = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts")
    return config.number(*names, default=0, most=experts(config) or MOST)


def _mixers(config: Part, count: int) -> list[str]:
    linear = set(config.map("linear_attn_config").numbers("kda_layers"))
    if linear:
        # Counted from 1.
        return ["linear" if index + 1 in linear else "full" for index in range(count)]
    if config.find("layer_types"):
        mixers = config.words("layer_types", MIXERS)
        _same_length(config, "layer_types", count, len(mixers))
        return mixers
    if config.find("hybrid_layer_pattern"):
        return ["sliding" if kind else "full" for kind in config.flags("hybrid_layer_pattern", length=count)]
    interval = config.number("full_attention_interval", default=0)
    if interval:
        return ["full" if (index + 1) % interval == 0 else "linear" for index in range(count)]
    window = config.number("sliding_window", default=0)
    if window and config.flag("use_sliding_window", default=True) and window < context(config):
        # Where a window stands without a word on layers, Gemma 2 and 3 alternate, others use it everywhere.
        alternate = ALTERNATING.get(config.text("model_type"), 0)
        every = config.number("sliding_window_pattern", default=0) or alternate
        return ["full" if every and (index + 1) % every == 0 else "sliding" for index in range(count)]
    return ["full"] * count


def _mlps(config: Part, count: int) -> list[str]:
    if not experts(config):
        return ["dense"] * count
    if config.flag("enable_moe_block"):
        return ["both"] * count
    if config.find("mlp_layer_types"):
        return config.words("mlp_layer_types", MLPS, length=count)
    if isinstance(config.value("moe_layer_freq"), list):
        return ["moe" if routed else "dense" for routed in config.flags("moe_layer_freq", length=count)]
    frequency = config.number("moe_layer_freq", default=1) or 1
    step = config.number("interleave_moe_layer_step", "decoder_sparse_step", default=1) or 1
    first, dense = config.number("first_k_dense_replace", default=0), set(config.numbers("mlp_only_layers"))
    return [
        "moe"
        if index >= first and index not in dense and index % frequency == 0 and (index + 1) % step == 0
        else "dense"
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


def _same_length(config: Part, name: str, count: int, length: int) -> None:
    if length != count:
        raise config.error(name, f"has {length} layers, num_hidden_layers {count}")
