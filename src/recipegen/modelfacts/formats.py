"""Number formats of weights: what a checkpoint says of them, and the bytes of one parameter."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from recipegen.modelfacts import patterns
from recipegen.modelfacts.config import Part

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "int8": 1.0}
"""Bytes of one number."""
# 4-bit numbers share a scale: NVFP4 one byte for 16 of them, MXFP4 one for 32; MXFP8 likewise for 32.
SCALED = {"nvfp4": 9 / 16, "mxfp4": 17 / 32, "mxfp8": 33 / 32}
BITS = {"float32": 32, "bfloat16": 16, "float16": 16, "fp8": 8, "int8": 8, "mxfp8": 8}
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
# What no producer quantises unless it is named: embeddings, head, routers, the small parts of state layers.
KEPT = re.compile(r"(^|\.)(embed|lm_head|vision|audio|router|conv1d|norm|hyper|ssm)(\.|$)")


Rule = tuple[re.Pattern[str], str, float]
"""Names of modules, with format and bytes of a parameter; below zero: those of what is not quantised."""


@dataclass(frozen=True)
class Quantization:
    """The number formats of a checkpoint's weights."""

    method: str = "none"
    """Who reads it: `fp8`, `modelopt`, `compressed-tensors`, `mxfp4`, `awq`, `gptq`, …, or `none`."""
    format: str = "none"
    """The narrowest number format in it: `fp8`, `mxfp8`, `int8`, `nvfp4`, `mxfp4`, `int4`, or `none`."""
    bits: int = 16
    """Bits of one weight in that format, scales left out."""
    kv_cache: str = ""
    """Number format that the checkpoint wants its KV cache in; empty where it says nothing."""
    mixed: bool = False
    """Whether layers of different formats are in it, named one by one."""
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    """Names of modules with the format and bytes per parameter; the first that fits decides."""

    def bytes_of(self, module: str, dtype: str) -> float:
        """Return the bytes of one parameter of a module.

        Args:
            module: Name of the module below the model, such as `layers.3.mlp.experts`.
            dtype: Number format of what is not quantised.
        """
        return next((size for names, _, size in self.rules if names.search(module)), BYTES.get(dtype, 2.0))


def read(config: Part, beside: Part) -> Quantization:
    """Return the formats that a checkpoint states.

    Args:
        config: The part of config.json that describes the language model.
        beside: Its hf_quant_config.json, which NVIDIA's checkpoints have; empty where there is none.
    """
    own = (config.around or config).map("quantization_config") or config.map("quantization_config")
    said = Part(own.values, own.at, file=own.file, around=beside.map("quantization"))
    if not said:
        return Quantization()
    method = said.text("quant_method", default="modelopt")
    named = _named(said)
    # In an fp8 checkpoint with layers of another format, exceptions are from that one and remain fp8.
    within = method == "fp8" and said.text("quant_algo") == "MIXED_PRECISION"
    kept = [] if within else [(names, "none", -1.0) for names in _kept(said)]
    rules = [*named, *kept, (KEPT, "none", -1.0), *_rest(method, said, config, mixed=bool(named))]
    formats = [what for _, what, _ in rules if what != "none"]
    narrowest = min(formats, key=lambda what: BITS.get(what, 4), default="none")
    plain = BYTES.get(dtype(config), 2.0)
    return Quantization(
        method=method.replace("_", "-") if method == "compressed_tensors" else method,
        format=narrowest,
        bits=BITS.get(narrowest, 4) if narrowest != "none" else 16,
        kv_cache=_kv_cache(said),
        mixed=len({*formats}) > 1,
        rules=tuple((names, what, plain if size < 0 else size) for names, what, size in rules),
    )


def dtype(config: Part) -> str:
    """Return the number format of what is not quantised."""
    return config.text("torch_dtype", "dtype", default="bfloat16")


def _kept(said: Part) -> list[re.Pattern[str]]:
    """Return the names of what is left as it is."""
    keys = ("modules_to_not_convert", "ignore", "exclude_modules")
    return [_names(said, key, texts) for key in keys if (texts := said.texts(key))]


