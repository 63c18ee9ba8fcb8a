"""Labels that LLM Engine keeps for itself: what they would say, a recipe says elsewhere."""

from collections.abc import Iterator

from recipegen import facts
from recipegen.errors import Problem
from recipegen.recipe import Recipe


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield labels of an endpoint that LLM Engine writes itself; its policy refuses them."""
    for name in recipe.endpoint.labels if recipe.endpoint else ():
        if name in facts.llm_endpoints()["reservedLabels"]:
            instead = facts.llm_endpoints()["reservedLabels"][name]
            message = f"{name} is a label that LLM Engine writes itself, and its policy refuses"
            hint = f"leave it out: {instead} says it"
            yield Problem("reserved-label", ("endpoint", "labels", name), message, hint, warning=True)
