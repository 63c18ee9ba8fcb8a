"""What each method of quantisation makes of a parameter: a number format, bytes with their share of scales.

Sources: the configuration classes of Transformers 5.23.0 (utils/quantization_config.py) and of vLLM 0.31.0
(model_executor/layers/quantization), and for the sizes of scales the layouts that those load.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from recipegen.modelfacts.config import ConfigError, Part

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "int8": 1.0}
"""Bytes of one number."""
GROUPS = {"nvfp4": 16, "mxfp4": 32, "mxfp8": 32}
"""Numbers that share a scale of one byte, in formats that fix it."""
# Bytes of one number with its share of the scale.
SCALED = {name: (1.0 if name == "mxfp8" else 0.5) + 1 / group for name, group in GROUPS.items()}
# Names that producers give a format, each with ours.
ALGORITHMS = {
    "FP8": "fp8",
    "FP8_PB_WO": "fp8",
    "FP8_PER_CHANNEL_PER_TOKEN": "fp8",
    "NVFP4": "nvfp4",
    "W4A16_NVFP4": "nvfp4",
    "W4A8_NVFP4_FP8": "nvfp4",
    "NVFP4_AWQ": "nvfp4",
    "MXFP8": "mxfp8",
    "MXFP4": "mxfp4",
    "W4A8_MXFP4_FP8": "mxfp4",
    "W4A16_AWQ": "int4",
    "W4A8_AWQ": "int4",
    "W8A16": "int8",
    "W8A8_SQ_PER_CHANNEL": "int8",
    "INT8_SQ": "int8",
}
TORCHAO = {
    "int4weightonly": "int4",
    "int8weightonly": "int8",
    "int8dynamicactivationint8weight": "int8",
    "float8weightonly": "fp8",
    "float8dynamicactivationfloat8weight": "fp8",
}
"""Kinds of torchao, without underscores and the word config; not those with four bits in a byte."""
QUARK = {"fp8_e4m3": "fp8", "int8": "int8", "int4": "int4", "uint4": "int4", "fp4": "mxfp4"}
EVERYTHING = re.compile("")
EXPERTS = re.compile(r"\.experts(\.|$)")

Format = tuple[re.Pattern[str], str, float]
"""Names of modules, with format and bytes of a parameter."""


@dataclass(frozen=True)
class Said:
    """What a checkpoint says of its quantisation."""

    part: Part
    config: Part
    """The configuration of its language model."""
    named: bool
    """Whether formats are named module by module."""


def rest(method: str, said: Part, config: Part, *, named: bool) -> list[Format]:
    """Return the formats of modules that are neither excepted nor named.

    Raises:
        ConfigError: The method is not known, or what it says is not.
    """
    if method.removesuffix("_marlin") not in METHODS:
        known = ", ".join(sorted(METHODS))
        message = f"{method!r} is a method whose bytes are not known, unlike {known}"
        raise said.error("quant_method", message)
    return METHODS[method.removesuffix("_marlin")](Said(said, config, named))


def of_group(group: Part, said: Part) -> tuple[str, float]:
    """Return format and bytes of one group of compressed-tensors or ModelOpt, or none."""
    weights = group.map("weights")
    if not weights:
        return "none", -1.0
    kind, bits = weights.text("type", default="int"), weights.number("num_bits", default=8, least=1, most=32)
    packed = group.text("format") or said.text("format")
    if bits == 4 and (kind == "float" or "fp4" in packed):
        what = "mxfp4" if "mxfp4" in packed or _group_size(weights) == 32 else "nvfp4"
        return what, SCALED[what]
    if bits == 8 and kind == "float":
        mixed = "mxfp8" in packed
        return ("mxfp8", SCALED["mxfp8"]) if mixed else ("fp8", size("fp8", weights))
    if weights.text("strategy", default="group") != "group":
        return _named(bits), bits / 8
    return _named(bits), _integer(bits, weights, zeros=not weights.flag("symmetric", default=True))


def size(what: str, said: Part) -> float:
    """Return the bytes of one parameter in a format with its share of scales."""
    if what in SCALED:
        return SCALED[what]
    if what == "int4":
        return _integer(4, said, zeros=False)
    block = said.numbers("weight_block_size", length=2, least=1)
    return BYTES.get(what, 2.0) + (4 / (block[0] * block[1]) if block else 0.0)


def _integer(bits: int, said: Part, *, zeros: bool, scale: float = 2.0) -> float:
    """Return the bytes of an integer: a scale for each group, and where the format has them, zero points."""
    group = _group_size(said)
    return bits / 8 + ((scale + (bits / 8 if zeros else 0.0)) / group if group > 0 else 0.0)


def _group_size(said: Part) -> int:
    """Return the weights that share a scale; -1 where those of a whole row do."""
    return said.number("group_size", "q_group_size", default=128, least=-1) or 128


def _named(bits: int) -> str:
    return f"int{bits}"


def _packed(said: Said) -> list[Format]:
    """AWQ and GPTQ: packed integers with scales and zero points, GPTQ's head too where it says so."""
    bits = said.part.number("bits", "w_bit", default=4, least=2, most=8)
    every = _integer(bits, said.part, zeros=True)
    return [(EVERYTHING, _named(bits), every)]


