# ruff: noqa: INP001 - a part of a script of its own, run in the Job's container
"""One experiment: inject its fault, undo it, and tell from pods and requests how long the recovery took."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import api
import graph as graphs
import probes
from actions import ACTIONS, POLL_SECONDS, Fault, NotInjectedError
from api import ApiError
from health import Healthy
from probes import Probes

SLOWER = 3.0
"""Times the slowest request before a fault; one that takes longer is not answered as before."""
AS_EXPECTED = "as expected"
NOT_RECOVERED = "not recovered"
NOT_UNDONE = "not undone"
UNHEALTHY = "not healthy before the fault"

log = logging.getLogger("faults")


@dataclass
class Result:
    """What became of one experiment; its fields are those of the RESULT line."""

    experiment: str
    expected: str
    limit_seconds: float
    verdict: str = "broken off"
    message: str = ""
    killed: list[str] = field(default_factory=list)
    recovery_seconds: float | None = None
    """From the fault, or from the end of one that is held, to recovery."""
    since_fault_seconds: float | None = None
    requests: int = 0
    failed: int = 0
    longest_outage_seconds: float = 0.0
    slowest_seconds: float = 0.0


@dataclass(frozen=True)
class Scene:
    """What an experiment happens to."""

    graph: str
    experiment: Any
    healthy: Healthy
    requests: Probes


def run(scene: Scene, result: Result) -> None:
    """Run an experiment and fill in what was seen; whatever happens, its fault is undone."""
    experiment = scene.experiment
    log.info("experiment %s, expected: %s", experiment["name"], experiment["expects"])
    scene.requests.start()
    began = time.monotonic()
    try:
        fault = ACTIONS[experiment["action"]].inject(scene.graph, experiment, scene.healthy.pods)
        result.killed = [pod.name for pod in fault.victims]
        began = over = fault.began
        if "holdSeconds" in experiment:
            time.sleep(experiment["holdSeconds"])
            undo(scene.graph, experiment)
            over = time.monotonic()
        recovered, problem = watch(scene, fault, over)
        scene.requests.stop()
        if recovered is None:
            result.verdict, result.message = NOT_RECOVERED, problem
        else:
            result.recovery_seconds = round(recovered - over, 1)
            result.since_fault_seconds = round(recovered - began, 1)
            result.verdict, result.message = _judge(scene, began, over)
    except (NotInjectedError, ApiError) as error:
        result.verdict, result.message = "not injected", str(error)
    finally:
        try:
            undo(scene.graph, experiment)
        except ApiError as error:
            result.verdict, result.message = NOT_UNDONE, f"do it by hand: {error}"
        scene.requests.stop()
        seen = probes.summary(scene.requests.since(began))
        result.requests, result.failed = seen.sent, seen.failed
        result.longest_outage_seconds = round(seen.longest_outage, 1)
        result.slowest_seconds = round(seen.slowest, 1)
        if seen.failed:
            log.info("%d of %d requests failed, the last one: %s", seen.failed, seen.sent, seen.problem)


def undo(graph: str, experiment: Any) -> None:
    """Undo an experiment, as often as it takes; nothing happens when nothing is broken."""
    api.insist(lambda: ACTIONS[experiment["action"]].undo(graph, experiment))


def watch(scene: Scene, fault: Fault, over: float) -> tuple[float | None, str]:
    """Return when the graph had recovered; None and what it lacks when it had not within the limit.

    It has when the killed pods are gone, as many pods of each role are Ready as before, what was taken away
    is back, and enough requests in a row were answered that were sent after that.
    """
    limit = scene.experiment["maxRecoverySeconds"]
    whole: float | None = None
    shown = ""
    while True:
        problem = _lacks(scene, fault)
        now = time.monotonic()
        if problem:
            whole = None
        elif whole is None:
            whole = now
            log.info("%.1f s after the fault: all pods are Ready again", now - fault.began)
        if problem and problem != shown:
            log.info("%.1f s after the fault: %s", now - fault.began, problem)
        shown = problem
        answered = None if whole is None else scene.requests.steady(whole)
        if answered is not None and answered - over <= limit:
            return answered, ""
        if now - over > limit + probes.IN_A_ROW * probes.INTERVAL:
            last = probes.summary(scene.requests.since(over)).problem
            words = problem or f"requests are not answered: {last or 'they take too long'}"
            return None, f"not within {limit} s: {words}"
        time.sleep(POLL_SECONDS)


def report(result: Result) -> None:
    """Write what became of an experiment to the log: for people, then on one line for programs."""
    for line in _words(result):
        log.info("%s", line)
    log.info("RESULT %s", json.dumps({_camel(name): value for name, value in vars(result).items()}))


def _lacks(scene: Scene, fault: Fault) -> str:
    """Return what the graph still lacks of how it was, or nothing."""
    try:
        found = graphs.pods(scene.graph)
        back = ACTIONS[scene.experiment["action"]].back(scene.experiment)
    except ApiError as error:
        return str(error)
    killed = {pod.uid for pod in fault.victims}
    counts = graphs.by_role(pod for pod in found if pod.uid not in killed)
    if scene.healthy.counts - counts:
        return f"Ready are {graphs.words(counts)}; before the fault {graphs.words(scene.healthy.counts)}"
    if killed & {pod.uid for pod in found}:
        return "a killed pod is still there"
    return "" if back else "what was taken away is not ready again"


def _judge(scene: Scene, began: float, over: float) -> tuple[str, str]:
    """Return verdict and message of an experiment after which the graph recovered."""
    if not ACTIONS[scene.experiment["action"]].seen_by_requests:
        return AS_EXPECTED, ""
    slow = SLOWER * scene.healthy.slowest + probes.INTERVAL
    during = [probe for probe in scene.requests.since(began) if probe.sent <= over]
    if any(probe.problem or probe.seconds > slow for probe in during):
        return AS_EXPECTED, ""
    return "no effect seen", "requests were answered as before, so nothing shows that the fault came about"


def _words(result: Result) -> Iterator[str]:
    yield f"{result.experiment}: {result.verdict}" + (f": {result.message}" if result.message else "")
    if result.recovery_seconds is not None:
        within = f"recovered in {result.recovery_seconds} s, allowed were {result.limit_seconds} s"
        outage = f"the longest outage took {result.longest_outage_seconds} s"
        yield f"{within}; {result.failed} of {result.requests} requests failed; {outage}"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
