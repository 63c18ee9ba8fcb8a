"""What a model sees and hears with: towers beside its language model, and what joins them to it.

Formulas: of the model definitions of Transformers 5.23.0. Towers stay in 16 bits and are a few percent of a
model, so their norms and biases are left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recipegen.modelfacts.config import ConfigError, Part
from recipegen.modelfacts.mixers import Module

GATED = {
    "qwen2_5_vl", "qwen2_5_omni_thinker", "pixtral", "gemma4", "gemma4_vision", "glm46v", "glm4v",
    "glm4v_moe",
}  # fmt: skip
"""Families whose tower has a gate in its MLP."""
UNPLACED = {"pixtral", "qwen2_vl", "qwen2_5_vl"}
"""Families whose tower learns no positions."""
# Towers that their keys do not describe, in parameters: convolutions found by a search, conformers.
WHOLE = {"gemma3n_vision": 299_000_000, "gemma3n_audio": 681_000_000, "gemma4_audio": 305_000_000}


@dataclass(frozen=True)
class Seat:
    """Where a tower meets the language model."""

    whole: Part
    tower: Part
    width: int
    """Of the tower."""
    hidden: int
    """Of the language model."""


def towers(config: Part) -> Iterator[Module]:
    """Yield a module for each tower of a model.

    Raises:
        ConfigError: It has a tower of a family whose form is not known.
    """
    whole = config.around or config
    seeing, hearing = whole.map("vision_config"), whole.map("audio_config")
    if seeing:
        yield Module("vision", _seeing(config, whole, seeing))
    if hearing:
        yield Module("audio", _hearing(config, hearing))


def _seeing(config: Part, whole: Part, tower: Part) -> int:
    family, kind = whole.text("model_type"), tower.text("model_type")
    if kind in WHOLE:
        return WHOLE[kind]
    if family not in JOINTS:
        raise ConfigError(whole.path("vision_config"), f"the tower of {family!r} is not known", whole.file)
    depth = tower.number("num_hidden_layers", "depth", "vt_num_hidden_layers", "layers")
    depth += tower.number("num_global_layers", default=0)
    width = tower.number("embed_dim", "hidden_size", "vt_hidden_size", "width")
    inner = tower.number("intermediate_size", "vt_intermediate_size", default=4 * width)
    if JOINTS[family] is _glm:
        inner = tower.number("out_hidden_size")
    matrices = 3 if GATED & {family, kind} else 2
    layer = 4 * width * tower.number("qkv_hidden_size", default=width) + matrices * width * inner
    seat = Seat(whole, tower, width, config.number("hidden_size"))
    return depth * layer + _patches(tower, width, {family, kind}) + JOINTS[family](seat)


def _patches(tower: Part, width: int, names: set[str]) -> int:
    """Return the parameters of what makes patches of an image, and of their learned positions."""
    patch = tower.number("patch_size", default=14) or 14
    pixels = 3 * patch * patch * tower.number("temporal_patch_size", default=1)
    rows = tower.number("num_position_embeddings", default=0)
    rows = rows or 2 * tower.number("position_embedding_size", default=0)
    rows = rows or tower.number("init_pos_emb_height", default=0) * tower.number(
        "init_pos_emb_width", default=0
    )
    rows = rows or tower.number("num_patches", default=0)
    if not rows and not UNPLACED & names:
        rows = (tower.number("image_size", default=0) // patch) ** 2
    return (pixels + rows) * width


def _qwen(seat: Seat) -> int:
    """Return a layer of the merged patches' width, and one to the model's, for each place that is read."""
    merged = seat.width * seat.tower.number("spatial_merge_size", default=2) ** 2
    out = seat.tower.number("out_hidden_size", "text_hidden_size", default=seat.hidden)
    return (1 + len(seat.tower.numbers("deepstack_visual_indexes"))) * merged * (merged + out)


def _llava(seat: Seat) -> int:
    return seat.width * seat.hidden + seat.hidden**2


def _internvl(seat: Seat) -> int:
    return 4 * seat.width * seat.hidden + seat.hidden**2


def _mistral(seat: Seat) -> int:
    merged = seat.width * seat.whole.number("spatial_merge_size", default=2) ** 2
    return merged * seat.width + seat.width * seat.hidden + seat.hidden**2


def _gemma(seat: Seat) -> int:
    return seat.width * seat.hidden


def _idefics(seat: Seat) -> int:
    return seat.width * seat.whole.number("scale_factor", default=2) ** 2 * seat.hidden


def _aya(seat: Seat) -> int:
    inner = seat.whole.number("alignment_intermediate_size", default=28672)
    merged = seat.width * seat.whole.number("downsample_factor", default=2) ** 2
    return merged * inner + inner // 2 * seat.hidden


def _glm(seat: Seat) -> int:
    out, inner = seat.tower.number("out_hidden_size"), seat.tower.number("intermediate_size")
    merged = seat.width * seat.tower.number("spatial_merge_size", default=2) ** 2
    return out * out + 3 * out * inner + merged * out


def _lfm(seat: Seat) -> int:
    inner = seat.whole.number("projector_hidden_size", default=2560)
    merged = seat.width * seat.whole.number("downsample_factor", default=2) ** 2
    return merged * inner + inner * seat.hidden


def _llama4(seat: Seat) -> int:
    inner, out = (
        seat.tower.number("intermediate_size"),
        seat.tower.number("projector_output_dim", default=4096),
    )
    return inner * out + out * out + out * seat.hidden


def _mllama(seat: Seat) -> int:
    """Return the projection, and positions for each tile of each shape that an image is cut to."""
    tiles = seat.tower.number("max_num_tiles", default=4)
    patches = (seat.tower.number("image_size") // seat.tower.number("patch_size", default=14)) ** 2 + 1
    stated = seat.tower.find("supported_aspect_ratios")
    shapes = len(stated.entries()) if stated else 8
    joint = seat.tower.number("vision_output_dim") * seat.hidden
    return joint + (shapes + 1) * tiles * (patches + 2) * seat.width


JOINTS: dict[str, Callable[[Seat], int]] = {
    "aya_vision": _aya,
    "cohere2_vision": _aya,
    "gemma3": _gemma,
    "gemma4": _gemma,
    "glm46v": _glm,
    "glm4v": _glm,
    "glm4v_moe": _glm,
    "idefics3": _idefics,
    "internvl": _internvl,
    "internvl_chat": _internvl,
    "kimi_k25": _qwen,
    "kimi_k3": _qwen,
    "kimi_vl": _qwen,
    "lfm2_vl": _lfm,
    "llama4": _llama4,
    "llava": _llava,
    "llava_next": _llava,
    "llava_next_video": _llava,
    "llava_onevision": _llava,
    "minimax_m3_vl": _qwen,
    "mistral3": _mistral,
    "mllama": _mllama,
    "paligemma": _gemma,
    "qwen2_5_omni_thinker": _qwen,
    "qwen2_5_vl": _qwen,
    "qwen2_vl": _qwen,
    "qwen3_5": _qwen,
    "qwen3_5_moe": _qwen,
    "qwen3_omni_moe_thinker": _qwen,
    "qwen3_vl": _qwen,
    "qwen3_vl_moe": _qwen,
    "smolvlm": _idefics,
    "vipllava": _llava,
}
"""What joins a tower to the language model, by family of the whole."""


def _hearing(config: Part, tower: Part) -> int:
    """Return the parameters of an encoder like Whisper's, with what joins it to the language model."""
    kind = tower.text("model_type")
    if kind in WHOLE:
        return WHOLE[kind]
    width, hidden = tower.number("d_model"), config.number("hidden_size")
    layer = 4 * width * width + 2 * width * tower.number("encoder_ffn_dim", default=4 * width)
    sounds = 3 * width * (tower.number("num_mel_bins", default=128) + width)
    places = tower.number("max_source_positions", default=1500) * width
    return (
        tower.number("encoder_layers") * layer
        + sounds
        + places
        + width * tower.number("output_dim", default=hidden)
    )
