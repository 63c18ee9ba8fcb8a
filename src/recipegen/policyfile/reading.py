"""From a name or a file to a policy, with what is wrong in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recipegen import facts, validate, yamlio
from recipegen.document import Document
from recipegen.errors import Path as KeyPath
from recipegen.errors import Problem, RecipeError, UsageError, nearest, show
from recipegen.policyfile.language import PolicyKeys


@dataclass(frozen=True)
class Policy:
    """A policy, and where its keys were written."""

    name: str
    """The file as the user named it, or the name of one that came along."""
    keys: PolicyKeys
    document: Document

    def place(self, *path: str | int) -> str:
        """Return where a key was written, for the end of a message: FILE:LINE."""
        mark = self.document.mark(path)
        return f"{self.name}:{mark.line}" if mark and mark.line else self.name


def read(name: str) -> Policy:
    """Return the policy of a file, or one that came along, such as `llm-engine`.

    Raises:
        UsageError: when there is neither.
        ToolError: when the file cannot be read.
        RecipeError: with everything that is wrong in it.
    """
    shipped = facts.policies()
    if name in shipped:
        return parsed(name, yamlio.read_file(shipped[name], name))
    if "/" not in name and not Path(name).exists():
        known = ", ".join(shipped)
        raise UsageError(f"there is no policy {show(name)}: name a file, or one that came along: {known}")
    return parsed(name, yamlio.read_file(Path(name), name))


def parsed(name: str, document: Document) -> Policy:
    """Return the policy that a document is.

    Raises:
        RecipeError: with everything that is wrong in it.
    """
    try:
        keys = PolicyKeys.model_validate(document.data)
    except ValidationError as error:
        problems = [_problem(detail, document.data) for detail in error.errors(include_url=False)]
        raise RecipeError(*(validate.placed(problem, document) for problem in problems)) from error
    problems = [*_unknown_gpus(keys), *_no_registries(keys), *_contradictions(keys)]
    if keys.model_copy(update={"description": ""}) == PolicyKeys():
        problems.append(Problem("policy-without-effect", (), "asks for nothing", "add a key, such as labels"))
    if problems:
        raise RecipeError(*(validate.placed(problem, document) for problem in problems))
    return Policy(name, keys, document)


def schema() -> dict[str, Any]:
    """Return the language of policies as JSON Schema, for editors."""
    return PolicyKeys.model_json_schema(by_alias=True)


def _problem(detail: Any, data: Any) -> Problem:
    path = tuple(validate.own_segments(detail["loc"], data))
    if detail["type"] == "extra_forbidden":
        known = _keys_at(path[:-1])
        hint = nearest(str(path[-1]), known) or f"the keys here are {', '.join(known)}"
        return Problem("unknown-key", path, "is no key of a policy", hint)
    if detail["type"] == "missing":
        return Problem("missing-key", path, "is required but not there")
    message, hint = validate.words(detail["type"], detail.get("ctx", {}), path, detail["input"])
    code = "wrong-type" if detail["type"].endswith("_type") else "wrong-value"
    return Problem(code, path, f"{message}, got {show(detail['input'])}", hint)


def _keys_at(path: KeyPath) -> list[str]:
    """Return the keys of the block at a path, by the schema."""
    whole = schema()
    found = whole
    for segment in path:
        below = found["items"] if isinstance(segment, int) else found["properties"][segment]
        options = [below, *below.get("anyOf", [])]
        found = next(each for each in options if {"$ref", "items", "properties"} & each.keys())
        if "$ref" in found:
            found = whole["$defs"][found["$ref"].rpartition("/")[2]]
    return list(found.get("properties", {}))


def _unknown_gpus(keys: PolicyKeys) -> Iterator[Problem]:
    named: list[tuple[KeyPath, Iterable[str]]] = [(("gpus",), keys.gpus or [])]
    rows = keys.pods.with_gpus or []
    named += [(("pods", "withGpus", index, "gpus"), row.gpus) for index, row in enumerate(rows)]
    for path, names in named:
        for index, name in enumerate(names):
            if name not in facts.hardware():
                message = f"no GPU type is called {show(name)}"
                yield Problem("unknown-gpu", (*path, index), message, facts.gpu_hint(name))


def _no_registries(keys: PolicyKeys) -> Iterator[Problem]:
    """Yield what no image could come from: names of images begin with a host, not with a scheme."""
    for index, name in enumerate(keys.registries or []):
        if "//" in name:
            message = f"is no registry with its path, got {show(name)}"
            hint = "write HOST or HOST/PATH, such as nvcr.io/nvidia"
            yield Problem("registry", ("registries", index), message, hint)


def _contradictions(keys: PolicyKeys) -> Iterator[Problem]:
    """Yield what no recipe could keep to."""
    for index, label in enumerate(keys.labels.required or []):
        if label in (keys.labels.reserved or []):
            message = f"no recipe can have {label}, which is reserved as well"
            yield Problem(
                "policy-contradiction", ("labels", "required", index), message, "keep one of the two"
            )