def _round(said: Said) -> list[Format]:
    """AutoRound: packed as GPTQ's, or block floats."""
    kind, bits = (
        said.part.text("data_type", default="int"),
        said.part.number("bits", default=4, least=2, most=8),
    )
    if kind == "int":
        return _packed(said)
    what = {("mx_fp", 4): "mxfp4", ("mx_fp", 8): "mxfp8", ("nv_fp", 4): "nvfp4", ("fp", 8): "fp8"}.get(
        (kind.removesuffix("4_with_static_gs"), bits)
    )
    if not what:
        raise said.part.error("data_type", f"{kind!r} with {bits} bits is not known")
    return [(EVERYTHING, what, size(what, said.part))]


def _bitsandbytes(said: Said) -> list[Format]:
    """bitsandbytes: four bits with a scale for 64 numbers, itself quantised where it is so said, or eight."""
    if said.part.flag("load_in_4bit") or said.part.flag("_load_in_4bit"):
        double = said.part.flag("bnb_4bit_use_double_quant")
        return [(EVERYTHING, "int4", 0.5 + (1 / 64 + 4 / (64 * 256) if double else 4 / 64))]
    if said.part.flag("load_in_8bit") or said.part.flag("_load_in_8bit"):
        return [(EVERYTHING, "int8", 1.0)]
    raise said.part.error("load_in_4bit", "must be true, or load_in_8bit")


def _torchao(said: Said) -> list[Format]:
    kind = said.part.find("quant_type")
    if kind and not isinstance(kind.data, str):
        inner = kind.map().map("default")
        name, data = inner.text("_type"), inner.map("_data")
    else:
        name, data = said.part.text("quant_type"), said.part.map("quant_type_kwargs")
    what = TORCHAO.get(name.lower().replace("_", "").removesuffix("config"))
    if not what:
        raise said.part.error("quant_type", f"{name!r} is a kind whose bytes are not known")
    # Its groups have a scale and a zero point of two bytes each.
    each = _integer(4, data, zeros=False, scale=4.0) if what == "int4" else BYTES[what]
    return [(EVERYTHING, what, each)]


def _hqq(said: Said) -> list[Format]:
    weights = said.part.map("quant_config").map("weight_quant_params")
    if not weights:
        raise said.part.error("quant_config", "has no weight_quant_params")
    bits = weights.number("nbits", least=1, most=8)
    return [(EVERYTHING, _named(bits), _integer(bits, weights, zeros=False, scale=4.0))]


def _quark(said: Said) -> list[Format]:
    for key in ("layer_quant_config", "layer_type_quant_config"):
        if said.part.map(key):
            raise said.part.error(key, "names formats layer by layer, which is not read")
    weight = said.part.map("global_quant_config").map("weight")
    what = weight.need("dtype").word(QUARK)
    return [(EVERYTHING, what, size(what, weight))]


def _quanto(said: Said) -> list[Format]:
    what = said.part.need("weights").word({"int8": "int8", "int4": "int4", "float8": "fp8"})
    return [(EVERYTHING, what, 0.5 + 4 / 128 if what == "int4" else 1.0)]


def _floating(said: Said) -> list[Format]:
    """FP8, whose checkpoints may have experts in four bits, or layers that are named."""
    found: list[Format] = []
    if said.config.text("expert_dtype") == "fp4":
        # DeepSeek V4 has 4-bit experts in what it calls an fp8 checkpoint.
        found.append((EXPERTS, "mxfp4", SCALED["mxfp4"]))
    return [*found, (EVERYTHING, "fp8", size("fp8", said.part))]


def _microscaled(_: Said) -> list[Format]:
    return [(EXPERTS, "mxfp4", SCALED["mxfp4"])]


def _fp_quant(said: Said) -> list[Format]:
    what = said.part.need("forward_dtype").word({"mxfp4": "mxfp4", "nvfp4": "nvfp4"})
    return [(EVERYTHING, what, SCALED[what])]


def _bytes(_: Said) -> list[Format]:
    return [(EVERYTHING, "int8", 1.0)]


def _groups(said: Said) -> list[Format]:
    """ModelOpt and compressed-tensors: an algorithm for everything, or groups of modules."""
    part = said.part
    algorithm = part.text("quant_algo")
    if algorithm and algorithm != "MIXED_PRECISION":
        what = part.need("quant_algo").word(ALGORITHMS)
        return [(EVERYTHING, what, size(what, part))]
    sparse = part.map("sparsity_config").text("format", default="dense")
    if sparse != "dense":
        raise ConfigError(part.path("sparsity_config.format"), f"{sparse!r} is not read", part.file)
    groups = [group for _, group in part.children("config_groups")]
    linear = [group for group in groups if "Linear" in group.texts("targets")]
    group = next(iter(linear or ([] if said.named else groups)), None)
    if group:
        return [(EXPERTS if algorithm else EVERYTHING, *of_group(group, part))]
    return []


METHODS: dict[str, Callable[[Said], list[Format]]] = {
    "auto-round": _round,
    "auto_awq": _packed,
    "auto_gptq": _packed,
    "awq": _packed,
    "bitsandbytes": _bitsandbytes,
    "compressed-tensors": _groups,
    "deepseek_v4_fp8": _floating,
    "eetq": _bytes,
    "fbgemm_fp8": _floating,
    "fp8": _floating,
    "fp_quant": _fp_quant,
    "gpt_oss_mxfp4": _microscaled,
    "gptq": _packed,
    "hqq": _hqq,
    "inc": _round,
    "intel/auto-round": _round,
    "modelopt": _groups,
    "modelopt_fp4": _groups,
    "modelopt_mixed": _groups,
    "modelopt_mxfp8": _groups,
    "mxfp4": _microscaled,
    "quanto": _quanto,
    "quark": _quark,
    "torchao": _torchao,
}
"""Methods as `quant_method` names them, each with what it makes of modules."""
