"""The batch: its Job, or the schedule that makes it."""

from collections.abc import Callable
from typing import Any

import pytest

from recipegen.recipe import Batch
from recipegen.rules.names import GROVE

Render = Callable[..., list[dict[str, Any]]]
Make = Callable[..., dict[str, Any]]

SOME: dict[str, Any] = {
    "enabled": True,
    "input": {"claimName": "files", "path": "day-1/in.jsonl"},
    "output": {"claimName": "files", "path": "day-1/out"},
    "global": {"graph": "qwen", "model": "Qwen/Qwen3-0.6B"},
}
QUEUE = "kueue.x-k8s.io/queue-name"
# Kubernetes refuses a longer name of a CronJob, and a Job whose pods' host names, JOB-INDEX, are longer.
CRON_JOB, HOST_NAME = 52, 63


@pytest.fixture
def objects(render: Render) -> Callable[..., dict[str, dict[str, Any]]]:
    """What is made of some batch with changes, by kind."""
    return lambda **values: {
        item["kind"]: item for item in render({**SOME, **values}, chart="batch", name="qwen-batch")
    }


@pytest.fixture
def job(objects: Callable[..., dict[str, dict[str, Any]]]) -> Make:
    def made(**values: Any) -> dict[str, Any]:
        return objects(**values)["Job"]

    return made


