"""Engine settings: options that the language has keys for, and what the roles share of them."""

from math import prod
from typing import Any

from recipegen.errors import Path, show
from recipegen.importers import commands
from recipegen.importers.nodes import Node
from recipegen.importers.recipe.arguments import as_args, take_paths, take_role
from recipegen.importers.recipe.builder import Builder, Data
from recipegen.importers.recipe.workers import ordered
from recipegen.importers.view.graph import Key, flags_of
from recipegen.language import key_names
from recipegen.recipe import Engine

FIELDS = {alias: Engine.model_fields[name] for alias, name in key_names(Engine).items() if alias != "args"}


def engine_of(make: Builder, role: str) -> Data:
    """Return the engine settings of one role; what has no key stays in `args`."""
    view, table = make.view, make.table
    options = dict(make.options(role))
    _take_names(make, role, options)
    if view.mocker:
        return _mocked(make, role, options)
    engine = _typed(make, role, options)
    take_role(make, role, options)
    for option in [*options]:
        key: Key = (role, "main", "option", option)
        if option in (*table.get("operatorOwned", []), "--namespace", "--discovery-backend"):
            make.claim("operator-owned", options.pop(option), f"the operator sets {option}", key)
    take_paths(make, role, options)
    args: list[str] = []
    for option, node in options.items():
        words = as_args(make, role, option, node)
        for place in range(len(args), len(args) + len(words)):
            make.origins["model", role, "engine", "args", place] = node
        args += words
    if args:
        engine["args"] = args
    _sizes(make, role, engine)
    return engine


def _take_names(make: Builder, role: str, options: dict[str, Node]) -> None:
    table = make.table
    names = (
        table["model"],
        table["servedName"],
        table["revision"],
        "--model-path",
        "--model-name",
        "--engine-type",
    )
    for option in names if make.view.mocker else names[:3]:
        options.pop(option, None)
    switches = table.get("metrics", [])
    for option in [token for token in switches if token.startswith("-")]:
        options.pop(option, None)
    for option in [*options]:
        if option.startswith("--no-") and f"--{option[5:]}" in switches:
            make.claim(
                "metrics",
                options.pop(option),
                "a recipe's engines tell their metrics",
                (role, "main", "option", option),
            )


def _typed(make: Builder, role: str, options: dict[str, Node]) -> Data:
    """Take the options that engine fields say, and return those."""
    table = make.table
    engine: Data = {}
    for alias in FIELDS:
        option, extras = table["flags"].get(alias), table["extras"].get(alias, [])
        if option in options:
            node = options.pop(option)
            value = _value(make, role, alias, option, node)
            if value is None:
                continue
            missing = [token for token in extras if token not in options]
            if missing and value == 1:
                make.claim(
                    "default", node, f"{option} 1 is how it is without", (role, "main", "option", option)
                )
                continue
            if missing:
                message = f"{option} without {' '.join(missing)}: a recipe's {alias} means both"
                make.claim("plain-data-parallel", node, message, (role, "main", "option"))
                continue
            engine[alias] = value
            make.origins["model", role, "engine", alias] = node
        elif option is None and extras and all(token in options for token in extras):
            size = prod(engine.get(factor, 1) for factor in table["mustEqual"].get(alias, []))
            engine[alias] = size
            make.origins["model", role, "engine", alias] = options[extras[0]]
        for token in extras:
            node_of_extra = options.pop(token, None)
            if node_of_extra is not None and alias not in engine:
                message = f"says nothing without {option}, got {token}"
                make.claim("no-effect", node_of_extra, message, (role, "main", "option", token))
        _switch(make, role, alias, options, engine)
    known = flags_of(make.view.backend)
    for option in [*options]:
        # The negation of a switch that a field owns: that is how it is without the field.
        switch = known.spellings.get(option, option) if known else option
        if switch != option and option.startswith("--no-") and _owned(make, role, switch):
            key = (role, "main", "option", option)
            make.claim("default", options.pop(option), f"{option} says what holds without it", key)
    return engine


def _switch(make: Builder, role: str, alias: str, options: dict[str, Node], engine: Data) -> None:
    for value, words in ((True, "whenTrue"), (False, "whenFalse")):
        for token in make.table["switches"].get(alias, {}).get(words, []):
            if token not in options:
                continue
            node = options.pop(token)
            if alias == "prefixCaching" and not value and make.kv:
                message = f"KV routing goes by what is cached, got {token}"
                make.claim("prefix-cache", node, message, (role, "main", "option", token))
            else:
                engine[alias] = value
                make.origins["model", role, "engine", alias] = node


def _owned(make: Builder, role: str, option: str) -> bool:
    table = make.table
    if option in [
        token for switch in table["switches"].values() for tokens in switch.values() for token in tokens
    ]:
        return True
    if option in [token for tokens in table["extras"].values() for token in tokens]:
        return True
    return make.kv and role in table["kvEventRoles"] and option in table["kvEvents"]


