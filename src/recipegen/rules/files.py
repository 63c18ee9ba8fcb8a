"""The engine's configuration file: its name, and keys in it that the rest of the recipe decides."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.recipe import ExtraConfig, Model, Recipe, Role, Worker
from recipegen.rules.configs import ENGINE_VARIABLE, files_of
from recipegen.rules.roles import engine_of, workers


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield files the engine would refuse to read, and keys in them that cannot take effect."""
    model = recipe.model
    table = facts.engine(model.backend.type)
    for role, worker in workers(model).items():
        files = files_of(("model", role), worker)
        engines = {place: c for place, c in files.items() if c.env == ENGINE_VARIABLE}
        for place, config in engines.items():
            yield from _ending(place, config, table, model.backend.type)
            yield from _overridden(place, config, table, role)
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
    if option not in arguments or not isinstance(config.content, dict):
        return
    for keys, value in _leaves(json.loads(arguments[arguments.index(option) + 1])):
        found = _at(config.content, keys)
        if found is not None and found != value:
            message = (
                f"has no effect: recipegen sets it to {show(value)} for the role {role!r}, with {option}"
            )
            yield Problem("no-effect", (*place, "content", *keys), message, "leave it out")


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
    sizes = {place: _at(config.content, keys) for place, config in engines.items()}
    size = next((size for size in sizes.values() if size is not None), default)
    # A file that is not in the recipe may say anything.
    unseen = any(not isinstance(config.content, dict) for config in engines.values())
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
