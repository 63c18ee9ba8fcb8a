"""Roles and their GPUs: which worker blocks may stand, and whether parallel sizes fill the GPUs."""

from collections.abc import Iterator
from math import prod

from recipegen import facts
from recipegen.errors import Problem
from recipegen.language import setting
from recipegen.recipe import Model, Recipe, Role, Worker
from recipegen.roles import ROLES, engine_of, gpus_of_replica, path_of, workers


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield blocks without effect, sizes that do not fill the GPUs, and GPUs that a node does not have."""
    model = recipe.model
    for role in ROLES[not model.disaggregation]:
        if getattr(model, role) is not None:
            needed = "true" if role != "worker" else "false"
            message = f"has no effect while model.disaggregation is {str(model.disaggregation).lower()}"
            hint = f"set model.disaggregation to {needed}, or remove the block (`{role}: null` in a patch)"
            yield Problem("no-effect", ("model", role), message, hint)
    for role, worker in workers(model).items():
        yield from _gpus(recipe, role, worker)
        yield from _shared_gpus(model, role, worker)
        yield from _given_sizes(model, role, worker)
        if model.disaggregation and worker.replicas == 0:
            message = "a disaggregated graph needs at least one replica of each role, got 0"
            yield Problem("wrong-value", ("model", role, "replicas"), message)


def _gpus(recipe: Recipe, role: Role, worker: Worker) -> Iterator[Problem]:
    model = recipe.model
    needed = gpus_of_replica(model, worker)
    factors = " x ".join(facts.engine(model.backend.type)["gpuFactors"])
    per_node = worker.gpus if worker.gpus is not None else needed // worker.nodes
    if per_node * worker.nodes != needed:
        message = f"{factors} is {needed}, but gpus x nodes is {worker.gpus} x {worker.nodes}"
        key = "gpus"
        if worker.gpus is None:
            message = f"{factors} is {needed}, which cannot be spread evenly over {worker.nodes} nodes"
            key = "nodes"
        hint = "change the parallel sizes, `gpus` (per node) or `nodes`"
        yield Problem("gpu-count", ("model", role, key), message, hint)
    hardware = facts.hardware().get(recipe.hardware.gpu) if recipe.hardware else None
    if hardware and recipe.hardware and per_node > hardware["gpusPerNode"]:
        message = (
            f"needs {per_node} GPUs on a node, {recipe.hardware.gpu} nodes have {hardware['gpusPerNode']}"
        )
        nodes = -(-needed // hardware["gpusPerNode"])
        yield Problem("gpu-count", ("model", role), message, f"spread it over {nodes} nodes with `nodes`")


def _shared_gpus(model: Model, role: Role, worker: Worker) -> Iterator[Problem]:
    """Yield ranks that share another size's GPUs without dividing them evenly, which the engine refuses."""
    engine = engine_of(model, worker)
    for field, other in facts.engine(model.backend.type).get("mustDivide", {}).items():
        ranks, gpus = (setting(engine, key) or 1 for key in (field, other))
        if gpus % ranks:
            sharing = f"{model.backend.type} shares the GPUs of {other} ({gpus}) evenly among its ranks"
            hint = f"make {other} a multiple of {ranks}"
            path = path_of(role, worker, field)
            yield Problem("gpu-count", path, f"{sharing}, got {ranks}", hint)


def _given_sizes(model: Model, role: Role, worker: Worker) -> Iterator[Problem]:
    """Yield sizes that the engine takes from others, having only a switch, and that say something else."""
    engine = engine_of(model, worker)
    for field, factors in facts.engine(model.backend.type)["mustEqual"].items():
        given = setting(engine, field)
        size = prod(setting(engine, factor) or 1 for factor in factors)
        if given is not None and given != size:
            product = " x ".join(factors)
            message = f"{model.backend.type} has a switch for it, which means {product} ({size}), got {given}"
            path = path_of(role, worker, field)
            yield Problem("rank-count", path, message, f"write {size}, or leave it out")
