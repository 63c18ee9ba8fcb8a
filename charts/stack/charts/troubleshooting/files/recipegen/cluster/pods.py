# Written by `make regen` from src/recipegen/cluster/pods.py.
"""Rules about pods: images, starts, crashes, volumes that are not mounted, pods that were refused."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from recipegen.cluster import log_signs, signs
from recipegen.cluster.placement import unplaced
from recipegen.cluster.plain import at, condition, name, number, rows, table, text
from recipegen.cluster.scene import (
    ERROR,
    IMAGE_REASONS,
    START_REASONS,
    WARNING,
    WORKERS,
    Finding,
    Scene,
    called,
    paths_for,
    role_of,
    signed,
    statuses,
)

KILLED = 137


def waiting(scene: Scene) -> Iterator[Finding]:
    """Pods that were not placed, and containers that wait, crash or ended."""
    for pod in scene.pods:
        placed = condition(pod, "PodScheduled")
        if placed.get("status") == "False":
            yield from unplaced(scene, pod, text(placed, "message"))
            continue
        found = [finding for status in statuses(pod) for finding in _container(scene, pod, status)]
        if not found and text(pod, "status", "phase") == "Pending":
            found = list(_unmounted(scene, pod))
        if not found and text(pod, "status", "reason") == "Evicted" and not scene.ready:
            found = [_evicted(pod)]
        yield from found


def created(scene: Scene) -> Iterator[Finding]:
    """Pods that were refused, which only their owner's events tell."""
    if scene.ready:
        return
    for event in scene.of("events"):
        reason, message = text(event, "reason"), text(event, "message")
        refused = re.search(r"quota|admission webhook|failed calling webhook|PodSecurity|forbidden", message)
        if not reason.startswith("Failed") or not refused or text(event, "involvedObject", "kind") == "Pod":
            continue
        owner = text(event, "involvedObject", "name")
        # A recipe may itself be called after a role.
        behind = owner.removeprefix(scene.subject.graph)
        role = next((role for role in (*WORKERS, "frontend", "download") if f"-{role}" in behind), "")
        about = (f"{text(event, 'involvedObject', 'kind')} {owner}",)
        yield from signed(signs.CREATE, f"{reason}: {message}", None, message, about=about, role=role)


def _container(scene: Scene, pod: dict[str, Any], status: dict[str, Any]) -> Iterator[Finding]:
    waiting = table(status, "state", "waiting")
    reason, message = text(waiting, "reason"), text(waiting, "message")
    if reason in IMAGE_REASONS:
        events = scene.events(name(pod), reasons=("Failed",))
        about = [text(event, "message") for event in events if "image" in text(event, "message").lower()]
        longest = max([message, *about], key=len)
        yield from signed(signs.IMAGE, f"{reason}: {longest}", pod, "\n".join([reason, message, *about]))
    elif reason in START_REASONS:
        yield from signed(signs.START, f"{reason}: {message}", pod, message)
    else:
        ended = table(status, "state", "terminated") or table(status, "lastState", "terminated")
        code = number(ended, "exitCode")
        now_ready = status.get("ready") is True
        if code and not now_ready:
            yield _crashed(scene, pod, status, ended)
        elif text(ended, "reason") == "OOMKilled":
            yield replace(_crashed(scene, pod, status, ended), severity=WARNING)


def _crashed(scene: Scene, pod: dict[str, Any], status: dict[str, Any], ended: dict[str, Any]) -> Finding:
    """The finding for a process that ended with an error."""
    role, container = role_of(pod), text(status, "name")
    code, restarts = number(ended, "exitCode"), number(status, "restartCount")
    again = f", restarted {restarts} times" if restarts > 1 else ", restarted once" if restarts else ""
    seen = f"container {container} ended with exit code {code}{again}"
    if text(ended, "reason") == "OOMKilled":
        limit = _limit(pod, container)
        return Finding(
            "out-of-memory",
            ERROR,
            (called(pod),),
            f"{seen}, OOMKilled" + (f", memory limit {limit}" if limit else ""),
            "The container used more memory (of the node, not of the GPU) than its limit."
            if limit
            else "The node ran out of memory (its own, not the GPU's): the container has no limit.",
            "Raise the limit; loading takes about the size of the weights on top."
            if limit
            else "State what it needs, so that it is placed where there is room.",
            paths_for(("model.{role}.resources",), role),
        )
    kept = scene.log(name(pod), container)
    line, message = text(kept, "line"), text(ended, "message")
    by_log = next((sign for sign in log_signs.LOG if sign.code == text(kept, "sign")), None)
    by_message = signs.first(log_signs.LOG, message)
    sign = by_log or (by_message[0] if by_message else None)
    said = line or message.strip().rpartition("\n")[2]
    seen = f"{seen}; it said: {said}" if said else seen
    if sign:
        return Finding(
            sign.code, ERROR, (called(pod),), seen, sign.cause, sign.remedy, paths_for(sign.paths, role)
        )
    killed = code == KILLED
    return Finding(
        "killed" if killed else "crash",
        ERROR,
        (called(pod),),
        seen,
        "Something outside ended the process: a probe that found it stuck, or the node."
        if killed
        else "The process ended by itself.",
        f"Read its last words: kubectl -n {scene.subject.namespace} logs {name(pod)} -c {container}"
        + (" --previous" if restarts else ""),
        paths_for(("model.{role}.engine.args", "model.{role}"), role),
    )


def _unmounted(scene: Scene, pod: dict[str, Any]) -> Iterator[Finding]:
    """Volumes that keep a placed pod from starting, or an init container that has not ended."""
    events = scene.events(name(pod), reasons=("FailedMount", "FailedAttachVolume"))
    if events:
        # The most telling one: the last sign is the one that fits everything.
        event = min(events, key=lambda each: signs.rank(signs.MOUNT, text(each, "message")))
        message = text(event, "message")
        yield from signed(signs.MOUNT, f"{text(event, 'reason')}: {message}", pod, message)
        return
    for status in rows(pod, "status", "initContainerStatuses"):
        if isinstance(at(status, "state", "running"), dict):
            yield Finding(
                "init-running",
                WARNING,
                (called(pod),),
                f"init container {text(status, 'name')} has not ended yet",
                "The pod waits for something that has to be there first, such as the weights.",
                f"See how far it is: kubectl -n {scene.subject.namespace} logs {name(pod)} "
                f"-c {text(status, 'name')}",
                paths_for(("model.cache",), role_of(pod)),
            )


def _evicted(pod: dict[str, Any]) -> Finding:
    return Finding(
        "evicted",
        WARNING,
        (called(pod),),
        f"Evicted: {text(pod, 'status', 'message')}",
        "The node ran short, of disk or of memory, and put the pod out.",
        "State what the pod needs; weights belong into a volume rather than onto the node's disk.",
        paths_for(("model.{role}.resources", "model.cache.enabled"), role_of(pod)),
    )


def _limit(pod: dict[str, Any], container: str) -> str:
    found = (c for c in rows(pod, "spec", "containers") if c.get("name") == container)
    return text(next(found, {}), "resources", "limits", "memory")
