"""Stage 2: check the data against the recipe language and the rules. Every problem is reported at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from recipegen import hints, language, rules
from recipegen.document import Document
from recipegen.errors import Path, Problem, RecipeError, dotted, nearest, show
from recipegen.load import Loaded
from recipegen.recipe import FORMS, Recipe


@dataclass(frozen=True)
class Checked:
    """A recipe that passed, and what is odd about it all the same."""

    loaded: Loaded
    recipe: Recipe
    warnings: tuple[Problem, ...]


def validate(loaded: Loaded) -> Checked:
    """Return the typed recipe.

    Raises:
        RecipeError: with every problem of shape, or, when the shape is right, of the rules.
    """
    document = loaded.document
    if {"apiVersion", "kind"} <= document.data.keys():
        message = f"this is a Kubernetes object, a {show(document.data['kind'])}, and no recipe"
        raise RecipeError(placed(Problem("not-a-recipe", ("kind",), message), document))
    if "model_type" in document.data and "model" not in document.data:
        message = "this is the configuration of a model, and no recipe"
        hint = "`recipegen new --config FILE` makes a recipe of it, `recipegen size --config FILE` sizes it"
        raise RecipeError(placed(Problem("not-a-recipe", ("model_type",), message, hint), document))
    problems = [*rules.of_text(document), *_misspelt_deletions(document)]
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(document.data)
    except ValidationError as error:
        problems += _joined(_problem(detail, document) for detail in error.errors(include_url=False))
    if recipe is not None:
        problems += rules.of_recipe(recipe)
    problems = [placed(problem, document) for problem in problems]
    wrong = [problem for problem in problems if not problem.warning]
    if wrong or recipe is None:
        raise RecipeError(*wrong)
    return Checked(loaded, recipe, tuple(problems))


# Problems of a key itself, not of its value.
ABOUT_KEYS = (
    "unknown-key",
    "wrong-key",
    "owned-variable",
    "unknown-variable",
    "default-variant",
    "gpu-among-resources",
    "unknown-resource",
    "taken-label",
)


def placed(problem: Problem, document: Document) -> Problem:
    """Return the problem with the place where its value, or the nearest block around it, was written."""
    if problem.mark is not None:
        return problem
    find = document.key_mark if problem.code in ABOUT_KEYS else document.mark
    return replace(problem, mark=find(problem.path))


def _misspelt_deletions(document: Document) -> Iterator[Problem]:
    """A patch that deletes what is not there is fine, unless the language has no such key."""
    for path, mark in document.deleted.items():
        if not language.knows(path):
            yield _unknown(path, mark=mark)


def _problem(detail: Any, document: Document) -> Problem:
    path = tuple(own_segments(detail["loc"], document.data))
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind == "missing":
        return _missing(path, document)
    message, hint = words(kind, context, path, value)
    code = "wrong-type" if kind.endswith("_type") else "wrong-value"
    if detail["loc"][-1] == "[key]":
        code = "wrong-key"
    return Problem(code, path, f"{message}, got {show(value)}", hint)


def _missing(path: Path, document: Document) -> Problem:
    """Return that a key is not there, told where a patch or a recipe that extends another took it out."""
    for length in range(len(path), 0, -1):
        if mark := document.removed.get(path[:length]):
            what = "it" if length == len(path) else dotted(path[:length])
            return Problem(
                "missing-key", path, f"is required, and null takes {what} out", "leave the null out", mark
            )
    return Problem("missing-key", path, "is required but not there")


def _joined(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems with one for each place: where several types are allowed, pydantic reports each."""
    found: dict[tuple[str, Path], Problem] = {}
    for problem in problems:
        first = found.setdefault((problem.code, problem.path), problem)
        if first is not problem:
            words, got = first.message.split(", got ", 1)
            other = problem.message.removeprefix("needs ").split(", got ", 1)[0]
            joined = replace(first, message=f"{words} or {other}, got {got}", hint="")
            found[problem.code, problem.path] = joined
    return list(found.values())


TYPES = {
    "int_type": "needs a whole number",
    "float_type": "needs a number",
    "bool_type": "needs true or false",
    "string_type": "needs text",
    "list_type": "needs a list",
    "dict_type": "needs a block of keys",
    "model_type": "needs a block of keys",
}
BOUNDS = {
    "greater_than": ("gt", "needs to be greater than"),
    "greater_than_equal": ("ge", "needs to be at least"),
    "less_than": ("lt", "needs to be less than"),
    "less_than_equal": ("le", "needs to be at most"),
    "string_too_short": ("min_length", "is too short; characters needed:"),
    "string_too_long": ("max_length", "is too long; characters allowed:"),
    "too_short": ("min_length", "has too few entries; needed:"),
    "too_long": ("max_length", "has too many entries; allowed:"),
}


def words(kind: str, context: dict[str, Any], path: Path, value: Any) -> tuple[str, str]:
    """Return message and hint for a finding of pydantic's."""
    if kind in TYPES:
        return TYPES[kind], hints.of_type(kind, path, value)
    if kind in BOUNDS:
        bound, said = BOUNDS[kind]
        return f"{said} {context[bound]}", ""
    if kind == "literal_error":
        known = [option.strip("' ") for option in context["expected"].replace(" or ", ", ").split(",")]
        return f"is none of {', '.join(known)}", hints.of_choice(value, known)
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return f"is not {FORMS[pattern]}", hints.of_form(pattern, value)
    return kind.replace("_", " "), ""


def _unknown(path: Path, **place: Any) -> Problem:
    block = language.block_at(path[:-1])
    known = list(language.key_names(block)) if block else []
    hint = nearest(str(path[-1]), known) or f"the keys here are {', '.join(known)}"
    return Problem("unknown-key", path, "is no key of the recipe language", hint, **place)


def own_segments(location: Iterable[str | int], data: Any) -> Iterator[str | int]:
    """Return the segments of pydantic's location that are the recipe's own.

    pydantic adds the names of union members and the mark `[key]`; both are left out.
    """
    segments = list(location)
    for index, segment in enumerate(segments):
        try:
            data = data[segment]
        except (KeyError, IndexError, TypeError):
            # Only a missing key, the last segment, is the recipe's own without being there.
            missing = index == len(segments) - 1 and isinstance(data, dict)
            if not missing or segment == "[key]":
                continue
        yield segment
