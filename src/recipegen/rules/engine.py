"""Engine settings against what the engine has: fields it lacks, `args` that repeat them, KV routing."""

import re
from collections.abc import Iterator
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, nearest, show
from recipegen.recipe import Engine, Model, Recipe, key_names
from recipegen.rules.roles import engine_of, workers

FRONTEND_OPTIONS = {
    "--router-mode": "model.routingPolicy",
    "--kv-cache-block-size": "model.engine.blockSize",
    "--router-replica-sync": "model.frontend.replicas",
    "--http-port": "the operator",
}
# The operator launches several nodes through a shell line, where these would not stay inside their argument.
# JSON's quotes and braces are not among them, because recipegen's own arguments need them.
SHELL_TEXT = set(" \t\n'`$;&|<>?()~\\!#")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield settings the engine lacks, arguments that repeat a key, and KV routing that cannot work."""
    model = recipe.model
    table = facts.engine(model.backend.type)
    if model.backend.version and model.backend.version not in facts.dynamo():
        message = f"Dynamo {model.backend.version} is not known to this version of recipegen"
        known = facts.dynamo()
        hint = nearest(model.backend.version, known) or f"known are {', '.join(known)}"
        yield Problem("unknown-version", ("model", "backend", "version"), message, hint)
    owned = _owned(table)
    blocks: dict[Path, Engine] = {("model", "engine"): model.engine}
    blocks |= {("model", role, "engine"): worker.engine for role, worker in workers(model).items()}
    for path, engine in blocks.items():
        yield from _unsupported(path, engine, table, model.backend.type)
        yield from _repeated((*path, "args"), engine.args or [], owned)
    yield from _repeated(("model", "frontend", "args"), model.frontend.args, FRONTEND_OPTIONS)
    for role, worker in workers(model).items():
        if worker.nodes > 1:
            for path, engine in blocks.items():
                if path in (("model", "engine"), ("model", role, "engine")):
                    yield from _shell_text((*path, "args"), engine.args or [])
    if model.routing_policy == "kv":
        yield from _kv_routing(model, table)


def _owned(table: dict[str, Any]) -> dict[str, str]:
    """Return every option that a key of the recipe or recipegen itself sets, with that key."""
    owned = {table["model"]: "model.name", table["servedName"]: "model.name"}
    owned[table["revision"]] = "model.revision"
    owned[table["configFile"]] = "extraConfig"
    owned |= {option: f"engine.{field}" for field, option in table["flags"].items()}
    for field, switch in table.get("switches", {}).items():
        owned |= {token: f"engine.{field}" for tokens in switch.values() for token in tokens}
    for field, tokens in table.get("extras", {}).items():
        owned |= {token: f"engine.{field}" for token in tokens if token.startswith("-")}
    for tokens in table["roles"].values():
        owned |= {token: "model.disaggregation" for token in tokens if token.startswith("-")}
    owned |= {token: "model.routingPolicy" for token in table["kvEvents"] if token.startswith("-")}
    for option, spellings in table.get("aliases", {}).items():
        owned |= dict.fromkeys(spellings, owned.get(option, "recipegen"))
    return owned


def _unsupported(path: Path, engine: Engine, table: dict[str, Any], backend: str) -> Iterator[Problem]:
    has = {*table["flags"], *table.get("switches", {}), "args"}
    for alias, name in key_names(Engine).items():
        value = getattr(engine, name)
        if value is None:
            continue
        if alias not in has:
            hint = "use `args`, or an `extraConfig` with the engine's own key"
            yield Problem("unsupported", (*path, alias), f"{backend} has no option for it", hint)
        elif isinstance(value, bool) and str(value).lower() not in _spelt(table, alias):
            message = f"{backend} has no option that says {str(value).lower()}"
            yield Problem("unsupported", (*path, alias), message, "leave it out")


def _spelt(table: dict[str, Any], alias: str) -> set[str]:
    """Return which of `true` and `false` a switch can say."""
    return {key.removeprefix("when").lower() for key in table.get("switches", {}).get(alias, {})}


def _repeated(path: Path, args: list[str], owned: dict[str, str]) -> Iterator[Problem]:
    for index, arg in enumerate(args):
        option = _option(arg)
        if option in owned:
            message = f"repeats an option that {owned[option]} sets, got {show(arg)}"
            hint = "remove it with its value, and set that key instead"
            yield Problem("repeated-option", (*path, index), message, hint)


def _option(arg: str) -> str:
    """Return the option that an argument names: vLLM also takes `--a_b` and `--a.key=value`."""
    name = re.split(r"[=.]", arg, maxsplit=1)[0]
    return name.replace("_", "-") if name.startswith("--") else name


def _shell_text(path: Path, args: list[str]) -> Iterator[Problem]:
    for index, arg in enumerate(args):
        if SHELL_TEXT & set(arg):
            message = f"cannot pass through the operator's launcher for several nodes, got {show(arg)}"
            hint = (
                "put it into an `extraConfig`, or write it without spaces, single quotes and shell characters"
            )
            yield Problem("shell-text", (*path, index), message, hint)


def _kv_routing(model: Model, table: dict[str, Any]) -> Iterator[Problem]:
    sizes: dict[str, int] = {}
    for role, worker in workers(model).items():
        engine = engine_of(model, worker)
        sizes[role] = engine.block_size or table["blockSize"]
        if engine.prefix_caching is False:
            owner = role if worker.engine.prefix_caching is False else ""
            path = ("model", *((owner,) if owner else ()), "engine", "prefixCaching")
            message = "KV routing needs the prefix cache, got false"
            yield Problem("kv-routing", path, message, "leave it out, or choose another routingPolicy")
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{role} {size}" for role, size in sizes.items())
        message = f"KV routing needs one block size for all roles, got {found}"
        yield Problem("kv-routing", ("model", "routingPolicy"), message, "set model.engine.blockSize once")
