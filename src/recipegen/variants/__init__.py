"""Variants files: documents that override a recipe, each of which becomes a named variant of it.

A name follows from a document and the recipe, never from the other documents: GPUs of one replica and the node
label of their type; where it changes anything else, a digest of the document is added.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path as File
from typing import Any

from recipegen import yamlio
from recipegen.document import Document, at, marked, merge, within, without
from recipegen.errors import Mark, Problem, RecipeError, UsageError, dotted
from recipegen.language import knows
from recipegen.load import Loaded, choose, shown
from recipegen.load import read as read_recipe
from recipegen.load import variants as own_variants
from recipegen.origin import leaves
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate
from recipegen.variants import foreign, selection

MOST = 100
"""Variants of a recipe, its own and those of a file, as the recipe language has it."""
DIGITS = 8
# What of the recipe language says what a foreign key means.
SAYS = {"gpus": ("tensorParallel",), "gpu": ("hardware", "gpu")}
# Read before there is a recipe to patch.
REFUSED = {
    "variants": "a variant has no variants of its own: write one document for each",
    "extends": "what a variants file changes is said with the command: name that recipe there",
}

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

    base: Plan
    loaded: Loaded
    """The recipe, the variants of the file among its own."""
    variants: tuple[Variant, ...]
    """Those of the file, in its order."""

    @property
    def config_id(self) -> str:
        """Digest over all resolved forms, whatever their order in the file."""
        return config_id(self.variants)


def config_id(variants: Sequence[Variant]) -> str:
    """Return the digest over the resolved forms of variants and their names, in any order."""
    lines = sorted(f"{each.name} {each.plan.digest}\n" for each in variants)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def read(name: str | PathLike[str], file: str | PathLike[str] | None = None) -> Loaded:
    """Return a recipe as it stands in its file, and with a variants file the variants of that among its own.

    Args:
        name: a recipe of the catalog, the path of a recipe file, or `-` for standard input.
        file: the variants file.

    Raises:
        UsageError: when the catalog has no such recipe, or both come from standard input.
        ToolError: when a file cannot be read.
        RecipeError: when the recipe or a document of the file is wrong.
    """
    return read_recipe(name) if file is None else expand(name, file).loaded


def expand(name: str | PathLike[str], file: str | PathLike[str]) -> Expansion:
    """Return a recipe with the variants of a file; arguments and errors as for `read`."""
    if str(file) == "-":
        raise UsageError("--variants: a variants file cannot come from standard input; write a file first")
    documents = _documents(file)
    loaded = read_recipe(name)
    plan = resolve(validate(replace(loaded, document=loaded.alone)))
    found: dict[int, Variant] = {}
    written = loaded.document
    problems: list[Problem] = []
    for number, document in enumerate(documents, start=1):
        try:
            patch = _patch(plan, document)
            variant = _variant(plan, patch)
            _refuse_idle(plan, document, variant)
        except RecipeError as error:
            problems += [_with_document(problem, document, number) for problem in error.problems]
            continue
        twice = next((n for n, other in found.items() if other.plan.digest == variant.plan.digest), None)
        if twice:
            message = f"document {number} repeats document {twice} ({_top(documents[twice - 1])}): "
            message += f"both make {variant.name} of the recipe"
            problems.append(Problem("variant-twice", (), message, "leave one of them out", _top(document)))
        elif variant.name in own_variants(loaded.document):
            message = f"the recipe has a variant called {variant.name} itself"
            problems.append(Problem("variant-twice", (), message, "leave it out of this file, and choose that", _top(document)))
        found.setdefault(number, variant)
        data = {"description": f"Document {number} of the variants file.", "patch": patch.data}
        written = within(written, ("variants", variant.name), data, ("patch",), patch)
    total = len(own_variants(loaded.document)) + len(documents)
    if total > MOST:
        message = f"with those of the recipe itself these are {total} variants; {MOST} are allowed"
        problems.append(Problem("limit", (), message, "split the file", _top(documents[-1])))
    if problems:
        raise RecipeError(*problems)
    same = frozenset(each.name for each in found.values() if each.plan.digest == plan.digest)
    return Expansion(plan, replace(loaded, document=written, same=same), tuple(found.values()))


def listed(loaded: Loaded) -> tuple[Variant, ...]:
    """Return the variants that a recipe has itself, resolved.

    Raises:
        RecipeError: when the recipe or one of them is wrong.
    """
    found = []
    for name in own_variants(loaded.document):
        plan = resolve(validate(choose(loaded, name, (), alone=True)))
        found.append(Variant(name, plan, _changes(at(loaded.document, "variants", name, "patch"))))
    return tuple(found)


def _documents(file: str | PathLike[str]) -> list[Document]:
    """Return the documents of a variants file, an empty one as one without keys."""
    path = File(file)
    label = shown(path)
    try:
        documents = yamlio.read_all(yamlio.read_bytes(path, label), label, blank=True)
    except RecipeError as error:
        raise RecipeError(*map(_with_form, error.problems)) from error
    if not any(document.data for document in documents):
        hint = "write one document for each variant, with --- between them"
        raise RecipeError(Problem("empty", (), "the variants file holds no document", hint, Mark(label, 1, 1)))
    if len(documents) > MOST:
        message = f"more than {MOST} documents, which is what a recipe may have of variants"
        raise RecipeError(Problem("limit", (), message, "split the file", _top(documents[MOST])))
    return documents


def _with_form(problem: Problem) -> Problem:
    """Return the problem, for something else than keys with what a document looks like."""
    form = "a document is keys of the recipe language, such as model: {engine: {tensorParallel: 2}}"
    return replace(problem, hint=problem.hint or form) if problem.code == "wrong-type" else problem


def _top(document: Document) -> Mark:
    """Return where a document begins."""
    first = next(iter(document.data), None)
    return document.values[()] if first is None else document.keys[first,]


def _patch(base: Plan, document: Document) -> Document:
    """Return the merge patch that a document stands for.

    Raises:
        RecipeError: when a key means nothing here, or what it asks for cannot be laid out.
    """
    for key, why in REFUSED.items():
        if key in document.data:
            mark = document.keys[key,]
            raise RecipeError(Problem("no-effect", (key,), "has no effect in a variants file", why, mark))
    wish = foreign.read(document)
    rest = document
    for key in {place[0] for place in wish.places.values()}:
        rest = without(rest, str(key))
    # Sizes of the document itself, such as of pipeline parallelism, count among the GPUs that it asks for.
    subject = _planned(base.loaded, rest).recipe if wish.places and rest.data else base.recipe
    asked = {"gpus": (wish.gpus, None), "gpu": (None, wish.gpu)}
    for means, place in wish.places.items():
        data, problem = selection.patch(subject, *asked[means])
        mark = document.values[place]
        if problem:
            raise RecipeError(replace(problem, path=place, mark=mark))
        twice = [path for path in rest.values if path[-1:] == SAYS[means] or path == SAYS[means]]
        if twice:
            message = f"{dotted(place)} says the same as {dotted(twice[0])} of this document"
            raise RecipeError(Problem("said-twice", place, message, "keep one of the two", mark))
        rest = merge(rest, marked(data, mark))
    return rest


def _planned(base: Loaded, patch: Document) -> Plan:
    document = merge(base.alone, patch)
    return resolve(validate(replace(base, document=document)))


def _variant(base: Plan, patch: Document) -> Variant:
    plan = _planned(base.loaded, patch)
    name = _name(base, plan, patch)
    plan = replace(plan, loaded=replace(plan.loaded, variant=name))
    return Variant(name, plan, _changes(patch))


def _name(base: Plan, plan: Plan, patch: Document) -> str:
    """Return the name of a variant, such as `2x-nvidia-a100-sxm4-80gb`."""
    recipe = plan.recipe
    count = selection.gpus(recipe)
    called = f"{count}x-{selection.hardware(recipe)}".lower()
    name = re.sub("-+", "-", re.sub("[^a-z0-9-]", "-", called)).strip("-")
    plain, problem = selection.patch(base.recipe, count, recipe.hardware.gpu if recipe.hardware else None)
    if problem is None and (plain == patch.data or _same(base, plan, plain)):
        return name
    text = json.dumps(patch.data, sort_keys=True, separators=(",", ":"))
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"


def _same(base: Plan, plan: Plan, patch: dict[str, Any]) -> bool:
    """Return whether a patch makes of the recipe what the plan is."""
    try:
        return _planned(base.loaded, marked(patch, Mark("hardware"))).digest == plan.digest
    except RecipeError:
        return False


def _changes(patch: Document) -> dict[str, Any]:
    return {dotted(path): value for path, value in leaves(patch.data) if path}


def _refuse_idle(base: Plan, document: Document, variant: Variant) -> None:
    """Refuse a document that changes nothing.

    One that only says GPUs in another tool's words says how many there are, not what to change: those of
    the recipe itself are a choice among others.
    """
    if variant.plan.digest != base.digest or _is_foreign(document):
        return
    what = "it is empty" if not document.data else "all of it is there already, or is the default"
    hint = "leave it out, or correct the key that it should change"
    raise RecipeError(Problem("no-effect", (), f"the document changes nothing: {what}", hint, _top(document)))


def _is_foreign(document: Document) -> bool:
    return bool(document.data) and not any(knows((key,)) for key in document.data)


def _with_document(problem: Problem, document: Document, number: int) -> Problem:
    """Return the problem with the document that brings it about, where its place is not there."""
    begin = _top(document)
    if problem.mark is not None and problem.mark.source == begin.source:
        return problem
    return replace(problem, message=f"with document {number} ({begin}): {problem.message}")
