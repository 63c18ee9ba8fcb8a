"""The way into a cluster: the user's kubeconfig and the package `kubernetes`. Asks, and changes nothing."""

import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from recipegen.cluster.collect import Get, NoAnswerError
from recipegen.cluster.plain import text
from recipegen.errors import ClusterError, Problem, ToolError, brief, escape, redact

SECONDS = 15.0
"""How long one answer may take."""
# How the package tells of a refused upgrade: status, then headers in no order, then what the server said.
_REFUSED = re.compile(r"Handshake status (?P<status>\d+ [^-]*?) -\+-\+- .*? -\+-\+- (?P<said>.*)", re.DOTALL)


def reader(context: str | None = None) -> Get:
    """Return what asks the API server of a context of the kubeconfig; default: its current one.

    Raises:
        ToolError: when the package is missing, or the kubeconfig is, or has no such context.
    """
    settings = _settings(context)
    from kubernetes import client
    from urllib3.exceptions import HTTPError

    pool: Any = client.ApiClient(settings).rest_client.pool_manager

    def get(path: str, accept: str) -> tuple[int, bytes]:
        headers = {"Accept": accept, "User-Agent": "recipegen"}
        # Asked for each time, because a token may have to be renewed.
        identity: Any = settings.auth_settings()
        headers |= {entry["key"]: entry["value"] for entry in identity.values()}
        try:
            answer = pool.request(
                "GET", settings.host + path, headers=headers, timeout=SECONDS, retries=False
            )
        except HTTPError as error:
            raise NoAnswerError(f"{settings.host} does not answer: {escape(redact(str(error)))}") from error
        return int(answer.status), bytes(answer.data)

    return get


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
