"""What a model's weights are made of: its modules with their parameters, from config.json alone.

Formulas: of the Transformers library's and the engines' model definitions, per module; small parts (biases,
norms of heads, positions of a tower) are left out. Nothing here knows a model by its name.
"""

from collections.abc import Iterable, Iterator

from recipegen.modelfacts.config import LAYERS, Part
from recipegen.modelfacts.layers import EXPERTS, Layer, experts, experts_per_token, predictors
from recipegen.modelfacts.mixers import Module, mixer

# By `model_type`: feed-forward parts of two matrices, without a gate; four times as wide as the model where
# nothing is said. Source: the Transformers library 5.23.0, models/*/modeling_*.py.
UNGATED = frozenset(
    {
        "apertus",
        "arcee",
        "bloom",
        "codegen",
        "falcon",
        "gpt2",
        "gpt_bigcode",
        "gpt_neox",
        "gptj",
        "jais2",
        "mpt",
    }
    | {"nanochat", "nemotron", "opt", "persimmon", "phi", "starcoder2"}
)
# Embedding and head are one matrix where nothing is said. Source: the same, models/*/configuration_*.py.
TIED = frozenset(
    {
        "bloom",
        "cohere",
        "cohere2",
        "ernie4_5",
        "ernie4_5_moe",
        "falcon",
        "gpt2",
        "gpt_bigcode",
        "mpt",
        "opt",
        "smollm3",
    }
    | {"starcoder2"}
)


def modules(config: Part, found: list[Layer]) -> Iterator[Module]:
    """Yield the modules of the language model and its towers, without layers that predict further tokens."""
    hidden, vocabulary = config.number("hidden_size", "n_embd"), config.number("vocab_size")
    yield Module("embed", vocabulary * hidden)
    if not tied(config):
        yield Module("lm_head", vocabulary * hidden)
    yield Module("norm", hidden)
    # A model has few kinds of layers, so each is worked out once.
    kinds = {layer: tuple(_layer(config, layer)) for layer in dict.fromkeys(found)}
    for index, layer in enumerate(found):
        yield from _named(f"layers.{index}", kinds[layer])
    yield from _towers(config)


def of_predictors(config: Part, found: list[Layer]) -> Iterator[Module]:
    """Yield the modules of layers that predict further tokens, which engines load for speculation only."""
    count = config.number("num_nextn_predict_layers", "mtp_num_hidden_layers", default=0, most=LAYERS)
    if not count:
        return
    hidden = config.number("hidden_size", "n_embd")
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
    """Return whether embedding and head are one matrix; where nothing is said, that depends on the family."""
    family = config.text("model_type")
    return config.flag("tie_word_embeddings", default=family in TIED or family.startswith("gemma"))


def _named(place: str, found: Iterable[Module]) -> Iterator[Module]:
    return (Module(f"{place}.{module.name}", module.parameters, module.active) for module in found)


def _layer(config: Part, layer: Layer) -> Iterator[Module]:
    """Yield the modules of a layer, named below it."""
    hidden = config.number("hidden_size", "n_embd")
    yield Module("norm", 2 * hidden)
    yield from mixer(config, layer)
    if layer.mlp:
        yield from _feed_forward(config, layer)
    streams = config.number("hc_mult", default=0)
    if streams:
        # DeepSeek V4's two hyper-connections, each a matrix from all streams to (2 + streams) x streams.
        yield Module("hyper", 2 * (2 + streams) * streams * streams * hidden)


def _feed_forward(config: Part, layer: Layer) -> Iterator[Module]:
    hidden = config.number("hidden_size", "n_embd")
    place = "mlp." if layer.mixer else "mixer."
    # Nemotron's squared ReLU has no gate, so one matrix less.
    gated = config.text("mlp_hidden_act") != "relu2" and config.text("model_type") not in UNGATED
    parts = ("gate_proj", "up_proj", "down_proj") if gated else ("up_proj", "down_proj")
    if layer.mlp in ("dense", "both"):
        width = _dense_width(config, layer)
        for part in parts:
            yield Module(f"{place}{part}", hidden * width)
    if layer.mlp == "dense":
        return
    count, chosen = config.number(*EXPERTS), experts_per_token(config)
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
    if shared:
        for part in parts:
            yield Module(f"{place}shared_experts.{part}", hidden * shared)


def _dense_width(config: Part, layer: Layer) -> int:
    if layer.widening:
        # Two thirds of ffn_mult times the hidden size, made a multiple of 256, as in Llama's first models.
        width = int(2 * layer.widening * config.number("hidden_size") / 3)
        return -(-width // 256) * 256
    names = ("dense_intermediate_size", "intermediate_size_mlp") if experts(config) else ()
    wide = 4 * config.number("hidden_size", "n_embd") if config.text("model_type") in UNGATED else None
    return config.number(*names, "intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", default=wide)


def _shared_width(config: Part, width: int) -> int:
    stated = ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim")
    count = config.number("n_shared_experts", "num_shared_experts", default=-1, least=0)
    own = config.number(*stated, "shared_intermediate_size", default=-1, least=0)
    if own >= 0:
        return own * max(count, 1)
    if config.number("intermediate_size_mlp", default=0):
        # Llama 4 has one shared expert of the routed ones' width and no key for it.
        return width
    return max(count, 0) * width


def _towers(config: Part) -> Iterator[Module]:
    """Yield the vision tower: plain transformer layers and what joins it to the language model."""
    tower = (config.around or config).map("vision_config")
    depth = tower.number("depth", "num_hidden_layers", "vt_num_hidden_layers", "layers", default=0)
    width = tower.number("hidden_size", "vt_hidden_size", "width", default=0)
    if not depth or not width:
        return
    inner = tower.number("intermediate_size", "vt_intermediate_size", default=4 * width)
    attention = tower.number("qkv_hidden_size", default=width)
    layer = 4 * width * attention + 2 * width * inner
    merged = width * tower.number("spatial_merge_size", default=2) ** 2
    out = tower.number("out_hidden_size", "text_hidden_size", default=config.number("hidden_size", "n_embd"))
    joints = 1 + len(tower.numbers("deepstack_visual_indexes"))
    yield Module("vision", depth * layer + joints * (merged * merged + merged * out))
