"""A mirror on a real API server: its Job is accepted whole, one alone loads a model, and it runs to its end.

Pods are kwok's, so no container was started: nothing was downloaded, scanned, converted or uploaded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import recipes
from lab.cluster import Cluster
from lab.site import CHANGED, UNCHANGED, Site, condition, open_site
from recipegen.resolve import Plan
from samples import objects, plan_of, releases

ON = (
    *("--set", "model.cache.enabled=true", "--with", "ingestion"),
    *("--set", "ingestion.target={bucket: llmariner, endpoint: 'http://minio:9000', secret: s3}"),
    *("--set", "ingestion.scan.enabled=true", "--set", "ingestion.convert={quantize: q4_0}"),
)
LABELS = {"app.kubernetes.io/name": "ingestion", "app.kubernetes.io/component": "ingestion"}
STEPS = ["download", "scan", "convert", "upload"]


@pytest.fixture(scope="module")
def site(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster with an operator at work, with a mirrored model applied once in namespace `mirrored`."""
    with open_site(lab, tmp_path_factory.mktemp) as site, site.operator.running():
        code, said = site.apply(site.render("mirrored", *ON))
        assert code == CHANGED, said
        site.until_ready("mirrored")
        yield site


def jobs(site: Site) -> list[Any]:
    """The Jobs of the ingestion in the namespace, found as whoever reads its state finds them."""
    found = site.cluster.items("/apis/batch/v1/namespaces/mirrored/jobs")
    return [each for each in found if each["metadata"]["labels"].items() >= LABELS.items()]


def test_m07_m08_the_job_runs_to_its_end_and_so_does_the_download_behind_it(site: Site) -> None:
    (job,) = jobs(site)
    spec = job["spec"]["template"]["spec"]

    assert job["status"]["succeeded"] == 1
    assert [each["name"] for each in (*spec["initContainers"], *spec["containers"])] == STEPS
    assert condition(site.graph("mirrored"), "Ready") == "True"


def test_m06_a_second_loader_of_the_same_model_is_refused_by_the_server(site: Site) -> None:
    """Another graph's workers ask for it under the name that the chart gives the Job of this model."""
    other = site.render("mirrored", *ON, "--set", "model.worker.replicas=3")
    (again,) = [
        item
        for item in recipes.manifests(site.machine, other)
        if item["kind"] == "Job" and item["metadata"]["labels"].items() >= LABELS.items()
    ]
    status, answer = site.cluster.request("POST", "/apis/batch/v1/namespaces/mirrored/jobs", again)

    assert status == 409, answer
    assert answer["reason"] == "AlreadyExists"


def test_applied_again_nothing_changes_and_another_revision_is_another_loader(site: Site) -> None:
    same = site.apply(site.render("mirrored", *ON))
    (before,) = jobs(site)
    code, said = site.apply(site.render("mirrored", *ON, "--set", "model.revision=other"))
    site.until_ready("mirrored")
    (after,) = jobs(site)

    assert same[0] == UNCHANGED, same[1]
    assert code == CHANGED, said
    assert before["metadata"]["name"] != after["metadata"]["name"]


def test_switched_off_the_loader_goes_with_its_volume(site: Site) -> None:
    code, said = site.apply(site.render("mirrored", "--set", "model.cache.enabled=true"))
    names = recipes.live(site.cluster, "mirrored").keys()

    assert code == CHANGED, said
    assert jobs(site) == []
    assert ("PersistentVolumeClaim", f"{recipes.GRAPH}-ingestion") not in names


@pytest.mark.parametrize("tool", ["picklescan", "clamav"])
def test_every_object_is_accepted_with_unknown_fields_refused(cluster: Cluster, tool: str) -> None:
    refused = {item["kind"]: _refusal(cluster, item) for item in _objects(tool)}

    assert refused == {"ConfigMap": "", "Job": "", "PersistentVolumeClaim": ""}


def test_a_gate_that_names_no_step_is_refused(cluster: Cluster) -> None:
    (job,) = [item for item in _objects("clamav") if item["kind"] == "Job"]
    job["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"] = "scanner"

    assert "podFailurePolicy" in _refusal(cluster, job)


def _objects(tool: str) -> list[Any]:
    block = {
        "enabled": True,
        "target": {"bucket": "llmariner", "secret": "s3"},
        "scan": {"enabled": True, "tool": tool},
        "convert": {"outtype": "f32"},
    }
    model = {"name": "Qwen/Qwen3-0.6B", "cache": {"enabled": True}}
    plan: Plan = plan_of({"dynamoNamespace": "qwen", "model": model, "ingestion": block})
    return objects(releases(plan)["ingestion"])


def _refusal(cluster: Cluster, each: Any) -> str:
    """Why the server would not create an object; empty where it would."""
    path = cluster.collection(each["apiVersion"], each["kind"], "default")
    status, answer = cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", each)
    return "" if status == 201 else str(answer["message"])
