"""HTTP to a process on this machine: JSON answers, streams, metrics."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from recipegen.twin.processes import LOOPBACK

TIMEOUT = 30.0
"""Seconds that one answer may take."""

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when nothing did."""

    status: int
    text: str

    @property
    def short(self) -> str:
        """Status and text for a message, on one line."""
        return f"{self.status or 'not at all'}: {' '.join(self.text.split())[:200] or 'nothing'}"

    @property
    def data(self) -> Any:
        """The answer's JSON object; an empty one when it is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Sample:
    """One line of a metrics page."""

    name: str
    labels: dict[str, str]
    value: float


def get(port: int, path: str) -> Answer:
    """Return the answer to a GET."""
    return _ask(port, "GET", path, None)


def post(port: int, path: str, body: dict[str, Any]) -> Answer:
    """Return the answer to a POST of JSON."""
    return _ask(port, "POST", path, body)


def events(answer: Answer) -> Iterator[str]:
    """Yield the data of each server-sent event."""
    for line in answer.text.splitlines():
        if line.startswith("data:"):
            yield line.removeprefix("data:").strip()


def metrics(port: int) -> list[Sample]:
    """Return the samples of a metrics page; none when it cannot be had."""
    samples = []
    for line in get(port, "/metrics").text.splitlines():
        found = _SAMPLE.match(line)
        if found:
            labels = dict(_LABEL.findall(found[2] or ""))
            samples.append(Sample(found[1], labels, float(found[3])))
    return samples


def _ask(port: int, method: str, path: str, body: dict[str, Any] | None) -> Answer:
    # Straight to the loopback interface: no proxy of the user's may come between.
    connection = HTTPConnection(LOOPBACK, port, timeout=TIMEOUT)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        reply = connection.getresponse()
        return Answer(reply.status, reply.read().decode(errors="replace"))
    except (OSError, HTTPException) as error:
        return Answer(0, f"{type(error).__name__}: {error}")
    finally:
        connection.close()
