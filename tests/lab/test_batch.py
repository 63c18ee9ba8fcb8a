"""The batch's Job and schedule in a cluster: accepted, run to the end on paper, ended when time is up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import recipes
from lab.cluster import Cluster, wait_until
from lab.site import CHANGED, UNCHANGED, Site, open_site
from recipegen import helm, pipeline
from recipegen.cluster.batches import state
from recipegen.rules import schedules

INPUT = {"url": "http://files.example.com/in.jsonl"}
OWN, THEIRS = {"size": "1Gi"}, {"claimName": "answers"}
FORMS: dict[str, dict[str, Any]] = {
    "own volume": {"output": OWN, "completions": 64},
    "volumes that exist": {"input": {"claimName": "in", "path": "a/in.jsonl"}, "output": THEIRS},
    "lines of a ConfigMap": {"input": {"configMapRef": {"name": "in"}, "key": "a.jsonl"}},
    "queue": {"queue": "night", "priorityClass": "low", "ttlSecondsAfterFinished": 0, "retries": 0},
    "suspended": {"suspend": True, "nodeSelector": {"pool": "cpu"}, "maxRuntimeSeconds": 172_800},
    "schedule": {"schedule": "0 3 * * 1-5", "timeZone": "Europe/Berlin", "queue": "night"},
    "schedule, suspended": {"schedule": "@daily", "suspend": True, "output": OWN},
}
# What cron may look like; each is asked of the API server as well.
SCHEDULES = [
    *("* * * * *", "0 3 * * 1-5", "*/15 0-6,18-23 * * *", "5/10 * * * *", "0 0 1,15 * *", "0 0 ? * MON-FRI"),
    *("0 0 * jan-mar,DEC *", "@daily", "@hourly", "@annually", "@midnight", "0 0 * * 0", "00 03 * * *"),
    *("", "* * * *", "0 0 3 * * *", "60 * * * *", "-1 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *"),
    *("* * * 13 *", "* * * 0 *", "* * * * 7", "* * * * 1-7", "* 9-5 * * *", "*/0 * * * *"),
    *("a * * * *", "1-2-3 * * * *", "1/2/3 * * * *", "@reboot", "@dayly", "TZ=UTC 0 3 * * *"),
    *("every night", "* * * janvier *", "0x3 * * * *", "1.5 * * * *", "99999999999 * * * *"),
]
# What Kubernetes reads as something that hardly anybody means: every minute, and 0 and 5.
SLIPS = ("*-5 * * * *", "0,5, * * * *")


@pytest.fixture(scope="module")
def site(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster with nodes and no operator: a batch is a Job beside a graph, wherever that comes from."""
    with open_site(lab, tmp_path_factory.mktemp) as site:
        yield site


@pytest.fixture(scope="module", autouse=True)
def nightly(site: Site) -> str:
    """A batch of every minute, whose first minute passes while the other tests run."""
    document = _document(site, "scheduled", {"schedule": "* * * * *", "completions": 3, "output": OWN})
    # No pod uses its volume before that, so Helm does not wait for it.
    site.machine.output(["helmfile", "-f", "-", "sync"], stdin=document)
    return "scheduled"


@pytest.mark.parametrize("form", FORMS)
def test_l36_every_form_is_accepted_with_unknown_fields_refused(cluster: Cluster, form: str) -> None:
    found = _objects({"output": THEIRS, **FORMS[form]})

    assert {"Job", "CronJob"} & {each["kind"] for each in found}
    assert [answer for each in found if (answer := _refusal(cluster, each))] == []


def test_l36_a_batch_runs_to_its_end_index_by_index(site: Site) -> None:
    document = _document(site, "whole", {"completions": 4, "output": OWN})
    code, said = site.apply(document)
    assert code == CHANGED, said
    (job,) = _ended(site, "whole")

    assert job["status"]["succeeded"] == 4
    assert job["status"]["completedIndexes"] == "0-3"
    assert state(job) == ("completed", "4 of 4 done")
    assert site.apply(document)[0] == UNCHANGED


def test_l36_pods_know_their_index(site: Site) -> None:
    """The variable that the script reads is one that Kubernetes' own controller sets."""
    pods = site.cluster.items("/api/v1/namespaces/whole/pods")
    variables = [{entry["name"] for entry in pod["spec"]["containers"][0]["env"]} for pod in pods]

    assert len(pods) == 4
    assert all("JOB_COMPLETION_INDEX" in each for each in variables)


def test_l36_a_batch_whose_time_is_up_has_failed(site: Site) -> None:
    """Its pods find no node, so they are still there when the time is up."""
    nowhere = {"maxRuntimeSeconds": 2, "nodeSelector": {"pool": "none"}, "completions": 2, "output": THEIRS}
    code, said = site.apply(_document(site, "late", nowhere))
    assert code == CHANGED, said
    (job,) = _ended(site, "late")
    status, reason = state(job)

    assert status == "failed"
    assert reason.startswith("DeadlineExceeded")


