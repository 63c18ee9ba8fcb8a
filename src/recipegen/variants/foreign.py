"""Documents in another tool's keys: what they mean to a recipe, by the table `foreign.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as File
from typing import Any

from recipegen import facts, yamlio
from recipegen.document import Document
from recipegen.errors import Path, Problem, RecipeError, dotted, nearest, show
from recipegen.language import key_names, knows
from recipegen.origin import leaves
from recipegen.recipe import Recipe

TABLE = File(__file__).parent / "foreign.yaml"


@dataclass(frozen=True)
class Wish:
    """What the foreign keys of a document ask for; None where they do not say."""

    gpus: int | None = None
    gpu: str | None = None
    places: Mapping[str, Path] = field(default_factory=dict)
    """The keys themselves, by what they mean: `gpus`, `gpu`."""


def read(document: Document) -> Wish:
    """Return what a document's foreign keys ask for; none of them in a document of the recipe language.

    Raises:
        RecipeError: with every foreign key that is not known, or whose value means nothing here.
    """
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    places: dict[str, Path] = {}
    meanings = {path: row["means"] for path, row in table()["keys"].items()}
    for path, value in leaves(document.data):
        if not path or knows(path[:1]):
            continue
        means = meanings.get(dotted(path))
        if means is None:
            problems.append(_unknown(document, path))
            continue
        places[means] = path
        if means == "gpus":
            found["gpus"] = value
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
                message = f"needs a whole number from 1 to {MOST}, got {show(value)}"
                hint = "write how many GPUs one replica gets, such as 2, without quotes"
                problems.append(Problem("wrong-value", path, message, hint, document.mark(path)))
        else:
            found["gpu"] = _gpu(value)
            if found["gpu"] is None:
                message = f"no GPU type of facts/hardware.yaml has the label {show(value)}"
                problems.append(Problem("unknown-gpu", path, message, _labels(value), document.mark(path)))
    if problems:
        raise RecipeError(*problems)
    return Wish(found.get("gpus"), found.get("gpu"), places)


MOST = 4096


@cache
def table() -> dict[str, Any]:
    """Return the foreign keys: `keys` that are understood, and what to write `instead` of others."""
    return yamlio.read_file(TABLE, str(TABLE)).data


def _gpu(label: object) -> str | None:
    named = {fact["product"]: name for name, fact in facts.hardware().items()}
    return named.get(label) if isinstance(label, str) else None


def _labels(label: object) -> str:
    known = [fact["product"] for fact in facts.hardware().values()]
    return nearest(str(label), known) or f"known are {', '.join(known)}"


def _unknown(document: Document, path: Path) -> Problem:
    known = table()
    understood = " and ".join(known["keys"])
    message = "is no key of the recipe language, nor one of another tool's that is understood"
    hint = known["instead"].get(path[0]) or nearest(str(path[0]), key_names(Recipe))
    hint = hint or f"write what it means in the recipe language; understood are {understood}"
    return Problem("unknown-key", path, message, hint, document.key_mark(path) or document.mark(path))
