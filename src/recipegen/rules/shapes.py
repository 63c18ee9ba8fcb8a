"""The shape of a known model against the sizes of the engine: heads, vocabulary, layers, experts, context.

Nothing is said of a model without facts. Every rule yields a problem once for each role it holds in.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from recipegen import facts
from recipegen.errors import Problem
from recipegen.memory import Setup, undivided
from recipegen.recipe import Engine, Recipe, Role, Worker
from recipegen.roles import engine_of, path_of, sizes, workers

if TYPE_CHECKING:
    from recipegen.modelfacts import ModelFacts

# The engine setting that is at fault where something cannot be divided.
KEYS = {"stages": "pipelineParallel", "experts": "expertParallel"}
# What lets a context be longer than the model's: a variable, or options that change its configuration.
LONGER = {
    "vllm": ("VLLM_ALLOW_LONG_MAX_MODEL_LEN", ("--hf-overrides", "--rope-scaling")),
    "sglang": ("SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN", ("--json-model-override-args",)),
    "trtllm": ("", ()),
}


def division(recipe: Recipe) -> Iterator[Problem]:
    """Yield heads, vocabulary, layers and experts that the GPUs cannot share. Source: `memory.undivided`."""
    for known, role, worker, _ in _known(recipe):
        for found in undivided(known, Setup("", **sizes(recipe.model, worker))):
            path = path_of(role, worker, KEYS.get(found.what, "tensorParallel"))
            yield Problem(found.what, path, found.message, found.hint, warning=found.unsure)


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


def _stretched(worker: Worker, engine: Engine, variable: str, options: tuple[str, ...]) -> bool:
    """Return whether something of the recipe's own lets the context be longer."""
    if variable in worker.env or any(arg.startswith(options) for arg in engine.args or [] if options):
        return True
    files = [*worker.extra_configs, *([worker.extra_config] if worker.extra_config else [])]
    return any("override" in json.dumps(file.content) or "rope" in json.dumps(file.content) for file in files)
