"""Status and probe on a real API server: a graph and its download, step by step, and a port-forward.

The stand-in operator and kwok run the graph's pods on paper. The test itself says what becomes of the pods of
Jobs, as a kubelet would. kwok serves the download's log, and forwards the frontend's port to a server here.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import endpoint
from conftest import ROOT, Golden
from lab import loops, recipes, repository, volumes
from lab.cluster import Cluster, free_ports, wait_until
from lab.cluster import start as start_cluster
from lab.dynamo_operator import FINALIZER, Operator
from lab.tools import Machine

HERE = Path(__file__).parent
MERGE = "application/merge-patch+json"
NAMESPACE = "status"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
RECIPE = ("qwen-0.6b", "--set", f"dynamoNamespace={NAMESPACE}", "--set", "model.cache.enabled=true")
PAGE = ROOT / "docs/status.md"
SHOWN = re.compile(r"(?<=```text\n)\$ recipegen status (.*?)\n.*?(?=```)", re.DOTALL)
DOWNLOAD = f"app.kubernetes.io%2Finstance%3D{recipes.GRAPH},app.kubernetes.io%2Fcomponent%3Ddownload"


@dataclass(frozen=True)
class Site:
    """A cluster with the stand-in operator, and the machine from which it is asked."""

    cluster: Cluster
    machine: Machine
    log: Path
    """The log of every container of a download."""
    port: int
    """Where port-forwards to frontends lead."""
    stop_operator: Callable[[], None]

    def status(self, *arguments: str) -> Any:
        """What the verb says, for programs."""
        command = ["recipegen", "status", *RECIPE, "--format", "json", *arguments]
        return json.loads(self.machine.output(command))

    def load(self, *arguments: str) -> tuple[str, str]:
        """State and reason of the download."""
        (found,) = self.status(*arguments)["loads"]
        return found["state"]["word"], found["state"]["reason"]

    def probe(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the verb."""
        return self.machine.run(["recipegen", "probe", *RECIPE, *arguments])

    def pod(self) -> Any:
        """The newest pod of the download that has not ended, once there is one with a node."""
        found: list[Any] = []

        def there() -> bool:
            listed = self.cluster.items(f"{CORE}/pods?labelSelector={DOWNLOAD}")
            found[:] = [
                each
                for each in listed
                if each["status"]["phase"] in ("Pending", "Running") and each["spec"].get("nodeName")
            ]
            return bool(found)

        wait_until(there, "the download has a pod on a node")
        return found[0]

    def say(self, pod: Any, phase: str, state: Any) -> None:
        """Say of a pod's only container what a kubelet would."""
        (container,) = pod["spec"]["containers"]
        told = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
        status = {
            "phase": phase,
            "containerStatuses": [{**told, "ready": phase == "Running", "state": state}],
        }
        path = f"{CORE}/pods/{pod['metadata']['name']}/status"
        answer = self.cluster.request("PATCH", path, {"status": status}, content=MERGE)
        assert answer[0] == 200, answer

    def install(self, *arguments: str) -> None:
        """Install the recipe's graph with Helm alone, which waits for nothing."""
        helm(self, "upgrade", "--install", *arguments)


def helm(site: Site, *verb: str) -> None:
    """Run Helm on the graph's release, from the values that recipegen renders."""
    arguments = verb[2:] if verb[0] == "upgrade" else verb[1:]
    verbs = verb[:2] if verb[0] == "upgrade" else verb[:1]
    values = site.machine.output(
        ["recipegen", "render", *RECIPE, "--without", "observability", *arguments, "--target", "values"]
    )
    command = [*verbs, recipes.GRAPH, "charts/stack", "-n", NAMESPACE, "--create-namespace", "-f", "-"]
    site.machine.output(["helm", *command], stdin=values)


