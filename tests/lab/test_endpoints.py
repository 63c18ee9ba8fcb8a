"""An endpoint of each kind, through helmfile on a real API server: what comes, and whose it says it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import recipes, repository
from lab.cluster import wait_until
from lab.site import CHANGED, UNCHANGED, Site, condition, open_site

HERE = Path(__file__).parent / "endpoints"
KINDS = ["serverless", "dedicated", "reserved", "batch", "async"]
LABELS = {"team": "search", "product": "chat"}
# What each object of an endpoint carries, beside its labels: what an e-mail address is no value for stands
# in the annotation alone.
OWNERS = {"dedicated": ("dippy", "user-123"), "reserved": ("acme", "llm@acme.example")}
# Kinds that the recipes are written to have, so that what is asked of every object is asked of these.
OBJECTS = {
    "serverless": {"DynamoGraphDeployment", "ConfigMap", "ScaledObject"},
    "dedicated": {
        *("DynamoGraphDeployment", "ConfigMap", "Job", "PrometheusRule", "HTTPRoute", "Role"),
        "HorizontalPodAutoscaler",
    },
    "reserved": {"DynamoGraphDeployment", "ConfigMap", "Job", "PersistentVolumeClaim"},
    "batch": {"DynamoGraphDeployment", "ConfigMap", "Job", "PersistentVolumeClaim"},
    "async": {"DynamoGraphDeployment", "ConfigMap", "ScaledObject"},
}
AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
GRAPH_LABEL = "nvidia.com/dynamo-graph-deployment-name"


@pytest.fixture(scope="module")
def site(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster with an operator at work, and with the kinds that endpoints use beside Dynamo's."""
    with open_site(lab, tmp_path_factory.mktemp) as site, site.operator.running():
        site.cluster.create_kinds(repository.CRDS, "keda.sh_*.yaml")
        site.cluster.create_kinds(repository.CRDS, "monitoring.coreos.com_*.yaml")
        yield site


@pytest.fixture(scope="module")
def documents(site: Site) -> dict[str, str]:
    """Each kind's document, applied once by the line that people type."""
    made = {}
    for kind in KINDS:
        line = f"set -o pipefail; recipegen render {HERE / kind}.yaml -f {site.profile} | helmfile -f - apply"
        answer = site.machine.run(["bash", "-c", line])
        assert answer.returncode == 0, answer.stdout + answer.stderr
        made[kind] = site.machine.output(
            ["recipegen", "render", f"{HERE / kind}.yaml", "-f", str(site.profile)]
        )
    return made


@pytest.fixture
def installed(site: Site, documents: dict[str, str], kind: str) -> dict[recipes.Name, Any]:
    """Every object of the kind's own releases, as the server has it: kind and name to its metadata."""
    wanted = recipes.names(recipes.manifests(site.machine, documents[kind]))
    found = recipes.live(site.cluster, kind)
    assert wanted <= found.keys()
    return {name: found[name]["metadata"] for name in sorted(wanted)}