def _named(said: Part) -> list[Rule]:
    """Return formats with the modules that are named for them one by one."""
    named: dict[tuple[str, float], list[str]] = {}
    for name, each in said.children("quantized_layers"):
        what = ALGORITHMS.get(each.text("quant_algo"), "none")
        named.setdefault((what, _size(what, each)), []).append(name)
    if named:
        key = "quantized_layers"
        return [(_names(said, key, names, inside=True), *what) for what, names in named.items()]
    found = []
    for _, group in said.children("config_groups"):
        targets = [name for name in group.texts("targets") if name != "Linear"]
        if targets:
            found.append((_names(group, "targets", targets, inside=True), *_of_group(group, said)))
    return found


def _rest(method: str, said: Part, config: Part, *, mixed: bool) -> list[Rule]:
    """Return the format of what is neither excepted nor named."""
    everything = re.compile("")
    found: list[Rule] = []
    experts = re.compile(r"\.experts(\.|$)")
    group = next((group for _, group in said.children("config_groups")), None)
    algorithm = ALGORITHMS.get(said.text("quant_algo"))
    if config.text("expert_dtype") == "fp4" and method == "fp8":
        # DeepSeek V4 has 4-bit experts in what it calls an fp8 checkpoint.
        found.append((experts, "mxfp4", SCALED["mxfp4"]))
    if method in ("mxfp4", "gpt_oss_mxfp4"):
        found.append((experts, "mxfp4", SCALED["mxfp4"]))
    elif method in ("awq", "gptq"):
        what = "int4" if said.number("bits", default=4, least=1, most=32) == 4 else "int8"
        found.append((everything, what, _size(what, said, zeros=True)))
    elif algorithm:
        found.append((everything, algorithm, _size(algorithm, said)))
    elif group and not mixed and method != "fp8":
        whole = said.text("quant_algo") != "MIXED_PRECISION"
        found.append((everything if whole else experts, *_of_group(group, said)))
    elif method == "fp8" or ("fp8" in method and not mixed):
        found.append((everything, "fp8", _size("fp8", said)))
    return found


def _of_group(group: Part, said: Part) -> tuple[str, float]:
    """Return format and bytes of one group of compressed-tensors or ModelOpt."""
    weights = group.map("weights")
    kind, bits = weights.text("type", default="int"), weights.number("num_bits", default=8, least=1, most=32)
    packed = group.text("format") or said.text("format")
    if bits == 4 and (kind == "float" or "fp4" in packed):
        what = "mxfp4" if "mxfp4" in packed or _group_size(weights) == 32 else "nvfp4"
    else:
        what = {(8, "float"): "fp8", (8, "int"): "int8"}.get((bits, kind), "int4")
    return what, _size(what, weights)


def _size(what: str, said: Part, *, zeros: bool = False) -> float:
    """Return the bytes of one parameter with its share of scales."""
    if what in SCALED:
        return SCALED[what]
    if what == "int4":
        # A scale of two bytes for each group, and where the format has them, zero points of half a byte.
        group = _group_size(said)
        return 0.5 + ((2.5 if zeros else 2.0) / group if group > 0 else 0.0)
    block = said.numbers("weight_block_size", length=2, least=1)
    return BYTES.get(what, 2.0) + (4 / (block[0] * block[1]) if block else 0.0)


def _group_size(said: Part) -> int:
    """Return the weights that share a scale; -1 where those of a whole row do."""
    return said.number("group_size", default=128, least=-1) or 128


def _kv_cache(said: Part) -> str:
    scheme = said.value("kv_cache_scheme")
    if isinstance(scheme, Mapping):
        return "fp8" if said.map("kv_cache_scheme").number("num_bits", default=4) == 8 else "nvfp4"
    return said.text("kv_cache_scheme", "kv_cache_quant_algo").lower()


def _names(said: Part, key: str, texts: Iterable[str], *, inside: bool = False) -> re.Pattern[str]:
    try:
        return patterns.compiled(texts, inside=inside)
    except ValueError as error:
        raise said.error(key, f"has a name that cannot be read: {error}") from error
