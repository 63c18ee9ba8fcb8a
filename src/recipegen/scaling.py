"""Who changes the number of a role's workers, between which numbers, and what follows from that."""

from dataclasses import dataclass
from typing import Any, Literal

from recipegen import facts
from recipegen.language import setting
from recipegen.recipe import Recipe, Role
from recipegen.roles import engine_of, gpus_of_replica, workers

Scaler = Literal["hpa", "keda", "planner"]
SCALERS: tuple[Scaler, ...] = ("hpa", "keda", "planner")


@dataclass(frozen=True)
class Span:
    """How many replicas a role has: one number, or any from the least to the most."""

    least: int
    most: int

    @property
    def words(self) -> str:
        """The number, or `LEAST to MOST`."""
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


def scaled_role(recipe: Recipe) -> Role:
    """Return the role that the `scaling` block is about: `worker`, or `decode` of a disaggregated graph."""
    return recipe.scaling.role or ("decode" if recipe.model.disaggregation else "worker")


def is_async(recipe: Recipe) -> bool:
    """Return whether work comes from a queue."""
    return recipe.endpoint is not None and recipe.endpoint.kind == "async"


def is_unscalable(recipe: Recipe) -> bool:
    """Return whether work comes from a queue, and replicas span several nodes, which nothing scales."""
    return is_async(recipe) and nodes(recipe) > 1


def written(recipe: Recipe) -> list[Scaler]:
    """Return the autoscalers that the recipe names."""
    return [each for each in SCALERS if setting(recipe.scaling, each) is not None]


def scaler(recipe: Recipe) -> Scaler | None:
    """Return the autoscaler of a recipe, or None for a fixed number of replicas.

    The one that is written, else by LLM Engine's rule: a queue takes KEDA, a replica on several nodes is not
    scaled, and otherwise the minimum decides, for a HorizontalPodAutoscaler does not reach zero.
    """
    if not recipe.scaling.enabled:
        return None
    if written(recipe):
        return written(recipe)[0]
    if is_async(recipe):
        return "keda"
    if nodes(recipe) > 1:
        return None
    return "hpa" if least(recipe) else "keda"


def nodes(recipe: Recipe) -> int:
    """Return the nodes of one replica of the scaled role; 1 for a role that the graph does not have."""
    worker = workers(recipe.model).get(scaled_role(recipe))
    return worker.nodes if worker else 1


def least(recipe: Recipe) -> int:
    """Return the fewest replicas of the scaled role."""
    return 1 if recipe.scaling.min_replicas is None else recipe.scaling.min_replicas


def adapted(recipe: Recipe) -> list[Role]:
    """Return the roles whose replicas something else writes, through the scaling adapter of the operator."""
    known = workers(recipe.model)
    own = {role for role, worker in known.items() if worker.scaling_adapter}
    match scaler(recipe):
        case "planner":
            own |= known.keys()
        case "hpa" | "keda":
            own.add(scaled_role(recipe))
    return [role for role in known if role in own]


def replicas(recipe: Recipe) -> dict[Role, Span]:
    """Return the replicas of each role.

    A role that is scaled by something that the recipe does not describe counts as the one replica that the
    operator begins with.
    """
    found = {}
    ours = recipe.scaling.enabled and scaler(recipe) != "planner"
    for role, worker in workers(recipe.model).items():
        if ours and role == scaled_role(recipe):
            fewest = least(recipe)
            found[role] = Span(fewest, max(recipe.scaling.max_replicas or fewest, fewest))
        else:
            number = 1 if role in adapted(recipe) else worker.replicas
            found[role] = Span(number, number)
    return found


def sleeps(recipe: Recipe) -> bool:
    """Return whether there may be no worker at all, and that is as it should be."""
    return scaler(recipe) == "keda" and least(recipe) == 0


def gpus(recipe: Recipe) -> Span:
    """Return the GPUs of all replicas of all workers."""
    model, spans = recipe.model, replicas(recipe)
    each = {role: gpus_of_replica(model, worker) for role, worker in workers(model).items()}
    fewest = sum(spans[role].least * count for role, count in each.items())
    return Span(fewest, sum(spans[role].most * count for role, count in each.items()))


def open_ended(recipe: Recipe) -> bool:
    """Return whether nobody can tell from the recipe how many workers there are at a moment."""
    span = gpus(recipe)
    return span.least != span.most or bool(adapted(recipe))


def per_worker(recipe: Recipe) -> tuple[int, str]:
    """Return the requests in flight, or waiting tasks, that there is one replica for, and why so many."""
    worker = workers(recipe.model).get(scaled_role(recipe))
    seats = engine_of(recipe.model, worker).max_num_seqs if worker else None
    if seats:
        return seats, f"engine.maxNumSeqs of {scaled_role(recipe)}: the requests of one batch"
    key = "async" if is_async(recipe) else "any"
    return facts.scaling()["perWorker"][key], "perWorker in facts/scaling.yaml, which is LLM Engine's"


def in_flight(recipe: Recipe, dynamo_namespace: str) -> str:
    """Return PromQL for the requests that the scaled role's workers have in flight.

    What Dynamo's runtime writes into the label has underscores for dashes, and during a rollout a suffix.
    """
    space = dynamo_namespace.replace("-", "[_-]") + "([_-][0-9a-f]{8})?"
    labels = f'dynamo_namespace=~"{space}",dynamo_endpoint="generate"'
    return f'sum({facts.scaling()["metric"]}{{{labels},dynamo_component_type="{scaled_role(recipe)}"}})'


def default_metrics(amount: int) -> list[dict[str, Any]]:
    """Return the metrics of a HorizontalPodAutoscaler that holds requests in flight to an amount a pod."""
    target = {"type": "AverageValue", "averageValue": str(amount)}
    return [{"type": "Pods", "pods": {"metric": {"name": facts.scaling()["metric"]}, "target": target}}]
