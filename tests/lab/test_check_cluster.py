"""`recipegen check --cluster` against a real API server: strict dry runs, and nothing stored."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from lab import repository
from lab.cluster import CRDS, Cluster, wait_until
from lab.tools import Machine

RECIPE = "tests/doctor/llama.yaml"
DGD = repository.CRDS / "nvidia.com_dynamographdeployments.yaml"


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A new namespace of the shared cluster."""
    name = f"c{abs(hash(request.node.name)) % 10**8}"
    cluster.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


def check(machine: Machine, namespace: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ("--set", f"dynamoNamespace={namespace}", "--without", "platform")
    return machine.run(["recipegen", "check", RECIPE, *where, "--cluster", *arguments])


def problems(answer: subprocess.CompletedProcess[str]) -> list[Any]:
    found: list[Any] = json.loads(answer.stderr)
    return found


def contents(cluster: Cluster, namespace: str) -> list[str]:
    return [
        f"{k}/{o['metadata']['name']}" for k, path in cluster.kinds(namespace) for o in cluster.items(path)
    ]


def test_t19_objects_and_the_graphs_pods_are_taken_and_none_is_stored(
    cluster: Cluster, machine: Machine, namespace: str
) -> None:
    before = contents(cluster, namespace)
    answer = check(machine, namespace)

    assert answer.returncode == 0, answer.stderr
    assert "lab, Kubernetes v1." in answer.stdout
    # A ConfigMap, a claim, the graph, the download; the benchmark's two; pods of frontend and worker.
    assert "would take all 8 that were sent as a dry run" in answer.stdout
    assert "not checked" not in answer.stdout
    assert contents(cluster, namespace) == before


def test_t19_a_context_is_named_behind_the_option(machine: Machine, namespace: str) -> None:
    there, away = check(machine, namespace, "lab"), check(machine, namespace, "nowhere")

    assert there.returncode == 0, there.stderr
    assert (away.returncode, away.stdout) == (4, "")
    assert "KUBECONFIG names another file" in away.stderr


def test_t19_what_the_api_server_refuses_names_object_and_line(machine: Machine, namespace: str) -> None:
    # The recipe language lets it pass: only the API server knows what huge pages need beside them.
    pages = "model.frontend.resources.limits={hugepages-2Mi: 4Mi}"
    answer = check(machine, namespace, "--set", pages, "--format", "json")

    assert (answer.returncode, answer.stdout) == (5, "")
    (problem,) = problems(answer)
    assert problem["code"] == "cluster-refuses"
    assert problem["message"].startswith("pod of frontend: ")
    assert "HugePages require cpu or memory" in problem["message"]


def test_t19_a_namespace_that_refuses_the_graphs_pods_is_a_refusal(
    cluster: Cluster, machine: Machine, namespace: str
) -> None:
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    cluster.request(
        "PATCH", f"/api/v1/namespaces/{namespace}", labels, content="application/merge-patch+json"
    )
    answer = check(machine, namespace, "--format", "json")
    found = problems(answer)

    assert answer.returncode == 5
    assert [each["message"].partition(": ")[0] for each in found] == ["pod of frontend", "pod of worker"]
    assert {each["path"] for each in found} == {"dynamoNamespace"}
    assert {each["file"] for each in found} == {f"--set dynamoNamespace={namespace}"}


def test_t19_a_quota_refuses_before_anything_is_applied(
    cluster: Cluster, machine: Machine, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    hard = {"requests.nvidia.com/gpu": "0"}
    quota = cluster.create(path, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    # No controller counts quotas here.
    quota["status"] = {"hard": hard, "used": {"requests.nvidia.com/gpu": "0"}}
    assert cluster.request("PUT", f"{path}/none/status", quota)[0] == 200
    answer = check(machine, namespace)

    assert answer.returncode == 5
    assert "model.worker.replicas: pod of worker" in answer.stderr
    assert "exceeded quota: none" in answer.stderr


def test_t19_kinds_that_the_document_brings_are_not_checked_and_never_passed(
    new_cluster: Callable[[], Cluster], new_machine: Callable[[Cluster | None], Machine]
) -> None:
    machine = new_machine(new_cluster())
    brought = machine.run(["recipegen", "check", RECIPE, "--cluster"])
    missing = check(machine, "elsewhere")

    assert brought.returncode == 0, brought.stderr
    assert "not checked: DynamoGraphDeployment llama: brought by dynamo-platform\n" in brought.stdout
    assert (
        "not checked: dynamo-platform: its chart is fetched by Helm, and not rendered here\n"
        in brought.stdout
    )
    assert "namespace chat is not there yet: tried in default instead" in brought.stdout
    assert "not checked: pods of worker: namespace chat is not there yet\n" in brought.stdout
    assert missing.returncode == 5
    assert "the cluster does not serve DynamoGraphDeployment of nvidia.com/v1beta1" in missing.stderr


def test_t19_a_field_that_an_older_operator_does_not_know_is_refused(
    new_cluster: Callable[[], Cluster], new_machine: Callable[[Cluster | None], Machine]
) -> None:
    cluster = new_cluster()
    definition = yaml.safe_load(DGD.read_text())
    for version in definition["spec"]["versions"]:
        del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["backendFramework"]
    cluster.create(CRDS, definition)
    wait_until(
        lambda: cluster.collection("nvidia.com/v1beta1", "DynamoGraphDeployment", "") is not None,
        "it is served",
    )
    answer = check(new_machine(cluster), "elsewhere")

    assert answer.returncode == 5
    assert f"{RECIPE}:6:3: model: DynamoGraphDeployment llama: " in answer.stderr
    assert "backendFramework" in answer.stderr


def test_t19_all_forms_of_a_recipe_are_sent(machine: Machine) -> None:
    answer = machine.run(["recipegen", "check", "qwen-0.6b", "--cluster"])

    assert answer.returncode == 0, answer.stderr
    assert "that were sent as a dry run" in answer.stdout
    assert "no problem" in answer.stderr


def test_t19_a_cluster_out_of_reach_ends_with_5(
    new_machine: Callable[[Cluster | None], Machine], tmp_path: Any
) -> None:
    cluster = {"name": "away", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "away", "context": {"cluster": "away", "user": "away"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "away", "clusters": [cluster]}
    config |= {"contexts": [context], "users": [{"name": "away", "user": {}}]}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    machine = new_machine(None)
    away = Machine({**machine.environment, "KUBECONFIG": str(tmp_path / "kubeconfig")})
    answer = check(away, "elsewhere")

    assert (answer.returncode, answer.stdout) == (5, "")
    assert "does not answer" in answer.stderr