def test_a_recipe_lies_here_for_each_kind_that_is_applied() -> None:
    assert {path.stem for path in HERE.glob("*.yaml")} == set(KINDS)
    for kind in KINDS:
        recipe = yaml.safe_load((HERE / f"{kind}.yaml").read_text())
        assert (recipe["endpoint"]["kind"], recipe["dynamoNamespace"]) == (kind, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_t02_every_object_says_which_kind_of_endpoint_it_is_of_and_which_model(
    installed: dict[recipes.Name, Any], kind: str
) -> None:
    assert {name for name, _ in installed} >= OBJECTS[kind]
    for name, metadata in installed.items():
        assert metadata["labels"].items() >= {"recipegen/endpoint": kind, **LABELS}.items(), name
        assert metadata["annotations"]["recipegen/model"] == "Qwen/Qwen3-0.6B", name


@pytest.mark.parametrize("kind", KINDS)
def test_t21_prefix_and_owner_are_on_every_object_of_a_customers_endpoint_and_on_no_other(
    installed: dict[recipes.Name, Any], kind: str
) -> None:
    prefix, owner = OWNERS.get(kind, (None, None))
    for name, metadata in installed.items():
        labels, annotations = metadata["labels"], metadata["annotations"]
        assert labels.get("recipegen/prefix") == prefix, name
        assert annotations.get("recipegen/owner") == owner, name
        assert labels.get("recipegen/owner") == (owner if owner and "@" not in owner else None), name
        assert prefix is None or metadata["name"].startswith(f"{prefix}-"), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_kinds_of_an_endpoint_are_known_to_the_server_field_by_field(
    site: Site, documents: dict[str, str], kind: str
) -> None:
    found = recipes.manifests(site.machine, documents[kind], tests=True)

    assert [answer for each in found if (answer := recipes.refusal(site.cluster, each))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_of_an_endpoint_becomes_ready_and_its_pods_carry_the_labels(
    site: Site, documents: dict[str, str], kind: str
) -> None:
    assert documents[kind]
    site.until_ready(kind)
    pods = [pod for pod in _objects(site, "Pod", kind) if GRAPH_LABEL in pod["metadata"]["labels"]]

    assert condition(site.graph(kind), "Ready") == "True"
    assert pods
    for pod in pods:
        assert pod["metadata"]["labels"].items() >= {"recipegen/endpoint": kind, **LABELS}.items()


@pytest.mark.parametrize("kind", KINDS)
def test_l25_a_scaled_endpoint_has_one_autoscaler_on_the_adapter_of_its_workers_and_others_have_none(
    site: Site, documents: dict[str, str], kind: str
) -> None:
    assert documents[kind]
    found = [each for name in AUTOSCALERS for each in _objects(site, name, kind)]
    rendered = recipes.manifests(site.machine, documents[kind])
    graph = next(each for each in rendered if each["kind"] == "DynamoGraphDeployment")
    worker = next(each for each in graph["spec"]["components"] if each["name"] == "worker")
    expected = OBJECTS[kind] & set(AUTOSCALERS)

    assert len(found) == len(expected)
    # With an adapter, replicas are the autoscaler's, and the operator's to write; without one, the recipe's.
    assert ("scalingAdapter" in worker, "replicas" in worker) == (bool(expected), not expected)
    for each in found:
        spec = each["spec"]
        assert spec["scaleTargetRef"] == {
            "apiVersion": "nvidia.com/v1beta1",
            "kind": "DynamoGraphDeploymentScalingAdapter",
            "name": f"{graph['metadata']['name']}-worker",
        }


def test_b24_the_server_keeps_buds_autoscaler_as_the_recipe_has_it(
    site: Site, documents: dict[str, str]
) -> None:
    assert documents["dedicated"]
    [found] = _objects(site, "HorizontalPodAutoscaler", "dedicated")
    cpu, queue = found["spec"]["metrics"]

    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (2, 10)
    assert cpu["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    assert queue["external"]["metric"] == {"name": "inference_queue_depth"}
    assert queue["external"]["target"] == {"type": "Value", "value": "100"}


def test_l30_an_async_endpoint_is_scaled_by_its_queue_alone(site: Site, documents: dict[str, str]) -> None:
    assert documents["async"]
    [found] = _objects(site, "ScaledObject", "async")
    [trigger] = found["spec"]["triggers"]

    assert (found["spec"]["minReplicaCount"], found["spec"]["maxReplicaCount"]) == (0, 4)
    assert (trigger["type"], trigger["metadata"]["listName"]) == ("redis", "tasks")
    assert trigger["metadata"]["listLength"] == "2"


def test_l36_the_job_of_a_batch_runs_all_its_parts_to_their_end(
    site: Site, documents: dict[str, str]
) -> None:
    assert documents["batch"]

    def batch() -> Any:
        return next(job for job in _objects(site, "Job", "batch") if job["spec"].get("completions") == 4)

    def complete() -> bool:
        conditions = batch()["status"].get("conditions", [])
        return any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)

    wait_until(complete, "the Job of the batch is complete", seconds=60)
    job = batch()

    assert job["spec"]["completionMode"] == "Indexed"
    assert (job["status"]["succeeded"], job["status"]["completedIndexes"]) == (4, "0-3")


@pytest.mark.parametrize("kind", KINDS)
def test_t09_applied_again_an_endpoint_does_not_change(
    site: Site, documents: dict[str, str], kind: str
) -> None:
    site.until_ready(kind)
    code, said = site.apply(documents[kind])

    assert code == UNCHANGED, said


def test_m23_an_endpoint_that_is_destroyed_goes_alone(site: Site, documents: dict[str, str]) -> None:
    gone, stays = "serverless", "dedicated"
    names = recipes.names(recipes.manifests(site.machine, documents[gone]))
    before = recipes.versions(site.cluster, stays)
    graph = site.graph(gone)["metadata"]["name"]
    destroy = ["helmfile", "-f", "-", "destroy", "-l", f"recipe={graph}"]
    site.machine.output(destroy, stdin=documents[gone])
    wait_until(lambda: not names & recipes.live(site.cluster, gone).keys(), f"{gone} is gone", seconds=20)

    assert recipes.versions(site.cluster, stays) == before
    assert site.apply(documents[gone])[0] == CHANGED


def _objects(site: Site, kind: str, namespace: str) -> list[Any]:
    paths = [path for found, path in site.cluster.kinds(namespace) if found == kind]
    return [each for path in paths for each in site.cluster.items(path)]
