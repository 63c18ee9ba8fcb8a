"""What a program is told in all, in its own options: by args, its file, variables, and recipegen itself."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from recipegen import argv, facts
from recipegen.errors import Path
from recipegen.facts import flags
from recipegen.language import setting
from recipegen.recipe import Recipe, Role, Worker
from recipegen.roles import engine_of, path_of, workers
from recipegen.rules.configs import ENGINE_VARIABLE, content_of, files_of
from recipegen.rules.given import Program, frontend, lists, program

OFF = ("", "0", "false", "off", "no")


@dataclass(frozen=True, slots=True)
class Setting:
    """What one option is set to."""

    path: Path
    """Where it is written; for what recipegen adds, the key that makes it."""
    value: Any
    """Text from arguments, data from files; true and false for switches; what JSON says as data."""

    @property
    def number(self) -> float | None:
        """The value as a number, or None where it is none."""
        try:
            return None if isinstance(self.value, bool) else float(self.value)
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Told:
    """A program with what it is told."""

    recipe: Recipe
    program: Program
    role: Role | None
    """None for the frontend."""
    settings: dict[str, Setting]

    def get(self, name: str) -> Setting | None:
        """Return what an option is set to; None where it is not, or where a switch is off."""
        found = self.settings.get(name)
        if found is None and name.endswith("."):
            found = next((each for other, each in self.settings.items() if other.startswith(name)), None)
        return None if found is None or found.value is False else found


def told(recipe: Recipe) -> Iterator[Told]:
    """Yield frontend and workers with what they are told, where anybody told them more than typed keys do."""
    model = recipe.model
    listed = list(lists(recipe))
    mine = [each for each in listed if each.path[1] == "frontend"]
    if mine or any(name.startswith("DYN_") for name in model.frontend.env):
        at = mine[0].program if mine else frontend(recipe)
        found = dict(_variables(("model", "frontend", "env"), model.frontend.env, at.table))
        for each in mine:
            found |= _arguments(each.path, each.read)
        yield Told(recipe, at, None, found)
    for role, worker in workers(model).items():
        mine = [each for each in listed if role in each.roles]
        files = files_of(("model", role), worker)
        if not (mine or files or any(name.startswith("DYN_") for name in worker.env)):
            continue
        engine = mine[0].program if mine else program(model.backend.type, model.backend)
        found = dict(_variables(("model", role, "env"), worker.env, engine.table))
        found |= dict(own_settings(recipe, role, worker, engine.table))
        for place, config in files.items():
            content = content_of(config) if config.env == ENGINE_VARIABLE else None
            found |= dict(_file((*place, "content"), content or {}, engine.table))
        for each in mine:
            found |= _arguments(each.path, each.read)
        yield Told(recipe, engine, role, found)


def own_settings(
    recipe: Recipe, role: Role, worker: Worker, table: flags.Table
) -> Iterator[tuple[str, Setting]]:
    """Yield what recipegen itself sets for a role."""
    model, own = recipe.model, facts.engine(recipe.model.backend.type)
    engine = engine_of(model, worker)
    for field, option in own["flags"].items():
        value = setting(engine, field)
        if value is not None:
            yield table.spellings.get(option, option), Setting(path_of(role, worker, field), str(value))
    tokens: list[tuple[Path, list[str]]] = [(("model", "disaggregation"), own["roles"][role])]
    for field, extra in own["extras"].items():
        if setting(engine, field) is not None:
            tokens.append((path_of(role, worker, field), extra))
    for field, switch in own["switches"].items():
        value = setting(engine, field)
        if value is not None:
            tokens.append((path_of(role, worker, field), switch.get(f"when{str(value).capitalize()}", [])))
    if model.routing_policy == "kv" and role in own["kvEventRoles"]:
        tokens.append((("model", "routingPolicy"), own["kvEvents"]))
    for path, each in tokens:
        for name, found in _arguments((), argv.read(table, each)).items():
            yield name, Setting(path, found.value)


def _arguments(path: Path, read: argv.Arguments) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for given in read.given:
        option, row = given.option, given.option.row
        if row is None:
            continue
        place = (*path, given.index)
        if option.name == flags.DYNAMIC:
            found[option.written] = Setting(place, given.text)
        elif option.keys:
            before = found.get(option.name)
            data = before.value if before and isinstance(before.value, dict) else {}
            found[option.name] = Setting(place, _merged(data, option.keys.split("."), _data(given.text)))
        elif argv.most(option) == 0:
            found[option.name] = Setting(place, option.spelling not in flags.offs(row))
        else:
            texts = [text for _, text in given.values]
            value: Any = texts if argv.most(option) != 1 else given.text
            found[option.name] = Setting(place, _data(given.text) if row["type"] == "json" else value)
    return found


def _file(path: Path, content: dict[str, Any], table: flags.Table) -> Iterator[tuple[str, Setting]]:
    """Yield what an engine that makes options of its file's keys finds there."""
    for key, value in {} if table.keys else content.items():
        option = argv.find(table, f"--{key}")
        if option.row is not None:
            yield option.name, Setting((*path, key), value)


def _variables(path: Path, env: dict[str, str], table: flags.Table) -> Iterator[tuple[str, Setting]]:
    for name, text in env.items():
        if name in table.variables:
            option = table.variables[name]
            switch = argv.most(argv.find(table, option)) == 0
            yield option, Setting((*path, name), text.strip().lower() not in OFF if switch else text)


def _data(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text


def _merged(data: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    key, *rest = keys
    inner = data.get(key)
    return {**data, key: _merged(inner if isinstance(inner, dict) else {}, rest, value) if rest else value}
