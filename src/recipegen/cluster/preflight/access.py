"""Whether the cluster serves the kinds that are needed, and lets the one who asks make them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from recipegen import facts
from recipegen.cluster.plain import at, rows, table, text
from recipegen.cluster.preflight.items import CANNOT, CHANGE, OK, UNKNOWN, Change, Item
from recipegen.cluster.preflight.survey import LOGIN, Survey
from recipegen.cluster.preflight.wants import GRAPH, Made, Wants
from recipegen.components import COMPONENTS
from recipegen.errors import Path

# What Helm does with an object, whichever of its releases: it looks, makes, changes and takes away.
VERBS = ("get", "create", "patch", "delete")
# Where Helm keeps what it installed.
RECORD_VERBS = ("get", "list", "create", "update", "delete")
LEVEL = "pod-security.kubernetes.io/enforce"


def login(_: Wants, survey: Survey) -> Iterator[Item]:
    """Who asks: the cluster's own word for it, as `kubectl auth whoami` has it."""
    who = survey.who()
    words = f"{who or 'somebody whom the cluster does not name'}, by context {survey.connection.context}"
    if who == "system:anonymous":
        yield Item("login", CANNOT, words, LOGIN)
    else:
        yield Item("login", OK, words)


def kinds(wants: Wants, survey: Survey) -> Iterator[Item]:
    """The kinds of all objects, each served in the version that is rendered, or brought by the document."""
    served, brought = 0, []
    for (api_version, kind), by in wants.kinds().items():
        group = api_version.rpartition("/")[0]
        if survey.resource(api_version, kind):
            served += 1
            continue
        bringer = wants.brought_by(group)
        others = survey.versions(group) if group else []
        known = [other for other in others if survey.resource(f"{group}/{other}", kind)]
        if bringer:
            older = f" (the cluster has it as {', '.join(known)} now)" if known else ""
            brought.append(f"{kind} {api_version} by {bringer}{older}")
        elif not survey.saw("API groups"):
            yield Item("kinds", UNKNOWN, f"whether {kind} of {api_version} is served")
        else:
            yield _missing(kind, api_version, known, by)
    words = f"{served} of the kinds that are made are served"
    yield Item(
        "kinds", OK, f"{words}; not there yet, but brought: {', '.join(brought)}" if brought else words
    )


def _missing(kind: str, api_version: str, known: list[str], by: str) -> Item:
    version = api_version.rpartition("/")[2]
    there = (
        f"it serves {kind} as {', '.join(known)}, not as {version}" if known else f"it does not serve {kind}"
    )
    words = f"{there} of {api_version.rpartition('/')[0]}, which {by} needs"
    if kind == GRAPH:
        # An operator that is too old is not brought up to date by one more beside it.
        why = "the operator brings its kinds; where others look after it, ask them for a newer one"
        return Item("kinds", CHANGE, words, changes=(Change(("platform", "install"), True, why),))
    switch = facts.preflight()["switches"].get(kind)
    if switch is None:
        return Item("kinds", CANNOT, words, f"install what defines {kind}")
    why = f"leaves {kind} out; installing what defines it is the other way"
    return Item("kinds", CHANGE, words, changes=(Change(tuple(switch.split(".")), False, why),))


def namespaces(wants: Wants, survey: Survey) -> Iterator[Item]:
    """The namespaces: there, to be made, or on their way out."""
    for namespace in wants.namespaces:
        found = survey.read(f"/api/v1/namespaces/{namespace}", f"namespace {namespace}")
        if text(found, "status", "phase") == "Terminating":
            remedy = "wait until it is gone; `kubectl get namespace` says what it waits for"
            yield Item(
                "namespace", CANNOT, f"{namespace} is being deleted", remedy, paths=("dynamoNamespace",)
            )
        elif found is not None:
            level = text(found, "metadata", "labels", LEVEL)
            yield Item("namespace", OK, f"{namespace} is there{f', Pod Security {level}' if level else ''}")
        elif not survey.saw(f"namespace {namespace}"):
            yield Item("namespace", UNKNOWN, f"whether {namespace} is there")
        else:
            yield Item("namespace", OK, f"{namespace} is not there yet; the apply makes it")


