"""Number formats of weights: what a checkpoint says of them, and the bytes of one parameter."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

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
    rules: tuple[tuple[re.Pattern[str], str, float], ...] = field(default=(), repr=False)
    """Names of modules with the format and bytes per parameter; the first that fits decides."""

    def bytes_of(self, module: str, dtype: str) -> float:
        """Return the bytes of one parameter of a module.

        Args:
            module: Name of the module below the model, such as `layers.3.mlp.experts`.
            dtype: Number format of what is not quantised.
        """
        return next((size for names, _, size in self.rules if names.search(module)), BYTES.get(dtype, 2.0))


def read(config: Mapping[str, Any], quant_config: Mapping[str, Any] | None = None) -> Quantization:
    """Return the formats that a checkpoint states.

    Args:
        config: Its config.json.
        quant_config: Its hf_quant_config.json, which NVIDIA's checkpoints have.
    """
    nested: Mapping[str, Any] = next(
        (c for key in ("text_config", "llm_config") if (c := config.get(key))), {}
    )
    said: Mapping[str, Any] = config.get("quantization_config") or nested.get("quantization_config") or {}
    beside: Mapping[str, Any] = (quant_config or {}).get("quantization", {})
    said = {**beside, **said}
    if not said:
        return Quantization()
    method = said.get("quant_method") or "modelopt"
    kept = [
        *said.get("modules_to_not_convert", []),
        *said.get("ignore", []),
        *said.get("exclude_modules", []),
    ]
    # In an fp8 checkpoint with layers of another format, exceptions are from that one and remain fp8.
    within = method == "fp8" and said.get("quant_algo") == "MIXED_PRECISION"
    rules = [(_names(kept), "none", -1.0)] if kept and not within else []
    named = _named(said)
    rules = [*((_names(names, inside=True), what, size) for what, size, names in named), *rules]
    rules.append((KEPT, "none", -1.0))
    rules += _rest(method, said, config, mixed=bool(named))
    formats = [what for _, what, _ in rules if what != "none"]
    narrowest = min(formats, key=lambda what: BITS.get(what, 4), default="none")
    dtype = str(nested.get("torch_dtype") or nested.get("dtype") or config.get("torch_dtype") or "bfloat16")
    plain = BYTES.get(dtype, 2.0)
    return Quantization(
        method=method.replace("_", "-") if method == "compressed_tensors" else method,
        format=narrowest,
        bits=BITS.get(narrowest, 4) if narrowest != "none" else 16,
        kv_cache=_kv_cache(said),
        mixed=len({*formats}) > 1,
        rules=tuple((names, what, plain if size < 0 else size) for names, what, size in rules),
    )


def _named(said: Mapping[str, Any]) -> list[tuple[str, float, list[str]]]:
    """Return formats with the modules that are named for them one by one."""
    named: dict[tuple[str, float], list[str]] = {}
    for name, each in (said.get("quantized_layers") or {}).items():
        what = ALGORITHMS.get(str(each.get("quant_algo")), "none")
        named.setdefault((what, _size(what, each)), []).append(name)
    if not named:
        for group in (said.get("config_groups") or {}).values():
            targets = [name for name in group.get("targets") or [] if name != "Linear"]
            if targets:
                what, size = _of_group(group, said)
                named.setdefault((what, size), []).extend(targets)
    return [(what, size, names) for (what, size), names in named.items()]


def _rest(
    method: str, said: Mapping[str, Any], config: Mapping[str, Any], *, mixed: bool
) -> list[tuple[re.Pattern[str], str, float]]:
    """Return the format of what is neither excepted nor named."""
    everything = re.compile("")
    found: list[tuple[re.Pattern[str], str, float]] = []
    experts = re.compile(r"\.experts(\.|$)")
    group = next(iter((said.get("config_groups") or {}).values()), None)
    algorithm = ALGORITHMS.get(str(said.get("quant_algo")))
    if config.get("expert_dtype") == "fp4" and method == "fp8":
        # DeepSeek V4 has 4-bit experts in what it calls an fp8 checkpoint.
        found.append((experts, "mxfp4", SCALED["mxfp4"]))
    if method in ("mxfp4", "gpt_oss_mxfp4"):
        found.append((experts, "mxfp4", SCALED["mxfp4"]))
    elif method in ("awq", "gptq"):
        what = "int4" if int(said.get("bits", 4)) == 4 else "int8"
        found.append((everything, what, _size(what, said, zeros=True)))
    elif algorithm:
        found.append((everything, algorithm, _size(algorithm, said)))
    elif group and not mixed and method != "fp8":
        whole = said.get("quant_algo") != "MIXED_PRECISION"
        found.append((everything if whole else experts, *_of_group(group, said)))
    elif method == "fp8" or ("fp8" in method and not mixed):
        found.append((everything, "fp8", _size("fp8", said)))
    return found


def _of_group(group: Mapping[str, Any], said: Mapping[str, Any]) -> tuple[str, float]:
    """Return format and bytes of one group of compressed-tensors or ModelOpt."""
    weights = group.get("weights") or {}
    kind, bits = weights.get("type", "int"), int(weights.get("num_bits", 8))
    packed = str(group.get("format") or said.get("format") or "")
    if bits == 4 and (kind == "float" or "fp4" in packed):
        what = "mxfp4" if "mxfp4" in packed or weights.get("group_size") == 32 else "nvfp4"
    else:
        what = {(8, "float"): "fp8", (8, "int"): "int8"}.get((bits, kind), "int4")
    return what, _size(what, weights)


def _size(what: str, said: Mapping[str, Any], *, zeros: bool = False) -> float:
    """Return the bytes of one parameter with its share of scales."""
    if what in SCALED:
        return SCALED[what]
    if what == "int4":
        # A scale of two bytes for each group, and where the format has them, zero points of half a byte.
        group = int(said.get("group_size") or 128)
        return 0.5 + (2.5 if zeros else 2.0) / max(group, 1)
    block = said.get("weight_block_size")
    return BYTES.get(what, 2.0) + (4 / (block[0] * block[1]) if block else 0.0)


def _kv_cache(said: Mapping[str, Any]) -> str:
    scheme = said.get("kv_cache_scheme") or said.get("kv_cache_quant_algo")
    if isinstance(scheme, Mapping):
        return "fp8" if scheme.get("num_bits") == 8 else "nvfp4"
    return str(scheme).lower() if scheme else ""


def _names(patterns: Iterable[str], *, inside: bool = False) -> re.Pattern[str]:
    """Return an expression that finds the modules which the patterns name, or that lie below them.

    Args:
        patterns: Names with stars, expressions behind `re:`, and ranges such as `layers.{0-2,5}`.
        inside: Whether a name of a single expert stands for all experts.
    """
    parts = [_expression(_plain(pattern, inside=inside)) for pattern in patterns]
    return re.compile("|".join(f"(?:{part})" for part in parts))


def _plain(pattern: str, *, inside: bool) -> str:
    """Return a pattern in the names of this reader: no prefix, `mlp` and `self_attn` for their like."""
    name = re.sub(r"\b(block_sparse_moe|ffn|feed_forward)\b", "mlp", pattern)
    name = re.sub(r"(^|[.*])attn\b", r"\1self_attn", name)
    name = re.sub(r"\bshared_expert\b", "shared_experts", name)
    name = re.sub(r"\bgate$", "router", name)
    name = re.sub(r"\b(embed_tokens|embeddings|embed)\b", "embed", name)
    name = re.sub(r"^(head|.*lm_head)(?=\*?$)", "lm_head", name)
    name = re.sub(r"\b(visual|vision_tower|vision_model)\b", "vision", name)
    if inside:
        name = re.sub(r"(\.experts)\..*", r"\1", name)
    # Layers that predict further tokens count from 0 again, so theirs keep their prefix.
    return name if name.startswith(("re:", "mtp.")) else re.sub(r"^.*?\b(?=layers\.)", "", name)


def _expression(pattern: str) -> str:
    if pattern.startswith("re:"):
        return pattern.removeprefix("re:")
    ranges: list[str] = []

    def keep(match: re.Match[str]) -> str:
        ranges.append("|".join(str(number) for number in _numbers(match[1])))
        return f"R{len(ranges) - 1}R"

    # \Z at its end would leave out what lies below the module.
    body = translate(re.sub(r"\{([0-9,-]+)\}", keep, pattern)).removesuffix(")\\Z").removeprefix("(?s:")
    for index, numbers in enumerate(ranges):
        body = body.replace(f"R{index}R", f"(?:{numbers})")
    return rf"(?:^|\.){body}(?:\.|$)"


def _numbers(ranges: str) -> list[int]:
    """Return 0, 1, 2 and 5 for 0-2,5."""
    numbers: list[int] = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
