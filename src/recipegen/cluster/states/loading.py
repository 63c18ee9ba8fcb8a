"""How far the weights are, REQUESTED, LOADING, SUCCEEDED or FAILED: from the Job that loads them and its pod.

Nothing keeps these words: each is what the cluster says of the Job at this moment. That no two loaders take
one model is the Job's name, which is made of its content: the API server has no second object of one name.
"""

import re
from collections.abc import Callable
from typing import Any

from recipegen.cluster.plain import at, condition, name, number, rows, table, text
from recipegen.cluster.states.words import (
    FAILED,
    LOADING,
    REQUESTED,
    SUCCEEDED,
    Load,
    State,
    state,
)

Log = Callable[[str, str], str]
"""Gives the end of the log of a pod's container; empty where there is none, or it may not be read."""

PROGRESS = re.compile(r"downloaded files: \d+.*")
DEADLINE = "DeadlineExceeded"
WAITS = ("ContainerCreating", "PodInitializing", "")


def load(kind: str, jobs: list[dict[str, Any]], pods: list[dict[str, Any]], log: Log) -> Load:
    """Return how far the newest of the Jobs of one kind is.

    Args:
        kind: `download` or `ingestion`.
        jobs: the Jobs of that kind; a revision that is not the recipe's any more may have left one.
        pods: pods of the namespace.
        log: reads a container's log.
    """
    if not jobs:
        return Load(
            kind, state(REQUESTED, "its Job is not in the cluster: not applied yet, or deleted since")
        )
    job = max(jobs, key=created)
    mine = [pod for pod in pods if _owner(pod) == name(job)]
    mine.sort(key=created, reverse=True)
    pod = mine[0] if mine else None
    return Load(kind, _state(job, mine, log), name(job), **_record(job), steps=steps(job, pod))


def created(item: dict[str, Any]) -> str:
    """Return when an object was made, as text that sorts."""
    return text(item, "metadata", "creationTimestamp")


def steps(job: Any, pod: Any) -> dict[str, str] | None:
    """Return the steps of a Job, each with waiting, running, done or failed; None for a Job of one step."""
    spec = at(job, "spec", "template", "spec")
    names = [text(each, "name") for each in (*rows(spec, "initContainers"), *rows(spec, "containers"))]
    if len(names) < 2:
        return None
    seen = {text(each, "name"): _step(each) for each in _statuses(pod)}
    return {step: seen.get(step, "waiting") for step in names}


def _state(job: dict[str, Any], pods: list[dict[str, Any]], log: Log) -> State:
    """Return the state of a Job with its pods, the newest first."""
    failed, pod = condition(job, "Failed"), pods[0] if pods else None
    if condition(job, "Complete").get("status") == "True":
        return state(SUCCEEDED, _told(pod, log))
    if failed.get("status") == "True":
        deadline = number(job, "spec", "activeDeadlineSeconds")
        why = f"it took longer than {deadline} s" if failed.get("reason") == DEADLINE else _failure(pods, log)
        parts = (text(failed, "reason"), why or text(failed, "message"))
        return state(FAILED, ": ".join(filter(None, parts)))
    for stops, why in (
        (text(job, "metadata", "deletionTimestamp"), "its Job is being deleted"),
        (at(job, "spec", "suspend") is True, "its Job is suspended"),
    ):
        if stops:
            return state(REQUESTED, why)
    ended, tries = number(job, "status", "failed"), number(job, "spec", "backoffLimit", default=6) + 1
    begun, why = _pod(pod, log, several=steps(job, pod) is not None)
    again = f"try {ended + 1} of {tries}" if ended else ""
    failure = _failure(pods, log)
    before = f"the last try failed: {failure}" if failure else ""
    return state(LOADING if ended or begun else REQUESTED, "; ".join(filter(None, (again, why, before))))


