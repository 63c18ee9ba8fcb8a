"""What a namespace allows: its quotas against all that comes, its limit ranges against each container."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from recipegen.cluster.plain import at, name, rows, table, text
from recipegen.cluster.preflight.amounts import container_amounts, pod_amounts, quantity, shown
from recipegen.cluster.preflight.inventory import OWNER
from recipegen.cluster.preflight.survey import Survey
from recipegen.cluster.preflight.wants import Pods, Wants

QUOTAS, RANGES = "resource quotas", "limit ranges"
PLAIN = ("cpu", "memory", "ephemeral-storage")
# What each sort of object counts as, beside `count/` with its collection.
COUNTED = {
    "ConfigMap": ("configmaps", "count/configmaps"),
    "Deployment": ("count/deployments.apps",),
    "Job": ("count/jobs.batch",),
    "CronJob": ("count/cronjobs.batch",),
    "Service": ("services", "count/services"),
    "PersistentVolumeClaim": ("persistentvolumeclaims", "count/persistentvolumeclaims"),
}


def asked(wants: Wants, namespace: str, replicas: Mapping[str, int]) -> dict[str, Fraction]:
    """Return what the recipe adds up to in a namespace, in the words of a quota.

    Args:
        wants: what the recipe asks.
        namespace: the namespace.
        replicas: replicas of parts of the graph, where they are others than the recipe's.
    """
    total: dict[str, Fraction] = {}

    def add(resource: str, amount: Fraction) -> None:
        total[resource] = total.get(resource, Fraction(0)) + amount

    for pods in wants.pods():
        if pods.made.release.namespace != namespace:
            continue
        number = replicas.get(pods.part, pods.must) * pods.each
        _add_pod(total, pods.spec, number)
    for made in wants.made:
        if made.release.namespace == namespace:
            for resource in COUNTED.get(made.kind, ()):
                add(resource, Fraction(1))
            if made.kind == "PersistentVolumeClaim":
                add("requests.storage", quantity(at(made.item, "spec", "resources", "requests", "storage")))
    return total


def beyond(
    wants: Wants, survey: Survey, namespace: str, replicas: Mapping[str, int]
) -> Iterator[tuple[str, str, str]]:
    """Yield quota, resource and words for each limit of a namespace that the recipe would go beyond."""
    needs = asked(wants, namespace, replicas)
    returned = _held(wants, survey, namespace)
    for quota in _items(survey, namespace, "resourcequotas", QUOTAS):
        if at(quota, "spec", "scopes") or at(quota, "spec", "scopeSelector"):
            survey.miss(
                f"quota {name(quota)}", "it is for some pods only, and which those are is not worked out here"
            )
            continue
        used = table(quota, "status", "used")
        hard = table(quota, "status", "hard") or table(quota, "spec", "hard")
        for resource, limit in hard.items():
            need = needs.get(resource, Fraction(0))
            held = max(Fraction(0), quantity(used.get(resource, 0)) - returned.get(resource, Fraction(0)))
            if need and need > quantity(limit) - held:
                left = shown(resource, max(Fraction(0), quantity(limit) - held))
                words = f"{resource}: {shown(resource, need)} asked, {left} left of {limit}"
                yield name(quota), resource, words


def unstated(wants: Wants, survey: Survey, namespace: str) -> Iterator[tuple[str, str, Pods]]:
    """Yield quota, resource and pods where a quota refuses a container, which leaves out what is counted."""
    defaults = _defaults(survey, namespace)
    for quota in _items(survey, namespace, "resourcequotas", QUOTAS):
        if at(quota, "spec", "scopes") or at(quota, "spec", "scopeSelector"):
            continue
        hard = table(quota, "status", "hard") or table(quota, "spec", "hard")
        for resource in hard:
            half, _, plain = resource.rpartition(".")
            half = half or "requests"
            if plain not in ("cpu", "memory") or half not in ("requests", "limits"):
                continue
            for pods in wants.pods():
                if pods.made.release.namespace == namespace and _lacks(pods.spec, half, plain, defaults):
                    yield name(quota), f"{half}.{plain}", pods


def outside(wants: Wants, survey: Survey, namespace: str) -> Iterator[tuple[str, Pods, str]]:
    """Yield limit range, pods and words for each container or pod that is outside of what it allows."""
    for each in _items(survey, namespace, "limitranges", RANGES):
        for limit in rows(each, "spec", "limits"):
            for pods in wants.pods():
                if pods.made.release.namespace == namespace:
                    for words in _outside(limit, pods.spec):
                        yield name(each), pods, words


def _outside(limit: Any, pod: Any) -> Iterator[str]:
    kind = text(limit, "type")
    containers = rows(pod, "containers") + rows(pod, "initContainers")
    targets: Sequence[tuple[str, dict[str, Fraction], dict[str, Fraction]]] = ()
    if kind == "Container":
        targets = [
            (f"container {text(c, 'name')}", container_amounts(c, "requests"), container_amounts(c, "limits"))
            for c in containers
        ]
    elif kind == "Pod":
        targets = [("the pod", pod_amounts(pod), pod_amounts(pod, "limits"))]
    for called, requests, limits in targets:
        for resource, most in table(limit, "max").items():
            amount = max(requests.get(resource, Fraction(0)), limits.get(resource, Fraction(0)))
            if amount > quantity(most):
                yield f"{called} asks for {shown(resource, amount)} of {resource}, at most {most} is allowed"
        for resource, least in table(limit, "min").items():
            if resource in requests and requests[resource] < quantity(least):
                amount = requests[resource]
                yield f"{called} asks for {shown(resource, amount)} of {resource}, at least {least} is wanted"


def _items(survey: Survey, namespace: str, plural: str, what: str) -> list[dict[str, Any]]:
    return survey.items(f"/api/v1/namespaces/{namespace}/{plural}", what)


def _defaults(survey: Survey, namespace: str) -> set[str]:
    """Return what limit ranges fill in where a container says nothing: `requests.cpu`, `limits.memory`."""
    found = set()
    for each in _items(survey, namespace, "limitranges", RANGES):
        for limit in rows(each, "spec", "limits"):
            if limit.get("type") == "Container":
                found |= {f"limits.{key}" for key in {**table(limit, "default"), **table(limit, "max")}}
                keys = {**table(limit, "defaultRequest"), **table(limit, "default"), **table(limit, "max")}
                found |= {f"requests.{key}" for key in keys}
    return found


def _lacks(pod: Any, half: str, resource: str, defaults: set[str]) -> bool:
    if f"{half}.{resource}" in defaults:
        return False
    containers = rows(pod, "containers") + rows(pod, "initContainers")
    return any(resource not in container_amounts(container, half) for container in containers)


def _held(wants: Wants, survey: Survey, namespace: str) -> dict[str, Fraction]:
    """Return what this graph holds in the namespace already and gives back, and objects that are there."""
    held: dict[str, Fraction] = {}
    if namespace != wants.plan.namespace:
        return held
    chosen = f"{OWNER}={wants.plan.graph}"
    for pod in survey.items(f"/api/v1/namespaces/{namespace}/pods", "pods", labelSelector=chosen):
        if text(pod, "status", "phase") not in ("Succeeded", "Failed"):
            _add_pod(held, at(pod, "spec"), 1)
    for made in wants.claims():
        path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name(made.item)}"
        if survey.read(path, "volume claims") is not None:
            size = quantity(at(made.item, "spec", "resources", "requests", "storage"))
            for resource, amount in (("persistentvolumeclaims", Fraction(1)), ("requests.storage", size)):
                held[resource] = held.get(resource, Fraction(0)) + amount
    return held


def _add_pod(total: dict[str, Fraction], pod: Any, number: int) -> None:
    """Add pods of one kind, in the words of a quota."""
    amounts = {"pods": Fraction(1), "count/pods": Fraction(1)}
    for half in ("requests", "limits"):
        for resource, amount in pod_amounts(pod, half).items():
            # Kubernetes counts devices under requests alone.
            if half == "requests" or resource in PLAIN:
                amounts[f"{half}.{resource}"] = amount
                if half == "requests" and resource in PLAIN:
                    amounts[resource] = amount
    for resource, amount in amounts.items():
        total[resource] = total.get(resource, Fraction(0)) + number * amount
