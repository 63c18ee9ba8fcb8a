"""The engine's configuration file: its name, and keys in it that the rest of the recipe decides."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from recipegen import facts, yamlio
from recipegen.errors import Path, Problem, RecipeError, show
from recipegen.language import key_names, setting
from recipegen.recipe import Engine, ExtraConfig, Model, Recipe, Role, Worker
from recipegen.rules.arguments import owned_options
from recipegen.rules.configs import ENGINE_VARIABLE, files_of
from recipegen.rules.roles import engine_of, workers

PARALLEL = (
    "engine.tensorParallel",
    "engine.pipelineParallel",
    "engine.dataParallel",
    "engine.expertParallel",
)


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield files the engine would refuse to read, and keys in them without effect or said elsewhere."""
    model = recipe.model
    table = facts.engine(model.backend.type)
    for role, worker in workers(model).items():
        files = files_of(("model", role), worker)
        engines = {place: c for place, c in files.items() if c.env == ENGINE_VARIABLE}
        for place, config in engines.items():
            yield from _ending(place, config, table, model.backend.type)
            yield from _overridden(place, config, table, role)
            yield from _repeated(place, config, table, recipe, role)
        yield from _block_size(model, role, worker, engines, table)


def _ending(place: Path, config: ExtraConfig, table: dict[str, Any], backend: str) -> Iterator[Problem]:
    endings = table.get("configFileEndings", [""])
    if not config.path.endswith(tuple(endings)):
        message = f"{backend} reads only files that end in {' or '.join(endings)}, got {show(config.path)}"
        yield Problem("config-ending", (*place, "path"), message)


def _overridden(place: Path, config: ExtraConfig, table: dict[str, Any], role: Role) -> Iterator[Problem]:
    """The role's arguments are merged over the file, so a key that both have is not what the file says."""
    arguments = table["roles"][role]
    option = table.get("configOverride")
    content = _content(config)
    if option not in arguments or content is None:
        return
    for keys, value in _leaves(json.loads(arguments[arguments.index(option) + 1])):
        found = _at(content, keys)
        if found is not None and found != value:
            message = (
                f"has no effect: recipegen sets it to {show(value)} for the role {role!r}, with {option}"
            )
            yield Problem("no-effect", (*place, "content", *keys), message, "leave it out")


def _repeated(
    place: Path, config: ExtraConfig, table: dict[str, Any], recipe: Recipe, role: Role
) -> Iterator[Problem]:
    """Yield keys that say what the rest of the recipe says: one of two values would win without a word."""
    model = recipe.model
    engine = engine_of(model, workers(model)[role])
    values = {f"engine.{key}": setting(engine, key) for key in key_names(Engine)}
    values["model.revision"] = model.revision
    if model.routing_policy == "kv":
        values["engine.blockSize"] = engine.block_size or table["blockSize"]
    owned = owned_options(recipe, [role], table)
    content = _content(config) or {}
    for keys, option in _options(content, table, owned):
        owner = owned[option]
        hint = "leave it out"
        if owner in PARALLEL:
            message = f"{owner} sets this, because GPUs follow from the parallel sizes"
            hint = f"leave it out, and set {owner} instead"
        elif owner not in values:
            message = f"{owner} sets this"
        elif values[owner] is not None:
            message = f"{owner} is {show(values[owner])}, and only one of the two takes effect"
        else:
            continue
        message = f"{message}, got {show(_at(content, keys))}"
        yield Problem("repeated-option", (*place, "content", *keys), message, hint)


def _options(
    content: dict[str, Any], table: dict[str, Any], owned: dict[str, str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where the file says what an option of `owned` says, and that option."""
    if "configKeys" in table:
        for key, option in table["configKeys"].items():
            keys = tuple(key.split("."))
            if _at(content, keys) is not None:
                yield keys, option
        return
    # The engine makes an option of each key. One letter is too little to tell that it means one.
    names = {option.lstrip("-"): option for option in owned if len(option) > 2}
    for key in content:
        option = names.get(key.replace("_", "-"))
        if option:
            yield (key,), option


def _content(config: ExtraConfig) -> dict[str, Any] | None:
    """Return what the file holds, or None where that cannot be seen from here."""
    if not isinstance(config.content, str):
        return config.content
    try:
        return yamlio.read(config.content, config.path).data
    except RecipeError:
        # It may be YAML all the same, as no recipe may be.
        return None


def _leaves(data: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, (*keys, key))
    else:
        yield keys, data


def _block_size(
    model: Model, role: Role, worker: Worker, engines: dict[Path, ExtraConfig], table: dict[str, Any]
) -> Iterator[Problem]:
    """Where the engine takes its block size from the file alone, the option only tells Dynamo of it."""
    keys = table.get("configBlockSize")
    if not keys:
        return
    # Engine and Dynamo have the same default, and KV routing takes it too.
    default = table["blockSize"]
    told = engine_of(model, worker).block_size or default
    contents = {place: _content(config) for place, config in engines.items()}
    sizes = {place: _at(content, keys) for place, content in contents.items()}
    size = next((size for size in sizes.values() if size is not None), default)
    # A file that is not in the recipe may say anything.
    unseen = None in contents.values()
    if size != told and not unseen:
        where = next((place for place, found in sizes.items() if found is not None), None)
        path = (*where, "content", *keys) if where else ("model", "engine", "blockSize")
        message = f"the engine of role {role!r} uses blocks of {show(size)} tokens, Dynamo is told {told}"
        hint = f"give {'.'.join(keys)} of the configuration file and engine.blockSize the same number"
        yield Problem("block-size", path, message, hint)


def _at(data: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
