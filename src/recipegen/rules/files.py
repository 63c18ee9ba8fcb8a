"""The engine's configuration file: its name, and keys in it that the rest of the recipe decides."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from recipegen import argv, facts
from recipegen.errors import Path, Problem, dotted, nearest, show
from recipegen.facts import flags
from recipegen.language import key_names, setting
from recipegen.recipe import Engine, ExtraConfig, Model, Recipe, Role, Worker
from recipegen.roles import engine_of, workers
from recipegen.rules import values
from recipegen.rules.arguments import owned_options, owner_of
from recipegen.rules.configs import ENGINE_VARIABLE, content_of, files_of
from recipegen.rules.given import Program, given_to, program
from recipegen.rules.options import missing, near

# Engines that make options of their file's keys; the keys of the other's file are its own.
OF_OPTIONS = ("vllm", "sglang")
# Keys of TensorRT-LLM's file that Dynamo 1.5.1 to 1.7 drops, for it does that work itself
# (dynamo/trtllm/workers/llm_worker.py).
TAKEN_OUT = ("num_postprocess_workers",)
Rows = Iterator[tuple[tuple[str, ...], Any, flags.Row | None]]
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
            engine = program(model.backend.type, model.backend)
            content = content_of(config) or {}
            owners = dict(_owners(content, table, owned_options(recipe, [role], engine.table), engine.table))
            repeated = list(_repeated(place, content, model, role, owners))
            yield from repeated
            yield from _keys(place, config, engine, [problem.path for problem in repeated])
            if engine.table.program in OF_OPTIONS:
                yield from _also_an_argument(place, content, engine, given_to(recipe, role))
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
    content = content_of(config)
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
    place: Path, content: dict[str, Any], model: Model, role: Role, owners: dict[tuple[str, ...], str]
) -> Iterator[Problem]:
    """Yield keys that say what the rest of the recipe says: one of two values would win without a word."""
    engine = engine_of(model, workers(model)[role])
    said = {f"engine.{key}": setting(engine, key) for key in key_names(Engine)}
    said["model.revision"] = model.revision
    if model.routing_policy == "kv":
        said["engine.blockSize"] = engine.block_size or facts.engine(model.backend.type)["blockSize"]
    for keys, owner in owners.items():
        hint = "leave it out"
        if owner in PARALLEL:
            message = f"{owner} sets this, because GPUs follow from the parallel sizes"
            hint = f"leave it out, and set {owner} instead"
        elif owner not in said:
            message = f"{owner} sets this"
        elif said[owner] is not None:
            message = f"{owner} is {show(said[owner])}, and only one of the two takes effect"
        else:
            continue
        message = f"{message}, got {show(_at(content, keys))}"
        yield Problem("repeated-option", (*place, "content", *keys), message, hint)


def _owners(
    content: dict[str, Any], table: dict[str, Any], owned: dict[str, str], options: flags.Table
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where the file says what an owned option says, and what owns it."""
    if "configKeys" in table:
        for key, option in table["configKeys"].items():
            keys = tuple(key.split("."))
            if _at(content, keys) is not None:
                yield keys, owned[options.spellings.get(option, option)]
        return
    for key in content:
        # The engine makes an option of each key. One letter is too little to tell that it means one.
        owner = owner_of(argv.find(options, f"--{key.replace('_', '-')}"), owned) if len(key) > 1 else ""
        if owner:
            yield (key,), owner


