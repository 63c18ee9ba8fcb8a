"""What a recipe asks of a cluster, read off the objects that it renders to."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from recipegen import facts, helm
from recipegen.cluster.plain import at, name, number, rows, table, text
from recipegen.cluster.preflight.amounts import pod_amounts
from recipegen.cluster.preflight.placing import Group
from recipegen.compile import Bundle, Release, compile_plan
from recipegen.resolve import Plan

GRAPH = "DynamoGraphDeployment"
HOSTNAME = "kubernetes.io/hostname"
TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "Job")
SCALERS = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}


@dataclass(frozen=True)
class Made:
    """One object that an apply makes, and the release that brings it."""

    release: Release
    item: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind."""
        return text(self.item, "kind")

    @property
    def api_version(self) -> str:
        """Its group and version."""
        return text(self.item, "apiVersion")

    @property
    def called(self) -> str:
        """What messages call it."""
        return f"{self.kind} {name(self.item)}"


@dataclass(frozen=True)
class Pods:
    """Pods that are all alike, of one part of an object."""

    made: Made
    part: str
    """What people call them: a role of the graph, or the object."""
    spec: Any
    labels: dict[str, Any]
    must: int
    may: int
    each: int = 1
    """Pods of one replica."""

    @property
    def group(self) -> Group:
        """What the placing looks at."""
        return Group(
            name=self.part,
            requests={"pods": Fraction(1), **pod_amounts(self.spec)},
            pods=self.each,
            must=self.must,
            may=self.may,
            selector={key: str(value) for key, value in table(self.spec, "nodeSelector").items()},
            tolerations=tuple(rows(self.spec, "tolerations")),
            together=_together(self.spec),
        )


