"""The way into a cluster: the user's kubeconfig and the package `kubernetes`. Asks, and changes nothing."""

import os
from typing import Any

from recipegen.cluster.collect import Get, NoAnswerError
from recipegen.errors import Problem, ToolError, brief, escape, redact

SECONDS = 15.0
"""How long one answer may take."""


def reader(context: str | None = None) -> Get:
    """Return what asks the API server of a context of the kubeconfig; default: its current one.

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
    except Exception as error:
        # The package checks little: a malformed file ends in whatever its code stumbles over.
        hint = "KUBECONFIG names another file; --context another of its contexts"
        message = f"no way into a cluster: {brief(str(error))}"
        raise ToolError(Problem("tool", (), message, hint)) from error
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
