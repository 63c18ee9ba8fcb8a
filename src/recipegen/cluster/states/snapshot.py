"""What `recipegen status` asks a cluster: one LIST of each kind, and the log of a Job that loads."""

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from recipegen.cluster.plain import table
from recipegen.cluster.wire import (
    FORBIDDEN,
    JSON,
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

LOG_LINES = "20"
LOG_BYTES = "20000"
INSTANCE = "app.kubernetes.io/instance"


@dataclass
class Snapshot:
    """What a cluster has of one graph at a moment."""

    get: Get
    namespace: str
    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By kind: graphs, pods, jobs; a kind that could not be looked at is missing."""
    unseen: dict[str, str] = field(default_factory=dict)
    """What could not be looked at, and why."""
    served: bool = True
    """Whether the cluster knows the kind of graphs."""

    def of(self, kind: str, **labels: str) -> list[dict[str, Any]]:
        """Return the objects of a kind that have the labels, of Kubernetes' usual ones."""
        wanted = {f"app.kubernetes.io/{key}": value for key, value in labels.items()}
        return [
            each
            for each in self.objects.get(kind, [])
            if wanted.items() <= table(each, "metadata", "labels").items()
        ]

    def log(self, pod: str, container: str) -> str:
        """Return the end of a container's log; empty where there is none or it may not be read."""
        query = urlencode({"container": container, "tailLines": LOG_LINES, "limitBytes": LOG_BYTES})
        try:
            status, body = self.get(f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log?{query}", TEXT)
        except NoAnswerError:
            # The API server asks the node, which may be the one that is down.
            return ""
        if status == FORBIDDEN:
            self.unseen.setdefault("logs", "not allowed to look")
        return body.decode(errors="replace") if status == OK else ""


def snapshot(get: Get, namespace: str, graph: str) -> Snapshot:
    """Return what the cluster has of a graph, with one LIST of each kind; long ones come in pages.

    Raises:
        NoAnswerError: when the cluster cannot be reached, or does not know who asks.
    """
    found = Snapshot(get, namespace)
    own = {"labelSelector": f"{INSTANCE}={graph}"}
    places = {
        "graphs": (
            f"/apis/nvidia.com/v1beta1/namespaces/{namespace}/dynamographdeployments",
            {"fieldSelector": f"metadata.name={graph}"},
        ),
        "pods": (f"/api/v1/namespaces/{namespace}/pods", own),
        "jobs": (f"/apis/batch/v1/namespaces/{namespace}/jobs", own),
    }
    for kind, (path, query) in places.items():
        try:
            found.objects[kind], whole = listed(partial(_asked, get), path, query)
        except _RefusedError as error:
            if error.status == NOT_FOUND and kind == "graphs":
                found.served, found.objects[kind] = False, []
            else:
                found.unseen[kind] = str(error)
        else:
            if not whole:
                found.unseen[kind] = f"there are more than {MOST_OBJECTS}"
    return found


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _asked(get: Get, path: str) -> dict[str, Any]:
    status, body = known(get(path, JSON))
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status != OK or not isinstance(answer, dict):
        raise _RefusedError(status, reason(status, body))
    return answer