def _keys(place: Path, config: ExtraConfig, engine: Program, known: list[Path]) -> Iterator[Problem]:
    """Yield keys that the engine does not have, and values of another type than it takes."""
    content = content_of(config)
    if content is None or not engine.known:
        return
    of_options = engine.table.program in OF_OPTIONS
    rows = _options_in(content, engine.table) if of_options else _keys_in(content, engine.table)
    for keys, value, row in rows:
        path = (*place, "content", *keys)
        whole = argv.find(engine.table, f"--{keys[0]}") if of_options else None
        if whole is not None and whole.cut:
            message = f"is the beginning of {whole.spelling}, and of others once there are more"
            hint = f"write {whole.spelling.removeprefix('--')}"
            yield Problem("abbreviated-option", path, message, hint, warning=True)
        if any(path[: len(other)] == other[: len(path)] for other in known):
            continue
        if engine.table.program == "trtllm" and ".".join(keys) in TAKEN_OUT:
            message = "has no effect: Dynamo takes it out of the file before the engine reads it"
            yield Problem("no-effect", path, message, "leave it out", warning=True)
            continue
        if row is None:
            yield (_no_option if of_options else _no_key)(path, ".".join(keys), engine)
            continue
        needs = values.of_data(row, value)
        if needs:
            message = f"{engine.name} takes {needs}, got {show(value)}"
            hint = values.hint(row, value)
            yield Problem("wrong-key-value", path, message, hint, warning=engine.unsure)


def _also_an_argument(
    place: Path, content: dict[str, Any], engine: Program, given: dict[str, tuple[Path, argv.Given]]
) -> Iterator[Problem]:
    """Yield keys whose option stands in the arguments too: one wins, and keys of JSON do not add up."""
    for key, value in content.items():
        option = argv.find(engine.table, f"--{key}")
        if option.row is None or option.name not in given:
            continue
        where, argument = given[option.name]
        # vLLM puts single keys together, wherever they come from, and the result behind all else.
        if not (option.keys and argument.option.keys):
            message = f"{dotted(where)} gives {option.name} too, and only one of them takes effect"
            path = (*place, "content", key)
            yield Problem("said-twice", path, f"{message}, got {show(value)}", "keep one of the two")


def _options_in(content: dict[str, Any], table: flags.Table) -> Rows:
    """Yield the keys of a file that the engine makes options of, with value and row."""
    for key, value in content.items():
        option = argv.find(table, f"--{key}")
        row = {"type": "any"} if option.row is not None and option.keys else option.row
        # The file is read by the engine's own parser, when Dynamo's has taken its options.
        yield (key,), value, None if row is not None and row.get("from") == "dynamo" else row


def _keys_in(content: dict[str, Any], table: flags.Table, above: str = "") -> Rows:
    """Yield the keys of TensorRT-LLM's file, with value and row; a block without rows in it is one value."""
    for key, value in content.items() if table.keys else ():
        name = f"{above}{key}"
        if isinstance(value, dict) and any(other.startswith(f"{name}.") for other in table.keys):
            for keys, inner, row in _keys_in(value, table, f"{name}."):
                yield (key, *keys), inner, row
        else:
            yield (key,), value, table.keys.get(name)


def _no_key(path: Path, name: str, engine: Program) -> Problem:
    """Return the problem of a key that is none of the file's own."""
    message = f"{engine.name} has no key {show(name)}"
    reason = engine.lenient or engine.table.partial_keys
    if reason:
        message += f", as far as is known: {reason}"
    return Problem("unknown-config-key", path, message, near(name, engine.table), warning=bool(reason))


def _no_option(path: Path, name: str, engine: Program) -> Problem:
    """Return the problem of a key that becomes no option of the engine."""
    table = engine.table
    option = argv.find(table, f"--{name}")
    if option.row is not None:
        message = f"{option.name} is Dynamo's own option, which {engine.name} does not read from its file"
        return Problem("unknown-config-key", path, message, "put it into `args`")
    message = missing(engine, f"--{name}", path).message
    if name.startswith("-"):
        message = f"keys of the file have no dashes before them, got {show(name)}"
    own = [whole for whole, its in table.spellings.items() if table.flags[its].get("from") != "dynamo"]
    meant = table.spellings.get(f"-{name}", "").removeprefix("--")
    hint = f"did you mean {show(meant)}?" if meant else nearest(name, [each.lstrip("-") for each in own])
    return Problem("unknown-config-key", path, message, hint, warning=bool(engine.lenient))


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
    contents = {place: content_of(config) for place, config in engines.items()}
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
