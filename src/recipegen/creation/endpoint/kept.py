"""Options that a `--set` beside them takes back: refused, since nobody would look for that in the file."""

from collections.abc import Callable, Iterator
from typing import Any

from recipegen.creation.endpoint.wanted import Wanted
from recipegen.errors import Problem, UsageError, show
from recipegen.recipe import Recipe
from recipegen.roles import workers
from recipegen.variants import selection

# What a recipe has of each wish, once for each role where that can differ, and the option of the wish.
HAS: dict[str, tuple[str, Callable[[Recipe], list[Any]]]] = {
    "gpu": ("--gpu", lambda recipe: [recipe.hardware and recipe.hardware.gpu]),
    "backend": ("--engine", lambda recipe: [recipe.model.backend.type]),
    "gpus": ("--gpus", lambda recipe: [selection.gpus(recipe)]),
    "replicas": ("--replicas", lambda recipe: [each.replicas for each in workers(recipe.model).values()]),
}


def refuse_contrary(wanted: Wanted, recipe: Recipe) -> None:
    """Refuse an option and a `--set` that say different things, all such pairs at once.

    Args:
        wanted: the wishes.
        recipe: what they became.

    Raises:
        UsageError: With a problem for each.
    """
    # Options alone are done as they say, or refused.
    found = [*_contrary(wanted, recipe)] if wanted.changes else []
    if found:
        hint = "leave one of the two out"
        raise UsageError(*(Problem("usage", (), message, hint) for message in found))


def _contrary(wanted: Wanted, recipe: Recipe) -> Iterator[str]:
    for field, (option, has) in HAS.items():
        wish = getattr(wanted, field)
        other = next((each for each in has(recipe) if wish is not None and each != wish), wish)
        if other != wish:
            yield f"{option} {wish}: a --set makes it {show(other)}"
    clusters = recipe.endpoint.clusters if recipe.endpoint else {}
    for name, number in wanted.clusters:
        if name not in clusters:
            yield f"--cluster {name}: a --set takes it out"
        elif number is not None and clusters[name].replicas != number:
            other = show(clusters[name].replicas)
            yield f"--cluster {name}={number}: a --set makes it {other}"
