"""The documents of a variants file, and the merge patch on the recipe that each of them stands for."""

from dataclasses import replace
from os import PathLike
from pathlib import Path as File

from recipegen import yamlio
from recipegen.catalog import shown
from recipegen.document import Document, marked, merge, without
from recipegen.errors import Mark, Problem, RecipeError, UsageError, dotted
from recipegen.language import knows
from recipegen.load import Loaded
from recipegen.recipe import Recipe
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate
from recipegen.variants import foreign, selection

MOST = 100
"""Variants of a recipe, its own and those of a file, as the recipe language has it."""
# Read before there is a recipe to patch.
REFUSED = {
    "variants": "a variant has no variants of its own: write one document for each",
    "extends": "the recipe that a variants file changes is named in the command: name that one there",
}
# What of the recipe language says what a foreign key means.
SAYS = {"gpus": ("tensorParallel",), "gpu": ("hardware", "gpu")}
FORM = "a document is keys of the recipe language, such as model: {engine: {tensorParallel: 2}}"


def read(file: str | PathLike[str]) -> list[Document]:
    """Return the documents of a variants file, an empty one as one without keys.

    Raises:
        UsageError: when it is standard input.
        ToolError: when it cannot be read.
        RecipeError: when it is no YAML, holds no document, or too many.
    """
    if str(file) == "-":
        raise UsageError("--variants: a variants file cannot come from standard input; write a file first")
    path = File(file)
    label = shown(path)
    try:
        documents = yamlio.read_all(yamlio.read_bytes(path, label), label, blank=True)
    except RecipeError as error:
        raise RecipeError(*map(_with_form, error.problems)) from error
    if not any(document.data for document in documents):
        message = "the variants file holds no document"
        hint = "write one document for each variant, with --- between them"
        raise RecipeError(Problem("empty", (), message, hint, Mark(label, 1, 1)))
    if len(documents) > MOST:
        message = f"more than {MOST} documents, which is what a recipe may have of variants"
        raise RecipeError(Problem("limit", (), message, "split the file", top(documents[MOST])))
    return documents


def top(document: Document) -> Mark:
    """Return where a document begins."""
    first = next(iter(document.data), None)
    return document.values[()] if first is None else document.keys[first,]


def patch(base: Plan, document: Document) -> Document:
    """Return the merge patch that a document stands for.

    Raises:
        RecipeError: when a key means nothing here, or what it asks for cannot be laid out.
    """
    for key, why in REFUSED.items():
        if key in document.data:
            mark = document.keys[key,]
            raise RecipeError(Problem("no-effect", (key,), "has no effect in a variants file", why, mark))
    wish = foreign.read(document)
    found = document
    for place in wish.places.values():
        found = without(found, str(place[0]))
    recipe = _subject(base, found) if wish.places else base.recipe
    asked = {"gpus": (wish.gpus, None), "gpu": (None, wish.gpu)}
    for means, place in wish.places.items():
        mark = document.values[place]
        twice = [path for path in found.values if SAYS[means] in (path, path[-1:])]
        if twice:
            message = f"says the same as {dotted(twice[0])} of this document"
            raise RecipeError(Problem("said-twice", place, message, "keep one of the two", mark))
        data, problem = selection.patch(recipe, *asked[means])
        if problem:
            raise RecipeError(replace(problem, path=place, mark=mark))
        found = merge(found, marked(data, mark))
    return found


def planned(base: Loaded, patch: Document) -> Plan:
    """Return what a patch makes of a recipe; raises as `validate` and `resolve` do."""
    return resolve(validate(replace(base, document=merge(base.alone, patch))))


def chooses(document: Document) -> bool:
    """Return whether a document says nothing but GPUs in another tool's words.

    It says how many there are, not what to change: those of the recipe itself are a choice among others.
    """
    return bool(document.data) and not any(knows((key,)) for key in document.data)


def _subject(base: Plan, rest: Document) -> Recipe:
    """Return the recipe of which GPUs are asked for: other sizes of the same document count among them."""
    return planned(base.loaded, rest).recipe if rest.data else base.recipe


def _with_form(problem: Problem) -> Problem:
    """Return the problem, for something else than keys with what a document looks like."""
    return replace(problem, hint=problem.hint or FORM) if problem.code == "wrong-type" else problem
