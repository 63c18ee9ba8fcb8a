"""What follows from what was written: each value that nobody wrote, with the reason why it is what it is."""

from recipegen.derive import around, graph, ingestion, lifecycle, scaling
from recipegen.derive.because import Because, Derived
from recipegen.recipe import Recipe

__all__ = ["Because", "Derived", "derived"]


def derived(recipe: Recipe, graph_name: str) -> Derived:
    """Yield path, value and reason of each value that follows from others; what holds it comes before it."""
    yield from graph.releases(recipe)
    yield from graph.placement(recipe)
    yield from graph.sizes(recipe)
    yield from scaling.scaling(recipe, graph_name)
    yield from graph.weights(recipe, graph_name)
    yield from lifecycle.lifecycle(recipe)
    yield from ingestion.ingestion(recipe)
    yield from around.gateway(recipe)
    yield from around.observability(recipe)
    yield from around.benchmark(recipe)
    yield from around.faults(recipe)
    yield from lifecycle.warmup(recipe)
    yield from around.images(recipe)
