# ruff: noqa: INP001 - a part of a script of its own, run in the Job's container
"""Small chat requests at a steady rate, each with its time and its answer.

One is sent every interval whether or not the one before was answered, so that slow answers hide no failure.
"""

import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

INTERVAL = float(os.environ.get("PROBE_SECONDS", "1"))
TIMEOUT = float(os.environ.get("PROBE_TIMEOUT", "30"))
IN_A_ROW = 5
"""Requests that have to be answered one after the other."""

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Probe:
    """One request; times are seconds of the monotonic clock."""

    sent: float
    ended: float | None = None
    problem: str = ""
    """Why it was not answered; empty when it was, or may still be."""

    @property
    def seconds(self) -> float:
        """How long it took, or has taken until now."""
        return (self.ended or time.monotonic()) - self.sent

    @property
    def failed(self) -> bool:
        """Whether there is no answer."""
        return bool(self.problem) or self.ended is None


@dataclass(frozen=True)
class Summary:
    """What became of the requests of a stretch of time."""

    sent: int
    failed: int
    longest_outage: float
    """Seconds from the sending of a request that failed until the next one was answered, at most."""
    slowest: float
    """Seconds of the slowest request that was answered."""
    problem: str
    """Why the last one failed that did."""


class Probes:
    """Sends requests from `start` on, until `stop`."""

    def __init__(self, url: str, model: str) -> None:
        self._url = url
        self._model = model
        self._sent: list[Probe] = []
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to send."""
        threading.Thread(target=self._send, daemon=True).start()

    def stop(self) -> None:
        """Send no more, and wait for the answers that are still to come."""
        self._stopped.set()
        deadline = time.monotonic() + TIMEOUT
        while any(probe.ended is None for probe in self._sent) and time.monotonic() < deadline:
            time.sleep(min(INTERVAL, 0.1))

    def since(self, moment: float) -> list[Probe]:
        """Return the requests sent from that moment on, in the order they were sent."""
        return [probe for probe in [*self._sent] if probe.sent >= moment]

    def steady(self, moment: float) -> float | None:
        """Return when the first of enough requests in a row was answered that were sent from that moment on.

        None while the latest ones are not all answered.
        """
        found = self.since(moment)
        while found and found[-1].ended is None:
            found.pop()
        row: list[Probe] = []
        for probe in found:
            row = [] if probe.failed else [*row[:IN_A_ROW], probe]
        return row[0].ended if len(row) >= IN_A_ROW else None

    def _send(self) -> None:
        began = time.monotonic()
        while not self._stopped.wait(max(0.0, began + len(self._sent) * INTERVAL - time.monotonic())):
            probe = Probe(time.monotonic())
            self._sent.append(probe)
            threading.Thread(target=self._ask, args=(probe, len(self._sent)), daemon=True).start()

    def _ask(self, probe: Probe, number: int) -> None:
        probe.problem = chat(self._url, self._model, number)
        probe.ended = time.monotonic()


def chat(url: str, model: str, number: int) -> str:
    """Ask for a few tokens; return why there was no answer, or nothing."""
    # A new text each time, so that a router that knows the beginning of a prompt spreads them.
    text = f"{number}: say one word."
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 4}
    try:
        answer = _request(f"{url}/v1/chat/completions", body)
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code} {error.read(200).decode(errors='replace')}".strip()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "" if isinstance(answer, dict) and answer.get("choices") else "an answer without choices"


def first_model(url: str) -> str:
    """Return the first model that the frontend lists; empty when it lists none or cannot be reached."""
    try:
        return str(_request(f"{url}/v1/models")["data"][0]["id"])
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return ""


def summary(found: list[Probe]) -> Summary:
    """Return what became of requests, in the order they were sent; one without an answer yet has failed."""
    failed = [probe for probe in found if probe.failed]
    longest, outage_began = 0.0, None
    for probe in found:
        if probe.failed and outage_began is None:
            outage_began = probe.sent
        if outage_began is not None:
            longest = max(longest, probe.sent + probe.seconds - outage_began)
        if not probe.failed:
            outage_began = None
    problems = [probe.problem for probe in failed if probe.problem]
    return Summary(
        sent=len(found),
        failed=len(failed),
        longest_outage=longest,
        slowest=max((probe.seconds for probe in found if not probe.failed), default=0.0),
        problem=problems[-1] if problems else "no answer yet" if failed else "",
    )


def _request(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})
    with _DIRECT.open(asked, timeout=TIMEOUT) as answer:
        return json.load(answer)
