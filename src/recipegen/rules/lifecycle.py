"""How pods come and go, and the forwarder: what could not take effect, or would stop more than it should."""

from collections.abc import Iterator

from recipegen.errors import Problem, show
from recipegen.language import key_names
from recipegen.recipe import Forwarder, Recipe, Rollout
from recipegen.roles import workers

# Where Dynamo's frontend listens: the operator's Service and probes go there.
FRONTEND_PORT = 8000
# What else listens in the frontend's pod: metrics and health of Dynamo's runtime.
TAKEN_PORTS = {FRONTEND_PORT: "Dynamo's frontend", 9090: "Dynamo's metrics and health"}
NONE_AT_ALL = (0, "0%")
OF_DEPLOYMENTS = ("max_surge", "max_unavailable")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield rollouts that cannot go on or go another way, budgets that stop drains, idle forwarders."""
    model = recipe.model
    if model.rollout is not None:
        yield from _rollout(recipe, model.rollout)
    budget = model.disruption_budget
    if budget is not None and budget.enabled and budget.max_unavailable in NONE_AT_ALL:
        message = f"no node with such a pod can be drained, got {show(budget.max_unavailable)}"
        hint = "give a number or a share, such as 50%"
        path = ("model", "disruptionBudget", "maxUnavailable")
        yield Problem("budget-stops-drains", path, message, hint, warning=True)
    if model.forwarder is not None and model.forwarder.enabled:
        yield from _forwarder(recipe, model.forwarder)


def _rollout(recipe: Recipe, rollout: Rollout) -> Iterator[Problem]:
    path = ("model", "rollout")
    if rollout.max_surge in NONE_AT_ALL and rollout.max_unavailable in NONE_AT_ALL:
        message = "with no pod more and no pod less, nothing can be replaced; the operator takes one more"
        yield Problem("rollout-stands-still", (*path, "maxSurge"), message, "set one of the two to 1 or more")
    several = [role for role, worker in workers(recipe.model).items() if worker.nodes > 1]
    given = [key for key, name in key_names(Rollout).items() if getattr(rollout, name) is not None]
    for key in given if several else []:
        if key_names(Rollout)[key] in OF_DEPLOYMENTS:
            message = (
                f"has no effect on {' and '.join(map(repr, several))}, whose replicas span several nodes"
            )
            hint = "leave it out: Grove and LeaderWorkerSet take one replica away before they start another"
            yield Problem("rollout-over-nodes", (*path, key), message, hint, warning=True)
    grove = recipe.platform.grove != "none"
    for key in given if grove and not several else []:
        if key_names(Rollout)[key] in OF_DEPLOYMENTS:
            message = f"has no effect with Grove, as platform.grove is {recipe.platform.grove}"
            hint = "leave it out: Grove takes one pod away before it starts another"
            yield Problem("rollout-with-grove", (*path, key), message, hint, warning=True)


def _forwarder(recipe: Recipe, forwarder: Forwarder) -> Iterator[Problem]:
    path = ("model", "forwarder")
    if forwarder.image is None:
        message = "has no image, and recipegen forwards nothing itself"
        hint = "build one of LLM Engine's sources, or of what reads its configuration, and name it"
        yield Problem("forwarder-without-image", (*path, "image"), message, hint)
    if recipe.model.frontend.replicas == 0:
        message = "stands beside each frontend, and model.frontend.replicas is 0"
        hint = "give the graph a frontend, or leave the forwarder out"
        yield Problem("forwarder-without-frontend", (*path, "enabled"), message, hint)
    if forwarder.port in TAKEN_PORTS:
        message = f"{TAKEN_PORTS[forwarder.port]} has that port in the same pod, got {forwarder.port}"
        yield Problem("forwarder-port", (*path, "port"), message, "take another, such as 5000")
    if forwarder.target_port not in (None, FRONTEND_PORT):
        message = f"nothing of the graph listens there, got {forwarder.target_port}"
        hint = f"leave it out: Dynamo's frontend has {FRONTEND_PORT}, where LLM Engine's engines have 5005"
        yield Problem("forwarder-target", (*path, "targetPort"), message, hint, warning=True)
