# Written by `make regen` from src/recipegen/cluster/collect.py.
"""A read-only look at one graph in a cluster, kept as plain data: the bundle.

Only what `SHAPES` names is kept. The data of a Secret or a ConfigMap is not even asked for, no annotation
and no value of an environment variable is kept, and of logs only lines that tell a known cause. Texts that
are kept have no tokens in them.
"""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import quote, urlencode

from recipegen.cluster import log_signs
from recipegen.cluster.plain import at, name, number, rows, table, text
from recipegen.cluster.scrub import scrub
from recipegen.cluster.shapes import DEFAULT_CLASS, GPU_LABEL, SHAPES, kept
from recipegen.cluster.wire import (
    BAD_REQUEST,
    JSON,
    METADATA,
    MOST_OBJECTS,
    NOT_FOUND,
    OK,
    TEXT,
    Get,
    NoAnswerError,
    known,
    listed,
    reason,
)

FORMAT = 1
"""Version of the bundle; it rises when an older reader would misread a newer bundle."""

LOG_LINES = 200
MOST_LOGS = 12


@dataclass(frozen=True)
class Subject:
    """What is looked at, and what the recipe says of it; empty where that is not known."""

    namespace: str
    graph: str
    dynamo_namespace: str = ""
    token_secret: str = ""
    version: str = ""
    """Dynamo release that the recipe names."""
    platform_namespace: str = ""
    """Namespace of the operator; empty: its pods are not looked at."""
    wide: bool = True
    """Whether to look at what belongs to the whole cluster: nodes and storage classes."""
    count_used: bool = True
    """Whether to count GPUs in use, for which the pods of all namespaces are listed."""


# What people are told was looked at, or could not be.
WORDS = {
    "api": "kinds of nvidia.com",
    "graph": "DynamoGraphDeployment",
    "pods": "pods",
    "events": "events",
    "claims": "volume claims",
    "jobs": "Jobs",
    "services": "frontend Service",
    "endpoints": "endpoints of the frontend",
    "secrets": "Secrets, by name",
    "logs": "logs of failed containers",
    "operator": "the operator's pods",
    "nodes": "nodes",
    "classes": "storage classes",
    "used": "GPUs in use",
}


def collect(get: Get, subject: Subject) -> dict[str, Any]:
    """Return the bundle of one graph: `objects` by kind, and `unseen` with what could not be looked at.

    Raises:
        NoAnswerError: when the cluster cannot be reached, or does not know who asks.
    """
    look = _Look(get, subject)
    core = f"/api/v1/namespaces/{subject.namespace}"
    ours = f"app.kubernetes.io/instance={subject.graph}"
    service = f"{subject.graph}-frontend"
    look.one("api", "/apis/nvidia.com")
    graphs = f"/apis/nvidia.com/v1beta1/namespaces/{subject.namespace}/dynamographdeployments"
    look.one("graph", f"{graphs}/{subject.graph}")
    look.many(
        "pods", f"{core}/pods", labelSelector=f"nvidia.com/dynamo-graph-deployment-name={subject.graph}"
    )
    look.many("pods", f"{core}/pods", labelSelector=ours)
    look.many("jobs", f"/apis/batch/v1/namespaces/{subject.namespace}/jobs", labelSelector=ours)
    look.many("claims", f"{core}/persistentvolumeclaims", labelSelector=ours)
    for claim in sorted(_claims(look.objects["graph"]) - {name(c) for c in look.objects["claims"]}):
        # Whoever wrote the graph chose the name, and it may lead to no other object.
        look.one("claims", f"{core}/persistentvolumeclaims/{quote(claim, safe='')}")
    look.one("services", f"{core}/services/{service}")
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{subject.namespace}/endpointslices"
    look.many("endpoints", slices, labelSelector=f"kubernetes.io/service-name={service}")
    # That a claim waits for a class is a normal event to Kubernetes.
    for chosen in ("type!=Normal", "reason=FailedBinding"):
        look.many("events", f"{core}/events", fieldSelector=chosen)
    look.keep_own_events()
    for secret in sorted(_secrets(look.objects["graph"]) | {subject.token_secret} - {""}):
        look.secret(secret)
    look.logs()
    if subject.platform_namespace:
        look.many("operator", f"/api/v1/namespaces/{subject.platform_namespace}/pods")
    if subject.wide:
        look.nodes()
    return {
        "recipegenBundle": FORMAT,
        "subject": asdict(subject),
        "objects": look.objects,
        "unseen": look.unseen,
    }