@pytest.fixture(scope="module")
def site(
    lab: Path,
    new_machine: Callable[[Cluster | None], Machine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A cluster with nodes, the stand-in operator, and pods of Jobs that wait for the test."""
    folder = tmp_path_factory.mktemp("stages")
    (port,) = free_ports(1)
    log = folder / "download.log"
    log.write_text("")
    (folder / "stages.yaml").write_text(stages(log, port))
    with ExitStack() as stack:
        place = tmp_path_factory.mktemp("cluster")
        cluster = stack.enter_context(start_cluster(lab, place, nodes=True, stages=folder / "stages.yaml"))
        stack.enter_context(loops.repeated(lambda: volumes.step(cluster)))
        cluster.create_kinds(repository.CRDS)
        operator = stack.enter_context(ExitStack())
        operator.enter_context(Operator(cluster).running())
        yield Site(cluster, new_machine(cluster), log, port, operator.close)


@pytest.fixture
def serving(site: Site) -> Site:
    """The same with a graph that is ready, whatever its weights are at."""
    site.install()
    wait_until(lambda: graph_word(site) == "READY", "the graph is ready")
    return site


def stages(log: Path, port: int) -> str:
    """The lab's stages without the one that ends Jobs, and what a kubelet serves."""
    found = [*yaml.safe_load_all((HERE / "stages.yaml").read_text())]
    runs = next(each for each in found if each["metadata"]["name"] == "runs")
    own = {"key": ".metadata.ownerReferences.[].kind", "operator": "NotIn", "values": ["Job"]}
    runs["spec"]["selector"]["matchExpressions"].append(own)
    version = {"apiVersion": "kwok.x-k8s.io/v1alpha1"}
    logs = {"logs": [{"containers": ["download"], "logsFile": str(log)}]}
    forwards = {"forwards": [{"ports": [8000], "target": {"port": port, "address": "127.0.0.1"}}]}
    found = [each for each in found if each["metadata"]["name"] != "done"]
    found.append({**version, "kind": "ClusterLogs", "metadata": {"name": "logs"}, "spec": logs})
    found.append({**version, "kind": "ClusterPortForward", "metadata": {"name": "ports"}, "spec": forwards})
    return yaml.safe_dump_all(found)


def graph_word(site: Site) -> str:
    return str(site.status()["state"]["word"])


def test_l01_m05_before_it_is_applied_a_graph_is_pending_and_its_weights_requested(site: Site) -> None:
    found = site.status()

    assert found["state"]["word"] == "PENDING"
    assert "no graph qwen-0-6b" in found["state"]["reason"]
    assert [each["state"]["word"] for each in found["loads"]] == ["REQUESTED"]


def test_m05_m06_m08_a_download_is_requested_loading_and_succeeded(site: Site) -> None:
    site.install()
    pod = site.pod()
    requested = site.load()
    site.say(pod, "Running", {"running": {"startedAt": "2026-11-21T10:00:00Z"}})
    site.log.write_text("2026-11-21T10:00:00.000000000Z stdout F downloaded files: 3, uploaded files: 0\n")
    loading = site.load()
    site.say(pod, "Succeeded", {"terminated": {"exitCode": 0, "reason": "Completed"}})
    wait_until(lambda: site.load()[0] == "SUCCEEDED", "the download succeeded")
    wait_until(lambda: graph_word(site) == "READY", "the graph is ready")
    found = site.status("--wait", "30")

    assert requested == ("REQUESTED", "its pod starts")
    assert loading == ("LOADING", "downloaded files: 3, uploaded files: 0")
    assert found["ready"]
    assert {each["name"]: each["ready"] for each in found["components"]} == {"frontend": 1, "worker": 2}


def test_the_page_shows_what_the_cluster_says(site: Site, golden: Golden) -> None:
    site.log.write_text("2026-11-21T10:00:00.000000000Z stdout F the folder is complete\n")
    text = PAGE.read_text()
    found = SHOWN.search(text)
    assert found
    arguments = [*found[1].split(), "--set", f"dynamoNamespace={NAMESPACE}"]
    said = site.machine.output(["recipegen", "status", *arguments])
    shown = said.replace(f"namespace {NAMESPACE}", "namespace qwen")

    golden.file(PAGE, SHOWN.sub(lambda found: f"$ recipegen status {found[1]}\n{shown}", text))


def test_m06_the_api_server_has_no_second_job_of_one_content(site: Site) -> None:
    (job,) = site.cluster.items(f"{JOBS}?labelSelector={DOWNLOAD}")
    template = job["spec"]["template"]
    for key in ("batch.kubernetes.io/controller-uid", "controller-uid"):
        template["metadata"]["labels"].pop(key, None)
    again = {"metadata": {"name": job["metadata"]["name"]}, "spec": {"template": template}}
    status, answer = site.cluster.request("POST", JOBS, again)
    site.install("--set", "model.worker.replicas=3")
    (same,) = site.cluster.items(f"{JOBS}?labelSelector={DOWNLOAD}")

    assert (status, answer["reason"]) == (409, "AlreadyExists")
    assert same["metadata"]["uid"] == job["metadata"]["uid"], "installed again, it is the same Job"


def test_m08_a_download_that_fails_says_why_and_is_tried_again(site: Site) -> None:
    other = "model.revision=abcdefabcdefabcdefabcdefabcdefabcdefabcd"
    site.install("--set", other)
    pod = site.pod()
    site.say(pod, "Running", {"running": {"startedAt": "2026-11-21T10:00:00Z"}})
    site.log.write_text("2026-11-21T10:00:00.000000000Z stderr F RevisionNotFoundError: no such revision\n")
    site.say(pod, "Failed", {"terminated": {"exitCode": 1, "reason": "Error"}})
    told: list[tuple[str, str]] = []

    def again() -> bool:
        told.append(site.load("--set", other))
        return "try 2 of 5" in told[-1][1]

    wait_until(again, "it is tried again")
    word, reason = told[-1]
    (job,) = site.cluster.items(f"{JOBS}?labelSelector={DOWNLOAD}")
    # What the Job's controller does when the last try has failed, minutes from now.
    limit = {"spec": {"backoffLimit": 0}}
    status, answer = site.cluster.request("PATCH", f"{JOBS}/{job['metadata']['name']}", limit, content=MERGE)
    assert status == 200, answer
    wait_until(lambda: site.load("--set", other)[0] == "FAILED", "the download failed")
    failed = site.load("--set", other)
    waited = site.machine.run(["recipegen", "status", *RECIPE, "--set", other, "--wait", "60"])

    assert word == "LOADING"
    assert "exit code 1; it said: RevisionNotFoundError: no such revision" in reason
    said = "download ended with exit code 1; it said: RevisionNotFoundError: no such revision"
    assert failed == ("FAILED", f"BackoffLimitExceeded: {said}")
    assert waited.returncode == 3
    assert "FAILED" in waited.stdout


def test_looking_changes_nothing(site: Site) -> None:
    before = recipes.live(site.cluster, NAMESPACE)
    site.status()

    assert recipes.live(site.cluster, NAMESPACE) == before


def test_t20_a_frontend_is_asked_through_a_port_forward(serving: Site) -> None:
    site = serving
    with endpoint.serve(port=site.port) as served:
        answer = site.probe()
    stream = endpoint.events(*endpoint.STREAM)
    with endpoint.serve(chat=stream, port=site.port):
        streamed = site.probe("--stream")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert re.search(rf"at pod {NAMESPACE}/{recipes.GRAPH}-frontend-\S+:8000\n", answer.stdout)
    assert "ok  text    text: Good day!" in answer.stdout
    assert [what for what, _, _ in served.asked] == ["GET /v1/models", "POST /v1/chat/completions"]
    assert streamed.returncode == 0, streamed.stderr
    assert "5 events, then [DONE]" in streamed.stdout


def test_t20_a_forwarded_port_where_nothing_listens_is_named(serving: Site) -> None:
    answer = serving.probe()

    assert (answer.returncode, answer.stdout) == (5, "")
    assert "/v1/models" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "the node said: " in answer.stderr
    assert "connection refused" in answer.stderr


def test_t20_without_the_right_to_forward_it_says_so(serving: Site) -> None:
    site = serving
    kubeconfig = site.cluster.user("watcher")
    group = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]}]
    site.cluster.create(f"{group}/clusterroles", {"metadata": {"name": "watch"}, "rules": rules})
    binding = {
        "metadata": {"name": "watch"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "watch"},
        "subjects": [{"kind": "User", "name": "watcher", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    site.cluster.create(f"{group}/clusterrolebindings", binding)
    machine = Machine({**site.machine.environment, "KUBECONFIG": str(kubeconfig)})
    forward = machine.run(["recipegen", "probe", *RECIPE])
    with endpoint.serve(port=site.port):
        allowed = []
        for verbs in (["get"], ["create"], ["get", "create"]):
            more = [{"apiGroups": [""], "resources": ["pods/portforward"], "verbs": verbs}]
            changed = {"rules": [*rules, *more]}
            place = f"{group}/clusterroles/watch"
            assert site.cluster.request("PATCH", place, changed, content=MERGE)[0] == 200
            # The API server learns of new rights a moment later.
            time.sleep(2)
            allowed.append(machine.run(["recipegen", "probe", *RECIPE]).returncode)
    status = machine.run(["recipegen", "status", *RECIPE])

    assert (forward.returncode, forward.stdout) == (5, "")
    assert "no port-forward to pod" in forward.stderr
    assert "403 Forbidden" in forward.stderr
    assert allowed == [5, 5, 0], "a websocket is a GET, and its upgrade a create"
    assert 'User "watcher" cannot get resource "pods/portforward"' in forward.stderr
    assert "to get and to create pods/portforward" in forward.stderr
    assert (status.returncode, status.stdout) == (5, "")
    assert "neither graph nor Jobs" in status.stderr


def test_t20_a_graph_that_is_not_there_has_no_frontend(site: Site) -> None:
    answer = site.machine.run(["recipegen", "probe", "qwen-0.6b", "--set", "dynamoNamespace=empty"])

    assert (answer.returncode, answer.stdout) == (5, "")
    assert "namespace empty has no Service qwen-0-6b-frontend" in answer.stderr
    assert "recipegen doctor qwen-0.6b --set dynamoNamespace=empty" in answer.stderr


def test_an_unreachable_cluster_ends_with_5(site: Site, tmp_path: Path) -> None:
    config = json.loads(site.cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_ports(1)[0]}"
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    machine = Machine({**site.machine.environment, "KUBECONFIG": str(tmp_path / "kubeconfig")})
    for verb in ("status", "probe"):
        answer = machine.run(["recipegen", verb, *RECIPE])

        assert (answer.returncode, answer.stdout) == (5, "")
        assert "does not answer" in answer.stderr


# The last, for it takes the graph away.
def test_l01_a_graph_that_goes_is_deleting_until_its_operator_lets_it_go(site: Site) -> None:
    site.stop_operator()
    path = f"{recipes.graphs(site.cluster, NAMESPACE)}/{recipes.GRAPH}"
    assert site.cluster.request("DELETE", path)[0] == 200
    going = site.status()["state"]
    site.cluster.request("PATCH", path, {"metadata": {"finalizers": []}}, content=MERGE)

    assert going["word"] == "DELETING"
    assert f"held by {FINALIZER}" in going["reason"]
    assert graph_word(site) == "PENDING"
