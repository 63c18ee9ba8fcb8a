"""Engine settings against what the engine has: its Dynamo release, fields it lacks, parsers, KV routing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from recipegen import argv, facts
from recipegen.errors import Path, Problem, nearest, show
from recipegen.language import key_names, setting
from recipegen.recipe import Backend, Engine, Model, Recipe
from recipegen.roles import engine_of, path_of, workers
from recipegen.rules import values
from recipegen.rules.given import program
from recipegen.rules.images import release_of
from recipegen.rules.options import missing

PARSERS = ("toolCallParser", "reasoningParser")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a release nobody knows, settings the engine lacks, and KV routing that cannot work."""
    model = recipe.model
    table = facts.engine(model.backend.type)
    if model.backend.version and model.backend.version not in facts.dynamo():
        message = f"Dynamo {model.backend.version} is not known to this version of recipegen"
        known = facts.dynamo()
        hint = nearest(model.backend.version, known) or f"known are {', '.join(known)}"
        yield Problem("unknown-version", ("model", "backend", "version"), message, hint)
    blocks: dict[Path, Engine] = {("model", "engine"): model.engine}
    blocks |= {("model", role, "engine"): worker.engine for role, worker in workers(model).items()}
    for path, engine in blocks.items():
        yield from _unsupported(path, engine, table, model.backend.type)
        yield from _choices(path, engine, table, model.backend)
    if model.routing_policy == "kv":
        yield from _prefix_caching(model)


def block_sizes(recipe: Recipe) -> Iterator[Problem]:
    """Yield roles of a complete recipe whose block sizes differ, where the router counts in one."""
    model = recipe.model
    sizes = {role: engine_of(model, worker).block_size for role, worker in workers(model).items()}
    if model.routing_policy == "kv" and len(set(sizes.values())) > 1:
        found = ", ".join(f"{role} {size}" for role, size in sizes.items())
        message = f"KV routing needs one block size for all roles, got {found}"
        yield Problem("kv-routing", ("model", "routingPolicy"), message, "set model.engine.blockSize once")


def batches(recipe: Recipe) -> Iterator[Problem]:
    """Yield batches of fewer tokens than requests, each of which adds one to a step.

    Source: SchedulerConfig.verify_max_model_len in vLLM 0.31.0, vllm/config/scheduler.py.
    """
    model = recipe.model
    for role, worker in workers(model).items() if model.backend.type == "vllm" and not model.mocker else ():
        engine = engine_of(model, worker)
        tokens, requests = engine.max_num_batched_tokens, engine.max_num_seqs
        if tokens and requests and tokens < requests:
            message = f"is less than the {requests} requests of maxNumSeqs, which vLLM refuses, got {tokens}"
            hint = f"take {requests} or more, or leave it out"
            yield Problem("small-batch", path_of(role, worker, "maxNumBatchedTokens"), message, hint)


def _unsupported(path: Path, engine: Engine, table: dict[str, Any], backend: str) -> Iterator[Problem]:
    has = {*table["flags"], *table["switches"], *table["extras"], "args"}
    for alias in key_names(Engine):
        value = setting(engine, alias)
        if value is None:
            continue
        if alias not in has:
            hint = "use `args`, or an `extraConfig` with the engine's own key"
            yield Problem("unsupported", (*path, alias), f"{backend} has no option for it", hint)
        elif isinstance(value, bool) and str(value).lower() not in _spelt(table, alias):
            message = f"{backend} has no option that says {str(value).lower()}"
            yield Problem("unsupported", (*path, alias), message, "leave it out")


def _choices(path: Path, engine: Engine, table: dict[str, Any], backend: Backend) -> Iterator[Problem]:
    """Yield settings whose option this release does not have, or which it refuses when it starts."""
    said = {field: setting(engine, field) for field in table["flags"]}
    said = {field: value for field, value in said.items() if value is not None}
    has = program(backend.type, backend) if said else None
    if has is None or not has.known:
        return
    for field, value in said.items():
        option = argv.find(has.table, table["flags"][field])
        if option.row is None:
            problem = missing(has, option.written, (*path, field))
            hint = f"leave it out, or use `args`; {problem.hint}" if problem.hint else "leave it out"
            yield replace(problem, code="unsupported", hint=hint)
            continue
        needs = values.of_text(option.row, str(value))
        if needs and field in PARSERS:
            message = f"Dynamo {release_of(backend)} has no parser of that name, got {show(value)}"
            known = option.row["choices"]
            hint = nearest(str(value).replace("-", "_"), known) or f"known are {', '.join(known)}"
            yield Problem("unknown-parser", (*path, field), message, hint, warning=has.unsure)
        elif needs:
            message = f"{has.name} takes {needs} for {option.name}, got {show(value)}"
            hint = values.hint(option.row, str(value))
            yield Problem("wrong-option-value", (*path, field), message, hint, warning=bool(has.lenient))


def _spelt(table: dict[str, Any], alias: str) -> set[str]:
    """Return which of `true` and `false` a switch can say."""
    return {key.removeprefix("when").lower() for key in table["switches"].get(alias, {})}


def _prefix_caching(model: Model) -> Iterator[Problem]:
    for role, worker in workers(model).items():
        if engine_of(model, worker).prefix_caching is False:
            path = path_of(role, worker, "prefixCaching")
            message = "KV routing needs the prefix cache, got false"
            yield Problem("kv-routing", path, message, "leave it out, or choose another routingPolicy")