def subject_of(bundle: Any) -> Subject:
    """Return the subject of a bundle; what is missing there is empty."""
    found = table(bundle, "subject")
    kinds = {each.name: bool if isinstance(each.default, bool) else str for each in fields(Subject)}
    given = {key: found[key] for key in kinds if isinstance(found.get(key), kinds[key])}
    return Subject(**{"namespace": "", "graph": "", **given})


class _Look:
    """What was seen so far, and what could not be."""

    def __init__(self, get: Get, subject: Subject) -> None:
        self._get = get
        self._subject = subject
        self.objects: dict[str, list[Any]] = {}
        self.unseen: list[dict[str, str]] = []

    def one(self, kind: str, path: str) -> None:
        """Keep the one object at the path; none where the server has none."""
        answer = self._ask(kind, path)
        if answer is not None:
            self._keep(kind, answer)

    def many(self, kind: str, path: str, **query: str) -> None:
        """Keep the objects of a collection, page by page."""
        found, whole = listed(lambda page: self._ask(kind, page), path, query)
        for item in found:
            self._keep(kind, item)
        if not whole:
            self._miss(kind, f"there are more than {MOST_OBJECTS}")

    def secret(self, secret: str) -> None:
        """Keep whether a Secret is there, and the names of its keys; its content is not asked for."""
        path = f"/api/v1/namespaces/{self._subject.namespace}/secrets/{quote(secret, safe='')}"
        answer = self._ask("secrets", path, METADATA)
        missed = any(entry["what"] == WORDS["secrets"] for entry in self.unseen)
        if answer is not None or not missed:
            self.objects["secrets"].append(
                {"name": secret, "exists": answer is not None, "keys": keys_of(answer)}
            )

    def keep_own_events(self) -> None:
        """Leave out events of objects that do not belong to the graph."""
        graph = self._subject.graph
        own = {name(item) for kind in ("pods", "claims", "jobs") for item in self.objects[kind]}
        self.objects["events"] = [
            event
            for event in self.objects["events"]
            if (about := text(event, "involvedObject", "name")) in own
            or about == graph
            or about.startswith(f"{graph}-")
        ]

    def logs(self) -> None:
        """Keep, of the logs of failed containers, the last line that tells a known cause."""
        self.objects.setdefault("logs", [])
        failed = [(pod, *of) for pod in self.objects["pods"] for of in _failed(pod)]
        for pod, container, previous in failed[:MOST_LOGS]:
            query = {"container": container, "tailLines": str(LOG_LINES), "limitBytes": "200000"}
            query |= {"previous": "true"} if previous else {}
            namespace = self._subject.namespace
            path = f"/api/v1/namespaces/{namespace}/pods/{name(pod)}/log?{urlencode(query)}"
            try:
                status, body = self._answer(path, TEXT)
            except NoAnswerError as error:
                # The API server asks the node, which may be the one that is down.
                self._miss("logs", str(error))
                return
            if status == OK:
                found = telling(body.decode(errors="replace"))
                if found:
                    self._keep("logs", {"pod": name(pod), "container": container, **found})
            elif status not in (NOT_FOUND, BAD_REQUEST):
                self._miss("logs", reason(status, body))
                return

    def nodes(self) -> None:
        """Keep nodes, storage classes, and how many GPUs the pods of each node hold."""
        wanted = {GPU_LABEL, *(key for pod in _templates(self.objects["graph"]) for key in _selector(pod))}
        self.many("nodes", "/api/v1/nodes")
        for node in self.objects["nodes"]:
            labels = table(node, "metadata", "labels")
            node["metadata"]["labels"] = {key: value for key, value in labels.items() if key in wanted}
            allocatable = table(node, "status", "allocatable")
            node["status"]["allocatable"] = {k: v for k, v in allocatable.items() if "/" in k}
        self.many("classes", "/apis/storage.k8s.io/v1/storageclasses")
        if self._subject.count_used and self.objects["nodes"]:
            self.many("used", "/api/v1/pods", fieldSelector="status.phase!=Succeeded,status.phase!=Failed")

    def _keep(self, kind: str, item: Any) -> None:
        found = kept(BEFORE.get(kind, lambda raw: raw)(item), SHAPES[kind])
        held = self.objects.setdefault(kind, [])
        # Two questions may have the same pod as their answer; most pods of a cluster hold no GPU.
        if found and not (kind == "pods" and found in held):
            held.append(found)

    def _ask(self, kind: str, path: str, accept: str = JSON) -> Any:
        """Return the decoded answer; None where there is nothing, or where it could not be looked at."""
        self.objects.setdefault(kind, [])
        status, body = self._answer(path, accept)
        if status == OK:
            try:
                return json.loads(body)
            except ValueError:
                self._miss(kind, "the API server's answer is no JSON")
        elif status != NOT_FOUND:
            self._miss(kind, reason(status, body))
        return None

    def _answer(self, path: str, accept: str) -> tuple[int, bytes]:
        return known(self._get(path, accept))

    def _miss(self, kind: str, why: str) -> None:
        entry = {"what": WORDS[kind], "why": why}
        if entry["what"] not in [known["what"] for known in self.unseen]:
            self.unseen.append(entry)


