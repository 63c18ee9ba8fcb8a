"""Recipes beside a new one: bases of a model, and graphs that would be one and the same in a cluster."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipegen import catalog
from recipegen.catalog import shown
from recipegen.endpoints import graph_name
from recipegen.errors import Problem, RecipegenError, ToolError
from recipegen.load import Loaded, read
from recipegen.recipe import Endpoint
from recipegen.resolve import Plan


def refuse_taken(plan: Plan, target: Path) -> None:
    """Refuse an endpoint that is there already: a recipe of the folder or the catalog with its graph's name.

    Args:
        plan: the new endpoint.
        target: the file that it will be in.

    Raises:
        ToolError: one has the same graph in the same namespace.
    """
    for path, other in beside(target.parent):
        same = other.document.data.get("dynamoNamespace") == plan.namespace and _graph(other) == plan.graph
        if same and not _same(path, target):
            message = f"{shown(path)} is the endpoint {plan.graph} in the namespace {plan.namespace} already"
            hint = "edit that one, or give this one another --prefix or --name"
            raise ToolError(Problem("exists", (), message, hint))


def base_of(model: str, target: Path) -> str:
    """Return how a command names the recipe that a model has as its base, but for the target; or nothing.

    It is one of the catalog, or of the folder that the target will be in; what extends another is none.
    """
    for path, other in beside(target.parent):
        own = other.document.data.get("model")
        is_base = not other.bases and "endpoint" not in other.document.data
        named = own.get("name") if isinstance(own, dict) else None
        if is_base and named == model and not _same(path, target):
            return called(path)
    return ""


def _same(path: Path, other: Path) -> bool:
    """Return whether both are one file; links that lead to themselves are none, and no error."""
    return os.path.realpath(path) == os.path.realpath(other)


def called(path: Path) -> str:
    """Return how a command names a recipe's file: as the catalog does, or by its path."""
    if catalog.recipes().get(path.stem) == path:
        return path.stem
    place = shown(path)
    return place if "/" in place else f"./{place}"


def refuse_second_base(model: str, target: Path) -> None:
    """Refuse a second base for a model: what differs for a customer or a cluster is an endpoint on the first.

    Args:
        model: id of the model.
        target: the file that the base would be in.

    Raises:
        ToolError: a recipe of the catalog or of the target's folder is a base of that model.
    """
    other = base_of(model, target)
    if other:
        message = f"{other} is a base for {model} already"
        hint = (
            f"`recipegen create {other} --kind KIND` makes an endpoint on it, `recipegen show {other}` tells "
            "what it is; --force writes a second base all the same"
        )
        raise ToolError(Problem("exists", (), message, hint))


def beside(folder: Path) -> Iterator[tuple[Path, Loaded]]:
    """Yield the recipes of the catalog and those that lie in a folder; what cannot be read is none."""
    own = sorted(path for path in folder.glob("*.y*ml") if path.is_file()) if folder.is_dir() else []
    for path in dict.fromkeys([*catalog.recipes().values(), *own]):
        try:
            yield path, read(path)
        except RecipegenError:
            continue


def _graph(recipe: Loaded) -> str:
    endpoint: Any = recipe.document.data.get("endpoint")
    prefix = endpoint.get("prefix") if isinstance(endpoint, dict) else None
    # Only the prefix counts, and what is wrong with the rest of that recipe is its own affair.
    named = prefix if isinstance(prefix, str) else None
    return graph_name(recipe.name, Endpoint.model_construct(kind="serverless", prefix=named))
