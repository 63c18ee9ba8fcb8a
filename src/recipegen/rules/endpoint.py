"""The endpoint: what each kind needs, and labels that are not the user's to set."""

from collections.abc import Iterator

from recipegen.endpoints import CUSTOMERS, OWN
from recipegen.errors import Path, Problem
from recipegen.recipe import Endpoint, Recipe
from recipegen.roles import workers
from recipegen.scaling import is_unscalable, nodes, scaled_role

# Written by the charts and the operator; selectors, dashboards and Services go by them.
TAKEN = ("app.kubernetes.io/", "helm.sh/", "nvidia.com/", "kubernetes.io/", OWN)


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield what an endpoint lacks for its kind, and what its kind has no use for."""
    endpoint = recipe.endpoint
    if endpoint is None:
        return
    for key in ("prefix", "owner"):
        given = getattr(endpoint, key)
        if endpoint.kind in CUSTOMERS and given is None:
            message = f"is required for a {endpoint.kind} endpoint, which is one customer's"
            yield Problem("endpoint-incomplete", ("endpoint", key), message, HINTS[key])
        if endpoint.kind not in CUSTOMERS and given is not None:
            message = f"is of no use for the kind {endpoint.kind}, which is no customer's own"
            hint = "leave it out, or set endpoint.kind to dedicated or reserved"
            yield Problem("endpoint-for-all", ("endpoint", key), message, hint)
    for kind, needs in (("batch", recipe.batch.enabled), ("async", recipe.scaling.enabled)):
        if endpoint.kind == kind and not needs and not is_unscalable(recipe):
            block = {"batch": "batch", "async": "scaling"}[kind]
            message = f"is {kind}, but {block}.enabled is false, so nothing would bring it work"
            if kind == "async":
                message = "is async, but scaling.enabled is false, so its queue would be watched by nothing"
            hint = f"switch the block {block} on, or choose another kind"
            yield Problem("endpoint-incomplete", ("endpoint", "kind"), message, hint)
    if is_unscalable(recipe):
        message = (
            f"is async, which is scaled, and replicas of {scaled_role(recipe)} span {nodes(recipe)} nodes,"
        )
        hint = "choose another kind, or replicas on one node: `nodes: 1`"
        yield Problem("several-nodes", ("endpoint", "kind"), f"{message} which are not", hint)
    if endpoint.kind == "reserved":
        yield from _at_zero(recipe, endpoint)
    for block in ("labels", "annotations"):
        for name in getattr(endpoint, block):
            if name.startswith(TAKEN):
                message = f"{name} is written by recipegen, its charts, Helm or the operator"
                hint = "choose a key of your own, such as team or example.com/team"
                yield Problem("taken-label", ("endpoint", block, name), message, hint)


def _at_zero(recipe: Recipe, endpoint: Endpoint) -> Iterator[Problem]:
    """Yield where a reserved endpoint has a fixed number of replicas, and that is none."""
    numbers: dict[Path, int | None] = {
        ("model", role, "replicas"): worker.replicas
        for role, worker in workers(recipe.model).items()
        if not recipe.model.disaggregation
    }
    numbers |= {
        ("endpoint", "clusters", name, "replicas"): cluster.replicas
        for name, cluster in endpoint.clusters.items()
    }
    for path, number in numbers.items():
        if number == 0:
            message = "a reserved endpoint keeps a replica at all times, got 0"
            yield Problem("reserved-at-zero", path, message, "write 1 or more, or another endpoint.kind")


HINTS = {
    "prefix": "write a short name of the customer, at most 12 letters, such as dippy",
    "owner": "write the id or the e-mail address of who pays",
}