@dataclass(frozen=True)
class Named:
    """Something that has to be there already, for an object names it."""

    kind: str
    name: str
    namespace: str
    """Empty for what belongs to the whole cluster."""
    by: str
    """What names it."""
    group: str = ""
    version: str = "v1"
    plural: str = ""

    @property
    def path(self) -> str:
        """Where it is asked for."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{root}{scope}/{self.plural or self.kind.lower() + 's'}/{self.name}"


@dataclass(frozen=True)
class Wants:
    """What one plan asks of a cluster."""

    plan: Plan
    bundle: Bundle
    made: tuple[Made, ...]

    @property
    def fetched(self) -> list[Release]:
        """Releases whose charts are fetched, and whose objects are not known here."""
        return [release for release in self.bundle.releases if release.installed and release.version]

    @property
    def namespaces(self) -> list[str]:
        """Namespaces that something is installed into."""
        return list(dict.fromkeys(each.namespace for each in self.bundle.releases if each.installed))

    def brought_by(self, group: str) -> str:
        """Return the release of the document that brings the kinds of a group, or nothing."""
        brings = facts.preflight()["brings"]
        return next((r.name for r in self.fetched if group in brings.get(r.name, ())), "")

    def of(self, kind: str) -> list[Made]:
        """Return the objects of one kind."""
        return [made for made in self.made if made.kind == kind]

    def pods(self) -> list[Pods]:
        """Return the pods that are made, with how many there have to be and may come to be."""
        return [pods for made in self.made for pods in _pods(made, self.made)]

    def claims(self) -> list[Made]:
        """Return the volume claims that are made."""
        return self.of("PersistentVolumeClaim")

    def named(self) -> list[Named]:
        """Return what has to be there already: nothing that the same document makes."""
        own = {(made.kind, name(made.item), made.release.namespace) for made in self.made}
        found = [
            *(n for pods in self.pods() for n in _of_pod(pods)),
            *(n for m in self.made for n in _of_object(m)),
        ]
        return [*dict.fromkeys(n for n in found if n.name and (n.kind, n.name, n.namespace) not in own)]

    def kinds(self) -> dict[tuple[str, str], str]:
        """Return the kinds that have to be served, by apiVersion and kind, each with what needs it."""
        found = {(made.api_version, made.kind): made.called for made in self.made}
        for route in self.of("HTTPRoute"):
            for backend in _backends(route.item):
                if text(backend, "group"):
                    key = (f"{text(backend, 'group')}/v1", text(backend, "kind"))
                    found.setdefault(key, route.called)
        return found


def wants(plan: Plan) -> Wants:
    """Return what a plan asks for.

    Raises:
        ToolError: when there is no Helm to render with, or Helm refuses a release.
    """
    bundle = compile_plan(plan)
    releases = [release for release in bundle.releases if release.installed and not release.version]
    return Wants(
        plan, bundle, tuple(Made(release, item) for release in releases for item in helm.objects(release))
    )


def _pods(made: Made, everything: tuple[Made, ...]) -> Iterator[Pods]:
    spec = at(made.item, "spec")
    if made.kind == GRAPH:
        for part in rows(spec, "components"):
            least, most = _scaled(made, part, everything)
            template = table(part, "podTemplate")
            each = number(part, "multinode", "nodeCount", default=1)
            labels = table(template, "metadata", "labels")
            yield Pods(made, text(part, "name"), at(template, "spec"), labels, least, most, each)
    elif made.kind in TEMPLATES:
        replicas = number(spec, "parallelism" if made.kind == "Job" else "replicas", default=1)
        labels = table(spec, "template", "metadata", "labels")
        yield Pods(made, made.called, at(spec, "template", "spec"), labels, replicas, replicas)
    elif made.kind == "CronJob":
        spec = at(spec, "jobTemplate", "spec")
        replicas = number(spec, "parallelism", default=1)
        yield Pods(made, made.called, at(spec, "template", "spec"), {}, 0, replicas)


def _scaled(graph: Made, part: dict[str, Any], everything: tuple[Made, ...]) -> tuple[int, int]:
    """Return the least and most replicas of a component: what scales it says so, else they are as many."""
    target = f"{name(graph.item)}-{text(part, 'name')}"
    for made in everything:
        if made.kind in SCALERS and text(made.item, "spec", "scaleTargetRef", "name") == target:
            low, high = (number(made.item, "spec", key, default=1) for key in SCALERS[made.kind])
            return low, max(low, high)
    replicas = number(part, "replicas", default=1)
    return replicas, replicas


def _together(pod: Any) -> bool:
    terms = rows(pod, "affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    return any(term.get("topologyKey") == HOSTNAME for term in terms)


def _of_pod(pods: Pods) -> Iterator[Named]:
    """Yield what a pod names: Secrets, ConfigMaps and claims it cannot start without, and classes."""
    pod, by, namespace = pods.spec, f"{pods.made.called}, {pods.part}", pods.made.release.namespace
    if pods.part == pods.made.called:
        by = pods.part

    def one(kind: str, reference: Any, key: str = "name") -> Iterator[Named]:
        if text(reference, key) and at(reference, "optional") is not True:
            yield Named(kind, text(reference, key), namespace, by)

    for container in rows(pod, "initContainers") + rows(pod, "containers"):
        for entry in rows(container, "envFrom"):
            yield from one("Secret", at(entry, "secretRef"))
            yield from one("ConfigMap", at(entry, "configMapRef"))
        for entry in rows(container, "env"):
            yield from one("Secret", at(entry, "valueFrom", "secretKeyRef"))
            yield from one("ConfigMap", at(entry, "valueFrom", "configMapKeyRef"))
    for volume in rows(pod, "volumes"):
        yield from one("Secret", at(volume, "secret"), "secretName")
        yield from one("ConfigMap", at(volume, "configMap"))
        yield from one("PersistentVolumeClaim", at(volume, "persistentVolumeClaim"), "claimName")
    for entry in rows(pod, "imagePullSecrets"):
        yield from one("Secret", entry)
    priority, runtime = text(pod, "priorityClassName"), text(pod, "runtimeClassName")
    yield Named("PriorityClass", priority, "", by, "scheduling.k8s.io", "v1", "priorityclasses")
    yield Named("RuntimeClass", runtime, "", by, "node.k8s.io", "v1", "runtimeclasses")


def _of_object(made: Made) -> Iterator[Named]:
    """Yield what an object itself names: a queue, a Gateway and its class, certificates."""
    namespace = made.release.namespace
    queue = text(made.item, "metadata", "labels", "kueue.x-k8s.io/queue-name")
    yield Named("LocalQueue", queue, namespace, made.called, "kueue.x-k8s.io", "v1beta1")
    gateways = "gateway.networking.k8s.io"
    if made.kind == "Gateway":
        class_name = text(made.item, "spec", "gatewayClassName")
        yield Named("GatewayClass", class_name, "", made.called, gateways, "v1", "gatewayclasses")
        for listener in rows(made.item, "spec", "listeners"):
            for entry in rows(listener, "tls", "certificateRefs"):
                yield Named("Secret", text(entry, "name"), text(entry, "namespace") or namespace, made.called)
    if made.kind == "ScaledObject":
        for row in rows(made.item, "spec", "triggers"):
            called = text(row, "authenticationRef", "name")
            yield Named("TriggerAuthentication", called, namespace, made.called, "keda.sh", "v1alpha1")
    if made.kind == "HTTPRoute":
        for entry in rows(made.item, "spec", "parentRefs"):
            where = text(entry, "namespace") or namespace
            yield Named("Gateway", text(entry, "name"), where, made.called, gateways, "v1")
    for row in rows(made.item, "spec", "validation", "caCertificateRefs"):
        yield Named("ConfigMap", text(row, "name"), namespace, made.called)


def _backends(route: Any) -> list[dict[str, Any]]:
    return [backend for rule in rows(route, "spec", "rules") for backend in rows(rule, "backendRefs")]
