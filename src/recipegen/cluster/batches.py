"""How a batch is doing, in LLM Engine's words, read from its Job."""

from typing import Any

from recipegen.cluster.plain import condition, number, table, text

QUEUE = "kueue.x-k8s.io/queue-name"


def state(job: dict[str, Any]) -> tuple[str, str]:
    """Return the status of a Job, and why it is so.

    The status is one of LLM Engine's for a batch (v2): queued, running, completed, failed, cancelled,
    unknown. As there, a Job whose time is up has failed. Not as there, a Job of several indexes has not
    succeeded with the first that has: only the Job's own conditions end it.

    Args:
        job: the Job as the API server gives it, with or without its kind; anything else is unknown.
    """
    if job.get("kind", "Job") != "Job" or not table(job, "spec", "template"):
        return "unknown", "this is no Job"
    ready, succeeded = number(job, "status", "ready"), number(job, "status", "succeeded")
    done = f"{succeeded} of {number(job, 'spec', 'completions', default=1)} done"
    failed = next((kind for kind in ("Failed", "FailureTarget") if _holds(job, kind)), "")
    if _holds(job, "Complete"):
        return "completed", done
    if failed:
        return "failed", f"{_because(job, failed)}, {done}"
    if text(job, "metadata", "deletionTimestamp"):
        return "cancelled", f"it is being deleted, {done}"
    if table(job, "spec").get("suspend") is not True and (
        ready or succeeded or number(job, "status", "failed")
    ):
        return "running", f"{done}, {ready} pods ready"
    return "queued", _held(job, done)


def _held(job: dict[str, Any], done: str) -> str:
    queue, active = table(job, "metadata", "labels").get(QUEUE), number(job, "status", "active")
    if table(job, "spec").get("suspend") is True:
        return f"it waits in Kueue's queue {queue}, {done}" if queue else f"it is suspended, {done}"
    return f"{active} pods are not ready yet" if active else "it has no pods yet"


def _holds(job: dict[str, Any], kind: str) -> bool:
    return condition(job, kind).get("status") == "True"


def _because(job: dict[str, Any], kind: str) -> str:
    """Return the reason and message of a Job's end, and which indexes have lines without an answer."""
    found = condition(job, kind)
    reason = ": ".join(filter(None, (text(found, "reason"), text(found, "message"))))
    indexes = text(job, "status", "failedIndexes")
    return ", ".join(filter(None, (reason or "no reason given", indexes and f"indexes {indexes} failed")))
