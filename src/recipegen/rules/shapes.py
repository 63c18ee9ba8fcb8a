"""The shape of a known model against the sizes of the engine: heads, vocabulary, layers, experts, context.

Nothing is said of a model without facts. Every rule yields a problem once for each role it holds in.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from recipegen import facts
from recipegen.errors import Problem
from recipegen.recipe import Engine, Recipe, Role, Worker
from recipegen.roles import attention_ranks, engine_of, path_of, workers

if TYPE_CHECKING:
    from recipegen.modelfacts import ModelFacts

# To what engines round the vocabulary up: DEFAULT_VOCAB_PADDING_SIZE of vLLM 0.31.0 and SGLang 0.5.21.
PADDING = 64
# What lets a context be longer than the model's: a variable, or options that change its configuration.
LONGER = {
    "vllm": ("VLLM_ALLOW_LONG_MAX_MODEL_LEN", ("--hf-overrides", "--rope-scaling")),
    "sglang": ("SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN", ("--json-model-override-args",)),
    "trtllm": ("", ()),
}


def heads(recipe: Recipe) -> Iterator[Problem]:
    """Yield attention that cannot be divided: query heads that do not spread evenly over its GPUs.

    Source: vLLM 0.31.0, verify_with_parallel_config in vllm/config/model.py; SGLang 0.5.21,
    srt/layers/linear.py. TensorRT-LLM's source was not read for it.
    """
    for known, role, worker, _ in _known(recipe):
        ranks = attention_ranks(recipe.model, worker)
        if known.heads % ranks:
            message = f"{known.id} has {known.heads} attention heads, which {ranks} GPUs cannot share evenly"
            unsure = recipe.model.backend.type == "trtllm"
            yield Problem("heads", _path(role, worker), message, _sizes(known.heads), warning=unsure)


def kv_heads(recipe: Recipe) -> Iterator[Problem]:
    """Yield KV heads that neither spread evenly over the GPUs nor are copied evenly to them.

    Source: QKVParallelLinear in vLLM 0.31.0, layers/linear.py, and in SGLang 0.5.21, srt/layers/linear.py.
    """
    if recipe.model.backend.type == "trtllm":
        return
    for known, role, worker, _ in _known(recipe):
        ranks, heads = attention_ranks(recipe.model, worker), known.kv_heads
        # A latent is whole on every GPU, and an uneven number of query heads is said already.
        if known.mla or known.heads % ranks or heads % ranks == 0 or ranks % heads == 0:
            continue
        message = f"{known.id} has {heads} KV heads: {ranks} GPUs neither share nor repeat them evenly"
        hint = f"take a divisor of {heads}, or a multiple of it that divides {known.heads}"
        yield Problem("kv-heads", _path(role, worker), message, hint)


def vocabulary(recipe: Recipe) -> Iterator[Problem]:
    """Yield a vocabulary that the GPUs cannot share, rounded up to a multiple of 64 as engines do.

    Source: VocabParallelEmbedding in vLLM 0.31.0, layers/vocab_parallel_embedding.py, and in SGLang 0.5.21,
    which rounds further on CPUs alone (sgl-project/sglang issue 31799) and divides it as it does attention.
    """
    if recipe.model.backend.type == "trtllm":
        return
    for known, role, worker, _ in _known(recipe):
        ranks = attention_ranks(recipe.model, worker)
        padded = -(-known.vocab_size // PADDING) * PADDING
        if padded % ranks == 0 or known.heads % ranks:
            continue
        rounded = "" if padded == known.vocab_size else f", rounded up to {padded}"
        message = f"{known.id} has {known.vocab_size} tokens{rounded}, which {ranks} GPUs cannot share evenly"
        yield Problem("vocabulary", _path(role, worker), message, "take a power of two")


def stages(recipe: Recipe) -> Iterator[Problem]:
    """Yield more pipeline stages than the model has layers."""
    for known, role, worker, engine in _known(recipe):
        count = engine.pipeline_parallel or 1
        if count > known.layers:
            message = f"{known.id} has {known.layers} layers, too few for {count} stages"
            path = path_of(role, worker, "pipelineParallel")
            yield Problem("stages", path, message, f"take {known.layers} or less")


def experts(recipe: Recipe) -> Iterator[Problem]:
    """Yield experts that are spread where there are none, or that ranks cannot share.

    Source: vLLM 0.31.0, _verify_with_expert_parallelism in vllm/config/model.py; it spreads unevenly where it
    must (fused_moe/expert_map_manager.py). SGLang 0.5.21 does not: srt/layers/moe/fused_moe_triton/layer.py.
    """
    for known, role, worker, engine in _known(recipe):
        ranks, path = engine.expert_parallel or 1, path_of(role, worker, "expertParallel")
        if ranks > 1 and not known.experts:
            message = f"{known.id} is a dense model without experts, got {ranks}"
            yield Problem("experts", path, message, "leave it out")
        elif recipe.model.backend.type == "sglang" and known.experts % ranks:
            if (engine.tensor_parallel or 1) % ranks:
                continue  # said of the GPUs already
            message = f"{known.id} has {known.experts} experts, which {ranks} ranks cannot share evenly"
            yield Problem("experts", path, message, _sizes(known.experts))


def context(recipe: Recipe) -> Iterator[Problem]:
    """Yield a context that is longer than the model's own, where nothing changes that.

    Source: vLLM 0.31.0, _get_and_verify_max_len in vllm/config/model.py; SGLang 0.5.21,
    _derive_context_length in srt/configs/model_config.py. What TensorRT-LLM does is not known here.
    """
    backend = recipe.model.backend.type
    variable, options = LONGER[backend]
    for known, role, worker, engine in _known(recipe):
        length = engine.max_model_len or 0
        if not known.context or length <= known.context or _stretched(worker, engine, variable, options):
            continue
        message = f"is longer than the context of {known.id}, {known.context} tokens, got {length}"
        hint = f"take {known.context} or less"
        if variable:
            hint += f"; or scale its positions with {options[0]}, or set {variable} for the worker"
        path = path_of(role, worker, "maxModelLen")
        yield Problem("context", path, message, hint, warning=not variable)


def _known(recipe: Recipe) -> Iterator[tuple["ModelFacts", Role, Worker, Engine]]:
    """Yield each role with its settings, where an engine runs a model that is known."""
    known = None if recipe.model.mocker else facts.model(recipe.model.name)
    if known:
        for role, worker in workers(recipe.model).items():
            yield known, role, worker, engine_of(recipe.model, worker)


def _path(role: Role, worker: Worker) -> tuple[str | int, ...]:
    return path_of(role, worker, "tensorParallel")


def _sizes(count: int) -> str:
    return f"take one of {', '.join(str(size) for size in range(1, min(count, 64) + 1) if count % size == 0)}"


def _stretched(worker: Worker, engine: Engine, variable: str, options: tuple[str, ...]) -> bool:
    """Return whether something of the recipe's own lets the context be longer."""
    if variable in worker.env or any(arg.startswith(options) for arg in engine.args or [] if options):
        return True
    files = [*worker.extra_configs, *([worker.extra_config] if worker.extra_config else [])]
    return any("override" in json.dumps(file.content) or "rope" in json.dumps(file.content) for file in files)
