# ruff: noqa: INP001 - a part of a script of its own, run in the Job's container
"""The Kubernetes API, with the rights of the Job's ServiceAccount."""

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACCOUNT = Path(os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
HOST = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
PORT = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
TIMEOUT = 15
UNDO_SECONDS = 120
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"


class ApiError(Exception):
    """The API server refused a request, or did not answer; status 0 is for the latter."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def namespace() -> str:
    """Return the namespace that the Job runs in; Kubernetes says so, not the recipe."""
    return (ACCOUNT / "namespace").read_text().strip()


def core(path: str) -> str:
    """Return the address of something in the namespace."""
    return f"/api/v1/namespaces/{namespace()}/{path}"


def group(name: str, path: str) -> str:
    """Return the address of something of an API group and version in the namespace."""
    return f"/apis/{name}/namespaces/{namespace()}/{path}"


def get(path: str) -> Any:
    """Return an object or a list."""
    return request("GET", path)


def find(path: str) -> Any:
    """Return an object, or None when it is not there."""
    try:
        return get(path)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def create(path: str, body: Any) -> None:
    """Create an object; one that is there already is as good."""
    try:
        request("POST", path, body)
    except ApiError as error:
        if error.status != 409:
            raise


def patch(path: str, body: Any) -> None:
    """Merge a patch into an object."""
    request("PATCH", path, body, MERGE_PATCH)


def delete(path: str, grace_seconds: int | None = None) -> None:
    """Delete an object; one that is not there is as good."""
    options = {"kind": "DeleteOptions", "apiVersion": "v1"}
    body = options if grace_seconds is None else {**options, "gracePeriodSeconds": grace_seconds}
    try:
        request("DELETE", path, body)
    except ApiError as error:
        if error.status != 404:
            raise


def request(method: str, path: str, body: Any = None, content_type: str = JSON) -> Any:
    """Return the answer to one request.

    Raises:
        ApiError: when it is refused or nobody answers.
    """
    host = f"[{HOST}]" if ":" in HOST else HOST
    asked = urllib.request.Request(
        f"https://{host}:{PORT}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            # Read anew each time: the kubelet replaces it while the Job runs.
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}",
            "Content-Type": content_type,
            "User-Agent": "fault-injection",
        },
    )
    try:
        with _opener().open(asked, timeout=TIMEOUT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ApiError(error.code, f"{method} {path}: {_reason(error)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ApiError(0, f"{method} {path}: {type(error).__name__}: {error}") from None


def insist(undo: Callable[[], None]) -> None:
    """Undo something, again and again while the API server does not answer.

    Raises:
        ApiError: when it does not answer for long, or forbids it.
    """
    deadline = time.monotonic() + UNDO_SECONDS
    while True:
        try:
            return undo()
        except ApiError as error:
            # What was changed by somebody else meanwhile is read anew.
            passing = error.status in (0, 409, 429) or error.status >= 500
            if not passing or time.monotonic() > deadline:
                raise
        time.sleep(1)


def _opener() -> urllib.request.OpenerDirector:
    """Return what asks the server itself: no proxy stands between a pod and its API server."""
    tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
    )


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code} {text[:200]}"