def telling(log: str) -> dict[str, str]:
    """Return the sign and the line of a log that tell why its process ended; empty where none does."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for sign in log_signs.LOG:
        for line in reversed(lines):
            if re.search(sign.pattern, line, re.IGNORECASE):
                return {"sign": sign.code, "line": scrub(line)[:300]}
    last = next((line for line in reversed(lines) if log_signs.EXCEPTION.match(line)), "")
    return {"sign": "", "line": scrub(last)[:300]} if last else {}


def _class(raw: Any) -> Any:
    return {**raw, "default": table(raw, "metadata", "annotations").get(DEFAULT_CLASS) == "true"}


def _held(raw: Any) -> Any:
    """Return the extended resources that a pod holds on its node, and nothing else of it."""
    held: dict[str, int] = {}
    for container in rows(raw, "spec", "containers"):
        for resource, amount in table(container, "resources", "limits").items():
            if "/" in resource:
                held[resource] = held.get(resource, 0) + number({"n": amount}, "n")
    node = text(raw, "spec", "nodeName")
    return {"node": node, "resources": held} if held and node else {}


# What is worked out of an object before the rest of it is dropped.
BEFORE: dict[str, Callable[[Any], Any]] = {"classes": _class, "used": _held}


def keys_of(secret: Any) -> list[str]:
    """Return the names of a Secret's keys, from the record of who set which field."""
    found = set()
    for entry in rows(secret, "metadata", "managedFields"):
        for part in ("f:data", "f:stringData"):
            for key in table(entry, "fieldsV1", part):
                found.add(key.removeprefix("f:") if key.startswith("f:") else "")
    return sorted(found - {""})


def _failed(pod: Any) -> list[tuple[str, bool]]:
    """Return the containers whose last process failed, and whether another has started since."""
    found = []
    for kind in ("initContainerStatuses", "containerStatuses"):
        for status in rows(pod, "status", kind):
            now, last = at(status, "state", "terminated"), at(status, "lastState", "terminated")
            if number(now, "exitCode"):
                found.append((text(status, "name"), False))
            elif number(last, "exitCode") and status.get("ready") is not True:
                found.append((text(status, "name"), True))
    return found


def _templates(graph: list[Any]) -> list[Any]:
    return [at(part, "podTemplate", "spec") for found in graph for part in rows(found, "spec", "components")]


def _selector(pod: Any) -> list[str]:
    return [*table(pod, "nodeSelector")]


def _claims(graph: list[Any]) -> set[str]:
    volumes = [volume for pod in _templates(graph) for volume in rows(pod, "volumes")]
    return {text(volume, "persistentVolumeClaim", "claimName") for volume in volumes} - {""}


def _secrets(graph: list[Any]) -> set[str]:
    """Return the Secrets that containers of the graph cannot start without."""
    found = set()
    for container in [c for pod in _templates(graph) for c in rows(pod, "containers")]:
        references = [at(entry, "secretRef") for entry in rows(container, "envFrom")]
        references += [at(entry, "valueFrom", "secretKeyRef") for entry in rows(container, "env")]
        found |= {text(each, "name") for each in references if at(each, "optional") is not True}
    return found - {""}
