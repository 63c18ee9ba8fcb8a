"""Rules about the graph as a whole: its kinds, its operator, its releases, its frontend."""

import re
from collections.abc import Iterator

from recipegen.cluster.plain import at, condition, name, rows, text
from recipegen.cluster.scene import (
    ERROR,
    IMAGE_REASONS,
    START_REASONS,
    WARNING,
    Finding,
    Scene,
    called,
    complaint,
    statuses,
)

RELEASE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def kinds(scene: Scene) -> Iterator[Finding]:
    """The operator's kinds: without them nothing else can be there."""
    if not scene.looked("api"):
        return
    versions = [text(row, "version") for found in scene.of("api") for row in rows(found, "versions")]
    if "v1beta1" in versions:
        return
    served = f"serves {', '.join(versions)} of nvidia.com" if versions else "knows no kind of nvidia.com"
    cause = "The Dynamo operator is too old" if versions else "The Dynamo operator is not installed"
    yield Finding(
        "operator-missing",
        ERROR,
        ("API group nvidia.com",),
        f"the API server {served}, and the graph is a DynamoGraphDeployment of v1beta1",
        f"{cause}: its chart brings these kinds along.",
        "Install it with the recipe, or have it updated.",
        ("platform.install", "platform.version"),
    )


def graph(scene: Scene) -> Iterator[Finding]:
    """The graph itself, and whether the operator looks after it."""
    subject = scene.subject
    about = (f"DynamoGraphDeployment {subject.graph}",)
    if not scene.looked("graph"):
        return
    if not scene.graph:
        if not list(kinds(scene)):
            yield Finding(
                "graph-missing",
                ERROR,
                about,
                f"it is not in namespace {subject.namespace}",
                "The recipe was not applied there, or the API server or the operator's webhook refused it.",
                "Apply the recipe and read what helmfile says; a recipe of another namespace is found there.",
                ("model.deployment.create", "dynamoNamespace"),
            )
        return
    if not text(scene.graph, "status", "state") and not rows(scene.graph, "status", "conditions"):
        yield Finding(
            "operator-silent",
            ERROR,
            about,
            "it has no status",
            "The operator has not looked at it: it does not run, or watches other namespaces.",
            f"Look at its pods: kubectl -n {subject.platform_namespace or 'dynamo-system'} get pods",
            ("platform.install", "platform.namespace", "platform.values"),
        )
    elif text(scene.graph, "status", "state") == "failed":
        yield Finding(
            "graph-failed",
            ERROR,
            about,
            complaint(scene.graph) or "state failed",
            "The operator gave the graph up.",
            "Read what it says; the other findings, where there are any, tell more.",
            ("model",),
        )


def operator(scene: Scene) -> Iterator[Finding]:
    """The operator's own pods; what fails there is no line of the graph."""
    failing = []
    for pod in scene.of("operator"):
        for status in statuses(pod):
            waiting = text(status, "state", "waiting", "reason")
            if waiting in (*IMAGE_REASONS, *START_REASONS, "CrashLoopBackOff"):
                failing.append((pod, f"{waiting}: {text(status, 'state', 'waiting', 'message')}"))
        if condition(pod, "PodScheduled").get("status") == "False":
            failing.append((pod, f"not placed: {text(condition(pod, 'PodScheduled'), 'message')}"))
    for pod, seen in failing:
        yield Finding(
            "operator-fails",
            ERROR if not scene.ready else WARNING,
            (called(pod),),
            seen,
            "A pod of the Dynamo platform does not run; graphs are neither checked nor changed without it.",
            f"Look at it: kubectl -n {scene.subject.platform_namespace} describe pod {name(pod)}",
            ("platform.version", "platform.values"),
        )


