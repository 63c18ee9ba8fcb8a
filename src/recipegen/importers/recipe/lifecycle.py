"""How pods come and go: how they are replaced, how long they may take to end, which go first."""

import re
from typing import Any

from pydantic import ValidationError

from recipegen.errors import show
from recipegen.importers.nodes import Node
from recipegen.importers.recipe.builder import Builder, Data
from recipegen.importers.view.graph import WORKERS
from recipegen.recipe import Rollout
from recipegen.recipe.forms import COUNT_OR_SHARE, FORMS, OBJECT_NAME

# What the operator reads of the annotations in a graph's spec, each with its key of the block `rollout`.
ROLLOUT = {
    "nvidia.com/deployment-rolling-update-max-surge": "maxSurge",
    "nvidia.com/deployment-rolling-update-max-unavailable": "maxUnavailable",
}


def lifecycle_of(make: Builder) -> Data:
    """Return how the pods of a graph are replaced, and by which class they are scheduled."""
    roles = [role for role in make.view.components if role in ("frontend", "epp", *WORKERS)]
    rollout: Data = {}
    for name, key in ROLLOUT.items():
        node = make.view.values.get(("graph", "spec", "annotations", name))
        replaced = _replaced(node.value) if node else None
        if node and _takes(key, replaced):
            rollout[key] = replaced
            make.origins["model", "rollout", key] = node
        elif node:
            message = (
                f"model.rollout.{key} is a number of pods or {FORMS[COUNT_OR_SHARE]}, got {show(node.value)}"
            )
            make.claim("rollout", node, message, ("graph", "spec", "annotations", name))
    grace = _shared(make, roles, "terminationGracePeriodSeconds")
    if grace and _takes("terminationGraceSeconds", grace.value):
        rollout["terminationGraceSeconds"] = grace.value
        make.origins["model", "rollout", "terminationGraceSeconds"] = grace
    found: Data = {"rollout": rollout} if rollout else {}
    priority = _shared(make, roles, "priorityClassName")
    if priority and re.fullmatch(OBJECT_NAME, str(priority.value)):
        found["priorityClass"] = priority.value
        make.origins["model", "priorityClass"] = priority
    return found


def _replaced(value: Any) -> Any:
    """Return a number of pods, which is a text in annotations, as a number; a share stays a text."""
    return int(value) if re.fullmatch(r"[0-9]{1,5}", str(value)) else value


def _takes(key: str, value: Any) -> bool:
    """Return whether a recipe's block `rollout` takes a value."""
    try:
        Rollout.model_validate({key: value})
    except ValidationError:
        return False
    return value is not None


def _shared(make: Builder, roles: list[str], key: str) -> Node | None:
    """Return what all pods have of a key; where they differ, none has it, and that is said of each."""
    each = {role: make.view.values.get((role, "pod", key)) for role in roles}
    given = {role: node for role, node in each.items() if node}
    if len({node and str(node.value) for node in each.values()}) <= 1:
        return next(iter(given.values()), None)
    for role, node in given.items():
        message = f"all pods of a recipe share their {key}, and those of {role} have {show(node.value)}"
        make.claim("pods-alike", node, message, (role, "pod", key))
    return None
