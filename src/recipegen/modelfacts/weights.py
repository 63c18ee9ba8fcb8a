"""What a model's weights are made of: its modules with their parameters, from config.json alone.

Formulas: of the Transformers library's and the engines' model definitions, per module; small parts (biases,
norms of heads, positions of a tower) are left out. Nothing here knows a model by its name.
"""

from collections.abc import Iterable, Iterator

from recipegen.modelfacts.config import LAYERS, MOST, Part
from recipegen.modelfacts.context import context
from recipegen.modelfacts.layers import Layer, experts, experts_per_token, predictors
from recipegen.modelfacts.mixers import Module, mixer, shared_blocks
from recipegen.modelfacts.towers import towers


def modules(config: Part, found: list[Layer]) -> Iterator[Module]:
    """Yield the modules of the language model and its towers, without layers that predict further tokens."""
    hidden, vocabulary = config.number("hidden_size"), config.number("vocab_size")
    # OPT's smallest has an embedding narrower than its layers.
    width = config.number("word_embed_proj_dim", default=hidden)
    yield Module("embed", vocabulary * width + (2 * width * hidden if width != hidden else 0))
    if config.family.positions is not None:
        yield Module("embed.positions", (context(config) + config.family.positions) * hidden)
    if not tied(config):
        yield Module("lm_head", vocabulary * hidden)
    yield Module("norm", hidden)
    yield from _per_layer_inputs(config, len(found))
    if any(layer.mixer == "shared" for layer in found):
        yield from shared_blocks(config)
    # A model has few kinds of layers, so each is worked out once.
    kinds = {layer: tuple(_layer(config, layer)) for layer in dict.fromkeys(found)}
    for index, layer in enumerate(found):
        yield from _named(f"layers.{index}", kinds[layer])
    yield from towers(config)


def of_predictors(config: Part, found: list[Layer]) -> Iterator[Module]:
    """Yield the modules of layers that predict further tokens, which engines load for speculation only."""
    count = config.number("num_nextn_predict_layers", "mtp_num_hidden_layers", default=0, most=LAYERS)
    if not count:
        return
    hidden = config.number("hidden_size")
    stated = config.value("mtp_layers_block_type") or config.value("mtp_hybrid_override_pattern")
    if not stated and config.number("num_nextn_predict_layers", default=0):
        # DeepSeek's layout has copies of embedding and head in that layer; Qwen's shares the model's.
        yield Module("mtp.embed", 2 * hidden * config.number("vocab_size"))
    parts = [Module("eh_proj", 2 * hidden * hidden)]
    for layer in predictors(config, found[-1]):
        parts += _layer(config, layer)
    for number in range(count):
        yield from _named(f"mtp.layers.{number}", parts)


def tied(config: Part) -> bool:
    """Return whether embedding and head are one matrix; where nothing is said, the family decides."""
    return config.flag("tie_word_embeddings", default=config.family.tied)


def _named(place: str, found: Iterable[Module]) -> Iterator[Module]:
    return (Module(f"{place}.{module.name}", module.parameters, module.active) for module in found)


def _layer(config: Part, layer: Layer) -> Iterator[Module]:
    """Yield the modules of a layer, named below it."""
    hidden = config.number("hidden_size")
    yield Module("norm", 2 * hidden)
    yield from mixer(config, layer)
    if layer.mlp:
        yield from _feed_forward(config, layer)
    streams = config.number("hc_mult", default=0)
    if streams:
        # DeepSeek V4's two hyper-connections, each a matrix from all streams to (2 + streams) x streams.
        yield Module("hyper", 2 * (2 + streams) * streams * streams * hidden)
    extra = config.number("hidden_size_per_layer_input", default=0)
    if extra:
        yield Module("per_layer_input", 2 * hidden * extra)
    augmented = config.number("laurel_rank", default=0)
    if augmented:
        # Gemma 3n's augmented residual, and the router of its alternating updates of several streams.
        yield Module("laurel", 2 * hidden * augmented + hidden * config.number("altup_num_inputs", default=1))


def _per_layer_inputs(config: Part, count: int) -> Iterator[Module]:
    """Yield the embedding that every layer of Gemma 3n and 4 has of its own, and what makes streams of it."""
    hidden, each = config.number("hidden_size"), config.number("hidden_size_per_layer_input", default=0)
    if each:
        yield Module("embed.per_layer", config.number("vocab_size_per_layer_input") * count * each)
        yield Module("per_layer_model_projection", hidden * count * each)
    streams = config.number("altup_num_inputs", default=1, least=1)
    if streams > 1:
        yield Module("altup", 2 * (streams - 1) * hidden * hidden)


def _feed_forward(config: Part, layer: Layer) -> Iterator[Module]:
    hidden = config.number("hidden_size")
    place = "mlp." if layer.mixer else "mixer."
    parts = ("gate_proj", "up_proj", "down_proj") if config.family.gated else ("up_proj", "down_proj")
    if layer.mlp in ("dense", "both"):
        width = _dense_width(config, layer)
        for part in parts:
            yield Module(f"{place}{part}", hidden * width)
    if layer.mlp == "dense":
        return
    count, chosen = config.number("num_experts"), experts_per_token(config)
    width = config.number("moe_intermediate_size", "intermediate_size")
    narrow = config.number("moe_latent_size", "routed_expert_hidden_size", default=0)
    # Gemma 4 has the experts beside its dense layer, not within.
    place = "" if layer.mlp == "both" else place
    yield Module(f"{place}router", hidden * count + count)
    if narrow:
        yield Module(f"{place}latent", 2 * hidden * narrow)
    each = len(parts) * (narrow or hidden) * width
    yield Module(f"{place}experts", count * each, chosen / count)
    shared = _shared_width(config, width)
    if config.flag("use_residual"):
        # Arctic's dense MLP beside the experts.
        shared = hidden
    if shared:
        for part in parts:
            yield Module(f"{place}shared_experts.{part}", hidden * shared)


def _dense_width(config: Part, layer: Layer) -> int:
    hidden = config.number("hidden_size")
    if layer.widening:
        # Two thirds of ffn_mult times the hidden size, made a multiple of 256, as in Llama's first models.
        return _up(int(2 * layer.widening * hidden / 3), 256)
    mixed = ("dense_intermediate_size", "intermediate_size_mlp")
    stated = config.find(*mixed if experts(config) else ("shared_intermediate_size",))
    factor = config.number("expansion_ratio", default=config.family.width)
    assumed = factor * hidden if factor else None
    width = stated.number(1, MOST) if stated else config.number("intermediate_size", default=assumed)
    if layer.reuses and config.flag("use_double_wide_mlp"):
        return 2 * width
    if config.flag("block_auto_adjust_ff_dim"):
        scaled = int(config.real("block_ffn_dim_multiplier", 1.0) * int(2 * width / 3))
        return _up(scaled, config.number("block_multiple_of", default=256, least=1))
    return width


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _shared_width(config: Part, width: int) -> int:
    stated = ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim")
    count = config.number("n_shared_experts", default=-1, least=0)
    own = config.number(*stated, "shared_intermediate_size", default=-1, least=0)
    if own >= 0:
        return own * max(count, 1)
    if config.number("intermediate_size_mlp", default=0):
        # Llama 4 has one shared expert of the routed ones' width and no key for it.
        return width
    return max(count, 0) * width
