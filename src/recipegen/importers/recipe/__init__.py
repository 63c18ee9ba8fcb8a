"""From what a graph says to a recipe: what the language has keys for, and a claim for what it has not."""

import re

from recipegen.endpoints import graph_name
from recipegen.errors import show
from recipegen.importers.recipe.builder import Builder, Data
from recipegen.importers.recipe.engine import engine_of, shared_engine
from recipegen.importers.recipe.frontend import frontend_of, picker_of, routing_of
from recipegen.importers.recipe.image import backend_of
from recipegen.importers.recipe.lifecycle import lifecycle_of
from recipegen.importers.recipe.placement import placement_of, secret_of
from recipegen.importers.recipe.weights import claim_volumes, model_of
from recipegen.importers.recipe.workers import worker_of
from recipegen.importers.view.graph import View
from recipegen.recipe import LABEL


def build(view: View, namespace: str, name: str) -> tuple[Data, Builder]:
    """Return the recipe of a graph as plain data, and what it took and left.

    Args:
        view: the graph.
        namespace: Kubernetes namespace, where the graph names none or another one is wanted.
        name: what the recipe is to be called.
    """
    make = Builder(view)
    roles = view.workers
    found = view.values.get(("graph", "namespace"))
    chosen = namespace or (str(found.value) if found else "")
    if found and not namespace and not re.fullmatch(LABEL, chosen):
        message = f"{show(chosen)} is no namespace, but stands for one: the recipe takes the graph's name"
        make.claim("namespace-chosen", found, message, ("graph", "namespace"))
        chosen = ""
    chosen = chosen or graph_name(name)
    if found:
        make.origins[("dynamoNamespace",)] = found
    model: Data = {}
    routing = routing_of(make)
    make.kv = routing == "kv"
    model |= model_of(make, roles)
    model["backend"] = backend_of(make, roles)
    if view.mocker:
        model["mocker"] = True
    if "prefill" in roles:
        model["disaggregation"] = True
    if routing != "none":
        model["routingPolicy"] = routing
    engines = {role: engine_of(make, role) for role in roles}
    workers = {role: worker_of(make, role) for role in roles}
    model |= shared_engine(make, engines, workers)
    model |= frontend_of(make)
    model |= picker_of(make)
    model |= {role: worker for role, worker in workers.items() if worker}
    model |= secret_of(make)
    model |= placement_of(make, roles)
    model |= lifecycle_of(make)
    claim_volumes(make)
    # The volume is decided with the model's name, and reads better behind the workers.
    if "cache" in model:
        model["cache"] = model.pop("cache")
    return {"dynamoNamespace": chosen, "model": model}, make
