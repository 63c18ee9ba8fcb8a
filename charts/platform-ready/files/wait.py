# ruff: noqa: INP001 - a script of its own, run in the gate's container
"""Wait until the API server takes a DynamoGraphDeployment: its kind is served, the webhook answers.

Nothing is created: the request is a server-side dry run. The exit code is 1 when time is up; the log has each
other answer that came.
"""

import http.client
import json
import logging
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "2"))
# Where Kubernetes puts a pod's token, namespace and certificate authority.
ACCOUNT = Path(os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
CREATED = 201

log = logging.getLogger("platform-ready")


def main() -> int:
    """Return the exit code: 0 once the graph is taken."""
    limit = float(os.environ["TIMEOUT_SECONDS"])
    deadline = time.monotonic() + limit
    said = ""
    while True:
        status, answer = dry_run(json.loads(os.environ["GRAPH"]))
        if status == CREATED:
            log.info("the operator takes graphs")
            return 0
        if answer != said:
            log.info("not yet (%s): %s", status or "no answer", answer)
            said = answer
        if time.monotonic() > deadline:
            log.error("after %g s the operator still takes no graph; look at its pods and their logs", limit)
            return 1
        time.sleep(POLL_SECONDS)


def dry_run(graph: dict[str, object]) -> tuple[int, str]:
    """Return status and message of the API server's answer; status 0 when there is none."""
    try:
        namespace = (ACCOUNT / "namespace").read_text()
        request = urllib.request.Request(
            f"{server()}/apis/{graph['apiVersion']}/namespaces/{namespace}/dynamographdeployments?dryRun=All",
            method="POST",
            data=json.dumps(graph).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
            },
        )
        trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        with urllib.request.urlopen(request, timeout=30, context=trust) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, message(error.read())
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)


def server() -> str:
    """Return the address of the API server, as Kubernetes tells it to every pod."""
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    return f"https://{f'[{host}]' if ':' in host else host}:{os.environ['KUBERNETES_SERVICE_PORT_HTTPS']}"


def message(body: bytes) -> str:
    """Return what a refusal says; the body itself when it is no Kubernetes status."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:500]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.exit(main())