def rights(wants: Wants, survey: Survey) -> Iterator[Item]:
    """The right to each verb on each kind that an apply uses, asked of the cluster one by one."""
    if survey.may("*", "*", "*"):
        yield Item("rights", OK, "all of them, everywhere")
        return
    lacking: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    asked = unsaid = 0
    for verb, group, resource, namespace in dict.fromkeys(_needed(wants, survey)):
        asked += 1
        allowed = survey.may(verb, group, resource, namespace)
        unsaid += allowed is None
        if allowed is False:
            lacking[group, resource, namespace].append(verb)
    for (group, resource, namespace), verbs in lacking.items():
        what = f"{resource}.{group}" if group else resource
        where = f"in namespace {namespace}" if namespace else "of the whole cluster"
        remedy = "have a Role that grants it bound to you, or let someone apply who has it"
        yield Item("rights", CANNOT, f"may not {', '.join(verbs)} {what} {where}", remedy)
    if unsaid:
        yield Item("rights", UNKNOWN, f"{unsaid} of {asked} rights, which the cluster does not tell")
    elif not lacking:
        yield Item("rights", OK, f"each of the {asked} that an apply uses")
    if wants.fetched:
        names = ", ".join(release.name for release in wants.fetched)
        yield Item(
            "rights", UNKNOWN, f"all that {names} needs: its chart is fetched by Helm and not opened here"
        )


def _needed(wants: Wants, survey: Survey) -> Iterator[tuple[str, str, str, str]]:
    """Yield verb, group, resource and namespace of each right; no namespace for cluster-wide kinds."""
    for namespace in wants.namespaces:
        there = survey.read(f"/api/v1/namespaces/{namespace}", f"namespace {namespace}")
        if there is None and survey.saw(f"namespace {namespace}"):
            yield ("create", "", "namespaces", "")
        yield from ((verb, "", "secrets", namespace) for verb in RECORD_VERBS)
    for made in wants.made:
        group = made.api_version.rpartition("/")[0]
        found = survey.resource(made.api_version, made.kind)
        plural = found.name if found else facts.preflight()["plurals"].get(made.kind, f"{made.kind.lower()}s")
        namespace = made.release.namespace if found is None or found.namespaced else ""
        yield from ((verb, group, plural, namespace) for verb in VERBS)
        yield from _granted(made, survey, namespace)
    for release in wants.fetched:
        for row in facts.preflight()["upstream"]:
            namespace = release.namespace if row.get("namespaced") else ""
            yield ("create", row["group"], row["resource"], namespace)


def _granted(made: Made, survey: Survey, namespace: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield what a Role grants: who makes one needs all of that too, or the verb `escalate`.

    Source: Kubernetes, "Using RBAC Authorization", on privilege escalation.
    """
    if made.kind not in ("Role", "ClusterRole"):
        return
    resource = f"{made.kind.lower()}s"
    if survey.may("escalate", "rbac.authorization.k8s.io", resource, namespace):
        return
    for rule in rows(made.item, "rules"):
        names: Any = at(rule, "resourceNames")
        for group in at(rule, "apiGroups") or []:
            for each in at(rule, "resources") or []:
                # Whether a right to one object by name is held, the server tells when the Role is made.
                if not names:
                    yield from ((verb, group, each, namespace) for verb in at(rule, "verbs") or [])


def security(wants: Wants, survey: Survey) -> Iterator[Item]:
    """The level of Pod Security that the namespace enforces, against the pods that come."""
    for pods in wants.pods():
        namespace = pods.made.release.namespace
        found = survey.read(f"/api/v1/namespaces/{namespace}", f"namespace {namespace}")
        level = text(found, "metadata", "labels", LEVEL)
        broken = [*_below(pods.spec, level)]
        if broken:
            words = f"namespace {namespace} enforces {level}, and {pods.part} is below: {'; '.join(broken)}"
            remedy = f"use a namespace with the level baseline, or have the label {LEVEL} of this one changed"
            yield Item("Pod Security", CANNOT, words, remedy, paths=("dynamoNamespace",))


def _below(pod: Any, level: str) -> Iterator[str]:
    """Yield what a pod lacks for a level. Source: Kubernetes, "Pod Security Standards"."""
    if level in ("baseline", "restricted"):
        yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if at(pod, key) is True)
        if any("hostPath" in volume for volume in rows(pod, "volumes")):
            yield "hostPath volumes"
    if level != "restricted":
        return
    own = table(pod, "securityContext")
    containers = rows(pod, "initContainers") + rows(pod, "containers")

    def some(lacks: Any) -> bool:
        return any(lacks(table(container, "securityContext")) for container in containers)

    if some(lambda context: context.get("allowPrivilegeEscalation") is not False):
        yield "allowPrivilegeEscalation is not false"
    if some(lambda context: "ALL" not in (at(context, "capabilities", "drop") or [])):
        yield "capabilities are not dropped"
    if some(lambda context: context.get("runAsNonRoot", own.get("runAsNonRoot")) is not True):
        yield "runAsNonRoot is not true"
    if some(lambda context: not (at(context, "seccompProfile", "type") or at(own, "seccompProfile", "type"))):
        yield "no seccompProfile"


def block_of(made: Made) -> Path:
    """Return the recipe's block that a release stands for."""
    component = made.release.labels.get("component", "")
    return (next((c.key for c in COMPONENTS if c.chart == component), "platform"),)
