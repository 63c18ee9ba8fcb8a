"""Hardware by its type and count: what of a recipe makes a replica have so many GPUs of such a type."""

from collections.abc import Mapping
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem
from recipegen.recipe import Recipe
from recipegen.roles import engine_of, gpus_of_replica, path_of, workers

NO_GPU = "gpu"


def gpus(recipe: Recipe) -> int:
    """Return the GPUs of one replica: of a worker, or of a prefill and a decode worker together."""
    return sum(gpus_of_replica(recipe.model, worker) for worker in workers(recipe.model).values())


def hardware(recipe: Recipe) -> str:
    """Return the node label of the recipe's GPUs in lower case, and the MIG profile; `gpu` for any GPU.

    Source: the label nvidia.com/gpu.product, by `facts/hardware.yaml`.
    """
    chosen = recipe.hardware
    if chosen is None:
        return NO_GPU
    label = str(facts.hardware()[chosen.gpu]["product"])
    return f"{label}-mig-{chosen.mig}" if chosen.mig else label


def patch(recipe: Recipe, count: int | None, gpu: str | None) -> tuple[dict[str, Any], Problem | None]:
    """Return the merge patch after which a replica has `count` GPUs of the type `gpu`, or why there is none.

    It says only what the recipe does not say or derive already, so it is the same however it was asked for.

    Args:
        recipe: what is patched.
        count: GPUs of one replica; None for those that it has.
        gpu: GPU type, a name from `facts/hardware.yaml`; None for the recipe's.
    """
    found: dict[Path, Any] = {}
    if gpu is not None and (recipe.hardware is None or recipe.hardware.gpu != gpu):
        found[("hardware", "gpu")] = gpu
    if count is not None and count != gpus(recipe):
        if problem := _indivisible(recipe, count):
            return {}, problem
        for role, worker in workers(recipe.model).items():
            engine = engine_of(recipe.model, worker)
            rest = gpus_of_replica(recipe.model, worker) // (engine.tensor_parallel or 1)
            found[path_of(role, worker, "tensorParallel")] = count // rest
    return nested(found), None


def nested(values: Mapping[Path, Any]) -> dict[str, Any]:
    """Return values by their paths as one tree."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        block = tree
        for key in path[:-1]:
            block = block.setdefault(str(key), {})
        block[str(path[-1])] = value
    return tree


def _indivisible(recipe: Recipe, count: int) -> Problem | None:
    """Return why a number of GPUs alone does not say how a replica is laid over them, or nothing."""
    at: Path = ("model", "engine", "tensorParallel")
    if recipe.model.disaggregation:
        message = f"{count} GPUs of a replica do not say how many are prefill's and how many decode's"
        hint = "set model.prefill.engine.tensorParallel and model.decode.engine.tensorParallel"
        return Problem("gpus-of-a-replica", at, message, hint)
    (worker,) = workers(recipe.model).values()
    if worker.nodes > 1:
        message = f"{count} GPUs of a replica do not say over how many nodes they are spread"
        hint = "set model.worker.nodes and the parallel sizes of model.engine"
        return Problem("gpus-of-a-replica", at, message, hint)
    tensor = engine_of(recipe.model, worker).tensor_parallel or 1
    rest = gpus_of_replica(recipe.model, worker) // tensor
    if count % rest:
        message = f"{count} GPUs are no multiple of {rest}, which pipeline and data parallelism make of one"
        hint = "choose such a number, or set the parallel sizes of model.engine"
        return Problem("gpus-of-a-replica", at, message, hint)
    return None
