"""Configuration files of the workers."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from recipegen.errors import show
from recipegen.importers.recipe.builder import Builder, Data
from recipegen.importers.view.graph import Key
from recipegen.recipe import ExtraConfig
from recipegen.rules.configs import ENGINE_VARIABLE

DEFAULT_PATH: str = ExtraConfig.model_fields["path"].default


def extra_config(make: Builder, role: str, env: dict[str, str]) -> Data:
    """Return the engine's file; one that lies in the image goes by a variable, where there is one."""
    view = make.view
    file, rest = view.files.get(role), view.rest.get(role)
    if file is not None:
        make.origins["model", role, "extraConfig"] = file.path
    if rest:
        content = _own_keys(make, role, rest)
        return {"extraConfig": {**_own_path(make, role), "content": content}} if content else {}
    if file is None or rest is not None:
        return {}
    if isinstance(file.content, str):
        return {"extraConfig": {**_own_path(make, role), "content": file.content}}
    if file.config_map:
        path = str(file.path.value)
        found: Data = {"path": path} if path != DEFAULT_PATH else {}
        found |= {"key": file.key} if file.key != path.rpartition("/")[2] else {}
        return {"extraConfig": {**found, "configMapRef": {"name": file.config_map}}}
    if view.backend == "trtllm":
        env["DYN_TRTLLM_EXTRA_ENGINE_ARGS"] = str(file.path.value)
        return {}
    message = f"the engine's file lies in the image or on a volume, got {show(file.path.value)}"
    make.claim("engine-file", file.path, message, (role, "main", "file"))
    return {}


def further_files(make: Builder, role: str, env: dict[str, str]) -> Data:
    """Return the files that variables and options name, each with the variable that holds its path."""
    configs: list[Data] = []
    for path, node in make.view.under(role, "main", "configured").items():
        variable = next((name for name, value in env.items() if value == path), "")
        if variable:
            del env[variable]
        else:
            variable = f"CONFIG_FILE_{len(configs) + 1}"
            message = f"{variable} holds the path of a file that an option names"
            make.claim("config-variable", node, message, (role, "main", "env", variable))
        config: Data = {"path": path, "env": variable}
        if isinstance(node.value, str):
            config["content"] = node.value
        else:
            config |= {"key": node.value["key"]} if node.value["key"] != path.rpartition("/")[2] else {}
            config["configMapRef"] = {"name": node.value["configMap"]}
        configs.append(config)
        make.origins["model", role, "extraConfigs", len(configs) - 1] = node
    return {"extraConfigs": configs} if configs else {}


def _own_path(make: Builder, role: str) -> Data:
    """Return the path of the file where a variable tells that somebody else looks there."""
    file = make.view.files.get(role)
    told = make.view.components[role].variables.get(ENGINE_VARIABLE)
    path = str(file.path.value) if file else ""
    return {"path": path} if told and told.value == path != DEFAULT_PATH else {}


def _own_keys(make: Builder, role: str, rest: Data) -> Data:
    """Return the file without the keys that recipegen sets for the role; claim those that differ."""
    table = make.table
    option = table.get("configOverride")
    tokens = table["roles"][role]
    if option not in tokens:
        return rest
    own = json.loads(tokens[tokens.index(option) + 1])
    file = make.view.files.get(role)
    node = file.path if file else make.view.components[role].node
    found = copy.deepcopy(rest)
    for keys, value in _leaves(own):
        *above, last = keys
        holder: Any = found
        for step in above:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if not isinstance(holder, dict) or last not in holder:
            continue
        if holder[last] != value:
            sets = f"recipegen sets {show(value)} for the role {role}"
            message = f"{'.'.join(keys)}: {sets}, got {show(holder[last])}"
            make.claim("role-file", node, message, (role, "main", "file", *keys))
        del holder[last]
    return {key: value for key, value in found.items() if value != {} or rest[key] == {}}


def _leaves(data: Data, above: Key = ()) -> Iterator[tuple[Key, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value
