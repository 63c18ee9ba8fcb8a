# ruff: noqa: INP001 - a part of a script of its own, run in the Job's container
"""Whether the graph is healthy, which it has to be before anything is broken."""

import logging
import time
from collections import Counter
from dataclasses import dataclass

import graph as graphs
import probes
from actions import POLL_SECONDS
from api import ApiError
from graph import Pod

log = logging.getLogger("faults")


class UnhealthyError(Exception):
    """The graph is not healthy."""


@dataclass(frozen=True)
class Healthy:
    """The graph before a fault."""

    pods: list[Pod]
    model: str
    slowest: float
    """Seconds of the slowest of a few requests."""

    @property
    def counts(self) -> Counter[str]:
        """Pods of each role."""
        return graphs.by_role(self.pods)


def wait(graph: str, url: str, model: str, seconds: float) -> Healthy:
    """Return how the graph is, once it is healthy: Ready in its status and its pods, and answering.

    Raises:
        UnhealthyError: when it is not in time.
        ApiError: when the Job may not look.
    """
    deadline = time.monotonic() + seconds
    shown = ""
    while True:
        try:
            found = _look(graph, url, model)
        except UnhealthyError as error:
            problem = str(error)
        else:
            log.info("healthy: %s Ready, and %s answers", graphs.words(found.counts), found.model)
            return found
        if time.monotonic() > deadline:
            raise UnhealthyError(problem)
        if problem != shown:
            log.info("waiting until the graph is healthy: %s", problem)
            shown = problem
        time.sleep(POLL_SECONDS)


def _look(graph: str, url: str, model: str) -> Healthy:
    try:
        problem = graphs.problem(graph)
        pods = graphs.pods(graph)
    except ApiError as error:
        # What is forbidden stays forbidden; a server that is away comes back.
        if error.status in (401, 403):
            raise
        raise UnhealthyError(str(error)) from None
    if problem:
        raise UnhealthyError(problem)
    model = model or probes.first_model(url)
    if not model:
        raise UnhealthyError(f"{url} lists no model")
    slowest = 0.0
    for number in range(probes.IN_A_ROW):
        began = time.monotonic()
        problem = probes.chat(url, model, number)
        if problem:
            raise UnhealthyError(f"{url} does not answer a chat request for {model}: {problem}")
        slowest = max(slowest, time.monotonic() - began)
    return Healthy(pods, model, slowest)