def _pod(pod: Any, log: Log, *, several: bool) -> tuple[bool, str]:
    """Return whether a pod of a Job that has not ended has begun to load, and what it is at."""
    if pod is None:
        return False, "its Job has no pod now"
    if text(pod, "status", "phase") == "Failed":
        return True, ""
    running = next((each for each in _statuses(pod) if at(each, "state", "running") is not None), None)
    if running is None:
        return any(at(each, "state", "terminated") is not None for each in _statuses(pod)), _waits(pod)
    container = text(running, "name")
    said = _line(log(name(pod), container))
    return True, "; ".join(filter(None, (f"step {container}" if several else "", said)))


def _record(job: Any) -> dict[str, str]:
    """Return what is loaded and where to, as the Job itself has it."""
    spec = at(job, "spec", "template", "spec")
    container = next(iter(rows(spec, "containers")), {})
    command = at(container, "command")
    words = [word for word in command if isinstance(word, str)] if isinstance(command, list) else []
    env = {text(each, "name"): text(each, "value") for each in rows(container, "env")}
    claims = (text(each, "persistentVolumeClaim", "claimName") for each in rows(spec, "volumes"))
    return {
        # Behind the script that runs it.
        "source": " ".join(words[2:]),
        "folder": env.get("FOLDER", ""),
        "claim": next(filter(None, claims), ""),
    }


def _waits(pod: Any) -> str:
    """Return what a pod without a running container waits for."""
    placed = condition(pod, "PodScheduled")
    if placed.get("status") == "False":
        return f"its pod has no node: {text(placed, 'message')}"
    for each in _statuses(pod):
        reason = text(each, "state", "waiting", "reason")
        if reason not in WAITS:
            return (
                f"{text(each, 'name')} does not start, {reason}: {text(each, 'state', 'waiting', 'message')}"
            )
    return "its pod starts" if text(pod, "spec", "nodeName") else "its pod has no node yet"


def _ended(pod: Any, log: Log) -> str:
    """Return how a container of a pod failed, with its last line."""
    for each in _statuses(pod):
        ended = table(each, "state", "terminated")
        if number(ended, "exitCode"):
            reason = text(ended, "reason").removeprefix("Error")
            why = f"exit code {number(ended, 'exitCode')}{f', {reason}' if reason else ''}"
            said = _line(text(ended, "message") or log(name(pod), text(each, "name")))
            return f"{text(each, 'name')} ended with {why}{f'; it said: {said}' if said else ''}"
    # Of a pod that was put out, the pod itself tells.
    told = (text(pod, "status", key) for key in ("reason", "message"))
    return ": ".join(filter(None, told)) if text(pod, "status", "phase") == "Failed" else ""


def _failure(pods: list[dict[str, Any]], log: Log) -> str:
    """Return how the last pod that failed did; the newest may have been stopped along with its Job."""
    return next(filter(None, (_ended(pod, log) for pod in pods)), "")


def _told(pod: Any, log: Log) -> str:
    """Return the progress that a pod told last, where its log is still there."""
    lines = (_line(log(name(pod), text(each, "name"))) for each in reversed(_statuses(pod)))
    found = (PROGRESS.search(line) for line in lines)
    return next((match[0] for match in found if match), "")


def _line(said: str) -> str:
    """Return the last line of a log that tells of progress, or else the last one at all."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", said) if line.strip()]
    told = [line for line in lines if PROGRESS.search(line)]
    return next(reversed(told or lines), "")


def _step(status: dict[str, Any]) -> str:
    ended = at(status, "state", "terminated")
    if ended is not None:
        return "failed" if number(ended, "exitCode") else "done"
    return "running" if at(status, "state", "running") is not None else "waiting"


def _statuses(pod: Any) -> list[dict[str, Any]]:
    return [*rows(pod, "status", "initContainerStatuses"), *rows(pod, "status", "containerStatuses")]


def _owner(pod: Any) -> str:
    owners = (each for each in rows(pod, "metadata", "ownerReferences") if each.get("kind") == "Job")
    return text(next(owners, {}), "name")