def test_m24_what_kueue_says_of_a_job_stays_said_when_it_is_applied_again(site: Site) -> None:
    """Kueue's webhook suspends a Job of a queue at its creation; here somebody else does, at once."""
    batch = {"queue": "night", "nodeSelector": {"pool": "none"}, "output": THEIRS}
    # Something of the Job that is no part of its pods, so that Helm has a reason to write it.
    marks = "endpoint={{kind: serverless, annotations: {{example.com/a: {}}}}}"
    assert site.apply(_document(site, "queued", batch, "--set", marks.format("a")))[0] == CHANGED
    (job,) = _jobs(site, "queued")
    path = f"/apis/batch/v1/namespaces/queued/jobs/{job['metadata']['name']}"
    content = "application/merge-patch+json"
    site.cluster.request("PATCH", path, {"spec": {"suspend": True}}, content=content)
    (held,) = _jobs(site, "queued")
    assert site.apply(_document(site, "queued", batch, "--set", marks.format("b")))[0] == CHANGED
    (again,) = _jobs(site, "queued")

    assert again["metadata"]["name"] == job["metadata"]["name"]
    assert state(held) == ("queued", "it waits in Kueue's queue night, 0 of 1 done")
    assert again["metadata"]["annotations"]["example.com/a"] == "b"
    assert again["spec"]["suspend"] is True


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_l38_a_schedule_is_taken_here_as_it_is_there(cluster: Cluster, schedule: str) -> None:
    assert (schedules.problem(schedule) == "") == _is_taken(cluster, schedule)


@pytest.mark.parametrize("schedule", SLIPS)
def test_a_schedule_that_is_a_slip_is_refused_here_alone(cluster: Cluster, schedule: str) -> None:
    assert _is_taken(cluster, schedule)
    assert schedules.problem(schedule) != ""


def test_a_name_as_long_as_a_graphs_may_be_is_accepted(cluster: Cluster) -> None:
    for form in ({}, {"schedule": "@daily"}):
        found = _objects({"output": THEIRS, **form}, graph="a" * 37)

        assert [answer for each in found if (answer := _refusal(cluster, each))] == []


def test_l38_a_schedule_makes_such_a_job(site: Site, nightly: str) -> None:
    wait_until(lambda: bool(_jobs(site, nightly)), "the schedule makes a Job", seconds=75)
    job = _ended(site, nightly)[0]

    assert job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    assert job["metadata"]["name"].startswith(f"{recipes.GRAPH}-batch-")
    assert state(job) == ("completed", "3 of 3 done")
    # The label that the pods read the name of their own folder from.
    pods = site.cluster.items(f"/api/v1/namespaces/{nightly}/pods")
    assert {pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] for pod in pods} >= {
        job["metadata"]["name"]
    }


def _document(site: Site, namespace: str, batch: dict[str, Any], *arguments: str) -> str:
    block = json.dumps({"enabled": True, "input": INPUT, **batch})
    alone = ("--without", "platform", "--set", "model.deployment.create=false", "--without", "observability")
    return site.render(namespace, *alone, "--set", f"batch={block}", *arguments)


def _objects(batch: dict[str, Any], graph: str = recipes.GRAPH) -> list[dict[str, Any]]:
    """What the batch's release renders to."""
    patch = {"batch": {"enabled": True, "input": INPUT, **batch}}
    (release,) = [
        each
        for each in pipeline.bundle("qwen-0.6b", patches=[patch]).releases
        if each.labels["component"] == "batch"
    ]
    release.values["global"]["graph"] = graph
    return helm.objects(release)


def _is_taken(cluster: Cluster, schedule: str) -> bool:
    found = _objects({"schedule": "@daily", "output": THEIRS})
    (cron,) = [each for each in found if each["kind"] == "CronJob"]
    cron["spec"]["schedule"] = schedule
    return _refusal(cluster, cron) == ""


def _jobs(site: Site, namespace: str) -> list[Any]:
    return site.cluster.items(f"/apis/batch/v1/namespaces/{namespace}/jobs")


def _ended(site: Site, namespace: str) -> list[Any]:
    """The namespace's Jobs, once each has come to its end."""

    def ended() -> bool:
        found = [{c["type"] for c in job["status"].get("conditions", [])} for job in _jobs(site, namespace)]
        return bool(found) and all({"Complete", "Failed"} & each for each in found)

    wait_until(ended, f"the Jobs in {namespace} have ended", seconds=60)
    return _jobs(site, namespace)


def _refusal(cluster: Cluster, each: Any) -> str:
    """Why the server would not create an object; empty where it would."""
    path = cluster.collection(each["apiVersion"], each["kind"], "default")
    status, answer = cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", each)
    return "" if status == 201 else str(answer["message"])
