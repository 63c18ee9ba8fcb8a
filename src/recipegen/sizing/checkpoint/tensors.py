"""Names of tensors in checkpoints, made the names of modules that `ModelFacts` has.

Families name the same matrix in their own ways; what stands in none of the tables below is kept as `other`.
"""

import re
from collections.abc import Mapping

from recipegen.modelfacts import ModelFacts
from recipegen.modelfacts.formats import BITS

OTHER = "other"
EXPERT = re.compile(r"\.experts\.\d+")
VISION = re.compile(
    r"(^|\.)(visual|vision\w*|vit|image_newline|multi_modal_projector|mm_projector|mm_vision\w*|embed_vision|mlp1"
    r"|patch_merger|merger|sam_model|aligner)(\.|$)"
)
AUDIO = re.compile(r"(^|\.)(audio\w*|embed_audio|speech\w*)(\.|$)")
PREDICTOR = re.compile(r"(?:^|\.)mtp(?:_layers)?\.(?:layers\.)?(?:(\d+)\.)?(.+)$")
LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d+)\.(.+)$")


def _is(*words: str) -> re.Pattern[str]:
    """Return an expression that finds one of the words as a part of a name between dots."""
    return re.compile(rf"(?:^|\.)(?:{'|'.join(words)})(?:\.|$)")


# Parts of a name outside of the layers.
TOP = (
    (_is("lm_head", "output", "embed_out", "head"), "lm_head"),
    (_is("embed_tokens", "wte", r"\w+_embeddings", "embeddings?", "embed"), "embed"),
    (_is(r"norm\w*", "ln_f", r"final_layer_?norm"), "norm"),
    (re.compile(r"(^|\.)hc_"), "hyper"),
)  # fmt: skip
# Parts of a name inside of a layer, and the modules that it may belong to: of the first choice of which the
# model has any, those that it has. A matrix that is several in one is shared out by their parameters.
SHARED = r"(?:shared_experts?|shared_mlp)(?:\.\w+)?"
WITHIN = tuple(
    (_is(*words.split()), choices)
    for words, choices in (
        ("shared_expert_gate", ("router",)),
        (
            rf"{SHARED}\.gate_up_proj {SHARED}\.input_linear",
            ("shared_experts.gate_proj shared_experts.up_proj",),
        ),
        (rf"{SHARED}\.gate_proj {SHARED}\.w1", ("shared_experts.gate_proj",)),
        (rf"{SHARED}\.up_proj {SHARED}\.w3", ("shared_experts.up_proj",)),
        (rf"{SHARED}\.down_proj {SHARED}\.w2", ("shared_experts.down_proj",)),
        ("experts", ("experts",)),
        ("gate router e_score_correction_bias expert_bias", ("router",)),
        ("indexer", ("indexer",)),
        ("compressor", ("compressor",)),
        (r"hc_\w+", ("hyper",)),
        (r"\w*latent\w*", ("latent",)),
        (r"A_log dt_bias D mixer\.norm", ("in_proj_ba.ssm", "ssm", "f_proj", "norm")),
        (r"\w*conv1d", ("conv1d",)),
        (r"\w*norm\d? \w*norm_\w+ ln_\w+", ("norm",)),
        ("in_proj_qkvz", ("in_proj_qkv in_proj_z",)),
        ("in_proj_qkv", ("in_proj_qkv",)),
        ("in_proj_z", ("in_proj_z",)),
        ("in_proj_b?a?", ("in_proj_ba.ssm",)),
        ("in_proj", ("in_proj",)),
        ("f_[ab]_proj f_proj b_proj", ("f_proj",)),
        ("g_[ab]_proj g_proj", ("g_proj",)),
        ("eh_proj fc", ("eh_proj",)),
        ("q_a_proj wq_a", ("q_a_proj",)),
        ("q_b_proj wq_b", ("q_b_proj",)),
        (r"kv_a_proj\w*", ("kv_a_proj_with_mqa",)),
        ("kv_b_proj", ("kv_b_proj",)),
        ("wkv kv_proj", ("kv_proj", "k_proj v_proj")),
        ("wo_a o_a_proj", ("o_a_proj",)),
        ("wo_b o_b_proj", ("o_b_proj",)),
        ("index_q_proj", ("index_q_proj",)),
        ("index_k_proj", ("index_k_proj",)),
        ("qkv_proj query_key_value Wqkv wqkv W_pack c_attn qkv att_proj", ("q_proj k_proj v_proj",)),
        ("q_proj wq query", ("q_proj",)),
        ("k_proj wk key", ("k_proj",)),
        ("v_proj wv value", ("v_proj",)),
        (
            r"o_proj wo attn\.c_proj \w*attention\.dense attn\.out_proj self_attn\.dense",
            ("o_proj", "out_proj"),
        ),
        ("out_proj", ("out_proj", "o_proj")),
        ("gate_up_proj", ("gate_proj up_proj", "up_proj")),
        ("gate_proj w1", ("gate_proj",)),
        ("up_proj w3", ("up_proj",)),
        (r"down_proj w2 mlp\.c_proj dense_4h_to_h fc2", ("down_proj",)),
        ("c_fc dense_h_to_4h fc1", ("gate_proj up_proj", "up_proj")),
        (r"self_attn\.linear\w*", ("linear",)),
    )
)
BLOCKS = ("mlp.", "mixer.", "self_attn.", "linear_attn.", "")
# What stands beside the numbers of a quantised matrix, and is no parameter.
BESIDE = re.compile(
    r"(^|[._])(scales?|scale_inv|scale_2|zeros|qzeros|zero_point|g_idx|weight_shape|absmax|quant_map|amax|inv_freq"
    r"|nested_absmax|nested_quant_map|bitsandbytes__\w+)$"
)
PACKED = re.compile(r"(^|[._])(qweight|weight_packed)$")
PAIRS = re.compile(r"_blocks$")


