"""Number formats of weights: what a checkpoint says of them, and the bytes of one parameter."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from recipegen.modelfacts import methods, patterns
from recipegen.modelfacts.config import Part
from recipegen.modelfacts.methods import ALGORITHMS, BYTES, GROUPS

BITS = {"float32": 32, "bfloat16": 16, "float16": 16, "fp8": 8, "int8": 8, "mxfp8": 8, "int2": 2, "int3": 3}
# Names of formats of 16 and 32 bits, each with ours; `auto` leaves the choice to who loads the weights.
DTYPES = {
    "bfloat16": "bfloat16", "float16": "float16", "half": "float16", "float32": "float32", "float": "float32",
    "auto": "bfloat16",
}  # fmt: skip
# What no producer quantises unless it is named: embeddings, head, routers, the small parts of state layers.
KEPT = re.compile(r"(^|\.)(embed|lm_head|vision|audio|router|conv1d|norm|hyper|ssm)(\.|$)")


EXCEPTED = (
    "modules_to_not_convert",
    "ignore",
    "exclude_modules",
    "exclude",
    "llm_int8_skip_modules",
    "skip_modules",
)
"""Keys that list what is left as it is."""

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
    block: int = 1
    """Weights that share a scale, along the side that tensor parallelism cuts; 1: none do."""
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
    # Older checkpoints of ModelOpt have in config.json what belongs beside it.
    own = own.map("quantization") or own
    said = Part(own.values, own.at, file=own.file, around=beside.map("quantization"))
    if not said:
        return Quantization()
    method = said.text("quant_method", default="modelopt").lower().replace("compressed_", "compressed-")
    named = _named(said)
    # In an fp8 checkpoint with layers of another format, exceptions are from that one and remain fp8.
    within = method == "fp8" and said.text("quant_algo") == "MIXED_PRECISION"
    kept = [] if within else [(names, "none", -1.0) for names in _kept(said)]
    others = methods.rest(method, said, config, named=bool(named))
    if said.flag("lm_head") and others:
        named = [*named, (re.compile("^lm_head$"), *others[-1][1:])]
    rules = [*named, *kept, (KEPT, "none", -1.0), *others]
    formats = [what for _, what, _ in rules if what != "none"]
    narrowest = min(formats, key=lambda what: BITS.get(what, 4), default="none")
    plain = BYTES.get(dtype(config), 2.0)
    return Quantization(
        method=method,
        format=narrowest,
        bits=BITS.get(narrowest, 4) if narrowest != "none" else 16,
        kv_cache=_kv_cache(said),
        block=_block(said, narrowest),
        mixed=len({*formats}) > 1,
        rules=tuple((names, what, plain if size < 0 else size) for names, what, size in rules),
    )


def dtype(config: Part) -> str:
    """Return the number format of what is not quantised."""
    found = config.find("torch_dtype", "dtype")
    return found.word(DTYPES) if found and found.data != "" else "bfloat16"


def _kept(said: Part) -> list[re.Pattern[str]]:
    """Return the names of what is left as it is."""
    texts = {key: said.texts(key) for key in EXCEPTED}
    # GPTQModel names what it leaves out in a map, behind a minus.
    texts["dynamic"] = [f"re:{name[2:]}" for name, _ in said.children("dynamic") if name.startswith("-:")]
    texts["extra_config"] = [
        name for name, each in said.children("extra_config") if each.number("bits", default=16) >= 16
    ]
    return [_names(said, key, names) for key, names in texts.items() if names]


def _named(said: Part) -> list[Rule]:
    """Return formats with the modules that are named for them one by one."""
    named: dict[tuple[str, float], list[str]] = {}
    for name, each in said.children("quantized_layers"):
        what = each.need("quant_algo").word(ALGORITHMS)
        named.setdefault((what, methods.size(what, each)), []).append(name)
    if named:
        key = "quantized_layers"
        return [(_names(said, key, names, inside=True), *what) for what, names in named.items()]
    found = []
    for _, group in said.children("config_groups"):
        targets = [name for name in group.texts("targets") if name != "Linear"]
        if targets:
            found.append((_names(group, "targets", targets, inside=True), *methods.of_group(group, said)))
    return found


def _block(said: Part, narrowest: str) -> int:
    stated = said.value("weight_block_size")
    sizes = stated if isinstance(stated, list) and stated else [said.value("group_size")]
    return max(1, GROUPS.get(narrowest, 1), *(size for size in sizes if isinstance(size, int)))


def _kv_cache(said: Part) -> str:
    if said.map("kv_cache_quant_config"):
        return "fp8"
    scheme = said.value("kv_cache_scheme")
    if isinstance(scheme, Mapping):
        return "fp8" if said.map("kv_cache_scheme").number("num_bits", default=4) == 8 else "nvfp4"
    return said.text("kv_cache_scheme", "kv_cache_quant_algo").lower()


def _names(said: Part, key: str, texts: Iterable[str], *, inside: bool = False) -> re.Pattern[str]:
    try:
        return patterns.compiled(texts, inside=inside)
    except ValueError as error:
        raise said.error(key, f"has a name that cannot be read: {error}") from error
