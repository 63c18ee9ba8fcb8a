"""The way into a cluster: the user's kubeconfig and the package `kubernetes`. Asks, and changes nothing."""

import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from recipegen.cluster.plain import text
from recipegen.cluster.wire import Get, NoAnswerError
from recipegen.errors import ClusterError, Problem, ToolError, brief, escape, redact

SECONDS = 15.0
"""How long one answer may take."""
# How the package tells of a refused upgrade: status, then headers in no order, then what the server said.
_REFUSED = re.compile(r"Handshake status (?P<status>\d+ [^-]*?) -\+-\+- .*? -\+-\+- (?P<said>.*)", re.DOTALL)


Send = Callable[[str, str, bytes, str], tuple[int, bytes]]
"""Sends method, path with query, body and its type to the API server, which answers and stores nothing."""

# Questions that Kubernetes wants as a POST.
REVIEW = re.compile(r"/apis/auth(?:entication|orization)\.k8s\.io/v1/self(?:subject)\w*reviews")


@dataclass(frozen=True)
class Connection:
    """A cluster that answers questions."""

    server: str
    context: str
    """Context of the kubeconfig that led here."""
    get: Get
    send: Send


def reader(context: str | None = None) -> Get:
    """Return what asks the API server of a context of the kubeconfig; raises as `connect` does."""
    return connect(context).get


def connect(context: str | None = None) -> Connection:
    """Return the way to the API server of a context of the kubeconfig; default: its current one.

    Raises:
        ToolError: when the package is missing, or the kubeconfig is, or has no such context.
    """
    settings = _settings(context)
    from kubernetes import client
    from urllib3.exceptions import HTTPError

    pool: Any = client.ApiClient(settings).rest_client.pool_manager

    def answer(method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        # Asked for each time, because a token may have to be renewed.
        identity: Any = settings.auth_settings()
        headers = {"User-Agent": "recipegen", **headers}
        headers |= {entry["key"]: entry["value"] for entry in identity.values()}
        try:
            found = pool.request(
                method, settings.host + path, headers=headers, body=body, timeout=SECONDS, retries=False
            )
        except HTTPError as error:
            raise NoAnswerError(f"{settings.host} does not answer: {escape(redact(str(error)))}") from error
        return int(found.status), bytes(found.data)

    def get(path: str, accept: str) -> tuple[int, bytes]:
        return answer("GET", path, {"Accept": accept}, None)

    def send(method: str, path: str, body: bytes, content: str) -> tuple[int, bytes]:
        if not harmless(method, path):
            raise ValueError(f"{method} {path} could change the cluster")
        return answer(method, path, {"Accept": "application/json", "Content-Type": content}, body)

    return Connection(settings.host, context or _current_context(), get, send)


def harmless(method: str, path: str) -> bool:
    """Return whether a request with a body leaves the cluster as it is: a review, or a dry run."""
    parts = urlsplit(path)
    if method == "POST" and REVIEW.fullmatch(parts.path):
        return True
    return method in ("POST", "PATCH") and parse_qs(parts.query).get("dryRun") == ["All"]


class Forward:
    """Opens connections to a port of a pod, through the API server and the pod's node."""

    def __init__(self, open_one: Callable[[], Any], port: int) -> None:
        self._open_one, self._port = open_one, port
        self._opened: list[Any] = []

    def connect(self) -> socket.socket:
        """Return a new connection.

        Raises:
            ClusterError: when the API server refuses, or does not reach the pod's node.
        """
        self._opened.append(self._open_one())
        found: socket.socket = self._opened[-1].socket(self._port)
        return found

    def said(self) -> str:
        """Return what the node said went wrong with the last connection; empty where it said nothing."""
        said = self._opened[-1].error(self._port) if self._opened else None
        return escape(redact(" ".join((said or "").split())[:400]))

    def close(self) -> None:
        """Close every connection."""
        for way in self._opened:
            way.close()


@contextmanager
def forwarder(context: str | None, namespace: str, pod: str, port: int) -> Iterator[Forward]:
    """Give the way to a port of a pod, until the block ends.

    Raises:
        ToolError: as `reader`.
    """
    settings = _settings(context)
    from kubernetes import client
    from kubernetes.stream import portforward

    def open_one() -> Any:
        core = client.CoreV1Api(client.ApiClient(settings))
        try:
            return portforward(core.connect_get_namespaced_pod_portforward, pod, namespace, ports=str(port))
        except Exception as error:
            # The package has one exception for everything, and hands on those of the websocket.
            # A websocket begins as a GET, and since Kubernetes 1.36 or before its upgrade is a create.
            hint = "it takes the rights to get and to create pods/portforward, and a node that can be reached"
            said = _forward_refused(str(getattr(error, "reason", None) or error))
            message = f"no port-forward to pod {namespace}/{pod}: {said}"
            raise ClusterError(Problem("no-forward", (), message, hint)) from error

    with _quiet_threads():
        way = Forward(open_one, port)
        try:
            yield way
        finally:
            way.close()


def _forward_refused(said: str) -> str:
    found = _REFUSED.search(said)
    if found:
        said = found["said"]
        with suppress(ValueError):
            said = text(json.loads(said), "message") or said
        said = f"{found['status']}: {said}"
    return escape(redact(" ".join(said.split())[:400]))


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """Keep the package's threads from printing how a connection ended, which its reader is told anyway."""
    before = threading.excepthook

    def hook(found: Any) -> None:
        if found.thread is None or "port forward" not in found.thread.name:
            before(found)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def _settings(context: str | None) -> Any:
    """Return the package's settings for a context of the kubeconfig.

    Raises:
        ToolError: when the package is missing, or the kubeconfig is, or has no such context.
    """
    try:
        from kubernetes import client, config
    except ImportError as error:
        hint = "pip install 'recipegen[cluster]'; or have a bundle saved elsewhere and read it with --bundle"
        raise ToolError(
            Problem("tool", (), "looking into a cluster needs the package kubernetes", hint)
        ) from error
    settings = client.Configuration()
    # urllib3 would try a closed port three times more, and the cause is lost on the way.
    settings.retries = False
    try:
        place = os.environ.get("KUBECONFIG") or None
        load: Any = config.load_kube_config
        load(place, context, client_configuration=settings, persist_config=False)
    except Exception as error:
        # The package checks little: a malformed file ends in whatever its code stumbles over.
        hint = "KUBECONFIG names another file; --context another of its contexts"
        message = f"no way into a cluster: {brief(str(error))}"
        raise ToolError(Problem("tool", (), message, hint)) from error
    return settings


def _current_context() -> str:
    """Return what the kubeconfig calls its current context, which `_settings` could read."""
    from kubernetes import config

    contexts: Any = config.list_kube_config_contexts
    return str(contexts(os.environ.get("KUBECONFIG") or None)[1]["name"])
