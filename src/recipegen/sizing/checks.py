"""What settings can be for a model, an engine and a GPU: no unknown word is taken for another."""

import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from recipegen import facts
from recipegen.errors import Problem, RecipeError, UsageError, nearest, show
from recipegen.memory import Setup, loading, undivided
from recipegen.memory.cache import FORMATS
from recipegen.memory.precision import DTYPES, ONLINE
from recipegen.memory.versions import order
from recipegen.modelfacts import ModelFacts
from recipegen.rules.precision import READERS

# Sizes by their keys in a recipe, each with the field of `Setup`.
RANKS = {
    "tensorParallel": "tensor",
    "pipelineParallel": "pipeline",
    "dataParallel": "data",
    "expertParallel": "expert",
}
# Words for formats of the KV cache of any engine.
EVERYBODYS = {word for words in FORMATS.values() for word in words}
VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}([.+-]?[a-z][\w.+-]*)?", re.ASCII)


def checked(model: ModelFacts, setup: Setup, given: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what is odd about a setup, or refuse one that cannot be.

    Args:
        model: The model, as its checkpoint is.
        setup: The engine, with what is given in it.
        given: What was given beside a recipe, by the fields of `Setup`.

    Raises:
        UsageError: A setting cannot be.
        RecipeError: The engine does not load the model's weights on the GPU.
    """
    found = [*_sizes(model, setup), *_instance(setup), *_words(model, setup, given), *_context(model, setup)]
    wrong = [problem for problem in found if not problem.warning]
    if wrong:
        raise UsageError(*wrong)
    odd = loading(model, setup.backend, setup.gpu)
    if odd and not odd.warning:
        raise RecipeError(odd)
    found += [*([odd] if odd else []), *_kernels(setup), *_longer(model, setup, given)]
    return (*found, *_newer(setup, given))


def _sizes(model: ModelFacts, setup: Setup) -> Iterator[Problem]:
    """Yield parallel sizes that the model cannot be divided by."""
    for found in undivided(model, setup):
        yield _problem(found.message, found.hint)
    if setup.data > 1 or setup.expert > 1:
        yield from _ranks(setup)


def _ranks(setup: Setup) -> Iterator[Problem]:
    """Yield ranks that do not share the GPUs as the engine does; its file says which sizes go together."""
    engine = facts.engine(setup.backend)
    for key, factors in engine.get("mustEqual", {}).items():
        given, size = getattr(setup, RANKS[key]), prod(getattr(setup, RANKS[factor]) for factor in factors)
        if given not in (1, size):
            message = f"{setup.backend} has a switch for {key}, which means {' x '.join(factors)} ({size})"
            yield _problem(f"{message}, got {given}", f"make it {size}, or 1")
    for key, other in engine.get("mustDivide", {}).items():
        ranks, gpus = getattr(setup, RANKS[key]), getattr(setup, RANKS[other])
        if gpus % ranks:
            message = f"{setup.backend} shares the GPUs of {other} ({gpus}) evenly among {key}, got {ranks}"
            yield _problem(message, f"make {other} a multiple of {ranks}")


def _instance(setup: Setup) -> Iterator[Problem]:
    """Yield a MIG profile that the GPU does not have, or instances that would have to exchange data."""
    profiles = facts.hardware()[setup.gpu].get("mig", {})
    if setup.mig and setup.mig not in profiles:
        hint = f"its profiles are {', '.join(profiles)}" if profiles else "it cannot be cut into instances"
        yield _problem(f"no MIG profile of {setup.gpu} is called {show(setup.mig)}", hint)
    elif setup.mig and setup.gpus > 1:
        message = f"a replica takes {setup.gpus} GPUs, and MIG instances cannot exchange data"
        yield _problem(message, "take a larger profile and parallel sizes of 1, or whole GPUs")


def _words(model: ModelFacts, setup: Setup, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield words for number formats and versions that are not known."""
    known = {"kv_dtype": FORMATS[setup.backend], "dtype": DTYPES, "quantization": tuple(ONLINE)}
    for field, words in known.items():
        value = given.get(field)
        option = "--kv-cache-dtype" if field == "kv_dtype" else f"--{field}"
        own = model.quantization.method
        if field == "quantization" and value and own != "none":
            if value not in (own, *READERS.get(own, ())):
                message = f"{option} {show(value)}: {model.id} is quantised by {own!r} already"
                yield _problem(message, "leave it out: the engine reads the method from the checkpoint")
        elif value and field == "kv_dtype" and value in EVERYBODYS and value not in words:
            hint = f"sized as such; {setup.backend} takes {', '.join(words)}"
            yield _problem(f"{option}: {show(value)} is another engine's word", hint, warning=True)
        elif value and value not in words:
            message = f"{option}: what {setup.backend} makes of {show(value)} is not known"
            alike = nearest(str(value), words)
            hint = f"known are {', '.join(words)}"
            yield _problem(message, f"{alike}; {hint}" if alike else hint)
    if "version" in given and not VERSION.fullmatch(str(given["version"])):
        message = f"--engine-version: {show(given['version'])} is none"
        yield _problem(message, f"write it as {setup.backend} does: {_newest(setup.backend)}")


def _kernels(setup: Setup) -> Iterator[Problem]:
    """Yield a KV cache in a format that the GPU has no kernels for. Source: facts/attention.yaml."""
    having = facts.attention()["cacheFormats"].get(setup.backend, {}).get(setup.kv_dtype.split("_")[0])
    stated = facts.hardware()[setup.gpu]["computeCapability"]
    if having and stated.partition(".")[0] not in having:
        families = " and ".join(f"{family}.x" for family in having)
        message = f"{setup.backend} has a KV cache in {setup.kv_dtype} on compute capability {families} alone"
        hint = f"{setup.gpu} has {stated}: take fp8_e4m3, or leave it out"
        yield _problem(message, hint, warning=True)


def _context(model: ModelFacts, setup: Setup) -> Iterator[Problem]:
    """Yield a model that states no context, where none is set either."""
    if not (setup.max_model_len or model.default_context or model.context):
        message = f"the configuration of {model.id} states no context"
        yield _problem(message, "give --max-model-len, as the model card has it")


def _longer(model: ModelFacts, setup: Setup, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a context that is given and longer than the model's own."""
    if 0 < model.context < given.get("max_model_len", 0):
        message = f"{setup.max_model_len} tokens are longer than the context of {model.id}, {model.context}"
        hint = f"{setup.backend} refuses that, unless the model's positions are stretched"
        yield _problem(message, hint, warning=True)


def _newer(setup: Setup, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a version that is given and newer than all that are known."""
    newest = _newest(setup.backend)
    if "version" in given and order(setup.version) > order(newest):
        message = f"{setup.backend} {setup.version} is newer than what is known here, {newest}: its numbers"
        hint = "the version is the engine's own, not Dynamo's"
        yield _problem(f"{message} are those of {newest}", hint, warning=True)


def _newest(backend: str) -> str:
    """Return the newest version of an engine that a Dynamo release has."""
    versions = [release["engines"][backend] for release in facts.dynamo().values()]
    return max(map(str, versions), key=order)


def _problem(message: str, hint: str, *, warning: bool = False) -> Problem:
    return Problem("usage", (), message, hint, warning=warning)
