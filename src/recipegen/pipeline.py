"""The stages in their order: load, validate, resolve, compile, emit. This is the library."""

from collections.abc import Mapping, Sequence
from typing import Any

from recipegen import yamlio
from recipegen.compile import Bundle, compile_plan
from recipegen.document import Document
from recipegen.errors import RecipeError
from recipegen.load import load
from recipegen.resolve import Plan, resolve
from recipegen.targets import TARGETS
from recipegen.validate import validate

Patch = Document | Mapping[str, Any]
"""A JSON merge patch: plain data, or data that knows where it was written."""


def plan(name: str, variant: str | None = None, patches: Sequence[Patch] = ()) -> Plan:
    """Return the complete recipe, with every name and size decided.

    Args:
        name: a recipe of the catalog, the path of a recipe file, or `-` for standard input.
        variant: a variant of the recipe; default: the recipe itself.
        patches: merge patches, applied in this order after the variant.

    Raises:
        UsageError: when the catalog has no such recipe.
        ToolError: when a file cannot be read.
        RecipeError: with every problem of the first stage that found one, or each idle patch.
    """
    documents = [_document(patch, index) for index, patch in enumerate(patches, start=1)]
    loaded = load(name, variant, documents)
    if loaded.idle:
        raise RecipeError(*loaded.idle)
    return resolve(validate(loaded))


def bundle(
    name: str,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    charts: str | None = None,
) -> Bundle:
    """Return the releases of a recipe.

    Raises as `plan` does, and UsageError for charts in a place whose name helmfile would execute.
    """
    return compile_plan(plan(name, variant, patches), charts)


def render(
    name: str,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    target: str = "helmfile",
    charts: str | None = None,
) -> str:
    """Return the text of a recipe: `helmfile` for `helmfile apply`, `values` for the parent chart.

    Raises as `bundle` does, and KeyError for a target that does not exist.
    """
    complete = plan(name, variant, patches)
    return TARGETS[target](complete, compile_plan(complete, charts))


def _document(patch: Patch, index: int) -> Document:
    if isinstance(patch, Document):
        return patch
    # Through text, so that data from a program meets the same limits as data from a file.
    return yamlio.read(yamlio.write(dict(patch)), f"patch {index}")
