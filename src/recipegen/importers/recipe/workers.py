"""The block of one role's workers."""

import re

from recipegen.errors import show
from recipegen.importers.recipe.builder import Builder, Data
from recipegen.importers.recipe.env import env_of, resources_of
from recipegen.importers.recipe.files import extra_config, further_files
from recipegen.recipe import QUANTITY
from recipegen.rules.configs import ENGINE_VARIABLE, OPERATORS


def ordered(worker: Data) -> list[str]:
    """Return the keys of a worker's block in the order of the language."""
    order = (
        "replicas",
        "scalingAdapter",
        "nodes",
        "engine",
        "env",
        "resources",
        "sharedMemory",
        "extraConfig",
        "extraConfigs",
    )
    return sorted(worker, key=order.index)


def worker_of(make: Builder, role: str) -> Data:
    """Return the block of one role, without its engine settings."""
    view = make.view
    found: Data = {}
    replicas, nodes = view.values[role, "replicas"], view.values[role, "nodes"]
    adapter = view.values.get((role, "scalingAdapter"))
    if adapter:
        found["scalingAdapter"] = True
        make.origins["model", role, "scalingAdapter"] = adapter
        message = f"{role} begins with {show(replicas.value)}, and what scales it writes its replicas"
        make.claim("scaled", replicas, message, (role, "replicas"))
    elif replicas.value != 1:
        found["replicas"] = replicas.value
        make.origins["model", role, "replicas"] = replicas
    if nodes.value != 1 and not view.mocker:
        found["nodes"] = nodes.value
    held = role in view.files or view.rest.get(role)
    env = env_of(make, (role, "main"), OPERATORS | ({ENGINE_VARIABLE} if held else set()))
    found |= extra_config(make, role, env)
    found |= further_files(make, role, env)
    found |= {"env": env} if env else {}
    if view.mocker:
        _of_an_engine(make, role)
        return found
    found |= resources_of(make, (role, "main"), ("model", role))
    memory = view.values.get((role, "sharedMemory"))
    if memory and re.fullmatch(QUANTITY, str(memory.value)):
        found["sharedMemory"] = str(memory.value)
        make.origins["model", role, "sharedMemory"] = memory
    elif memory:
        message = f"a recipe's /dev/shm has a size, got {show(memory.value)}"
        make.claim("shared-memory", memory, message, (role, "sharedMemory"))
    return found


def _of_an_engine(make: Builder, role: str) -> None:
    """Claim what the mocker of a recipe does without: GPUs, memory, several nodes, a place for them."""
    keys = [
        (role, "nodes"),
        (role, "sharedMemory"),
        (role, "pod", "nodeSelector"),
        (role, "pod", "tolerations"),
    ]
    keys += [(role, "main", "gpus"), (role, "main", "resources")]
    for key in keys:
        at = next((node for held, node in make.view.values.items() if held[: len(key)] == key), None)
        if at is not None:
            make.claim("mocker", at, f"{' '.join(key)}: the mocker of a recipe does without", key)
