"""Doctor against a real API server: the verb, and the Job's script with the rights of its rendered Role."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from conftest import ROOT
from lab import repository
from lab.cluster import Cluster
from lab.tools import Machine

RECIPE = "tests/doctor/llama.yaml"
NAMESPACE, GRAPH, NAME = "chat", "llama", "llama-troubleshooting"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
GRAPHS = f"/apis/nvidia.com/v1beta1/namespaces/{NAMESPACE}/dynamographdeployments"
CANARY = "canary-of-a-secret"
SCHEDULING = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


@dataclass(frozen=True)
class Site:
    """A cluster with the recipe on it, and a pod's view of the Job's ServiceAccount."""

    cluster: Cluster
    machine: Machine
    scripts: Path
    job: Any
    account: Path

    def doctor(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the verb."""
        return self.machine.run(["recipegen", "doctor", RECIPE, *arguments])

    def script(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the Job's command as a process here, with the pod's files, variables and token."""
        (container,) = self.job["spec"]["template"]["spec"]["containers"]
        server = urlsplit(self.cluster.server)
        return subprocess.run(
            [sys.executable, "-B", "-S", str(self.scripts / "run.py")],
            env={
                **{each["name"]: each["value"] for each in container["env"]},
                "PATH": os.defpath,
                "ACCOUNT": str(self.account),
                "KUBERNETES_SERVICE_HOST": str(server.hostname),
                "KUBERNETES_SERVICE_PORT_HTTPS": str(server.port),
                "WAIT_SECONDS": "0",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def create(cluster: Cluster, path: str, item: dict[str, Any]) -> None:
    """Create an object with its status, which takes two requests."""
    status, answer = cluster.request("POST", path, item)
    assert status == 201, answer
    if "status" in item:
        own = f"{path}/{item['metadata']['name']}/status"
        status, answer = cluster.request("PUT", own, {**answer, "status": item["status"]})
        assert status == 200, answer


@pytest.fixture(scope="module")
def site(
    new_cluster: Callable[[], Cluster],
    new_machine: Callable[[Cluster | None], Machine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    """The recipe as Helm installs it, with pods that no node takes and a Secret that lacks the right key."""
    cluster = new_cluster()
    cluster.create_kinds(repository.CRDS)
    machine = new_machine(cluster)
    values = tmp_path_factory.mktemp("values") / "values.yaml"
    switches = ("--with", "troubleshooting", "--without", "benchmark", "--target", "values")
    values.write_text(machine.output(["recipegen", "render", RECIPE, *switches]))
    where = [GRAPH, "--namespace", NAMESPACE]
    machine.output(["helm", "install", *where, "charts/stack", "--create-namespace", "-f", str(values)])
    manifest = list(yaml.safe_load_all(machine.output(["helm", "get", "manifest", *where])))
    job = next(o for o in manifest if o["kind"] == "Job" and o["metadata"]["name"].startswith(NAME))
    _populate(cluster)
    scripts = tmp_path_factory.mktemp("scripts")
    texts = next(o["data"] for o in manifest if o["kind"] == "ConfigMap" and o["metadata"]["name"] == NAME)
    (volume,) = job["spec"]["template"]["spec"]["volumes"]
    for item in volume["configMap"]["items"]:
        path = scripts / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[item["key"]])
    return Site(cluster, machine, scripts, job, _account(cluster, tmp_path_factory.mktemp("account")))


def _populate(cluster: Cluster) -> None:
    secret = {"metadata": {"name": "hf-token"}, "stringData": {"token": CANARY}}
    create(cluster, f"{CORE}/secrets", secret)
    graph = cluster.request("GET", f"{GRAPHS}/{GRAPH}")[1]
    conditions = [{"type": "Ready", "status": "False", "reason": "pods_not_ready", "message": "worker"}]
    graph["status"] = {
        "state": "pending",
        "conditions": [{**each, "lastTransitionTime": "2026-11-20T10:00:00Z"} for each in conditions],
    }
    assert cluster.request("PUT", f"{GRAPHS}/{GRAPH}/status", graph)[0] == 200
    labels = {"app.kubernetes.io/instance": GRAPH, "nvidia.com/dynamo-graph-deployment-name": GRAPH}
    worker = {
        "metadata": {"name": "llama-worker-0", "labels": {**labels, "app.kubernetes.io/component": "worker"}},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.6.1",
                    "env": [{"name": "PASSWORD", "value": CANARY}],
                    "resources": {"limits": {"nvidia.com/gpu": "2"}},
                }
            ]
        },
        "status": {
            "phase": "Pending",
            "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": SCHEDULING}
            ],
        },
    }
    create(cluster, f"{CORE}/pods", worker)
    node = {
        "metadata": {"name": "gpu-0", "labels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}},
        "status": {"allocatable": {"nvidia.com/gpu": "1"}, "capacity": {"nvidia.com/gpu": "1"}},
    }
    create(cluster, "/api/v1/nodes", node)
    event = {
        "metadata": {"name": "claim.1"},
        "involvedObject": {
            "kind": "PersistentVolumeClaim",
            "name": "llama-model-cache",
            "namespace": NAMESPACE,
        },
        "type": "Warning",
        "reason": "ProvisioningFailed",
        "message": 'storageclass.storage.k8s.io "shared-nvme" not found',
    }
    create(cluster, f"{CORE}/events", event)
    foreign = {**event, "metadata": {"name": "other.1"}, "message": CANARY}
    foreign["involvedObject"] = {"kind": "Pod", "name": "other", "namespace": NAMESPACE}
    create(cluster, f"{CORE}/events", foreign)


def _account(cluster: Cluster, folder: Path) -> Path:
    """What Kubernetes gives a pod of the Job's ServiceAccount."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    _, token = cluster.request("POST", f"{CORE}/serviceaccounts/{NAME}/token", body)
    config = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    (folder / "token").write_text(token["status"]["token"])
    (folder / "ca.crt").write_bytes(base64.b64decode(config["certificate-authority-data"]))
    return folder


def codes(answer: subprocess.CompletedProcess[str]) -> list[str]:
    return [finding["code"] for finding in json.loads(answer.stdout)["findings"]]


def test_the_verb_finds_what_is_wrong_and_the_lines_to_change(site: Site) -> None:
    answer = site.doctor()

    assert answer.returncode == 3, answer.stderr
    assert answer.stderr == ""
    assert f"not placed: {SCHEDULING}" in answer.stdout
    assert f"model.worker.engine.tensorParallel = 2 ({RECIPE}:13:30)" in answer.stdout
    assert f"model.cache.storageClass = 'shared-nvme' ({RECIPE}:15:52)" in answer.stdout
    assert f"model.huggingFaceTokenSecret = 'hf-token' ({RECIPE}:16:27)" in answer.stdout
    assert "could not look" not in answer.stdout


def test_programs_get_the_same(site: Site) -> None:
    assert codes(site.doctor("--format", "json")) == ["no-such-storage-class", "secret-key", "gpus-too-many"]


def test_a_saved_bundle_holds_no_secret_and_is_judged_the_same(site: Site, tmp_path: Path) -> None:
    path = str(tmp_path / "bundle.json")
    live, saved = site.doctor("--save", path), site.doctor("--bundle", path)
    text = Path(path).read_text()

    assert live.stdout == saved.stdout
    assert json.loads(text)["objects"]["secrets"] == [{"name": "hf-token", "exists": True, "keys": ["token"]}]
    assert CANARY not in text
    assert base64.b64encode(CANARY.encode()).decode() not in text


def test_looking_changes_nothing(site: Site) -> None:
    def everything() -> dict[str, Any]:
        kinds = site.cluster.kinds(NAMESPACE)
        return {f"{k} {o['metadata']['name']}": o for k, path in kinds for o in site.cluster.items(path)}

    before = everything()
    site.doctor()
    site.script()

    assert everything() == before


def test_the_script_finds_the_same_with_the_rights_of_its_role(site: Site) -> None:
    answer = site.script()

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "graph llama in namespace chat: not ready; 3 errors" in answer.stdout
    assert "no-such-storage-class: PersistentVolumeClaim llama-model-cache" in answer.stdout
    assert "secret-key: Secret hf-token" in answer.stdout
    assert "gpus-taken: Pod llama-worker-0" in answer.stdout
    assert "model.worker.replicas" in answer.stdout
    assert "could not look" not in answer.stdout
    assert CANARY not in answer.stdout + answer.stderr


def test_the_script_needs_a_cluster_role_for_nodes_and_says_so(site: Site) -> None:
    without = site.script(CLUSTER_READ="true")
    chart, values = "charts/stack/charts/troubleshooting", "enabled=true,clusterRead=true,global.graph=llama"
    command = ["helm", "template", GRAPH, chart, "--namespace", NAMESPACE, "--set", values]
    for item in yaml.safe_load_all(site.machine.output(command)):
        if item["kind"].startswith("ClusterRole"):
            create(site.cluster, str(site.cluster.collection(item["apiVersion"], item["kind"], "")), item)
    allowed = site.script(CLUSTER_READ="true")

    assert "could not look at nodes: not allowed to look" in without.stdout
    assert "could not look at storage classes: not allowed to look" in without.stdout
    assert "could not look" not in allowed.stdout
    assert "gpus-too-many: Pod llama-worker-0" in allowed.stdout


def test_the_role_allows_what_is_collected_and_nothing_more(site: Site) -> None:
    listed = {("", "pods"), ("", "events"), ("", "persistentvolumeclaims"), ("batch", "jobs")}
    listed.add(("discovery.k8s.io", "endpointslices"))
    asked = [*listed, ("", "secrets"), ("", "configmaps"), ("", "services"), ("apps", "deployments")]

    def may(verb: str, group: str, resource: str, name: str = "", namespace: str = NAMESPACE) -> bool:
        attributes = {
            "namespace": namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "name": name,
        }
        spec = {"user": f"system:serviceaccount:{NAMESPACE}:{NAME}", "resourceAttributes": attributes}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(site.cluster.request("POST", path, review)[1]["status"]["allowed"])

    assert {each for each in asked if may("list", *each)} == listed
    assert may("get", "", "secrets", "hf-token")
    assert not may("get", "", "secrets", "another")
    assert not may("watch", "", "secrets", "hf-token")
    assert not may("list", "", "pods", namespace="default")
    changing = ("create", "update", "patch", "delete", "deletecollection", "escalate", "bind")
    assert [
        (v, *r) for v in changing for r in [*asked, ("nvidia.com", "dynamographdeployments")] if may(v, *r)
    ] == []


def test_with_fewer_rights_the_script_says_what_it_could_not_see(site: Site) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles/{NAME}"
    _, role = site.cluster.request("GET", path)
    fewer = [
        rule
        for rule in role["rules"]
        if "pods" not in rule["resources"] and "secrets" not in rule["resources"]
    ]
    site.cluster.request("PUT", path, {**role, "rules": fewer})
    try:
        answer = site.script()
    finally:
        _, now = site.cluster.request("GET", path)
        site.cluster.request("PUT", path, {**now, "rules": role["rules"]})

    assert answer.returncode == 0
    assert "could not look at pods: not allowed to look" in answer.stdout
    assert "could not look at Secrets, by name: not allowed to look" in answer.stdout
    assert "no-such-storage-class" not in answer.stdout, "events went along with pods"
    assert "secret-" not in answer.stdout


def test_who_may_look_at_nothing_is_refused(site: Site, tmp_path: Path) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    create(site.cluster, f"{CORE}/serviceaccounts", {"metadata": {"name": "nobody"}})
    _, token = site.cluster.request("POST", f"{CORE}/serviceaccounts/nobody/token", body)
    refused = _as_token(site, tmp_path, token["status"]["token"]).doctor()
    unknown = _as_token(site, tmp_path, "not-a-token").doctor()

    assert (refused.returncode, refused.stdout) == (5, "")
    assert "neither graph nor pods of namespace chat can be looked at: not allowed to look" in refused.stderr
    assert (unknown.returncode, unknown.stdout) == (5, "")
    assert "401 Unauthorized" in unknown.stderr


def _as_token(site: Site, folder: Path, token: str) -> Site:
    config = yaml.safe_load(site.cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    (folder / "kubeconfig").write_text(json.dumps(config))
    environment = {**site.machine.environment, "KUBECONFIG": str(folder / "kubeconfig")}
    return replace(site, machine=Machine(environment))


def test_a_script_whose_api_server_never_answers_fails(site: Site) -> None:
    answer = site.script(KUBERNETES_SERVICE_PORT_HTTPS="1")

    assert answer.returncode == 1
    assert "the API server does not answer" in answer.stdout


# The last, for it heals the graph.
def test_the_script_ends_when_the_graph_is_ready(site: Site) -> None:
    site.cluster.request("DELETE", f"{CORE}/pods/llama-worker-0?gracePeriodSeconds=0")
    site.cluster.request("DELETE", f"{CORE}/events/claim.1")
    secret = site.cluster.request("GET", f"{CORE}/secrets/hf-token")[1]
    secret["data"]["HF_TOKEN"] = base64.b64encode(CANARY.encode()).decode()
    assert site.cluster.request("PUT", f"{CORE}/secrets/hf-token", secret)[0] == 200
    graph = site.cluster.request("GET", f"{GRAPHS}/{GRAPH}")[1]
    graph["status"]["state"] = "successful"
    assert site.cluster.request("PUT", f"{GRAPHS}/{GRAPH}/status", graph)[0] == 200
    # The claim is Pending for good, for no storage runs here, but nothing says that it is refused.
    storage = {"metadata": {"name": "shared-nvme"}, "provisioner": "lab.invalid/none"}
    create(site.cluster, "/apis/storage.k8s.io/v1/storageclasses", storage)
    ports = {"ports": [{"port": 8000}]}
    create(site.cluster, f"{CORE}/services", {"metadata": {"name": "llama-frontend"}, "spec": ports})
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
    endpoint = {"addresses": ["10.1.2.3"], "conditions": {"ready": True}}
    labels = {"kubernetes.io/service-name": "llama-frontend"}
    create(
        site.cluster,
        slices,
        {
            "metadata": {"name": "llama-frontend-1", "labels": labels},
            "addressType": "IPv4",
            "endpoints": [endpoint],
        },
    )
    answer, verb = site.script(WAIT_SECONDS="600", POLL_SECONDS="0.1"), site.doctor()

    assert answer.returncode == 0
    assert "nothing found" in answer.stdout
    assert (verb.returncode, verb.stderr) == (0, "")
    assert "nothing found" in verb.stdout


def test_the_script_is_what_the_chart_ships(site: Site) -> None:
    shipped = ROOT / "charts/stack/charts/troubleshooting/files"
    files = {path.relative_to(shipped): path.read_text() for path in shipped.rglob("*.py")}

    assert {p.relative_to(site.scripts): p.read_text() for p in site.scripts.rglob("*.py")} == files
