"""Blocks that are switched off or cannot be there, with settings in them."""

from collections.abc import Iterator

from recipegen.errors import Problem, show
from recipegen.language import key_names
from recipegen.recipe import Block, Cache, Recipe


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a cache that belongs to no release, and settings of what is off.

    A benchmark that is off keeps its settings for `--with benchmark`, so it is fine.
    """
    cache = recipe.model.cache
    if not recipe.model.deployment.create and cache.enabled:
        message = (
            "has no effect while model.deployment.create is false: the cache belongs to the graph's release"
        )
        yield Problem("no-effect", ("model", "cache", "enabled"), message, "set it to false")
    for key, name in key_names(Cache).items():
        value = getattr(cache, name)
        # What is written as it is by default says nothing that gets lost.
        if not cache.enabled and value != Cache.model_fields[name].default:
            plain = value.model_dump(by_alias=True, exclude_unset=True) if isinstance(value, Block) else value
            message = f"has no effect while model.cache.enabled is false, got {show(plain)}"
            hint = "set model.cache.enabled to true, or leave it out"
            yield Problem("no-effect", ("model", "cache", key), message, hint, warning=True)
