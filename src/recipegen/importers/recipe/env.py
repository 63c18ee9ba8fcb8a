"""Variables and resources of a container."""

import re
from collections.abc import Set

from recipegen.errors import Path, show
from recipegen.importers.nodes import Node
from recipegen.importers.recipe.builder import Builder, Data, survives
from recipegen.importers.view.graph import Key, spellings
from recipegen.recipe import QUANTITY
from recipegen.recipe.forms import ENV_NAME
from recipegen.rules.resources import OWN, given_whole

# Variables that tell an engine or library something, also where a command line repeats their value.
LIBRARIES = re.compile(r"(HF|DYN|VLLM|SGLANG|SGL|TRTLLM|TLLM|TRT|NCCL|UCX|NIXL|CUDA|TORCH|LMCACHE|OMPI|AWS)_")
# What the pod itself says: its own fields, and its resources.
FROM_THE_POD = {"fieldRef", "resourceFieldRef"}
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def env_of(make: Builder, place: Key, owned: Set[str]) -> dict[str, str]:
    """Return the variables of a container that a recipe may set."""
    view = make.view
    role = place[0]
    part = view.components[role]
    kept: dict[str, str] = {}
    mounts = view.under(*place, "mount")
    for name, node in view.under(*place, "env").items():
        key = (*place, "env", name)
        value = node.value
        path: Path = ("model", role, "env", name)
        if name in owned:
            make.claim(
                "operator-owned", node, f"{name} is set by the operator, or follows from the recipe", key
            )
        elif name in spellings()["variables"]:
            make.claim("old-option", node, f"{name}: {spellings()['variables'][name]}", key)
        elif not isinstance(value, str):
            if isinstance(value, dict) and FROM_THE_POD & value.keys():
                make.claim(
                    "downward", node, f"{name}: it tells of the pod, and a recipe's variables are text", key
                )
            else:
                make.claim("value-from", node, f"{name}: its value is not in the file", key)
        elif not re.fullmatch(ENV_NAME, name) or len(value) > 4096:
            make.claim("variable", node, f"{show(name)} is a name or a value that a recipe cannot have", key)
        elif place[1] == "main" and name in part.command.used and not LIBRARIES.match(name):
            make.claim("command-variable", node, f"{name}: its value stands in the command now", key)
        elif name in OFFLINE and _lost_weights(make):
            message = f"{name}: without the volume the weights have to be fetched"
            make.claim("lost-volume", node, message, key)
        elif in_lost_mount(make, value, mounts):
            make.claim(
                "lost-volume", node, f"{name}: its folder is on a volume that is not carried over", key
            )
        else:
            kept[name] = survives(value)
            make.origins[path] = node
    return kept


def _lost_weights(make: Builder) -> bool:
    """Return whether the workers have weights on a volume that is not carried over."""
    mounts = [make.view.under(role, "main", "mount") for role in make.view.workers]
    return any(
        in_lost_mount(make, path, each) and "claim" in node.value
        for each in mounts
        for path, node in each.items()
    )


def in_lost_mount(make: Builder, value: str, mounts: dict[str, Node]) -> bool:
    """Return whether a path lies on a mounted volume that a recipe does not mount."""
    inside = [
        path
        for path, node in mounts.items()
        # A folder for scratch is made where there is none.
        if (value == path or value.startswith(f"{path}/")) and "emptyDir" not in (node.value or {})
    ]
    if not inside:
        return False
    model = make.options(make.view.workers[0]).get(make.table["model"])
    folder = model.value[-1][-1] if model and model.value[-1] else ""
    return not any(folder == path or folder.startswith(f"{path}/") for path in inside)


def resources_of(make: Builder, place: Key, path: Path) -> Data:
    """Return requests and limits of a container, without its GPUs."""
    found: Data = {}
    for half in ("requests", "limits"):
        amounts: dict[str, str] = {}
        for name, node in make.view.under(*place, "resources", half).items():
            text = str(node.value)
            known = name in OWN or given_whole(name)
            if re.fullmatch(QUANTITY, text) and known:
                amounts[name] = text
                make.origins[(*path, "resources", half, name)] = node
            else:
                message = f"{half} of {name}: no quantity that a recipe can have, got {show(text)}"
                make.claim("quantity", node, message, (*place, "resources", half, name))
        if amounts:
            found[half] = amounts
    return {"resources": found} if found else {}
