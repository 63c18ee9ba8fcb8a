"""Stage 1: read a recipe, choose a variant, apply patches. The result is plain data with positions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import getitem
from os import PathLike
from pathlib import Path, PurePath
from typing import Any

from recipegen import catalog, inheritance, yamlio
from recipegen.catalog import shown
from recipegen.document import Document, at, changes_nothing, merge, without
from recipegen.errors import Mark, Problem, RecipeError, nearest, show

DEFAULT_VARIANT = "default"
# Keys that are read before there is a recipe to patch.
TAKEN_BEFORE = {"variants": "the variant is chosen", "extends": "what the recipe extends is read"}


@dataclass(frozen=True)
class Loaded:
    """A recipe as written, with its patches in it."""

    name: str
    """What the recipe is called: its file's stem, or the model's last segment on standard input."""
    variant: str
    """The chosen variant, or `default`."""
    document: Document
    """Plain data, and where each value was written."""
    bases: tuple[str, ...] = ()
    """Files of the recipes that it extends, the nearest first."""
    idle: tuple[Problem, ...] = ()
    """Patches that changed nothing of what was written: wrong, unless they changed another recipe."""
    same: frozenset[str] = frozenset()
    """Variants of a variants file that say no more than the recipe does: those choose its own GPUs."""

    @cached_property
    def alone(self) -> Document:
        """The recipe without its variants."""
        return without(self.document, "variants")


def load(name: str | PathLike[str], variant: str | None = None, patches: Sequence[Document] = ()) -> Loaded:
    """Return the recipe `name` (catalog name, path, or `-`) with `variant` and `patches` applied in order.

    Raises:
        UsageError: when the catalog has no such recipe.
        ToolError: when the file cannot be read.
        RecipeError: when it is not a recipe, extends what it cannot, has no such variant, or the variant
            changes nothing.
    """
    return choose(read(name), variant, patches)


def read(name: str | PathLike[str]) -> Loaded:
    """Return the recipe `name` as it stands in its file; raises as `load` does."""
    path = catalog.find(name)
    document = yamlio.read_file(path or "-", shown(path))
    document, bases = inheritance.extended(document, path)
    return Loaded(_name(path, document), DEFAULT_VARIANT, document, tuple(map(shown, bases)))


def choose(
    recipe: Loaded, variant: str | None, patches: Sequence[Document], *, alone: bool = False
) -> Loaded:
    """Return a recipe that was read with `variant` and `patches` applied in order.

    Args:
        recipe: what `read` returned.
        variant: a variant of it; default: the recipe itself.
        patches: merge patches, applied after the variant.
        alone: whether to leave out the block `variants`, which need not be checked with each of them.

    Raises:
        RecipeError: when it has no such variant, or the variant changes nothing.
    """
    document = recipe.alone if alone else recipe.document
    if variant not in (None, DEFAULT_VARIANT):
        document, wrong = _apply(document, _variant(recipe.document, variant), f"variant {variant}")
        if wrong and variant not in recipe.same:
            raise RecipeError(wrong)
    idle = []
    for patch in patches:
        document, wrong = _apply(document, patch, "patch")
        idle += [wrong] if wrong else []
    return Loaded(recipe.name, variant or DEFAULT_VARIANT, document, recipe.bases, tuple(idle))


def variants(document: Document) -> list[str]:
    """Return the names of the variants that a recipe has, in its own order."""
    found = document.data.get("variants")
    return list(found) if isinstance(found, dict) else []


def _variant(base: Document, name: str | None) -> Document:
    known = variants(base)
    if name not in known:
        has = f"the variants are {', '.join(known)}" if known else "the recipe has no variants"
        hint = nearest(str(name), known) or has
        problem = Problem("unknown-variant", ("variants",), f"no variant is called {show(name)}", hint)
        raise RecipeError(_placed(problem, base))
    try:
        return at(base, "variants", str(name), "patch", label=f"variant {name}")
    except KeyError:
        path = ("variants", str(name), "patch")
        hint = "write `patch:` and below it what is different"
        raise RecipeError(
            _placed(Problem("missing-key", path, "is required but not there", hint), base)
        ) from None


def _apply(document: Document, patch: Document, what: str) -> tuple[Document, Problem | None]:
    """Return the document with the patch in it, and the problem when that is the same as without."""
    for key, before in TAKEN_BEFORE.items():
        if key in patch.data:
            message = f"has no effect in the {what}: {before} before patches are applied"
            raise RecipeError(Problem("no-effect", (key,), message, "leave it out", patch.key_mark((key,))))
    return merge(document, patch), _idle(patch, what) if changes_nothing(document, patch) else None


def _idle(patch: Document, what: str) -> Problem:
    data: Any = patch.data
    found: dict[tuple[str | int, ...], Any] = {
        path: reduce(getitem, path, data) for path in patch.values if path
    }
    leaves = [path for path, value in found.items() if not isinstance(value, dict | list)]
    path = leaves[0] if len(leaves) == 1 else ()
    there = f"the value is {show(found[path])} already" if path else "all of it is there already"
    hint = "leave it out, or correct the key that it should change"
    mark = patch.mark(path) or Mark(what)
    return Problem("no-effect", path, f"the {what} changes nothing: {there}", hint, mark)


def _name(path: Path | None, document: Document) -> str:
    if path is not None:
        return path.stem
    model = document.data.get("model")
    identity = model.get("name") if isinstance(model, dict) else None
    return PurePath(identity).name if isinstance(identity, str) and identity else "recipe"


def _placed(problem: Problem, document: Document) -> Problem:
    return replace(problem, mark=document.mark(problem.path))
