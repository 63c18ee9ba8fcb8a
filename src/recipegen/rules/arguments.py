"""Options that recipegen or the operator sets, which no `args` and no variable may say again."""

import re
from collections.abc import Iterator
from typing import Any, cast

from recipegen import argv, facts
from recipegen.errors import Problem, show
from recipegen.facts import flags
from recipegen.recipe import Recipe, Role
from recipegen.roles import workers
from recipegen.rules.express import express_key
from recipegen.rules.given import Listed, lists
from recipegen.rules.images import release_of

OPERATOR = "the operator"
RECIPEGEN = "recipegen"
FRONTEND_OPTIONS = {
    "--router-mode": "model.routingPolicy",
    "--kv-cache-block-size": "model.engine.blockSize",
    "--router-replica-sync": "model.frontend.replicas",
    "--no-router-replica-sync": "model.frontend.replicas",
    "--http-port": OPERATOR,
}
# The operator launches several nodes through a shell line, where these would not stay inside their argument.
# JSON's quotes and braces are not among them, because recipegen's own arguments need them.
SHELL_TEXT = set(" \t\n'`$;&|<>?()~\\!#")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield arguments that are two, repeat a key, contradict the role, or would not survive several nodes."""
    model = recipe.model
    table = facts.engine(model.backend.type)
    for listed in lists(recipe):
        yield from _joined(listed)
        yield from _repeated(listed, owned(listed, recipe))
        if any(workers(model)[role].nodes > 1 for role in listed.roles):
            yield from _shell_text(listed)
        if any(table.get("configOverride") in table["roles"][role] for role in listed.roles):
            yield from _dynamic(listed, table)


def owned(listed: Listed, recipe: Recipe) -> dict[str, str]:
    """Return the options that something else sets, by the table's names, with the key or tool that does."""
    if not listed.roles and listed.path[1] == "frontend":
        return FRONTEND_OPTIONS
    return owned_options(recipe, listed.roles, listed.program.table)


def owned_options(recipe: Recipe, roles: list[Role], options: flags.Table) -> dict[str, str]:
    """Return every option that something else sets for these roles, with the key or tool that does."""
    model = recipe.model
    table = facts.engine(model.backend.type)
    owned = dict.fromkeys(table.get("operatorOwned", []), OPERATOR)
    owned |= {table["model"]: "model.name", table["servedName"]: "model.servedName"}
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
    return {options.spellings.get(option, option): owner for option, owner in owned.items()}


def _options(tokens: list[str], owner: str) -> dict[str, str]:
    return {token: owner for token in tokens if token.startswith("-")}


def owner_of(option: argv.Option, owned: dict[str, str]) -> str:
    """Return the key or tool that sets the option, or nothing."""
    return owned.get(option.name, "")


def _joined(listed: Listed) -> Iterator[Problem]:
    """Yield an option and its value in one token, which no parser takes apart."""
    for index, token in listed.read.joined:
        joined = cast(re.Match[str], argv.JOINED.fullmatch(token))
        message = f"is an option and its value in one, which no parser takes apart, got {show(token)}"
        value = [joined["option"], joined["value"]] if joined["value"] else [joined["option"]]
        yield Problem("joined-option", (*listed.path, index), message, f"write {show(value)}")


def _repeated(listed: Listed, owned: dict[str, str]) -> Iterator[Problem]:
    """Yield options that recipegen or the operator sets."""
    for given in listed.read.given:
        option = given.option
        owner = owner_of(option, owned)
        if not owner:
            continue
        what = "repeats an option that"
        if option.cut:
            what = f"is the beginning of {option.spelling}, which"
        message = f"{what} {owner} sets, got {show(given.token)}"
        hint = "remove it with its value"
        if owner not in (OPERATOR, RECIPEGEN):
            hint += ", and set that key instead"
        yield Problem("repeated-option", (*listed.path, given.index), message, hint)


def _shell_text(listed: Listed) -> Iterator[Problem]:
    """Yield what a shell would take apart."""
    for index, arg in enumerate(listed.args):
        if SHELL_TEXT & set(arg) and not argv.JOINED.fullmatch(arg):
            message = f"cannot pass through the operator's launcher for several nodes, got {show(arg)}"
            hint = (
                "put it into an `extraConfig`, or write it without spaces, single quotes and shell characters"
            )
            yield Problem("shell-text", (*listed.path, index), message, hint)


def _dynamic(listed: Listed, table: dict[str, Any]) -> Iterator[Problem]:
    """Yield options for keys of the engine's file, where the role's own arguments give such keys already."""
    for index, arg in enumerate(listed.args):
        if arg.startswith(table["dynamicOptions"]):
            override = table["configOverride"]
            message = f"Dynamo refuses it beside {override}, which model.disaggregation sets, got {show(arg)}"
            hint = "put the key into an `extraConfig`"
            yield Problem("exclusive-option", (*listed.path, index), message, hint)