def pod(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


def environment(job: dict[str, Any]) -> dict[str, str]:
    (container,) = pod(job)["containers"]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def volumes(job: dict[str, Any]) -> dict[str, Any]:
    return {volume["name"]: volume for volume in pod(job)["volumes"]}


def test_switched_off_makes_nothing(render: Render) -> None:
    assert render({"enabled": False}, chart="batch") == []


@pytest.mark.parametrize("completions", [1, 7, 64])
def test_l36_a_batch_is_an_indexed_job_whose_pods_share_the_lines(job: Make, completions: int) -> None:
    made = job(completions=completions)

    assert made["spec"]["completionMode"] == "Indexed"
    assert made["spec"]["completions"] == made["spec"]["parallelism"] == completions
    assert environment(made)["COMPLETIONS"] == str(completions)


def test_l36_its_longest_time_is_a_day_unless_stated(job: Make) -> None:
    assert job()["spec"]["activeDeadlineSeconds"] == 24 * 3600
    assert job(maxRuntimeSeconds=172_800)["spec"]["activeDeadlineSeconds"] == 48 * 3600


def test_l36_priority_is_a_class_of_the_pods(job: Make) -> None:
    assert pod(job(priorityClass="low"))["priorityClassName"] == "low"
    assert "priorityClassName" not in pod(job())


def test_each_index_begins_anew_so_often_and_moved_pods_do_not_count(job: Make) -> None:
    made = job(retries=0)["spec"]
    (rule,) = made["podFailurePolicy"]["rules"]

    assert made["backoffLimitPerIndex"] == 0
    assert rule == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    # Kubernetes takes a policy for failed pods with this one alone.
    assert made["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("seconds", [0, 3600])
def test_a_job_that_has_ended_goes_when_it_is_told_to(job: Make, seconds: int) -> None:
    assert job(ttlSecondsAfterFinished=seconds)["spec"]["ttlSecondsAfterFinished"] == seconds
    assert "ttlSecondsAfterFinished" not in job()["spec"]


def test_requests_and_answers_lie_on_volumes_that_exist(
    objects: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    made = objects()
    found = volumes(made["Job"])

    assert made.keys() == {"ConfigMap", "Job"}
    assert found["input"]["persistentVolumeClaim"] == {"claimName": "files"}
    assert found["output"]["persistentVolumeClaim"] == {"claimName": "files"}
    assert environment(made["Job"])["INPUT"] == "/input/day-1/in.jsonl"
    assert environment(made["Job"])["OUTPUT"] == "/output/day-1/out"


def test_a_volume_of_its_own_is_kept(objects: Callable[..., dict[str, dict[str, Any]]]) -> None:
    made = objects(output={"size": "5Gi", "storageClass": "nfs"})
    claim = made["PersistentVolumeClaim"]

    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["storageClassName"] == "nfs"
    assert volumes(made["Job"])["output"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert environment(made["Job"])["OUTPUT"] == "/output/qwen"


def test_lines_of_the_recipe_lie_beside_the_script_and_name_the_job(
    objects: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    one = objects(input={"content": '{"custom_id": "a"}\n'})
    other = objects(input={"content": '{"custom_id": "b"}\n'})

    assert one["ConfigMap"]["data"]["input.jsonl"] == '{"custom_id": "a"}\n'
    assert environment(one["Job"])["INPUT"] == "/scripts/input.jsonl"
    assert "input" not in volumes(one["Job"])
    assert one["Job"]["metadata"]["name"] != other["Job"]["metadata"]["name"]


def test_lines_of_a_config_map_are_mounted(job: Make) -> None:
    made = job(input={"configMapRef": {"name": "lines"}, "key": "day.jsonl"})

    assert volumes(made)["input"]["configMap"] == {"name": "lines"}
    assert environment(made)["INPUT"] == "/input/day.jsonl"
    assert environment(job(input={"configMapRef": {"name": "lines"}}))["INPUT"] == "/input/input.jsonl"


def test_lines_at_an_address_are_left_to_the_script(job: Make) -> None:
    made = job(input={"url": "http://files.example.com/in.jsonl"})

    assert environment(made)["INPUT"] == "http://files.example.com/in.jsonl"
    assert "input" not in volumes(made)


@pytest.mark.parametrize("block", ["input", "output"])
def test_plain_helm_is_told_what_is_missing(render: Render, block: str) -> None:
    with pytest.raises(Exception, match=f"batch.{block}: say claimName"):
        render({**SOME, block: {}}, chart="batch")


def test_l38_a_schedule_makes_such_jobs_one_at_a_time(
    objects: Callable[..., dict[str, dict[str, Any]]], job: Make
) -> None:
    made = objects(schedule="0 3 * * 1-5", timeZone="Europe/Berlin", completions=3)
    cron = made["CronJob"]["spec"]
    template = cron["jobTemplate"]["spec"]

    assert "Job" not in made
    assert (cron["schedule"], cron["timeZone"]) == ("0 3 * * 1-5", "Europe/Berlin")
    assert (cron["concurrencyPolicy"], cron["suspend"]) == ("Forbid", False)
    env = {entry["name"]: entry for entry in template["template"]["spec"]["containers"][0]["env"]}
    assert env.pop("RUN")["valueFrom"]["fieldRef"]["fieldPath"] == (
        "metadata.labels['batch.kubernetes.io/job-name']"
    )
    template["template"]["spec"]["containers"][0]["env"] = list(env.values())
    assert template == job(completions=3)["spec"]


def test_l38_a_schedule_that_is_suspended_begins_nothing(
    objects: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    cron = objects(schedule="@daily", suspend=True)["CronJob"]["spec"]

    assert cron["suspend"] is True
    assert "suspend" not in cron["jobTemplate"]["spec"]


def test_a_job_is_suspended_and_resumed_under_one_name(job: Make) -> None:
    assert job(suspend=True)["spec"]["suspend"] is True
    assert "suspend" not in job()["spec"]
    assert job(suspend=True)["metadata"]["name"] == job()["metadata"]["name"]


def test_m24_a_queue_is_a_label_of_the_job_and_of_no_pod(job: Make) -> None:
    """Kueue's webhook suspends what has the label; on pods it would hold back each of them as well."""
    made = job(queue="night")

    assert made["metadata"]["labels"][QUEUE] == "night"
    assert QUEUE not in made["spec"]["template"]["metadata"]["labels"]
    assert "suspend" not in made["spec"]
    assert made["metadata"]["name"] != job()["metadata"]["name"]


def test_m24_a_queue_is_a_label_of_scheduled_jobs_which_begin_suspended(
    objects: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    cron = objects(schedule="@daily", queue="night")["CronJob"]
    template = cron["spec"]["jobTemplate"]

    assert template["metadata"]["labels"][QUEUE] == "night"
    assert template["spec"]["suspend"] is True
    assert QUEUE not in cron["metadata"]["labels"]


def test_m24_pods_in_a_queue_say_what_they_need(job: Make) -> None:
    (container,) = pod(job(queue="night"))["containers"]

    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def test_pods_run_on_the_nodes_that_are_named(job: Make) -> None:
    assert pod(job(nodeSelector={"pool": "cpu"}))["nodeSelector"] == {"pool": "cpu"}
    assert "nodeSelector" not in pod(job())


def test_labels_and_annotations_of_the_endpoint_are_on_every_object(
    objects: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    shared = {"graph": "qwen", "labels": {"team": "ml"}, "annotations": {"example.com/a": "b"}}
    for extra in ({}, {"schedule": "@daily"}):
        made = objects(output={"size": "1Gi"}, **extra, **{"global": shared})
        for item in made.values():
            assert item["metadata"]["labels"]["team"] == "ml"
            assert item["metadata"]["annotations"]["example.com/a"] == "b"


def test_a_graph_of_any_name_has_names_that_kubernetes_takes(
    objects: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    longest = "a" * (GROVE - len("frontend"))
    shared = {"global": {"graph": longest}}
    job, cron = objects(**shared)["Job"], objects(schedule="@daily", **shared)["CronJob"]

    assert len(cron["metadata"]["name"]) <= CRON_JOB
    assert len(f"{job['metadata']['name']}-63") <= HOST_NAME
    # What a CronJob puts behind its own name.
    assert len(f"{cron['metadata']['name']}-29876543-63") <= HOST_NAME


def test_plain_helm_has_the_defaults_of_the_language(job: Make) -> None:
    batch, made = Batch(), job()

    assert environment(made)["CONCURRENCY"] == str(batch.concurrency)
    assert made["spec"]["completions"] == batch.completions
    assert made["spec"]["activeDeadlineSeconds"] == batch.max_runtime_seconds
    assert made["spec"]["backoffLimitPerIndex"] == batch.retries
