# ruff: noqa: INP001 - a script of its own, run in the pod of `helm test`
"""Ask the graph's frontend for one chat answer; exit with 0 when it is served, with 1 when not in time."""

import http.client
import json
import logging
import os
import sys
import time
import urllib.request

# Less than the five minutes that `helm test` itself waits.
WAIT_SECONDS = float(os.environ.get("WAIT_SECONDS", "240"))
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "5"))

log = logging.getLogger("smoke")


def main() -> int:
    """Return the exit code."""
    url, model = os.environ["URL"], os.environ["MODEL"]
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        problem = ask(url, model)
        if not problem:
            return 0
        if time.monotonic() >= deadline:
            log.error("%s served no chat answer within %g s: %s", model, WAIT_SECONDS, problem)
            return 1
        log.info("waiting for %s: %s", model, problem)
        time.sleep(POLL_SECONDS)


def ask(url: str, model: str) -> str:
    """Ask for a chat answer; return what is wrong with it, nothing when it is served."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 16}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            message = json.load(answer)["choices"][0]["message"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    # So few tokens of a model that thinks aloud may be its thoughts alone.
    text = message.get("content") or message.get("reasoning_content")
    log.info("%s answers: %s", model, text)
    return "" if text else "an empty answer"


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.exit(main())