def releases(scene: Scene) -> Iterator[Finding]:
    """Dynamo's release: one for the whole graph, and the one that the recipe names."""
    released: dict[str, list[str]] = {}
    for part in scene.parts:
        for container in rows(part, "podTemplate", "spec", "containers"):
            if container.get("name") == "main":
                tag = _tag(text(container, "image"))
                release = text(part, "runtimeVersionOverride") or (tag if RELEASE.fullmatch(tag) else "")
                released.setdefault(release, []).append(text(part, "name"))
    known = sorted(release for release in released if release)
    parts = "; ".join(f"{', '.join(released[release])}: {release}" for release in known)
    about = (f"DynamoGraphDeployment {scene.subject.graph}",)
    if len(known) > 1:
        yield Finding(
            "images-mixed",
            ERROR,
            about,
            f"components run different Dynamo releases ({parts})",
            "Releases of Dynamo do not talk to each other.",
            "Give all components one release: apply the recipe again, which states it once.",
            ("model.backend.version", "model.backend.image"),
        )
    elif known and scene.subject.version and known != [scene.subject.version]:
        yield Finding(
            "release-differs",
            WARNING,
            about,
            f"the cluster runs Dynamo {known[0]}, the recipe names {scene.subject.version}",
            "The recipe changed after it was applied, or another one was applied.",
            "Apply the recipe, or name the release that should stay.",
            ("model.backend.version",),
        )


def frontend(scene: Scene) -> Iterator[Finding]:
    """A graph that calls itself ready, without a frontend that takes requests."""
    subject = scene.subject
    if not scene.ready or not scene.replicas("frontend"):
        return
    service = f"{subject.graph}-frontend"
    if scene.looked("services") and not scene.of("services"):
        yield Finding(
            "no-service",
            ERROR,
            (f"Service {service}",),
            "it is not there, although the graph is ready",
            "Something deleted it, or the operator names it otherwise.",
            f"Look for it: kubectl -n {subject.namespace} get services",
            ("model.frontend",),
        )
        return
    ready = [
        row
        for each in scene.of("endpoints")
        for row in rows(each, "endpoints")
        if at(row, "conditions", "ready") is not False
    ]
    if scene.looked("endpoints") and scene.of("services") and not ready:
        yield Finding(
            "no-endpoints",
            ERROR,
            (f"Service {service}",),
            "it has no ready endpoint, although the graph is ready",
            "No pod of the frontend passes its probe, or none carries the labels that the Service selects.",
            f"Look at them: kubectl -n {subject.namespace} get pods",
            ("model.frontend.replicas", "model.frontend"),
        )


def dynamo_namespace(scene: Scene) -> Iterator[Finding]:
    """Dynamo's own namespace, by which dashboards and routers choose."""
    expected = scene.subject.dynamo_namespace
    for pod in scene.pods if expected else []:
        found = text(pod, "metadata", "labels", "nvidia.com/dynamo-namespace")
        # Workers add a hash while they are replaced.
        if found and found != expected and not found.startswith(f"{expected}-"):
            yield Finding(
                "dynamo-namespace",
                WARNING,
                (called(pod),),
                f"its Dynamo namespace is {found}, and {expected} is expected",
                "Dashboards and alerts ask for the expected one and stay empty.",
                "Apply the recipe to the namespace that it names, without `globalDynamoNamespace`.",
                ("dynamoNamespace",),
            )


def not_ready(scene: Scene) -> Iterator[Finding]:
    """A graph that is not ready, where nothing else tells why."""
    if scene.graph and not scene.ready and text(scene.graph, "status", "state") != "failed":
        running = [
            pod for pod in scene.pods if all(s.get("ready") is True for s in statuses(pod)) and statuses(pod)
        ]
        yield Finding(
            "not-ready",
            WARNING,
            (f"DynamoGraphDeployment {scene.subject.graph}",),
            complaint(scene.graph) or f"state {text(scene.graph, 'status', 'state')}",
            f"Nothing wrong was seen; {len(running)} of {len(scene.pods)} pods are ready. "
            "Pulling images and loading weights take minutes to hours.",
            "Look again later, or watch the pods: kubectl -n "
            f"{scene.subject.namespace} get pods "
            f"-l nvidia.com/dynamo-graph-deployment-name={scene.subject.graph} -w",
        )


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
