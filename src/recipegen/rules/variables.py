"""Dynamo's environment variables: those that an option wins over, that go away, or that are mistyped."""

from collections.abc import Iterator

from recipegen import argv, facts
from recipegen.errors import Path, Problem, show
from recipegen.facts import flags
from recipegen.language import setting
from recipegen.recipe import Model, Recipe, Role, Worker
from recipegen.roles import engine_of, workers
from recipegen.rules import values
from recipegen.rules.arguments import FRONTEND_OPTIONS, owned_options
from recipegen.rules.configs import ENGINE_VARIABLE, OPERATORS, files_of
from recipegen.rules.given import Listed, Program, frontend, lists, program
from recipegen.rules.options import deprecation
from recipegen.rules.settings import own_settings

PREFIX = "DYN_"
# Options that a variable cannot change: who decides each, and whether the option is given.
Wins = dict[str, tuple[str, bool]]
# How alike a name must be to one that Dynamo reads, to be taken for it.
ALIKE = 0.85


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield variables without effect, with a value that Dynamo refuses, or that no release knows."""
    model = recipe.model
    listed = list(lists(recipe)) if any(_dynamos(env) for env in _environments(model)) else []
    if _dynamos(model.frontend.env):
        wins = _given(listed, None) | _of_the_frontend(model)
        yield from _environment(("model", "frontend", "env"), model.frontend.env, frontend(recipe), wins)
    for role, worker in workers(model).items():
        if _dynamos(worker.env):
            engine = program(model.backend.type, model.backend)
            wins = _given(listed, role) | _of_a_worker(recipe, role, worker, engine.table)
            yield from _environment(("model", role, "env"), worker.env, engine, wins)


def _environments(model: Model) -> list[dict[str, str]]:
    return [model.frontend.env, *(worker.env for worker in workers(model).values())]


def _dynamos(env: dict[str, str]) -> bool:
    return any(name.startswith(PREFIX) for name in env)


def _environment(path: Path, env: dict[str, str], of: Program, wins: Wins) -> Iterator[Problem]:
    """Yield what is wrong with the variables of one container."""
    for name, text in env.items():
        place = (*path, name)
        option = of.table.variables.get(name)
        if option in wins:
            owner, given = wins[option]
            message = f"{owner} decides {option}, which this would set"
            if given:
                message = f"has no effect: {owner} sets {option}, which wins over it"
            hint = "leave it out" if owner == "args" else "leave it out, and set that key instead"
            yield Problem("owned-variable", place, message, hint)
        elif option is not None:
            yield from _value(place, name, text, of)
        elif name.startswith(PREFIX) and name not in OPERATORS:
            yield from _mistyped(place, name, of)


def _value(place: Path, name: str, text: str, of: Program) -> Iterator[Problem]:
    """Yield a value that the option behind the variable would not take, or one that is about to go."""
    option = of.table.variables[name]
    row = of.table.flags[option]
    if argv.most(argv.find(of.table, option)) == 1:
        needs = values.of_text(row, text) if text else ""
        if needs:
            message = f"{of.name} takes {needs} for {option}, which this sets, got {show(text)}"
            yield Problem("wrong-option-value", place, message, values.hint(row, text), warning=of.unsure)
    if "deprecated" in row:
        gone, message, hint = deprecation(row["deprecated"], of.table.minor)
        yield Problem(
            "deprecated-option", place, f"{option}, which this sets, {message}", hint, warning=not gone
        )


def _mistyped(place: Path, name: str, of: Program) -> Iterator[Problem]:
    """Yield a variable that no release knows, where it looks like one that some do."""
    # Only recipes with such variables need it.
    from difflib import get_close_matches

    known = flags.variables()
    names = {*known["names"], *OPERATORS, *of.table.variables}
    if name in names or name.startswith(tuple(known["prefixes"])):
        return
    close = get_close_matches(name, names, n=1, cutoff=ALIKE)
    if close:
        message = "is read by no release of Dynamo that recipegen knows"
        yield Problem("unknown-variable", place, message, f"did you mean {show(close[0])}?", warning=True)


def _given(listed: list[Listed], role: Role | None) -> Wins:
    """Return the options that arguments give to a role, or to the frontend."""
    mine = [each for each in listed if (role in each.roles if role else each.path[1] == "frontend")]
    return {given.option.name: ("args", True) for each in mine for given in each.read.given}


def _of_the_frontend(model: Model) -> Wins:
    kv = model.routing_policy == "kv"
    given = {
        "--router-mode": model.routing_policy != "none",
        "--kv-cache-block-size": kv,
        "--router-replica-sync": kv and model.frontend.replicas > 1,
    }
    return {option: (FRONTEND_OPTIONS[option], True) for option, is_given in given.items() if is_given}


def _of_a_worker(recipe: Recipe, role: Role, worker: Worker, table: flags.Table) -> Wins:
    """Return the options of a role that recipegen gives, or that only a key may decide, with that key."""
    own, engine = facts.engine(recipe.model.backend.type), engine_of(recipe.model, worker)
    unset = {f"engine.{field}" for field in own["flags"] if setting(engine, field) is None}
    unset |= {
        f"engine.{field}" for field in (*own["switches"], *own["extras"]) if setting(engine, field) is None
    }
    if recipe.model.revision is None:
        unset.add("model.revision")
    # Without a file from the recipe, a variable may name one that is in the image.
    if not any(config.env == ENGINE_VARIABLE for config in files_of((), worker).values()):
        unset.add("extraConfig")
    found = owned_options(recipe, [role], table)
    given = {
        *dict(own_settings(recipe, role, worker, table)),
        own["model"],
        own["servedName"],
        own["revision"],
    }
    return {option: (owner, option in given) for option, owner in found.items() if owner not in unset}
