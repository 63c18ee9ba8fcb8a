"""Look at one graph, reading only, and log what is wrong and which line of the recipe to change.

It looks until the graph is ready and nothing is wrong, or until its time is up, and logs whenever the
findings change. Everything comes in as environment variables. Findings are no failure: the exit code is 1
only when the API server never answers.
"""

import http.client
import logging
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from recipegen.cluster.collect import Subject, collect
from recipegen.cluster.findings import Diagnosis, diagnose
from recipegen.cluster.report import headline, report
from recipegen.cluster.wire import Get, NoAnswerError

WAIT_SECONDS = float(os.environ.get("WAIT_SECONDS", "1800"))
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "30"))
# What Kubernetes gives a pod with a service account.
ACCOUNT = Path(os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))

log = logging.getLogger("doctor")


def main() -> int:
    """Return the exit code: 0 when the graph was looked at."""
    get, deadline, logged = reader(), time.monotonic() + WAIT_SECONDS, ""
    while True:
        found = look(get)
        if found:
            words = f"{headline(found)}\n\n{report(found)}\n"
            if words != logged:
                log.info("%s", words)
                logged = words
            if found.ready and not found.errors:
                return 0
        if time.monotonic() + POLL_SECONDS > deadline:
            break
        time.sleep(POLL_SECONDS)
    log.info("waited %g s; `recipegen doctor` looks again at any time", WAIT_SECONDS)
    return 0 if logged else 1


def look(get: Get) -> Diagnosis | None:
    """Return what is wrong now; None where the API server does not answer."""
    subject = Subject(
        namespace=os.environ["NAMESPACE"],
        graph=os.environ["GRAPH"],
        dynamo_namespace=os.environ["DYNAMO_NAMESPACE"],
        token_secret=os.environ["TOKEN_SECRET"],
        wide=os.environ["CLUSTER_READ"] == "true",
        count_used=False,
    )
    try:
        return diagnose(collect(get, subject))
    except NoAnswerError as error:
        log.warning("%s", error)
        return None


def reader() -> Get:
    """Return what asks the API server in the name of the pod's service account."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT_HTTPS"]
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def get(path: str, accept: str) -> tuple[int, bytes]:
        # Read each time, because Kubernetes renews it.
        token = (ACCOUNT / "token").read_text().strip()
        request = urllib.request.Request(server + path)
        request.add_header("Accept", accept)
        request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=15, context=tls) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(f"the API server does not answer: {error}") from error

    return get


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    sys.exit(main())
