"""The way into a cluster: the user's kubeconfig and the package `kubernetes`. Asks, and changes nothing."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from recipegen.cluster.collect import Get, NoAnswerError
from recipegen.errors import Problem, ToolError, brief, escape, redact

SECONDS = 15.0
"""How long one answer may take."""

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
    try:
        from kubernetes import client, config
        from urllib3.exceptions import HTTPError
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
        contexts: Any = config.list_kube_config_contexts
        current: Any = contexts(place)[1]
    except Exception as error:
        # The package checks little: a malformed file ends in whatever its code stumbles over.
        hint = "KUBECONFIG names another file; --context another of its contexts"
        message = f"no way into a cluster: {brief(str(error))}"
        raise ToolError(Problem("tool", (), message, hint)) from error
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

    return Connection(settings.host, context or str(current["name"]), get, send)


def harmless(method: str, path: str) -> bool:
    """Return whether a request with a body leaves the cluster as it is: a review, or a dry run."""
    parts = urlsplit(path)
    if method == "POST" and REVIEW.fullmatch(parts.path):
        return True
    return method in ("POST", "PATCH") and parse_qs(parts.query).get("dryRun") == ["All"]