class Names:
    """The modules of one model, by the names of tensors."""

    def __init__(self, model: ModelFacts) -> None:
        self.layers = model.layers
        self.parameters: dict[str, int] = {}
        for module in (*model.modules, *model.predictors):
            self.parameters[module.name] = self.parameters.get(module.name, 0) + module.parameters
        self._found: dict[str, tuple[str, ...]] = {}

    def of(self, tensor: str) -> tuple[str, ...]:
        """Return the modules that a tensor belongs to; `other` below its layer where that is not known.

        Names of layers that predict further tokens begin with `mtp.`, whatever the checkpoint calls them.
        """
        # Experts are a hundred thousand tensors, and all those of a layer one module.
        name = EXPERT.sub(".experts", tensor)
        if name not in self._found:
            self._found[name] = self._of(name)
        return self._found[name]

    def _of(self, tensor: str) -> tuple[str, ...]:
        for pattern, tower in ((VISION, "vision"), (AUDIO, "audio")):
            if pattern.search(tensor):
                return (tower,)
        found = PREDICTOR.search(tensor)
        if found:
            return self._predictor(int(found[1] or 0), found[2])
        found = LAYER.search(tensor)
        if found and int(found[1]) >= self.layers:
            return self._predictor(int(found[1]) - self.layers, found[2])
        if found:
            place = f"layers.{int(found[1])}"
            return self._within(place, found[2]) or (f"{place}.{OTHER}",)
        top = next((name for pattern, name in TOP if pattern.search(tensor)), OTHER)
        return (top,)

    def _predictor(self, index: int, rest: str) -> tuple[str, ...]:
        if _is("embed_tokens", "embed", "head", "lm_head").search(rest):
            return ("mtp.embed",)
        # A predictor may have several layers of its own, which `ModelFacts` counts as one.
        found = (self._within(f"mtp.layers.{number}", rest) for number in (index, 0))
        return next((names for names in found if names), (f"mtp.{OTHER}",))

    def _within(self, place: str, rest: str) -> tuple[str, ...]:
        choices = next((choices for pattern, choices in WITHIN if pattern.search(rest)), ())
        for choice in choices:
            names = [self._known(place, part) for part in choice.split()]
            if any(names):
                return tuple(name for name in names if name)
        return ()

    def _known(self, place: str, part: str) -> str:
        names = (f"{place}.{block}{part}" for block in BLOCKS)
        return next((name for name in names if name in self.parameters), "")


def shared_out(size: int, names: tuple[str, ...], parameters: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes of one tensor for each module that it belongs to, by their parameters."""
    whole = sum(parameters.get(name, 0) for name in names)
    if len(names) == 1 or not whole:
        return {names[0]: size}
    parts = {name: size * parameters[name] // whole for name in names}
    parts[names[-1]] += size - sum(parts.values())
    return parts


def parameters_of(tensor: str, dtype: str, numbers: int, bits: int) -> int:
    """Return the parameters that a tensor's numbers stand for.

    Args:
        tensor: Its name.
        dtype: As safetensors call it.
        numbers: How many of that dtype it has.
        bits: Of one parameter of its module.
    """
    if BESIDE.search(tensor):
        return 0
    if PACKED.search(tensor) and dtype in ("I32", "U32", "I64", "U8", "I8"):
        width = {"I32": 32, "U32": 32, "I64": 64}.get(dtype, 8)
        return numbers * width // bits if 0 < bits <= 8 else numbers
    if dtype == "U8" and (PAIRS.search(tensor) or bits == 4 or tensor.endswith("weight")):
        return numbers * 2
    return numbers * 2 if dtype == "I8" and bits == 4 else numbers


def bits_of(module: str, model: ModelFacts) -> int:
    """Return the bits of a parameter in the format that is configured for a module; 16 where none is."""
    rules = model.quantization.rules
    what = next((what for names, what, _ in rules if names.search(module)), "none")
    return 16 if what == "none" else BITS.get(what, 4)
