"""Tolerations that Kubernetes would refuse in a pod (apis/core/validation: ValidateTolerations)."""

from collections.abc import Iterator

from recipegen.errors import Problem, show
from recipegen.recipe import Recipe


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield tolerations without a key that are not for every taint, and values that nothing compares."""
    for index, toleration in enumerate(recipe.model.tolerations or []):
        path = ("model", "tolerations", index)
        if toleration.key is None and toleration.operator == "Equal":
            message = "without a key, the operator has to be Exists"
            yield Problem(
                "toleration-without-key",
                path,
                message,
                "give the taint's key, or `operator: Exists` for every taint",
            )
        if toleration.value and toleration.operator == "Exists":
            message = f"has no place beside the operator Exists, got {show(toleration.value)}"
            yield Problem(
                "toleration-value", (*path, "value"), message, "leave it out, or take the operator Equal"
            )
