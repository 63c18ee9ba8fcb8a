"""What there is to know of one path of a recipe: value, origin, fact, meaning, option, limit and rules."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from recipegen import facts
from recipegen.catalog import shown
from recipegen.derive import Because
from recipegen.errors import Path, dotted
from recipegen.facts import flags
from recipegen.origin import origin, value_at
from recipegen.overview import gib
from recipegen.resolve import Plan
from recipegen.schema import describe

Found = dict[str, Any]


def explain(plan: Plan, path: Path) -> Found:
    """Return value, origin, fact, meaning, engine option, limit and rules of a path, without empty ones.

    Raises:
        UsageError: when the language has no such key.
    """
    value = value_at(plan, path)
    found: Found = {
        "path": dotted(path),
        "value": value,
        "from": origin(plan, path),
        "fact": _fact(plan, path),
        "what": describe(path),
        "option": _option(plan, path),
        "limit": _limit(plan, path),
        "rules": rules_at(path),
    }
    return {key: entry for key, entry in found.items() if key in ("path", "value", "from") or entry}


def _fact(plan: Plan, path: Path) -> str:
    """Return file and line of the fact that decided, or that a GPU type's name stands for."""
    if path == ("hardware", "gpu") and plan.recipe.hardware:
        return _place(facts.HERE / "hardware.yaml", (plan.recipe.hardware.gpu, "memoryBytes"))
    for length in range(len(path), 0, -1):
        reason = plan.reasons.get(path[:length])
        if isinstance(reason, Because):
            return _place(reason.file, tuple(map(str, reason.place)))
    return ""


def _place(file: FilePath, at: tuple[str, ...]) -> str:
    return f"{shown(file)}:{facts.place(file, at)}: {'.'.join(at)}"


def _option(plan: Plan, path: Path) -> Found:
    """Return the option of the chosen engine that a key becomes, and what its release says of it."""
    backend = plan.recipe.model.backend
    table, release = facts.engine(backend.type), backend.version or ""
    name, tokens = _spelled(table, path)
    if not name and not tokens:
        return {}
    engines = facts.dynamo().get(release, {}).get("engines", {})
    found: Found = {"name": name, "engine": f"{backend.type} {engines.get(backend.type, '')}".strip()}
    if tokens:
        found["tokens"] = tokens
    options = flags.table(backend.type, release)
    spelt = options.spellings.get(name or tokens[0]) if options else None
    row = options.flags[spelt] if options and spelt else {}
    return found | {
        key: row[key] for key in ("type", "choices", "default", "deprecated", "env") if key in row
    }


def _spelled(table: Found, path: Path) -> tuple[str, list[str]]:
    """Return the option that a path becomes, or the tokens of each value where it is a switch."""
    if path == ("model", "name"):
        return table["model"], []
    if path == ("model", "revision"):
        return table["revision"], []
    if len(path) < 2 or path[0] != "model" or path[-2] != "engine":
        return "", []
    key = path[-1]
    if key in table["flags"]:
        return table["flags"][key], []
    switch = table["switches"].get(key)
    if switch:
        return "", [*switch["whenTrue"], *switch["whenFalse"]]
    return "", list(table["extras"].get(key, []))


def _limit(plan: Plan, path: Path) -> str:
    """Return what the model itself allows for a key of the engine, or what a GPU has."""
    if path == ("hardware", "gpu") and plan.recipe.hardware:
        gpu = facts.hardware()[plan.recipe.hardware.gpu]
        memory = gib(gpu.get("visibleBytes", gpu["memoryBytes"]))
        architecture = f"{gpu['architecture']}, compute capability {gpu['computeCapability']}"
        return f"{memory} each, {gpu['gpusPerNode']} on a usual node; {architecture}"
    model = facts.model(plan.recipe.model.name)
    if model is None or len(path) < 2 or path[-2] != "engine":
        return ""
    whose, cache = f"of {model.id}", model.quantization.kv_cache
    words = {
        "maxModelLen": f"{model.context} tokens, the longest context {whose}" if model.context else "",
        "tensorParallel": f"divides the {model.heads} heads {whose}, which has {model.kv_heads} KV heads",
        "pipelineParallel": f"the {model.layers} layers {whose}",
        "expertParallel": f"the {model.experts} experts {whose}" if model.experts else f"no experts {whose}",
        "kvCacheDtype": f"the weights {whose} ask for {cache}" if cache else "",
    }
    return words.get(str(path[-1]), "")


def rules_at(path: Path) -> list[Found]:
    """Return the rules that look at a key, or at what holds it."""
    steps = [str(step) for step in path]
    return [
        {"code": code, **{key: row[key] for key in ("what", "why", "remedy")}}
        for section in facts.rules().values()
        for code, row in section.items()
        if any(_covers(pattern.split("."), steps) for pattern in row.get("paths", []))
    ]


def _covers(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Return whether a rule's pattern names a path or what holds it: `*` is one key, `**` any number."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_covers(pattern[1:], path[start:]) for start in range(len(path) + 1))
    return bool(path) and pattern[0] in ("*", path[0]) and _covers(pattern[1:], path[1:])
