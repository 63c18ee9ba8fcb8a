"""Options that recipegen or the operator sets, which no `args` and no variable may say again."""

import re
from collections.abc import Iterator
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.recipe import Model, Recipe, Role
from recipegen.rules.express import express_key
from recipegen.rules.images import release_of
from recipegen.rules.roles import workers

OPERATOR = "the operator"
RECIPEGEN = "recipegen"
FRONTEND_OPTIONS = {
    "--router-mode": "model.routingPolicy",
    "--kv-cache-block-size": "model.engine.blockSize",
    "--router-replica-sync": "model.frontend.replicas",
    "--no-router-replica-sync": "model.frontend.replicas",
    "--http-port": OPERATOR,
}
# Dynamo reads these where the option is not given (dynamo/frontend/frontend_args.py and its groups).
FRONTEND_VARIABLES = {
    "DYN_ROUTER_MODE": "--router-mode",
    "DYN_KV_CACHE_BLOCK_SIZE": "--kv-cache-block-size",
    "DYN_ROUTER_REPLICA_SYNC": "--router-replica-sync",
}
# Dynamo's old spelling of --router-kv-events, and not the beginning of an engine's --kv-events-config.
OLD_SPELLINGS = ("--kv-events",)
# The operator launches several nodes through a shell line, where these would not stay inside their argument.
# JSON's quotes and braces are not among them, because recipegen's own arguments need them.
SHELL_TEXT = set(" \t\n'`$;&|<>?()~\\!#")
# An option with its value behind it, which argparse takes for a value as it stands.
JOINED = re.compile(r"(?P<option>--?[A-Za-z][A-Za-z0-9._-]*)\s+(?P<value>.*?)\s*", re.DOTALL)


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield arguments that are two, repeat a key, contradict the role, or would not survive several nodes."""
    model = recipe.model
    table = facts.engine(model.backend.type)
    own = {role: worker.engine.args for role, worker in workers(model).items()}
    heirs = [role for role, args in own.items() if args is None]
    yield from _arguments(("model", "engine", "args"), model.engine.args or [], heirs, recipe, table)
    for role, args in own.items():
        yield from _arguments(("model", role, "engine", "args"), args or [], [role], recipe, table)
    yield from _repeated(("model", "frontend", "args"), model.frontend.args, FRONTEND_OPTIONS)
    yield from _outdone(model)


def _arguments(
    path: Path, args: list[str], roles: list[Role], recipe: Recipe, table: dict[str, Any]
) -> Iterator[Problem]:
    """Yield what is wrong with the arguments of these roles."""
    yield from _repeated(path, args, owned_options(recipe, roles, table))
    if any(workers(recipe.model)[role].nodes > 1 for role in roles):
        yield from _shell_text(path, args)
    if any(table.get("configOverride") in table["roles"][role] for role in roles):
        yield from _dynamic(path, args, table)


def owned_options(recipe: Recipe, roles: list[Role], table: dict[str, Any]) -> dict[str, str]:
    """Return every option that something else sets for these roles, with the key or tool that does."""
    model = recipe.model
    owned = dict.fromkeys(table.get("operatorOwned", []), OPERATOR)
    owned |= {table["model"]: "model.name", table["servedName"]: "model.name"}
    owned |= {table["revision"]: "model.revision", table["configFile"]: "extraConfig"}
    owned |= {option: f"engine.{field}" for field, option in table["flags"].items()}
    for field, switch in table["switches"].items():
        owned |= {token: f"engine.{field}" for tokens in switch.values() for token in tokens}
    for field, tokens in table["extras"].items():
        owned |= _options(tokens, f"engine.{field}")
    owned[table["disaggregation"]] = "model.disaggregation"
    for role in roles:
        owned |= _options(table["roles"][role], "model.disaggregation")
        if model.routing_policy == "kv" and role in table["kvEventRoles"]:
            owned |= _options(table["kvEvents"], "model.routingPolicy")
    owned |= _options(facts.arguments(table, "metrics", release_of(model.backend)), RECIPEGEN)
    express = express_key(recipe)
    if express:
        owned |= _options(table.get("modelExpress", []), ".".join(express))
    for option, spellings in table["aliases"].items():
        if option in owned:
            owned |= dict.fromkeys(spellings, owned[option])
    return owned


def _options(tokens: list[str], owner: str) -> dict[str, str]:
    return {token: owner for token in tokens if token.startswith("-")}


def _repeated(path: Path, args: list[str], owned: dict[str, str]) -> Iterator[Problem]:
    for index, arg in enumerate(args):
        joined = JOINED.fullmatch(arg)
        if joined:
            message = f"is an option and its value in one, which no parser takes apart, got {show(arg)}"
            value = [joined["option"], joined["value"]] if joined["value"] else [joined["option"]]
            yield Problem("joined-option", (*path, index), message, f"write {show(value)}")
            continue
        option = _option(arg)
        # Python's argparse, which reads all of them, takes the beginning of an option for the option.
        whole = option if option in owned else _whole(option, owned)
        if whole:
            what = "repeats an option that" if whole == option else f"is the beginning of {whole}, which"
            message = f"{what} {owned[whole]} sets, got {show(arg)}"
            hint = "remove it with its value"
            if owned[whole] not in (OPERATOR, RECIPEGEN):
                hint += ", and set that key instead"
            yield Problem("repeated-option", (*path, index), message, hint)


def _option(arg: str) -> str:
    """Return the option that an argument names: vLLM also takes `--a_b` and `--a.key=value`."""
    name = re.split(r"[=.]", arg, maxsplit=1)[0]
    return name.replace("_", "-") if name.startswith("--") else name


def _whole(option: str, owned: dict[str, str]) -> str:
    """Return the owned option that the given one is the beginning of, or nothing."""
    if option in OLD_SPELLINGS or not option.strip("-"):
        return ""
    return next((whole for whole in owned if whole.startswith(option)), "")


def _shell_text(path: Path, args: list[str]) -> Iterator[Problem]:
    for index, arg in enumerate(args):
        if SHELL_TEXT & set(arg) and not JOINED.fullmatch(arg):
            message = f"cannot pass through the operator's launcher for several nodes, got {show(arg)}"
            hint = (
                "put it into an `extraConfig`, or write it without spaces, single quotes and shell characters"
            )
            yield Problem("shell-text", (*path, index), message, hint)


def _dynamic(path: Path, args: list[str], table: dict[str, Any]) -> Iterator[Problem]:
    """Yield options for keys of the engine's file, where the role's own arguments give such keys already."""
    for index, arg in enumerate(args):
        if arg.startswith(table["dynamicOptions"]):
            override = table["configOverride"]
            message = f"Dynamo refuses it beside {override}, which model.disaggregation sets, got {show(arg)}"
            hint = "put the key into an `extraConfig`"
            yield Problem("exclusive-option", (*path, index), message, hint)


def _outdone(model: Model) -> Iterator[Problem]:
    """Yield variables of the frontend that an option from recipegen wins over."""
    kv = model.routing_policy == "kv"
    given = {
        "--router-mode": model.routing_policy != "none",
        "--kv-cache-block-size": kv,
        "--router-replica-sync": kv and model.frontend.replicas > 1,
    }
    for name in model.frontend.env:
        option = FRONTEND_VARIABLES.get(name, "")
        if given.get(option):
            message = f"has no effect: {FRONTEND_OPTIONS[option]} sets {option}, which wins over it"
            path = ("model", "frontend", "env", name)
            yield Problem("owned-variable", path, message, "leave it out, and set that key instead")
