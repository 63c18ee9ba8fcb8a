"""The fault experiments against a real API server, with the rights of their rendered roles and no others.

Pods are a stand-in's, so what is shown is what the script does, measures, undoes and may, not how a graph on
GPUs recovers.
"""

import json
import signal
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lab import faults
from lab.cluster import Cluster
from lab.pods import Pods, after
from lab.tools import Machine

AGGREGATED = {"frontend": 1, "worker": 2}
DISAGGREGATED = {"frontend": 1, "prefill": 1, "decode": 2}
NUMBERS = count()
NATS = {"kind": "StatefulSet", "name": "nats"}


@pytest.fixture
def namespace() -> str:
    """A namespace of the test's own."""
    return f"faults-{next(NUMBERS)}"


def test_a_killed_worker_is_replaced_and_the_recovery_is_measured(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    job = faults.install(cluster, namespace, tmp_path, {"name": "kill-worker"}, {"name": "kill-frontend"})
    slow = after(1.5)
    with (
        Pods(cluster, namespace, faults.GRAPH, AGGREGATED, start=slow) as pods,
        faults.frontend(pods.whole) as url,
    ):
        code, found, log = job.run(url)

    assert code == 0, log
    worker, frontend = found
    assert (worker["verdict"], frontend["verdict"]) == ("as expected", "as expected")
    assert worker["killed"] == [f"{faults.GRAPH}-worker-2"]
    # Pods of the stand-in take a second and a half; one of two workers goes on, the only frontend does not.
    assert 1.5 <= worker["recoverySeconds"] < 6
    assert worker["failed"] == 0
    assert frontend["failed"] > 0
    assert 1 < frontend["longestOutageSeconds"] <= frontend["recoverySeconds"] + 1
    assert frontend["requests"] > 10
    assert "kill-worker: as expected" in log
    assert "2 of 2 experiments ended as expected" in log


def test_a_partition_is_made_of_policies_and_taken_back(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    job = faults.install(
        cluster, namespace, tmp_path, {"name": "partition", "holdSeconds": 2}, variant="disagg"
    )
    seen: list[Any] = []

    def serves() -> bool:
        found = policies(cluster, namespace)
        seen.extend(found)
        return not found

    with Pods(cluster, namespace, faults.GRAPH, DISAGGREGATED), faults.frontend(serves) as url:
        code, (result,), log = job.run(url)

    assert code == 0, log
    assert result["failed"] > 0
    assert result["sinceFaultSeconds"] >= 2 > result["recoverySeconds"]
    assert policies(cluster, namespace) == []
    prefill = next(each for each in seen if each["metadata"]["name"].endswith("fault-prefill"))
    assert prefill["spec"]["podSelector"]["matchLabels"] == {
        "nvidia.com/dynamo-graph-deployment-name": faults.GRAPH,
        "nvidia.com/dynamo-component-type": "prefill",
    }
    assert prefill["metadata"]["ownerReferences"][0]["name"] == "faults"


def test_a_partition_that_nobody_notices_is_no_success(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """As where the network plugin knows no policies."""
    job = faults.install(
        cluster, namespace, tmp_path, {"name": "partition", "holdSeconds": 1}, variant="disagg"
    )
    with Pods(cluster, namespace, faults.GRAPH, DISAGGREGATED) as pods, faults.frontend(pods.whole) as url:
        code, (result,), log = job.run(url)

    assert code == 1, log
    assert result["verdict"] == "no effect seen"


def test_a_workload_is_stopped_and_started_again(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    experiment = {"name": "stop-nats", "holdSeconds": 1, "workload": NATS}
    job = faults.install(cluster, namespace, tmp_path, experiment)
    with Pods(cluster, namespace, faults.GRAPH, AGGREGATED) as pods:
        make_nats(cluster, namespace, 3)
        with faults.frontend(lambda: replicas(cluster, namespace) == 3 and pods.whole()) as url:
            code, (result,), log = job.run(url)

    assert code == 0, log
    assert result["failed"] > 0
    assert replicas(cluster, namespace) == 3
    assert notes(nats(cluster, namespace)) == {}


def test_a_node_is_taken_and_given_back(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    job = faults.install(cluster, namespace, tmp_path, {"name": "take-node", "node": "node-a"})
    with Pods(cluster, namespace, faults.GRAPH, AGGREGATED) as pods, faults.frontend(pods.whole) as url:
        code, (result,), log = job.run(url)
        _, listed = cluster.request("GET", f"/api/v1/namespaces/{namespace}/pods")

    assert code == 0, log
    assert len(result["killed"]) == 3
    nodes = {pod["spec"].get("nodeName") for pod in listed["items"] if pod["metadata"]["name"] != "faults"}
    assert nodes == {"node-b"}
    assert not node(cluster)["spec"].get("unschedulable")
    assert notes(node(cluster)) == {}


def test_the_volume_is_read_only_while_a_worker_starts(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    job = faults.install(cluster, namespace, tmp_path, {"name": "load-storage"})
    with Pods(cluster, namespace, faults.GRAPH, AGGREGATED) as pods, faults.frontend(pods.whole) as url:
        code, (result,), log = job.run(url)

    assert code == 0, log
    assert result["killed"] == [f"{faults.GRAPH}-worker-2"]
    assert log.index("starting to read the volume") < log.index("deleting pod")
    name = job.objects["Deployment"]["metadata"]["name"]
    _, load = cluster.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    assert load["spec"]["replicas"] == 0


def test_a_graph_that_does_not_recover_is_a_failure_that_says_why(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    experiments = {"name": "kill-worker", "maxRecoverySeconds": 2}, {"name": "kill-frontend"}
    job = faults.install(cluster, namespace, tmp_path, *experiments)
    with Pods(cluster, namespace, faults.GRAPH, AGGREGATED) as pods, faults.frontend(pods.whole) as url:
        pods.replace = False
        code, (result,), log = job.run(url)

    assert code == 1, log
    assert result["verdict"] == "not recovered"
    assert result["message"] == (
        "not within 2 s: Ready are 1 frontend, 1 worker; before the fault 1 frontend, 2 worker"
    )
    assert result["recoverySeconds"] is None
    assert "not run, for the graph is not healthy again: kill-frontend" in log


def test_pods_without_answers_are_no_recovery(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    job = faults.install(cluster, namespace, tmp_path, {"name": "kill-worker", "maxRecoverySeconds": 2})
    with Pods(cluster, namespace, faults.GRAPH, AGGREGATED) as pods:
        first = f"{faults.GRAPH}-worker-2"
        with faults.frontend(lambda: first in pods.ready) as url:
            code, (result,), log = job.run(url)

    assert code == 1, log
    assert result["message"] == (
        'not within 2 s: requests are not answered: HTTP 503 {"error": "no instances"}'
    )


def test_nothing_is_broken_in_a_graph_that_is_not_healthy(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    job = faults.install(cluster, namespace, tmp_path, {"name": "kill-worker"})
    with Pods(cluster, namespace, faults.GRAPH, AGGREGATED) as pods:
        with faults.frontend(lambda: False) as url:
            silent = job.run(url, WAIT_SECONDS="1")
        pods.tell(ready=False)
        with faults.frontend(lambda: True) as url:
            pending = job.run(url, WAIT_SECONDS="1")
        names = {*pods.running}

    for code, (result,), _ in (silent, pending):
        assert code == 2
        assert result["verdict"] == "not healthy before the fault"
    assert "does not answer a chat request for Qwen/Qwen3-0.6B: HTTP 503" in silent[2]
    assert "the DynamoGraphDeployment is not Ready: some resources are not ready" in pending[2]
    assert names == {f"{faults.GRAPH}-{each}" for each in ("frontend-1", "worker-2", "worker-3")}


def test_a_job_that_was_copied_to_another_namespace_refuses(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    job = faults.install(cluster, namespace, tmp_path, {"name": "kill-worker"})
    (job.folder / "account/namespace").write_text("production")
    copied = job.run("http://127.0.0.1:9")
    (job.folder / "account/namespace").write_text("kube-system")
    system = job.run("http://127.0.0.1:9")

    assert (copied[0], system[0]) == (2, 2)
    assert f"and the graph here is production/{faults.GRAPH}" in copied[2]
    assert "nothing is broken in namespace kube-system" in system[2]


UNDOABLE: dict[str, tuple[dict[str, Any], str | None, Callable[[Cluster, str], bool]]] = {
    "partition": (
        {"name": "partition", "holdSeconds": 60},
        "disagg",
        lambda cluster, namespace: len(policies(cluster, namespace)) == 2,
    ),
    "node": (
        {"name": "take-node", "node": "node-a"},
        None,
        lambda cluster, _: bool(node(cluster)["spec"].get("unschedulable")),
    ),
    "stop": (
        {"name": "stop-nats", "holdSeconds": 60, "workload": NATS},
        None,
        lambda cluster, namespace: replicas(cluster, namespace) == 0,
    ),
}


@pytest.mark.parametrize("case", UNDOABLE)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_whatever_was_broken_is_undone(
    case: str, number: signal.Signals, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """By the run itself when it is stopped; when it is killed, by what the next run does first."""
    experiment, variant, begun = UNDOABLE[case]
    killed = number == signal.SIGKILL
    job = faults.install(cluster, namespace, tmp_path, experiment, variant=variant)
    roles = DISAGGREGATED if variant else AGGREGATED
    with Pods(cluster, namespace, faults.GRAPH, roles, start=after(0.2)) as pods:
        make_nats(cluster, namespace, 2)
        with faults.frontend(lambda: True) as url, job.running(url) as process:
            wait(lambda: begun(cluster, namespace))
            pods.replace = False
            process.send_signal(number)
            log, _ = process.communicate(timeout=30)
            pods.replace = True
        if killed:
            assert begun(cluster, namespace)
            code, _, log = job.run("http://127.0.0.1:9", "undo")
            assert code == 0, log

    assert process.returncode == (-signal.SIGKILL if killed else 128 + signal.SIGTERM), log
    assert policies(cluster, namespace) == []
    assert not node(cluster)["spec"].get("unschedulable")
    assert replicas(cluster, namespace) == 2
    assert notes(node(cluster)) == notes(nats(cluster, namespace)) == {}
    if not killed:
        assert faults.results(log)[0]["verdict"] == "broken off"


def test_policies_go_with_the_pod_that_made_them(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """As when the release is removed while a run lasts, and its rights with it."""
    job = faults.install(
        cluster, namespace, tmp_path, {"name": "partition", "holdSeconds": 60}, variant="disagg"
    )
    with Pods(cluster, namespace, faults.GRAPH, DISAGGREGATED), faults.frontend(lambda: True) as url:
        with job.running(url) as process:
            wait(lambda: len(policies(cluster, namespace)) == 2)
            process.kill()
        path = f"/api/v1/namespaces/{namespace}/pods/faults"
        cluster.request("DELETE", path, {"gracePeriodSeconds": 0})
        wait(lambda: policies(cluster, namespace) == [])


def test_what_somebody_else_cordoned_stays_cordoned(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    job = faults.install(cluster, namespace, tmp_path, {"name": "take-node", "node": "node-a"})
    with Pods(cluster, namespace, faults.GRAPH, AGGREGATED) as pods, faults.frontend(pods.whole) as url:
        cordon(cluster, on=True)
        try:
            code, (result,), log = job.run(url)
            still = node(cluster)["spec"].get("unschedulable")
        finally:
            cordon(cluster, on=False)

    assert code == 1, log
    assert (result["verdict"], result["message"]) == (
        "not injected",
        "somebody else has cordoned node node-a",
    )
    assert still


def test_the_same_experiments_run_once_and_another_run_runs_them_again(
    cluster: Cluster, namespace: str, machine: Machine, tmp_path: Path
) -> None:
    """With Helm itself, which leaves a Job alone that is as it was."""
    command = ["helm", "upgrade", "--install", f"{faults.GRAPH}-fault-injection", faults.CHART]
    command += ["--namespace", namespace, "--create-namespace", "--values", str(tmp_path / "values.yaml")]
    shared = {"graph": faults.GRAPH, "model": "Qwen/Qwen3-0.6B"}
    values = {**faults.block(namespace, {"name": "kill-worker"}), "global": shared}

    def jobs(**more: Any) -> set[str]:
        (tmp_path / "values.yaml").write_text(json.dumps({**values, **more}))
        machine.output(command)
        found = cluster.items(f"/apis/batch/v1/namespaces/{namespace}/jobs")
        return {job["metadata"]["uid"] for job in found}

    first = jobs()
    assert jobs() == first
    second = jobs(run=2)
    assert len(first) == len(second) == 1
    assert first != second


EVERY: list[dict[str, Any]] = [
    {"name": "kill-prefill"},
    {"name": "partition"},
    {"name": "stop-nats", "workload": NATS},
    {"name": "take-node", "node": "node-a"},
    {"name": "load-storage"},
]


def test_it_may_do_what_its_experiments_need_and_nothing_else(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    job = faults.install(cluster, namespace, tmp_path / "kill", {"name": "kill-worker"})
    kill = rights(job)
    job = faults.install(cluster, namespace, tmp_path / "all", *EVERY, variant="disagg")
    everything = rights(job)

    assert kill == {"list pods", "delete pods", f"get dynamographdeployments/{faults.GRAPH}"}
    load = f"deployments/{faults.GRAPH}-fault-injection-load"
    assert everything == kill | {
        "create pods/eviction",
        "create networkpolicies",
        *(f"{verb} networkpolicies/{faults.GRAPH}-fault-prefill" for verb in ("get", "delete")),
        *(
            f"{verb} {what}"
            for what in ("statefulsets/nats", load, "nodes/node-a")
            for verb in ("get", "patch")
        ),
    }


VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
RESOURCES = (
    *(("", each, "") for each in ("pods", "secrets", "configmaps", "serviceaccounts", "nodes", "namespaces")),
    *(("", each, "") for each in ("pods/exec", "pods/eviction", "pods/log", "persistentvolumeclaims")),
    *(("apps", each, "") for each in ("deployments", "statefulsets", "daemonsets")),
    *(("apps", "statefulsets", "nats"), ("apps", "deployments", f"{faults.GRAPH}-fault-injection-load")),
    *(("", "nodes", "node-a"), ("", "nodes", "node-b"), ("", "pods", "another")),
    *(("networking.k8s.io", "networkpolicies", each) for each in ("", f"{faults.GRAPH}-fault-prefill")),
    *(("nvidia.com", "dynamographdeployments", each) for each in ("", faults.GRAPH)),
    *(("rbac.authorization.k8s.io", each, "") for each in ("roles", "rolebindings", "clusterroles")),
    ("batch", "jobs", ""),
)


def rights(job: faults.Job) -> set[str]:
    """What the API server lets the Job do, of many things; what holds for all of a kind has no name."""
    found: set[str] = set()
    for group, resource, name in RESOURCES:
        for verb in VERBS:
            if f"{verb} {resource}" not in found and _may(job, verb, group, resource, name):
                found.add(f"{verb} {resource}" + (f"/{name}" if name else ""))
    return found


def _may(job: faults.Job, verb: str, group: str, resource: str, name: str) -> bool:
    kind, _, sub = resource.partition("/")
    attributes = {
        "namespace": job.namespace,
        "verb": verb,
        "group": group,
        "resource": kind,
        "subresource": sub,
        "name": name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": job.user, "resourceAttributes": attributes},
    }
    _, answer = job.cluster.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def policies(cluster: Cluster, namespace: str) -> list[Any]:
    return cluster.items(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")


def node(cluster: Cluster) -> Any:
    return cluster.request("GET", "/api/v1/nodes/node-a")[1]


def cordon(cluster: Cluster, *, on: bool) -> None:
    found = node(cluster)
    found["spec"]["unschedulable"] = on
    cluster.request("PUT", "/api/v1/nodes/node-a", found)


def nats(cluster: Cluster, namespace: str) -> Any:
    return cluster.request("GET", f"/apis/apps/v1/namespaces/{namespace}/statefulsets/nats")[1]


def replicas(cluster: Cluster, namespace: str) -> int:
    return int(nats(cluster, namespace)["spec"]["replicas"])


def notes(item: Any) -> dict[str, str]:
    """What the script left on an object."""
    annotations: dict[str, str] = item["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if "fault" in key}


def make_nats(cluster: Cluster, namespace: str, number: int) -> None:
    labels = {"app": "nats"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "nats", "image": "nats:2"}]}}
    made = {
        "metadata": {"name": "nats"},
        "spec": {
            "replicas": number,
            "serviceName": "nats",
            "selector": {"matchLabels": labels},
            "template": pod,
        },
    }
    status, answer = cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/statefulsets", made)
    assert status == 201, answer


def wait(done: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
