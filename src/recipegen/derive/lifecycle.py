"""How the pods of an endpoint come and go, and what is held ready for them: LLM Engine's numbers."""

from typing import Any

from recipegen import facts
from recipegen.derive.because import Because, Derived
from recipegen.derive.graph import placement
from recipegen.language import setting
from recipegen.recipe import Recipe
from recipegen.roles import workers
from recipegen.rules.hardware import gpus_of_pod
from recipegen.rules.images import image_of
from recipegen.rules.lifecycle import FRONTEND_PORT, NONE_AT_ALL
from recipegen.rules.resources import given_whole


def lifecycle(recipe: Recipe) -> Derived:
    """Yield how pods of an endpoint come and go, by LLM Engine's numbers, and where a forwarder forwards."""
    model, endpoint = recipe.model, recipe.endpoint
    forwarder = model.forwarder
    if forwarder is not None and forwarder.target_port is None:
        yield ("model", "forwarder", "targetPort"), FRONTEND_PORT, "Dynamo's frontend listens there"
    if endpoint is None:
        return
    numbers = facts.llm_endpoints()["rollout"]
    here = facts.HERE / "llm-endpoints.yaml"
    grace = numbers["terminationGraceSeconds"]
    kind = endpoint.kind if endpoint.kind in grace else "default"
    wanted: dict[str, tuple[Any, str]] = {}
    # Grove and LeaderWorkerSet have their own way, which these do not change.
    if recipe.platform.grove == "none" and all(worker.nodes == 1 for worker in workers(model).values()):
        words = "no pod of an endpoint is taken away before another is ready; LLM Engine's deployments"
        for key in ("maxSurge", "maxUnavailable"):
            wanted[key] = numbers[key], Because(words, here, "rollout", key)
        if model.rollout is not None and model.rollout.max_surge in NONE_AT_ALL:
            # Whoever has no free GPU for a pod more has to do with a pod less.
            wanted["maxUnavailable"] = 1, "model.rollout.maxSurge is 0, and without a pod less nothing moves"
    words = f"endpoint.kind is {endpoint.kind}, whose requests get that long to end; LLM Engine's"
    place = ("rollout", "terminationGraceSeconds", kind)
    wanted["terminationGraceSeconds"] = grace[kind], Because(words, here, *place)
    if model.rollout is None:
        yield ("model", "rollout"), {}, "endpoint is there"
    for key, (value, reason) in wanted.items():
        if model.rollout is None or setting(model.rollout, key) is None:
            yield ("model", "rollout", key), value, reason
    if model.disruption_budget is None:
        words = "endpoint is there, and a drain of nodes leaves half of its pods; LLM Engine's"
        budget = {"enabled": True, "maxUnavailable": numbers["disruptionBudget"]}
        yield ("model", "disruptionBudget"), budget, Because(words, here, "rollout", "disruptionBudget")


def warmup(recipe: Recipe) -> Derived:
    """Yield which images, on which nodes, and what room: the chart does not see the `model` block."""
    warmup, model = recipe.warmup, recipe.model
    if not warmup.enabled:
        return
    if warmup.images is None:
        yield ("warmup", "images"), [image_of(model)], "the image of the model's workers"
    for key, (value, reason) in _nodes(recipe).items():
        if setting(warmup, key) is None:
            yield ("warmup", key), value, reason
    yield from _placeholders(recipe)


def _nodes(recipe: Recipe) -> dict[str, tuple[Any, str]]:
    """Return what places pods on the nodes of the workers, each with its reason."""
    model = recipe.model
    selector = dict(model.node_selector or {})
    tolerations = [each.model_dump(by_alias=True, exclude_none=True) for each in model.tolerations or []]
    found: dict[str, tuple[Any, str]] = {
        "tolerations": (tolerations, "model.tolerations"),
        "gpuResource": (model.gpu_resource, "model.gpuResource"),
    }
    for path, value, reason in placement(recipe):
        if path[1] == "nodeSelector":
            selector |= value if len(path) == 2 else {str(path[2]): value}
        else:
            found[str(path[1])] = value, reason
    if not selector and not model.mocker:
        # An image of ten gigabytes has no business on all other nodes.
        words = "neither hardware nor model.nodeSelector says which; NVIDIA's GPU feature discovery sets it"
        return {"nodeSelector": ({"nvidia.com/gpu.present": "true"}, words), **found}
    return {"nodeSelector": (selector, "model.nodeSelector"), **found}


def _placeholders(recipe: Recipe) -> Derived:
    """Yield what each placeholder holds: the GPUs of the largest pod of a worker, and what that asks for."""
    placeholders, model = recipe.warmup.placeholders, recipe.model
    if placeholders.count == 0:
        return
    sizes = {role: gpus_of_pod(model, worker) for role, worker in workers(model).items()}
    role = max(sizes, key=lambda each: sizes[each])
    if placeholders.gpus is None and sizes[role]:
        yield ("warmup", "placeholders", "gpus"), sizes[role], f"the GPUs of a pod of model.{role}"
    if placeholders.resources is None:
        given = workers(model)[role].resources
        # A limit alone is a request as well, and of devices and huge pages the API server wants the limit.
        found: dict[str, dict[str, str]] = {}
        for name, quantity in {**given.limits, **given.requests}.items():
            found.setdefault("limits" if given_whole(name) else "requests", {})[name] = quantity
        yield ("warmup", "placeholders", "resources"), found, f"the requests of model.{role}"
