"""Names and their budgets: the graph, its releases, its namespace."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recipegen.components import COMPONENTS, GATE, LONGEST_SUFFIX, PLATFORM
from recipegen.errors import UNSAFE, Problem, show
from recipegen.load import DEFAULT_VARIANT
from recipegen.recipe import Recipe
from recipegen.rules.text import EXECUTED

if TYPE_CHECKING:
    from recipegen.resolve import Plan

# Helm refuses a longer release name (validate_name.go).
HELM_RELEASE = 53
# Grove's webhook refuses a longer sum of graph, scaling group and clique (operator's name check).
GROVE = 45
# A multinode role is a scaling group named after the role with cliques `<role>-ldr` and `<role>-wkr`.
CLIQUE_SUFFIX = 4
# Kubernetes refuses a longer value of a label, such as nvidia.com/dynamo-namespace.
LABEL = 63

RESERVED = ("kube-system", "kube-public", "kube-node-lease")


def check(plan: "Plan") -> Iterator[Problem]:
    """Yield names that a webhook or Helm would refuse later, and namespaces that are not for models."""
    if not plan.graph.strip("-"):
        message = f"the recipe's name {show(plan.name)} leaves no letters for the graph's name"
        yield Problem("no-graph-name", (), message, "give the recipe's file a name with letters")
    elif plan.graph[0].isdigit():
        # Services are named after the graph, and their names are DNS-1035 labels.
        message = f"the graph's name {show(plan.graph)} starts with a digit, which no Service may"
        yield Problem(
            "graph-name-digit", (), message, "give the recipe's file a name that starts with a letter"
        )
    if UNSAFE.search(plan.name) or any(token in plan.name for token in EXECUTED):
        # The document's first line says the name, and helmfile reads that line too.
        message = f"the recipe's name {show(plan.name)} holds what must not stand in the document"
        yield Problem("executable-text", (), message, "give the recipe's file another name")
    yield from _too_long(plan)
    platform = plan.recipe.platform.namespace
    own = {plan.graph + component.suffix for component in COMPONENTS} & {PLATFORM, GATE}
    if plan.namespace == platform and own:
        message = f"a release of the recipe would be {own.pop()} in {platform}, which is the operator's"
        hint = "give the recipe's file another name, or the recipe another dynamoNamespace"
        yield Problem("name-of-the-platform", (), message, hint)
    yield from _shared(plan)
    for path, namespace in {
        ("dynamoNamespace",): plan.namespace,
        ("platform", "namespace"): platform,
    }.items():
        if namespace in RESERVED:
            message = f"{namespace} is Kubernetes' own namespace"
            yield Problem("reserved-namespace", path, message, "choose another one")
    if plan.namespace == "default":
        message = "the model goes into the namespace 'default', which is shared"
        yield Problem("shared-namespace", ("dynamoNamespace",), message, warning=True)


def variants(recipe: Recipe) -> Iterator[Problem]:
    """Yield the variant that could never be chosen."""
    if DEFAULT_VARIANT in recipe.variants:
        path = ("variants", DEFAULT_VARIANT)
        message = f"{DEFAULT_VARIANT!r} means the recipe without a variant"
        yield Problem("default-variant", path, message, "give the variant another name")


def _shared(plan: "Plan") -> Iterator[Problem]:
    """Yield names that only go wrong with another recipe, or with what the operator writes on pods."""
    for suffix in (component.suffix for component in COMPONENTS if component.suffix):
        other = plan.graph.removesuffix(suffix)
        if other not in ("", plan.graph):
            message = f"the graph's name {show(plan.graph)} is that of a release of a recipe {show(other)}"
            hint = (
                f"give the file another name, or {plan.namespace} only one of the two: each removes the other"
            )
            yield Problem("name-of-other-release", (), message, hint, warning=True)
    label = f"{plan.namespace}-{plan.graph}"
    if len(label) > LABEL:
        message = f"with the graph's name it has {len(label)} characters, and pods carry both in one label"
        hint = f"Kubernetes allows {LABEL}: give the namespace or the recipe's file a shorter name"
        yield Problem("label-too-long", ("dynamoNamespace",), message, hint, warning=True)


def _too_long(plan: "Plan") -> Iterator[Problem]:
    """Yield the limit that the graph's name exceeds most."""
    grove = f"Grove allows {GROVE} characters for the graph and its component"
    helm = f"Helm allows {HELM_RELEASE} characters for a release"
    budgets = {
        GROVE - len("frontend"): f"{grove}, of which 'frontend' takes {len('frontend')}",
        HELM_RELEASE
        - len(LONGEST_SUFFIX): f"{helm}, of which {LONGEST_SUFFIX!r} takes {len(LONGEST_SUFFIX)}",
    }
    for role, worker in plan.workers.items():
        longest = len(role) if worker.nodes == 1 else 2 * len(role) + CLIQUE_SUFFIX
        budgets[GROVE - longest] = f"{grove}, of which {role!r} takes {longest}"
    budget = min(budgets)
    excess = len(plan.graph) - budget
    if excess > 0:
        has = f"has {len(plan.graph)} characters, {excess} too many"
        message = f"the graph's name {show(plan.graph)} {has}: {budgets[budget]}"
        hint = f"give the recipe's file a name of at most {budget} characters"
        yield Problem("name-too-long", (), message, hint)
