"""Autoscalers on a real API server, and what becomes of replicas that Kubernetes' own controller writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT
from lab import recipes
from lab.cluster import Cluster, wait_until
from lab.site import CHANGED, UNCHANGED, Site, open_site

ADAPTERS = "/apis/nvidia.com/v1beta1/namespaces/{}/dynamographdeploymentscalingadapters"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"
SCALED = ("--set", "model.worker=null", "--set", "scaling={enabled: true, minReplicas: 2, maxReplicas: 4}")
WORKER = f"{recipes.GRAPH}-worker"
MERGE = "application/merge-patch+json"
CASES = sorted((ROOT / "tests/golden").glob("scaling-*"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_scaler_is_accepted_with_unknown_fields_refused(cluster: Cluster, case: Path) -> None:
    found = [*yaml.safe_load_all((case / "expected/objects.yaml").read_text())]
    kinds = {"HorizontalPodAutoscaler", "ScaledObject", "DynamoGraphDeployment"}
    answers = {each["kind"]: _asked(cluster, each) for each in found if each["kind"] in kinds}

    assert len(answers) == 2
    assert set(answers.values()) == {""}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_scaler_with_an_unknown_field_is_refused(cluster: Cluster, case: Path) -> None:
    found = [*yaml.safe_load_all((case / "expected/objects.yaml").read_text())]
    scaler = next(each for each in found if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"))
    scaler["spec"]["maxReplica"] = 4

    assert 'unknown field "spec.maxReplica"' in _asked(cluster, scaler)


def test_the_pages_trigger_authentications_are_accepted(cluster: Cluster) -> None:
    page = (ROOT / "docs/scaling.md").read_text()
    shown = [each.split("```")[0] for each in page.split("```yaml\n")[1:]]
    found = [item for item in map(yaml.safe_load, shown) if item.get("kind") == "TriggerAuthentication"]

    assert found
    assert [_asked(cluster, each) for each in found] == [""] * len(found)


@pytest.fixture(scope="module")
def site(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster with an operator at work and Kubernetes' own controller of HorizontalPodAutoscalers."""
    with open_site(lab, tmp_path_factory.mktemp) as site, site.operator.running():
        yield site


def test_kubernetes_own_autoscaler_works_through_the_adapter_and_no_apply_undoes_it(site: Site) -> None:
    document = site.render("scaled", *SCALED)
    assert site.apply(document)[0] == CHANGED

    # There is one replica to begin with, and the fewest are two.
    wait_until(lambda: _running(site) == 2, "the minimum runs", seconds=30)
    _scale(site, 9)
    wait_until(lambda: _running(site) == 4, "the maximum runs", seconds=30)
    assert _condition(site, "AbleToScale")[0] == "True"
    assert site.apply(document)[0] == UNCHANGED
    assert _running(site) == 4
    assert site.apply(site.render("scaled", *SCALED, "--set", "model.worker.env.A=b"))[0] == CHANGED
    assert _component(site)["replicas"] == 4


def test_without_an_adapter_for_metrics_the_autoscaler_says_that_it_cannot_tell(site: Site) -> None:
    """It keeps to its bounds all the same, and does nothing between them."""
    assert site.apply(site.render("blind", *SCALED))[0] == CHANGED

    wait_until(lambda: _condition(site, "ScalingActive", "blind")[0] == "False", "it has tried", seconds=30)
    assert _condition(site, "ScalingActive", "blind")[1] == "FailedGetPodsMetric"


def test_b24_kubernetes_takes_the_hpa_of_buds_guide(site: Site) -> None:
    """It is stored as it is written, but for numbers, which Kubernetes keeps as quantities."""
    case = ROOT / "tests/golden/scaling-hpa-of-buds-guide"
    found = yaml.safe_load_all((case / "expected/objects.yaml").read_text())
    written = next(each for each in found if each["kind"] == "HorizontalPodAutoscaler")
    site.cluster.create("/api/v1/namespaces", {"metadata": {"name": "bud"}})
    stored = site.cluster.create(AUTOSCALERS.format("bud"), written)
    wanted = yaml.safe_load(yaml.safe_dump(written["spec"]))
    wanted["metrics"][1]["external"]["target"]["value"] = "100"

    assert stored["spec"] == wanted


def _asked(cluster: Cluster, each: Any) -> str:
    """Why the server would not create an object; empty where it would."""
    path = cluster.collection(each["apiVersion"], each["kind"], "default")
    status, answer = cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", each)
    return "" if status == 201 else str(answer["message"])


def _scale(site: Site, replicas: int) -> None:
    """What `kubectl scale dgdsa` does."""
    place = f"{ADAPTERS.format('scaled')}/{WORKER}/scale"
    status, answer = site.cluster.request("PATCH", place, {"spec": {"replicas": replicas}}, content=MERGE)

    assert (status, answer["kind"]) == (200, "Scale")


def _running(site: Site) -> int:
    """Pods of the workers that run."""
    found = site.cluster.items("/api/v1/namespaces/scaled/pods")
    workers = [each for each in found if each["metadata"]["name"].startswith(f"{WORKER}-")]
    return sum(each["status"].get("phase") == "Running" for each in workers)


def _component(site: Site) -> Any:
    return next(each for each in site.graph("scaled")["spec"]["components"] if each["name"] == "worker")


def _condition(site: Site, kind: str, namespace: str = "scaled") -> tuple[str, str]:
    """Status and reason of a condition of the autoscaler."""
    [found] = site.cluster.items(AUTOSCALERS.format(namespace))
    conditions = found.get("status", {}).get("conditions", [])
    return next(((each["status"], each["reason"]) for each in conditions if each["type"] == kind), ("", ""))
