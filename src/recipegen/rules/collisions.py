"""Several recipes at once: two models that would have one id, where ids are kept."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from recipegen.errors import Path, Problem, show
from recipegen.ingestion.identity import model_id

if TYPE_CHECKING:
    from recipegen.resolve import Plan

NAME: Path = ("model", "name")


def check(plans: Iterable["Plan"]) -> Iterator[Problem]:
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
