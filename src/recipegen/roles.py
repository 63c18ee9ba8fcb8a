"""The roles of a graph: their workers, the engine settings in force for each, the GPUs of a replica."""

from math import prod
from typing import Any

from recipegen import facts
from recipegen.errors import Path
from recipegen.language import setting
from recipegen.recipe import Engine, Model, Role, Worker

ROLES: dict[bool, tuple[Role, ...]] = {False: ("worker",), True: ("prefill", "decode")}

# The frontend in each worker's pod, where there is an endpoint picker.
SIDECAR = "sidecar-frontend"


def workers(model: Model) -> dict[Role, Worker]:
    """Return the workers of the graph by role; a missing block counts as one replica."""
    return {role: getattr(model, role) or Worker() for role in ROLES[model.disaggregation]}


def engine_of(model: Model, worker: Worker) -> Engine:
    """Return the engine settings of a role: the shared ones, overridden by its own."""
    own = {name: getattr(worker.engine, name) for name in worker.engine.model_fields_set}
    return model.engine.model_copy(update={k: v for k, v in own.items() if v is not None})


def path_of(role: Role, worker: Worker, key: str) -> Path:
    """Return where an engine setting in force for a role is written: with the role, or shared by all."""
    own = setting(worker.engine, key) is not None
    return ("model", role, "engine", key) if own else ("model", "engine", key)


def gpus_of_replica(model: Model, worker: Worker) -> int:
    """Return the GPUs that one replica needs over all its nodes: the product of the sizes that add GPUs."""
    engine = engine_of(model, worker)
    return prod(setting(engine, factor) or 1 for factor in facts.engine(model.backend.type)["gpuFactors"])


def sizes(model: Model, worker: Worker) -> dict[str, Any]:
    """Return the engine and the parallel sizes of a role, by the names that `memory.Setup` has for them."""
    engine = engine_of(model, worker)
    return {
        "backend": model.backend.type,
        "tensor": engine.tensor_parallel or 1,
        "pipeline": engine.pipeline_parallel or 1,
        "data": engine.data_parallel or 1,
        "expert": engine.expert_parallel or 1,
    }
