"""Several recipes at once: models that would have one id, where ids are kept, and recipes of one graph."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from recipegen.errors import Path, Problem, show
from recipegen.ingestion.identity import model_id

if TYPE_CHECKING:
    from recipegen.resolve import Plan

NAME: Path = ("model", "name")
NAMESPACE: Path = ("dynamoNamespace",)


def check(plans: Sequence["Plan"]) -> Iterator[Problem]:
    """Yield what goes wrong with several recipes that are given together."""
    yield from _models(plans)
    yield from _graphs(plans)


def _graphs(plans: Iterable["Plan"]) -> Iterator[Problem]:
    """Yield each recipe whose graph is that of another one before it: a later apply changes it."""
    first: dict[tuple[str, str], Plan] = {}
    seen: set[str] = set()
    for plan in plans:
        other = first.setdefault((plan.namespace, plan.graph), plan)
        if other.name != plan.name and plan.name not in seen:
            message = f"its graph is {plan.graph} in {plan.namespace}, and so is that of {show(other.name)}"
            hint = "give one of the files another name, or one of the recipes another dynamoNamespace"
            mark = plan.loaded.document.mark(NAMESPACE)
            yield Problem("same-graph", NAMESPACE, f"{show(plan.name)}: {message}", hint, mark)
        seen.add(plan.name)


def _models(plans: Iterable["Plan"]) -> Iterator[Problem]:
    """Yield each model whose id is that of another one before it; recipes of one model may be many."""
    first: dict[str, Plan] = {}
    seen: set[str] = set()
    for plan in plans:
        name = plan.recipe.model.name
        other = first.setdefault(model_id(name), plan)
        known = other.recipe.model.name
        if known != name and name not in seen:
            place = other.loaded.document.mark(NAME)
            message = f"has the id {model_id(name)!r}, and so has {show(known)} of {place}, got {show(name)}"
            hint = "ids have '-' for '/': rename one of the two, or check them apart"
            yield Problem("same-id", NAME, message, hint, plan.loaded.document.mark(NAME))
        seen.add(name)
