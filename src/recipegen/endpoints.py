"""What an endpoint adds to names, labels and annotations: each said once, here."""

import re
from typing import Any

from recipegen.recipe import LABEL_VALUE, Endpoint, Recipe

# Whose kinds belong to one customer.
CUSTOMERS = ("dedicated", "reserved")
# Below it are the labels and annotations that recipegen itself writes.
OWN = "recipegen/"


def graph_name(recipe_name: str, endpoint: Endpoint | None = None) -> str:
    """Return the graph's name: lower case, everything outside a-z, 0-9 and '-' becomes '-'.

    That of a customer's endpoint begins with the prefix, which is put before it where it does not.
    """
    name = re.sub(r"[^a-z0-9-]", "-", recipe_name.lower()).strip("-")
    prefix = endpoint.prefix if endpoint else None
    return name if prefix is None or name.startswith(f"{prefix}-") else f"{prefix}-{name}"


def marks(recipe: Recipe) -> dict[str, Any]:
    """Return labels and annotations of every object: the charts' `global.labels`, `global.annotations`.

    Both are missing where the recipe has no endpoint. An e-mail address is no value for a label, so an owner
    who is called by one stands in the annotation alone. The annotation has the model's whole id as well.
    """
    endpoint = recipe.endpoint
    if endpoint is None:
        return {}
    labels: dict[str, str] = {f"{OWN}endpoint": endpoint.kind}
    annotations = {f"{OWN}model": recipe.model.name}
    if endpoint.prefix is not None:
        labels[f"{OWN}prefix"] = endpoint.prefix
    if endpoint.owner is not None:
        annotations[f"{OWN}owner"] = endpoint.owner
        if re.fullmatch(LABEL_VALUE, endpoint.owner) and len(endpoint.owner) <= 63:
            labels[f"{OWN}owner"] = endpoint.owner
    return {
        "labels": {**labels, **endpoint.labels},
        "annotations": {**annotations, **endpoint.annotations},
    }
