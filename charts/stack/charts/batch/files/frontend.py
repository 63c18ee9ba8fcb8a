# ruff: noqa: INP001 - part of the batch's script, run in its container
"""The graph's frontend: whether it serves the model, and what it answers."""

import http.client
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = float(os.environ.get("ANSWER_SECONDS", "3600"))
"""How long one answer may take, which comes whole: a long one takes its time."""
# An answer that never comes, is broken off, or is none.
UNANSWERED = (OSError, http.client.HTTPException, ValueError)
# The frontend, or the workers behind it, have no room or are not there: nothing is wrong with the line.
BUSY = (429, 503)
# Nobody knows whether the next try goes better.
FAILED = (408, 500, 502, 504)


@dataclass(frozen=True)
class Answer:
    """What became of a request."""

    status: int = 0
    """HTTP status; 0 when there was no answer."""
    body: Any = None
    request_id: str = ""
    problem: str = ""
    """Why there is no answer; empty when there is one."""

    @property
    def busy(self) -> bool:
        """Whether to ask again once there is room, however often."""
        return self.status in BUSY

    @property
    def final(self) -> bool:
        """Whether asking again would bring the same."""
        return not self.problem and self.status not in (*BUSY, *FAILED)

    @property
    def said(self) -> str:
        """What came in the place of an answer, for people."""
        return self.problem or f"HTTP {self.status}: {json.dumps(self.body)[:300]}"


def models(url: str) -> list[str]:
    """Return the models that the frontend lists; none while it cannot be reached."""
    try:
        with urllib.request.urlopen(f"{url}/v1/models", timeout=10) as answer:
            return [entry["id"] for entry in json.load(answer)["data"]]
    except (*UNANSWERED, KeyError, TypeError):
        return []


def ask(url: str, body: dict[str, Any], request_id: str) -> Answer:
    """Send one request, and return what became of it."""
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return _read(answer.status, answer.read(), answer.headers, request_id)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error, request_id)
    except UNANSWERED as error:
        return Answer(problem=f"{type(error).__name__}: {error}")


def _read(status: int, raw: bytes, headers: Any, request_id: str) -> Answer:
    body = json.loads(raw)
    if not isinstance(body, dict):
        return Answer(status, problem="an answer that is no JSON object")
    return Answer(status, body, headers.get("X-Request-Id") or request_id)


def _refused(error: urllib.error.HTTPError, request_id: str) -> Answer:
    try:
        raw = error.read()
    except UNANSWERED:
        raw = b""
    try:
        body = json.loads(raw)
    except ValueError:
        body = {"error": {"message": raw.decode(errors="replace")[:1000]}}
    return Answer(error.code, body, error.headers.get("X-Request-Id") or request_id)
