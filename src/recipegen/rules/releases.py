"""The Dynamo release of the graph: one that is not out yet, or newer than the operator that runs it."""

from collections.abc import Iterator

from recipegen import facts
from recipegen.errors import Path, Problem
from recipegen.recipe import Recipe
from recipegen.rules.images import release_of


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a release that is known from a nightly build only, and an operator older than the graph."""
    backend, operator = recipe.model.backend, recipe.platform.version
    release = release_of(backend)
    written: Path = ("model", "backend", "version" if backend.version else "image")
    preview = facts.dynamo().get(release, {}).get("preview")
    if preview:
        message = f"Dynamo {release} is known from {preview} only; there may be no such image or operator"
        hint = f"take {facts.newest_dynamo()}, the newest release"
        yield Problem("preview-release", written, message, hint, warning=True)
    if operator and facts.order(operator) < facts.order(release):
        message = f"an operator of Dynamo {operator} may not know how to run workers of {release}"
        hint = f"take {release} or newer, or an older model.backend.version; the other way round is supported"
        yield Problem("older-operator", ("platform", "version"), message, hint, warning=True)
