"""Variants files: documents that override a recipe, each of which becomes a named variant of it.

A name follows from a document and the recipe, never from the other documents: GPUs of one replica and the
node label of their type; where it changes anything else, a digest of the document is added.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from recipegen.document import Document, at, marked, within
from recipegen.errors import Mark, Problem, RecipeError, dotted
from recipegen.load import Loaded, choose, read
from recipegen.load import variants as own_variants
from recipegen.origin import leaves
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate
from recipegen.variants import documents, selection
from recipegen.variants.documents import planned, top

DIGITS = 8

NOT_UPLOADED = (
    "not uploaded by recipegen: keep recipe and variants in git; the same files give this id again, anywhere"
)


@dataclass(frozen=True)
class Variant:
    """A variant of a recipe, resolved."""

    name: str
    plan: Plan
    changes: dict[str, Any]
    """What it changes of the recipe as written: dotted path to value."""

    @property
    def config_id(self) -> str:
        """Digest of the resolved form."""
        return f"sha256:{self.plan.digest}"


@dataclass(frozen=True)
class Expansion:
    """A recipe with the variants of a file."""

    loaded: Loaded
    """The recipe, the variants of the file among its own."""
    variants: tuple[Variant, ...]
    """Those of the file, in its order."""

    @property
    def config_id(self) -> str:
        """Digest over all resolved forms, whatever their order in the file."""
        return config_id(self.variants)


def config_id(variants: Sequence[Variant]) -> str:
    """Return the digest over names and resolved forms of variants, whatever their order."""
    lines = sorted(f"{each.name} {each.plan.digest}\n" for each in variants)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def expand(name: str | PathLike[str], file: str | PathLike[str]) -> Expansion:
    """Return a recipe with the variants of a file.

    Args:
        name: a recipe of the catalog, the path of a recipe file, or `-` for standard input.
        file: the variants file.

    Raises:
        UsageError: when the catalog has no such recipe, or the variants come from standard input.
        ToolError: when a file cannot be read.
        RecipeError: when the recipe or a document of the file is wrong.
    """
    written = documents.read(file)
    recipe = read(name)
    base = resolve(validate(replace(recipe, document=recipe.alone)))
    found: dict[int, tuple[Variant, Document]] = {}
    problems: list[Problem] = []
    for number, document in enumerate(written, start=1):
        try:
            found[number] = _variant(base, document)
        except RecipeError as error:
            problems += [_with_document(problem, document, number) for problem in error.problems]
    problems += _repeated(recipe, written, {number: variant for number, (variant, _) in found.items()})
    if problems:
        raise RecipeError(*problems)
    whole = recipe.document
    for number, (variant, patch) in found.items():
        data = {"description": f"Document {number} of the variants file.", "patch": patch.data}
        whole = within(whole, ("variants", variant.name), data, ("patch",), patch)
    variants = tuple(variant for variant, _ in found.values())
    same = frozenset(each.name for each in variants if each.plan.digest == base.digest)
    return Expansion(replace(recipe, document=whole, same=same), variants)


def listed(recipe: Loaded) -> tuple[Variant, ...]:
    """Return the variants that a recipe has itself, resolved.

    Raises:
        RecipeError: when the recipe or one of them is wrong.
    """
    found = []
    for name in own_variants(recipe.document):
        plan = resolve(validate(choose(recipe, name, (), alone=True)))
        found.append(Variant(name, plan, _changes(at(recipe.document, "variants", name, "patch"))))
    return tuple(found)


def _variant(base: Plan, document: Document) -> tuple[Variant, Document]:
    """Return what a document makes of a recipe, and the patch that it is for that."""
    patch = documents.patch(base, document)
    plan = planned(base.loaded, patch)
    if plan.digest == base.digest and not documents.chooses(document):
        what = "all of it is there already, or is the default" if document.data else "it is empty"
        hint = "leave it out, or correct the key that it should change"
        message = f"the document changes nothing: {what}"
        raise RecipeError(Problem("no-effect", (), message, hint, top(document)))
    name = _name(base, plan, patch)
    return Variant(name, replace(plan, loaded=replace(plan.loaded, variant=name)), _changes(patch)), patch


def _name(base: Plan, plan: Plan, patch: Document) -> str:
    """Return the name of a variant, such as `2x-nvidia-a100-sxm4-80gb`."""
    recipe = plan.recipe
    count = selection.gpus(recipe)
    called = f"{count}x-{selection.hardware(recipe)}".lower()
    name = re.sub("[^a-z0-9]+", "-", called).strip("-")
    plain, problem = selection.patch(base.recipe, count, recipe.hardware.gpu if recipe.hardware else None)
    if problem is None and (plain == patch.data or _makes(base, plain, plan)):
        return name
    text = json.dumps(patch.data, sort_keys=True, separators=(",", ":"))
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"


def _makes(base: Plan, patch: dict[str, Any], plan: Plan) -> bool:
    """Return whether a patch makes the plan of the recipe."""
    try:
        return planned(base.loaded, marked(patch, Mark(""))).digest == plan.digest
    except RecipeError:
        return False


def _changes(patch: Document) -> dict[str, Any]:
    return {dotted(path): value for path, value in leaves(patch.data) if path}


def _repeated(recipe: Loaded, written: list[Document], found: dict[int, Variant]) -> list[Problem]:
    """Return the documents that repeat another one or take a name that is taken, or are too many."""
    problems = []
    own = own_variants(recipe.document)
    first: dict[str, int] = {}
    for number, variant in found.items():
        mark = top(written[number - 1])
        other = first.setdefault(variant.plan.digest, number)
        if other != number:
            message = f"document {number} repeats document {other} ({top(written[other - 1])}): "
            message += f"both make {variant.name} of the recipe"
            problems.append(Problem("variant-twice", (), message, "leave one of them out", mark))
        elif variant.name in own:
            message = f"document {number} makes {variant.name}, and the recipe has a variant of that name"
            problems.append(Problem("variant-twice", (), message, "leave one of the two out", mark))
    total = len(own) + len(written)
    if total > documents.MOST:
        message = f"with those of the recipe itself these are {total} variants, and {documents.MOST} may be"
        problems.append(Problem("limit", (), message, "split the file", top(written[-1])))
    return problems


def _with_document(problem: Problem, document: Document, number: int) -> Problem:
    """Return the problem with the document that brings it about, where its place is not there."""
    begin = top(document)
    if problem.mark is not None and problem.mark.source == begin.source:
        return problem
    return replace(problem, message=f"with document {number} ({begin}): {problem.message}")
