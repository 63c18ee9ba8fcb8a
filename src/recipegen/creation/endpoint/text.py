"""What the recipe of a new endpoint says: what is different from its base, and why."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from recipegen import catalog, yamlio
from recipegen.creation.endpoint import owners
from recipegen.creation.endpoint.wanted import Wanted
from recipegen.document import from_set
from recipegen.errors import Path as Keys
from recipegen.errors import Problem, RecipeError
from recipegen.load import Loaded, choose
from recipegen.recipe import Recipe
from recipegen.roles import workers
from recipegen.validate import validate
from recipegen.variants import selection
from recipegen.version import __version__

# Blocks without which nothing would bring work to an endpoint of the kind.
NEEDED = {"batch": "batch", "async": "scaling"}


def data(wanted: Wanted, below: Loaded, target: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the recipe as data, and what was asked for and is so already."""
    found: dict[str, Any] = {"extends": _extends(wanted.base, target), "endpoint": _endpoint(wanted)}
    notes: list[str] = []
    recipe = validate(choose(below, None, ())).recipe
    for patch, asked in _patches(wanted, below, recipe):
        if patch:
            found = _composed(found, patch)
        else:
            notes.append(f"{asked}: {wanted.base} has that already, so it is left out")
    for expression in wanted.changes:
        found = _composed(found, from_set(expression).data)
    return found, notes


def written(wanted: Wanted, below: Loaded, data: dict[str, Any], lost: Collection[str]) -> str:
    """Return the text of the recipe, with the reasons in comments.

    Args:
        wanted: the wishes.
        below: the base.
        data: the recipe.
        lost: variants of the base that are taken out since they are nothing here.
    """
    head = (
        f"# Written by `recipegen create`, recipegen {__version__}: {wanted.kind}, on {below.name}.\n"
        "# It is yours from here on; `recipegen show FILE --origin` says where each value comes from.\n"
    )
    return head + yamlio.write_by_hand(data, dict(_comments(wanted, data, lost)))


def _composed(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two merge patches as one; a null of either stays, since it deletes something of the base."""
    both = {key: (one[key], value) for key, value in other.items() if key in one}
    deep = {
        key: _composed(*pair) for key, pair in both.items() if all(isinstance(each, dict) for each in pair)
    }
    return {**one, **other, **deep}


def _endpoint(wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": wanted.kind}
    if wanted.prefix is not None:
        found["prefix"] = wanted.prefix
    if wanted.owner is not None:
        owner, file = wanted.owner, wanted.owners_file
        found["owner"] = owner if file is None else owners.lookup(owner, file)
    if wanted.clusters:
        found["clusters"] = {name: {} if n is None else {"replicas": n} for name, n in wanted.clusters}
    return found


def _patches(wanted: Wanted, below: Loaded, recipe: Recipe) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield what each option changes of the base, and the option; nothing where the base says the same."""
    if wanted.backend is not None:
        said = ("model", "backend", "type") in below.document.values
        same = said and recipe.model.backend.type == wanted.backend
        yield {} if same else {"model": {"backend": {"type": wanted.backend}}}, f"--engine {wanted.backend}"
    if wanted.gpu is not None:
        yield selection.patch(recipe, None, wanted.gpu)[0], f"--gpu {wanted.gpu}"
    if wanted.gpus is not None:
        patch, problem = selection.patch(recipe, wanted.gpus, None)
        if problem:
            raise RecipeError(
                Problem(problem.code, (), f"--gpus {wanted.gpus}: {problem.message}", problem.hint)
            )
        yield patch, f"--gpus {wanted.gpus}"
    if wanted.replicas is not None:
        roles = {role for role, worker in workers(recipe.model).items() if worker.replicas != wanted.replicas}
        patch = {"model": {role: {"replicas": wanted.replicas} for role in sorted(roles)}} if roles else {}
        yield patch, f"--replicas {wanted.replicas}"
    block = NEEDED.get(str(wanted.kind))
    if block and not getattr(recipe, block).enabled:
        yield {block: {"enabled": True}}, ""
        role = "decode" if recipe.model.disaggregation else "worker"
        said = ("model", role, "replicas") in below.document.values
        if block == "scaling" and said and wanted.replicas is None:
            # An autoscaler writes them. Those that were asked for stay, and are refused.
            yield {"model": {role: {"replicas": None}}}, ""


def _extends(name: str, target: Path) -> str:
    """Return how the new recipe names its base: as the catalog does, or by the path from its own folder."""
    path = catalog.find(name)
    if path is None or ("/" not in name and not name.endswith((".yaml", ".yml"))):
        return name
    way = os.path.relpath(path.resolve(), target.parent.resolve())
    return way if way.startswith(".") else f"./{way}"


def _comments(wanted: Wanted, data: dict[str, Any], lost: Collection[str]) -> Iterator[tuple[Keys, str]]:
    yield ("extends",), "What stands below is a merge patch of this recipe; all else is as it is there."
    if wanted.prefix is not None:
        yield ("endpoint", "prefix"), "The graph's name begins with it."
    if wanted.owner is not None:
        known = " The file of owners has it for the address." if wanted.owners_file else ""
        yield ("endpoint", "owner"), f"Who pays: on every object, for whoever writes the bills.{known}"
    if wanted.clusters:
        yield (
            ("endpoint", "clusters"),
            "Read by `recipegen render FILE --target appset --charts oci://…` alone.",
        )
    if wanted.kind == "async":
        yield (
            ("scaling",),
            "The length of its queue decides how many replicas there are.",
        )
    if lost and len(lost) == len(data["variants"]):
        yield ("variants",), "Of the base, and with what stands above without effect or wrong."
    model = data.get("model", {})
    if wanted.gpus is not None and "tensorParallel" in model.get("engine", {}):
        yield ("model", "engine"), f"{wanted.gpus} GPUs for each worker, as asked for."
