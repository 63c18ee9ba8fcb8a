"""The status of a batch, from its Job; and that of its schedule, from cron."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen.cluster.batches import state
from recipegen.rules import schedules

KEYS = ("kind", "metadata", "spec", "status", "template", "conditions", "labels", "suspend", "failedIndexes")
# What LLM Engine calls them (BatchCompletionsJobStatus).
STATUSES = {"queued", "running", "completed", "failed", "cancelled", "unknown"}


def job(metadata: dict[str, Any] | None = None, suspend: bool = False, **status: Any) -> dict[str, Any]:
    spec = {"completions": 4, "parallelism": 4, "suspend": suspend, "template": {"spec": {}}}
    return {"kind": "Job", "metadata": metadata or {}, "spec": spec, "status": status}


def condition(kind: str, status: str = "True", **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, **more}


DEADLINE = {"reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}
IN_A_QUEUE = {"labels": {"kueue.x-k8s.io/queue-name": "night"}}
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "new": (job(), "queued", "it has no pods yet"),
    "pods that start": (job(active=4, ready=0), "queued", "4 pods are not ready yet"),
    "pods at work": (job(active=4, ready=3), "running", "0 of 4 done, 3 pods ready"),
    "one index done": (job(active=3, ready=3, succeeded=1), "running", "1 of 4 done, 3 pods ready"),
    "the first pod failed": (job(active=4, ready=0, failed=1), "running", "0 of 4 done, 0 pods ready"),
    "all done": (job(succeeded=4, conditions=[condition("Complete")]), "completed", "4 of 4 done"),
    "all done, not tidied up": (
        job(succeeded=4, conditions=[condition("SuccessCriteriaMet")]),
        "running",
        "4 of 4 done, 0 pods ready",
    ),
    "time is up": (
        job(failed=4, conditions=[condition("Failed", **DEADLINE)]),
        "failed",
        "DeadlineExceeded: Job was active longer than specified deadline, 0 of 4 done",
    ),
    "time is up, pods are stopped": (
        job(active=4, ready=4, conditions=[condition("FailureTarget", reason="DeadlineExceeded")]),
        "failed",
        "DeadlineExceeded, 0 of 4 done",
    ),
    "indexes failed": (
        job(
            succeeded=2,
            failed=8,
            failedIndexes="1,3",
            conditions=[condition("Failed", reason="FailedIndexes", message="Job has failed indexes")],
        ),
        "failed",
        "FailedIndexes: Job has failed indexes, indexes 1,3 failed, 2 of 4 done",
    ),
    "deleted": (
        job({"deletionTimestamp": "2026-11-21T00:00:00Z"}, active=4, ready=4, succeeded=1),
        "cancelled",
        "it is being deleted, 1 of 4 done",
    ),
    "deleted when it was done": (
        job({"deletionTimestamp": "2026-11-21T00:00:00Z"}, succeeded=4, conditions=[condition("Complete")]),
        "completed",
        "4 of 4 done",
    ),
    "in a queue": (job(IN_A_QUEUE, suspend=True), "queued", "it waits in Kueue's queue night, 0 of 4 done"),
    "suspended by hand": (job(suspend=True, succeeded=1), "queued", "it is suspended, 1 of 4 done"),
    "resumed": (
        job(active=4, ready=4, conditions=[condition("Suspended", "False")]),
        "running",
        "0 of 4 done, 4 pods ready",
    ),
    "nothing": ({}, "unknown", "this is no Job"),
    "something else": ({"kind": "Pod", "spec": {"containers": []}}, "unknown", "this is no Job"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_l36_a_job_has_llm_engines_status(name: str) -> None:
    given_job, status, reason = CASES[name]

    assert state(given_job) == (status, reason)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5))
def test_l36_whatever_a_cluster_holds_has_a_status(found: dict[str, Any]) -> None:
    assert state(found)[0] in STATUSES


def test_l36_every_status_of_llm_engine_has_a_case() -> None:
    assert {status for _, status, _ in CASES.values()} == STATUSES


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *", "0 3 * * 1-5", "*/15 0-6,18-23 * * *", "5/10 * * * *", "0 0 1,15 * *", "0 0 31 1-3 *",
        "0 0 29 feb *", "0 3 ? * MON-FRI", "0 0 30 2 1", "@daily", "@hourly", "  0   3 * * *",
    ],
)  # fmt: skip
def test_l38_a_schedule_of_cron_is_taken(schedule: str) -> None:
    assert schedules.problem(schedule) == ""


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("", "has 0 fields and not five"),
        ("* * * *", "has 4 fields and not five"),
        ("0 0 3 * * *", "has 6 fields and not five"),
        ("60 * * * *", "has the minute '60', which is not within 0 to 59"),
        ("-1 * * * *", "has the minute '-1', which is no value, range or step"),
        ("* 24 * * *", "has the hour '24', which is not within 0 to 23"),
        ("* * 0 * *", "has the day of the month '0', which is not within 1 to 31"),
        ("* 9-5 * * *", "has the hour '9-5', which begins after its end"),
        ("*/0 * * * *", "has the minute '*/0', whose step is 0"),
        ("* * 31 4,6 *", "never comes: none of its months has such a day"),
        ("0,,5 * * * *", "has the minute '0,,5', which is no value, range or step"),
        ("*-5 * * * *", "has the minute '*-5', which is no value, range or step"),
        ("@reboot", "is none of @yearly"),
        ("TZ=UTC 0 3 * * *", "has 6 fields and not five"),
    ],
)  # fmt: skip
def test_l38_what_is_no_schedule_says_why(schedule: str, why: str) -> None:
    assert schedules.problem(schedule).startswith(why)


@given(st.text(max_size=30))
def test_any_text_is_a_schedule_or_not(text: str) -> None:
    assert isinstance(schedules.problem(text), str)


@given(st.lists(st.integers(0, 59), min_size=1, max_size=5), st.integers(0, 23), st.integers(1, 28))
def test_times_within_their_ranges_are_a_schedule(minutes: list[int], hour: int, day: int) -> None:
    assert schedules.problem(f"{','.join(map(str, minutes))} {hour} {day} * *") == ""
