"""Number formats of a known model against engine and GPU, blocks of its cache, parsers of its family."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recipegen import facts
from recipegen.errors import Problem, show
from recipegen.language import setting
from recipegen.memory import loading
from recipegen.recipe import Recipe
from recipegen.roles import engine_of, path_of, workers

if TYPE_CHECKING:
    from recipegen.modelfacts import ModelFacts

# Values of vLLM's --quantization that read a checkpoint's own method. humming reads them all.
READERS = {
    "fp8": ("fp8", "deepseek_v4_fp8"),
    "modelopt": ("modelopt", "modelopt_fp4", "modelopt_mxfp8", "modelopt_mixed"),
    "compressed-tensors": ("compressed-tensors",),
    "mxfp4": ("mxfp4", "gpt_oss_mxfp4"),
    "awq": ("awq", "auto_awq", "awq_marlin", "moe_wna16", "inc"),
    "gptq": ("gptq", "auto_gptq", "gptq_marlin", "moe_wna16", "inc"),
}


def weights(recipe: Recipe) -> Iterator[Problem]:
    """Yield weights in a format that the engine does not load on this GPU, or that the GPU cannot compute in.

    Source: facts/quantization.yaml.
    """
    known = _model(recipe)
    if known is not None and recipe.hardware is not None:
        problem = loading(known, recipe.model.backend.type, recipe.hardware.gpu)
        if problem:
            yield problem


def quantization(recipe: Recipe) -> Iterator[Problem]:
    """Yield a `--quantization` that is another one than the checkpoint's own, which vLLM refuses.

    Source: vLLM 0.31.0, _verify_quantization in vllm/config/model.py.
    """
    known = _model(recipe)
    if known is None or recipe.model.backend.type != "vllm":
        return
    readers = READERS.get(known.quantization.method, ())
    for role, worker in workers(recipe.model).items():
        args = engine_of(recipe.model, worker).args or []
        value = _value(args, ("--quantization", "-q"))
        if readers and value and value not in (*readers, "humming"):
            message = f"{known.id} is quantised by {known.quantization.method!r} already, got {show(value)}"
            hint = "leave it out: vLLM reads the method from the checkpoint"
            yield Problem("quantization", path_of(role, worker, "args"), message, hint)


def cache_format(recipe: Recipe) -> Iterator[Problem]:
    """Yield a KV cache in a format that the GPU has no kernels for. Source: facts/attention.yaml."""
    capability, backend = _capability(recipe), recipe.model.backend.type
    if capability is None or recipe.hardware is None or recipe.model.mocker:
        return
    for role, worker in workers(recipe.model).items():
        name = engine_of(recipe.model, worker).kv_cache_dtype or ""
        having = facts.attention()["cacheFormats"].get(backend, {}).get(name.split("_")[0])
        if having and str(capability[0]) not in having:
            families = " and ".join(f"{family}.x" for family in having)
            message = (
                f"{backend} has a KV cache in {name} on compute capability {families} alone, got {show(name)}"
            )
            hint = (
                f"{recipe.hardware.gpu} has {capability[0]}.{capability[1]}: take fp8_e4m3, or leave it out"
            )
            yield Problem("cache-format", path_of(role, worker, "kvCacheDtype"), message, hint)


def latent_blocks(recipe: Recipe) -> Iterator[Problem]:
    """Yield blocks that vLLM has no kernel for, or a slow one, with the attention of the model.

    Source: facts/attention.yaml.
    """
    known, capability = _model(recipe), _capability(recipe)
    if known is None or recipe.model.backend.type != "vllm" or not known.mla or known.compressed:
        return
    sparse = known.sparse
    table = facts.attention()["sparseBlocks" if sparse else "latentBlocks"]
    # What every GPU asks for is asked for where the GPU is not named.
    least = min(table.values()) if capability is None and sparse else table.get(str((capability or (0,))[0]))
    for role, worker in workers(recipe.model).items():
        size = engine_of(recipe.model, worker).block_size
        if least and size is not None and size % least:
            kind = "sparse latent attention" if sparse else "latent attention"
            effect = "has no kernel for" if sparse else "takes its slowest kernel for"
            message = f"vLLM {effect} {kind} in blocks of {size} tokens, and {known.id} has it"
            hint = f"set it to {64 if sparse else least} for all roles"
            path = path_of(role, worker, "blockSize")
            yield Problem("latent-blocks", path, message, hint, warning=not sparse)


def pages(recipe: Recipe) -> Iterator[Problem]:
    """Yield pages that SGLang's attention backend changes without asking: the router would count in others.

    Source: facts/attention.yaml.
    """
    if recipe.model.backend.type != "sglang" or recipe.model.mocker:
        return
    for role, worker in workers(recipe.model).items():
        engine = engine_of(recipe.model, worker)
        for option in ("--attention-backend", "--decode-attention-backend"):
            backend = _value(engine.args or [], (option,)) or ""
            has = facts.attention()["pages"].get(backend)
            if has and engine.block_size is not None and engine.block_size not in has:
                message = f"SGLang makes it {has[-1]} for {option} {backend}, got {engine.block_size}"
                routed = recipe.model.routing_policy == "kv"
                hint = f"set it to {has[-1]} for all roles"
                hint += "; the router counts in blocks of the size set" if routed else ""
                path = path_of(role, worker, "blockSize")
                yield Problem("pages", path, message, hint, warning=not routed)


def parsers(recipe: Recipe) -> Iterator[Problem]:
    """Yield parsers that are made for another family than the model's. Source: facts/families.yaml."""
    known = _model(recipe)
    if known is None:
        return
    for role, worker in workers(recipe.model).items():
        for alias, table in facts.families().items():
            name = setting(engine_of(recipe.model, worker), alias)
            families = table.get(str(name).replace("-", "_")) if name else None
            if families and not any(kind.startswith(tuple(families)) for kind in known.families):
                message = f"{name} reads what models of type {' or '.join(families)} write"
                own = next(reversed(known.families), "unknown")
                hint = f"{known.id} is of type {own}; its model card names the parser"
                yield Problem("parser-family", path_of(role, worker, alias), message, hint, warning=True)


def _model(recipe: Recipe) -> "ModelFacts | None":
    return None if recipe.model.mocker else facts.model(recipe.model.name)


def _capability(recipe: Recipe) -> tuple[int, ...] | None:
    fact = facts.hardware().get(recipe.hardware.gpu) if recipe.hardware else None
    stated = (fact or {}).get("computeCapability")
    return _version(stated) if stated else None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _value(args: list[str], names: tuple[str, ...]) -> str | None:
    """Return the value that arguments give an option, the last one where it stands twice."""
    found = None
    for index, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option.replace("_", "-") in names:
            found = value if equals else args[index + 1] if index + 1 < len(args) else None
    return found
