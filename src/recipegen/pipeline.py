"""The stages in their order: load, validate, resolve, compile, emit."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from os import PathLike
from typing import Any

from recipegen import load, yamlio
from recipegen.compile import Bundle, compile_plan
from recipegen.document import Document
from recipegen.errors import RecipeError
from recipegen.resolve import Plan, resolve
from recipegen.targets import TARGETS
from recipegen.validate import validate

Patch = Document | Mapping[str, Any]
"""A JSON merge patch: plain data, or data that knows where it was written."""


Name = str | PathLike[str]
"""A recipe of the catalog, `-` for standard input, or the path of a recipe file."""


def plan(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    variants: str | PathLike[str] | None = None,
) -> Plan:
    """Return the complete recipe, with every name and size decided.

    Args:
        name: a recipe of the catalog, the path of a recipe file, or `-` for standard input.
        variant: a variant of the recipe; default: the recipe itself.
        patches: merge patches, applied in this order after the variant.
        variants: a variants file, whose documents become variants of the recipe.

    Raises:
        UsageError: when the catalog has no such recipe.
        ToolError: when a file cannot be read.
        RecipeError: with every problem of the first stage that found one, or each idle patch.
        TypeError, ValueError: when a patch is no mapping, or holds more than plain data.
    """
    patched = documents(patches)
    return chosen(read(name, variants), variant, patched)


def bundle(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    charts: str | None = None,
    *,
    variants: str | PathLike[str] | None = None,
) -> Bundle:
    """Return the releases of a recipe.

    Raises as `plan` does, and UsageError for charts in a place whose name helmfile would execute.
    """
    return compile_plan(plan(name, variant, patches, variants=variants), charts)


def render(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    target: str = "helmfile",
    charts: str | None = None,
    variants: str | PathLike[str] | None = None,
) -> str:
    """Return the text of a recipe: `helmfile` for `helmfile apply`, `values` for the parent chart, `appset`.

    Raises as `bundle` does, and KeyError for a target that does not exist.
    """
    found = plan(name, variant, patches, variants=variants)
    return TARGETS[target](found, compile_plan(found, charts))


def read(name: Name, variants: str | PathLike[str] | None = None) -> load.Loaded:
    """Return a recipe as it stands in its file, and with a variants file the variants of that among its own.

    Arguments and errors as for `plan`.
    """
    if variants is None:
        return load.read(name)
    # Only now: rendering should not wait for what reads variants files.
    from recipegen.variants import expand

    return expand(name, variants).loaded


def chosen(recipe: load.Loaded, variant: str | None, patches: Sequence[Document]) -> Plan:
    """Return the plan of one form of a recipe that was read; arguments and errors as for `plan`."""
    loaded = load.choose(recipe, variant, patches)
    if loaded.idle:
        raise RecipeError(*loaded.idle)
    return resolve(validate(loaded))


def forms(recipe: load.Loaded, patches: Sequence[Document]) -> list[Plan]:
    """Return the plans of a recipe that was read and of its variants, without those that are wrong."""
    found = []
    for variant in [None, *load.variants(recipe.document)]:
        with suppress(RecipeError):
            found.append(resolve(validate(load.choose(recipe, variant, patches, alone=True))))
    return found


def documents(patches: Iterable[Patch]) -> list[Document]:
    """Return patches as data that knows where it was written.

    Raises:
        TypeError, ValueError: when a patch is no mapping, or holds more than plain data.
    """
    if isinstance(patches, Mapping | Document | str):
        raise TypeError("patches is a sequence of patches: put a single one in a list")
    return [_document(patch, index) for index, patch in enumerate(patches, start=1)]


def _document(patch: Patch, index: int) -> Document:
    if isinstance(patch, Document):
        return patch
    if not isinstance(patch, Mapping):
        raise TypeError(f"patch {index} is no mapping but {type(patch).__name__}")
    # Through text, so that data from a program meets the same limits as data from a file.
    try:
        text = yamlio.write(dict(patch))
    except RecursionError as error:
        raise ValueError(f"patch {index} holds itself, or is nested too deeply") from error
    return yamlio.read(text, f"patch {index}", lines=False)