def _value(make: Builder, role: str, alias: str, option: str, node: Node) -> Any:
    """Return the value of a field, or None, with a claim, where the language cannot have it."""
    words = node.value[-1]
    text = words[0] if len(words) == 1 else ""
    kind = str(FIELDS[alias].annotation)
    value: Any = text
    if "int" in kind or "float" in kind:
        value = commands.number(text)
        if isinstance(value, float) and "float" not in kind:
            value = None
        elif isinstance(value, int) and "float" in kind:
            value = float(value)
    key = (role, "main", "option", option)
    if value is None or text == "":
        what = "a number" if "int" in kind or "float" in kind else "one word"
        make.claim("no-value", node, f"{option} takes {what} in a recipe, got {show(' '.join(words))}", key)
        return None
    if text != text.lower() and "str" in kind:
        value = text
    return value


def _sizes(make: Builder, role: str, engine: Data) -> None:
    """Hold the GPUs of the container against the parallel sizes, from which a recipe's GPUs follow."""
    view, table = make.view, make.table
    given = view.under(role, "main", "gpus")
    nodes = int(view.values[role, "nodes"].value)
    needed = prod(engine.get(factor, 1) for factor in table["gpuFactors"])
    per_node = int(next(iter(given.values())).value) if given else 0
    at = next(iter(given.values())) if given else view.components[role].node
    make.origins["model", role, "gpus"] = at
    make.origins["model", role, "nodes"] = view.values[role, "nodes"]
    keys: list[Key] = [(role, "main", "gpus")]
    if per_node * nodes == needed:
        return
    unseen = role in view.files and role not in view.rest
    if unseen and "tensorParallel" not in engine and per_node:
        engine["tensorParallel"] = per_node * nodes
        size = engine["tensorParallel"]
        message = f"the engine's file is not here to read: tensorParallel is taken to fill the GPUs, {size}"
        make.claim("assumed-size", at, message, (role, "main", "option", table["flags"]["tensorParallel"]))
        return
    if not given:
        message = f"{role}: the container asks for no GPU; a recipe needs {needed}"
    else:
        factors = " x ".join(table["gpuFactors"])
        message = f"{role}: {factors} is {needed}, the graph gives {per_node} on each of {nodes} nodes"
    make.claim("gpu-count", at, message, *keys)


def _mocked(make: Builder, role: str, options: dict[str, Node]) -> Data:
    """Return the engine settings that the mocker's options stand for."""
    mocker, table = make.table["mocker"], make.table
    back = {theirs: ours for ours, theirs in mocker["options"].items()}
    fields = {option: alias for alias, option in table["flags"].items()}
    engine: Data = {}
    for option in [*options]:
        alias = fields.get(back.get(option, ""))
        value = _value(make, role, alias, option, options[option]) if alias else None
        if alias and value is not None:
            engine[alias] = value
            make.origins["model", role, "engine", alias] = options[option]
        elif option in mocker["switches"].values():
            engine["prefixCaching"] = not option.startswith("--no-")
        elif not alias:
            message = f"the mocker of a recipe has no setting for {option}"
            make.claim("mocker", options[option], message, (role, "main", "option", option))
    return engine


def shared_engine(make: Builder, engines: dict[str, Data], workers: dict[str, Data]) -> Data:
    """Move what all roles share up to `model.engine`, and return that."""
    first, *others = engines.values()
    shared = {
        key: value for key, value in first.items() if all(other.get(key, ...) == value for other in others)
    }
    if make.kv and "blockSize" not in shared:
        shared = _block_size(make, engines, shared)
    for role, engine in engines.items():
        own = {key: value for key, value in engine.items() if key not in shared}
        if own:
            workers[role] |= {"engine": own}
        for key in shared:
            own_path: Path = ("model", role, "engine", key)
            for path, origin in [*make.origins.items()]:
                if path[:4] == own_path:
                    make.origins.setdefault(("model", "engine", *path[3:]), origin)
        workers[role] = {key: workers[role][key] for key in ordered(workers[role])}
    return {"engine": {key: shared[key] for key in [*FIELDS, "args"] if key in shared}} if shared else {}


def _block_size(make: Builder, engines: dict[str, Data], shared: Data) -> Data:
    """Return the shared settings with the one block size that KV routing needs, where roles say any."""
    sizes = {role: engine.pop("blockSize") for role, engine in engines.items() if "blockSize" in engine}
    told = (
        make.options("frontend").get("--kv-cache-block-size") if "frontend" in make.view.components else None
    )
    frontend = commands.number(told.value[-1][0]) if told and told.value[-1] else None
    if not sizes and isinstance(frontend, int) and frontend != make.table["blockSize"]:
        return {"blockSize": frontend, **shared}
    if not sizes:
        return shared
    size = next(iter(sizes.values()))
    option = make.table["flags"]["blockSize"]
    for role in engines:
        if sizes.get(role, size) != size:
            node = make.origins["model", role, "engine", "blockSize"]
            message = f"KV routing counts in one block size, {size}; {role} has {sizes[role]}"
            make.claim("block-size", node, message, (role, "main", "option", option))
    return {"blockSize": size, **shared}
