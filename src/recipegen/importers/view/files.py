"""The engine's configuration file: keys that are options become options, the rest stays a file."""

import copy
from collections.abc import Mapping
from typing import Any

from recipegen.errors import show
from recipegen.importers import commands
from recipegen.importers.nodes import Node, leaves
from recipegen.importers.view.graph import BACKENDS, Claim, Component, View, canonical, table
from recipegen.importers.view.mounts import Mount, absolute, in_a_config_map
from recipegen.importers.view.values import as_words, data_of, merge_into, same_text, scalar_of


def take_file(
    view: View,
    role: str,
    part: Component,
    mounts: list[Mount],
) -> None:
    """Take the engine's file apart: keys that are options become options, the rest stays a file."""
    if part.command.module not in BACKENDS:
        return
    option = table(view)["configFile"]
    occurrences = part.options.pop(option, None)
    variable = part.variables.get("DYN_TRTLLM_EXTRA_ENGINE_ARGS") if view.backend == "trtllm" else None
    if occurrences is None and variable is not None and isinstance(variable.value, str):
        del part.variables["DYN_TRTLLM_EXTRA_ENGINE_ARGS"]
        occurrences = [[variable]]
    if not occurrences or not occurrences[-1]:
        _override(view, role, part, {})
        return
    path = absolute(view, occurrences[-1][0], part)
    file = in_a_config_map(view, path, mounts, part)
    view.files[role] = file
    data = file.content
    if isinstance(data, str):
        data = data_of(data)
    if isinstance(data, dict):
        _put_file(view, role, part, data, path)
    elif file.config_map and file.content is None:
        view.put((role, "main", "file"), path, {"configMap": file.config_map, "key": file.key})
        _override(view, role, part, None)
    elif file.content is not None:
        view.put((role, "main", "file"), path, file.content)
        _override(view, role, part, None)
    else:
        view.put((role, "main", "file"), path, {"path": path.value})
        _override(view, role, part, None)


def _put_file(view: View, role: str, part: Component, data: dict[str, Any], path: Node) -> None:
    rest: dict[str, Any] = {}
    known = table(view)
    keys = known.get("configKeys")
    if keys is not None:
        rest = _without(view, data, part, path)
    else:
        owned = file_options(known)
        for key, value in data.items():
            option = canonical(view.backend, f"--{key.replace('_', '-')}")
            if option == "--disaggregation-mode":
                _role_of_file(view, part, path, value)
            elif option in owned:
                # What the command line says wins over the file.
                words = as_words(value)
                if words is not None:
                    part.options.setdefault(option, [[path.here(word) for word in words]])
            else:
                rest[key] = value
    _override(view, role, part, rest)


def file_options(known: Mapping[str, Any]) -> set[str]:
    """Return the options that a recipe says itself, which no configuration file of it may hold."""
    found = {known["model"], known["servedName"], known["revision"], *known["flags"].values()}
    for switch in known["switches"].values():
        found |= {token for tokens in switch.values() for token in tokens}
    for tokens in (*known["extras"].values(), *known["roles"].values()):
        found |= {token for token in tokens if token.startswith("-")}
    own = (*known["kvEvents"], *known.get("metrics", []))
    return found | {token for token in own if token.startswith("-")}


def _role_of_file(view: View, part: Component, path: Node, value: Any) -> None:
    if value not in (part.role, "null"):
        message = f"the engine's file says disaggregation-mode {show(value)}, the component is {part.role}"
        view.problems.append(path.problem("role", message, "give the component the type of its role"))


def _without(view: View, data: dict[str, Any], part: Component, path: Node) -> dict[str, Any]:
    """Return the file without the keys that are options of the engine too; over those the file wins."""
    rest = dict(data)
    for dotted, option in table(view)["configKeys"].items():
        first, _, second = dotted.partition(".")
        holder = rest if not second else rest.get(first)
        name = second or first
        if not isinstance(holder, dict) or not isinstance(holder.get(name), str | int | float):
            continue
        words = as_words(holder[name])
        _outdone(view, part.options.get(option), words, f"{dotted}: {holder[name]}")
        if words is not None:
            part.options[option] = [[path.here(word) for word in words]]
        holder = {key: value for key, value in holder.items() if key != name}
        rest = holder if not second else {**rest, first: holder}
    return {key: value for key, value in rest.items() if value != {} or data.get(key) == {}}


def _outdone(view: View, given: list[list[Node]] | None, words: list[str] | None, said: str) -> None:
    """Claim an option that the engine's file outdoes with another value."""
    if given and given[-1] and words and not same_text(str(given[-1][0].value), words[0]):
        message = f"has no effect: the engine's file says {said}, which wins over it"
        view.claims.append(Claim("file-wins", given[-1][0], message))


def _override(view: View, role: str, part: Component, file: dict[str, Any] | None) -> None:
    """Merge the options that win over the file into it, where the file is known."""
    known = table(view)
    option = known.get("configOverride")
    if file is None:
        return
    if not option:
        _put_rest(view, role, file, view.files[role].path if role in view.files else part.node)
        return
    occurrences = part.options.pop(option, [])
    over = commands.json_of(str(occurrences[-1][0].value)) if occurrences and occurrences[-1] else {}
    if not isinstance(over, dict):
        part.options[option] = occurrences
        over = {}
    node = occurrences[-1][0] if occurrences and occurrences[-1] else part.node
    file = copy.deepcopy(file)
    merge_into(file, over)
    for dynamic in [each for each in part.options if each.startswith(known["dynamicOptions"])]:
        values = part.options.pop(dynamic)[-1]
        inner: Any = scalar_of(str(values[0].value)) if values else True
        for step in reversed(dynamic.removeprefix(known["dynamicOptions"]).split(".")):
            inner = {step: inner}
        merge_into(file, inner)
    _put_rest(view, role, file, view.files[role].path if role in view.files else node)


def _put_rest(view: View, role: str, file: dict[str, Any], node: Node) -> None:
    view.rest[role] = file
    for key, leaf in leaves(node.here(file), (role, "main", "file")):
        if len(key) > 3:
            view.put(key, leaf, leaf.plain())
