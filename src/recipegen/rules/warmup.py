"""The warmup: nothing to do, nothing to hold, and two priority classes for the same pods."""

from collections.abc import Iterator

from recipegen.errors import Problem
from recipegen.recipe import Recipe
from recipegen.roles import workers
from recipegen.rules.hardware import gpus_of_pod

PLACEHOLDERS = ("warmup", "placeholders")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a warmup that would warm nothing, and placeholders that could hold nothing."""
    warmup, model = recipe.warmup, recipe.model
    if not warmup.enabled:
        return
    held = warmup.placeholders
    if warmup.images == [] and held.count == 0:
        message = "there are no images to pull and no placeholders, so nothing is left to do"
        hint = "leave images out, which takes the graph's, or set placeholders.count"
        yield Problem("warmup-of-nothing", ("warmup", "images"), message, hint)
    if held.count:
        most = max(gpus_of_pod(model, worker) for worker in workers(model).values())
        if held.gpus is None and (model.mocker or not most):
            message = "the workers have no GPUs that a placeholder could hold for them"
            hint = "say how many with warmup.placeholders.gpus, or set the count to 0"
            yield Problem("placeholder-without-gpus", (*PLACEHOLDERS, "count"), message, hint)
        if held.gpus is not None and not model.mocker and held.gpus < most:
            message = f"makes room for {held.gpus} GPUs, and a pod of the workers needs {most}"
            hint = "leave it out, or give as many"
            yield Problem("placeholder-too-small", (*PLACEHOLDERS, "gpus"), message, hint, warning=True)
        if held.priority_class is not None and held.priority_class == model.priority_class:
            message = "is the workers' class, too, so the scheduler takes no placeholder away for them"
            hint = "name a lower class, or leave it out: one is made"
            yield Problem("placeholder-priority", (*PLACEHOLDERS, "priorityClass"), message, hint)
    if held.priority_class is not None and "priority" in held.model_fields_set:
        message = "has no effect beside priorityClass, which has a priority of its own"
        yield Problem("no-effect", (*PLACEHOLDERS, "priority"), message, "leave one of the two out")
