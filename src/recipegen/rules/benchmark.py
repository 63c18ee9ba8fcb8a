"""The benchmark against the graph that it measures."""

from collections.abc import Iterator

from recipegen.errors import Problem
from recipegen.recipe import BenchmarkConfig, Recipe
from recipegen.rules.roles import engine_of, path_of, workers


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield requests that nothing answers: without a frontend, or longer than the context of the workers."""
    if not recipe.benchmark.enabled:
        return
    model, config = recipe.model, recipe.benchmark.config or BenchmarkConfig()
    if model.deployment.create and model.frontend.replicas == 0:
        message = "the benchmark asks the frontend, got 0"
        hint = "set it to 1 or more, or benchmark.enabled to false"
        yield Problem("benchmark", ("model", "frontend", "replicas"), message, hint)
    for role, worker in workers(model).items():
        limit = engine_of(model, worker).max_model_len
        # A prefill worker reads the prompt alone.
        what, tokens = ("isl", config.isl) if role == "prefill" else ("isl + osl", config.isl + config.osl)
        if limit is not None and tokens > limit:
            message = f"is less than the requests of the benchmark have, {what} = {tokens}, got {limit}"
            hint = "make it larger, or benchmark.config.isl and osl smaller"
            yield Problem("benchmark", path_of(role, worker, "maxModelLen"), message, hint)
