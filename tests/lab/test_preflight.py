"""Preflight against a real API server with nodes: its verdicts, and whether Kubernetes agrees with them."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, Golden
from lab import cluster as control_plane
from lab import repository
from lab.cluster import Cluster, free_ports, wait_until
from lab.tools import Machine
from recipegen import helm, pipeline
from test_docs import CLUSTER, CONSOLE

RECIPE = "tests/doctor/llama.yaml"
PLAIN = ("--without", "benchmark")
SECRET = {"metadata": {"name": "hf-token"}, "stringData": {"HF_TOKEN": "canary-of-a-secret"}}
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
CLASS = {"metadata": {"name": "shared-nvme"}, "provisioner": "nfs.csi.k8s.io"}


@dataclass(frozen=True)
class Place:
    """A cluster with nodes, and a namespace of its own for each test."""

    cluster: Cluster
    machine: Machine
    namespace: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the verb on the recipe of the cases."""
        where = ("--set", f"dynamoNamespace={self.namespace}", *PLAIN)
        return self.machine.run(["recipegen", "preflight", RECIPE, *where, *arguments])

    def told(self, *arguments: str) -> Any:
        """What it tells programs."""
        answer = self.run("--format", "json", *arguments)
        assert answer.returncode in (0, 3), answer.stderr
        return json.loads(answer.stdout)

    def core(self, plural: str) -> str:
        """The collection of a kind of the namespace."""
        return f"/api/v1/namespaces/{self.namespace}/{plural}"

    def as_user(self, kubeconfig: Path) -> "Place":
        """The same as somebody else."""
        return replace(self, machine=Machine({**self.machine.environment, "KUBECONFIG": str(kubeconfig)}))


@pytest.fixture(scope="module")
def nodes(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Eight H100 behind a taint, 80 L40S, and a node without any; no Dynamo."""
    with control_plane.start(lab, tmp_path_factory.mktemp("cluster"), nodes=True) as cluster:
        cluster.create(CLASSES, CLASS)
        yield cluster


@pytest.fixture
def place(
    nodes: Cluster, new_machine: Callable[[Cluster | None], Machine], request: pytest.FixtureRequest
) -> Iterator[Place]:
    namespace = f"n{abs(hash(request.node.name)) % 10**8}"
    nodes.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    found = Place(nodes, new_machine(nodes), namespace)
    nodes.create(found.core("secrets"), SECRET)
    yield found
    for pod in nodes.items(found.core("pods")):
        nodes.request("DELETE", f"{found.core('pods')}/{pod['metadata']['name']}?gracePeriodSeconds=0")


def workers(place: Place, number: int, **spec: Any) -> None:
    """Make pods of the rendered worker, as the operator would."""
    patch = {"dynamoNamespace": place.namespace, "benchmark": {"enabled": False}}
    releases = pipeline.bundle(RECIPE, None, [patch]).releases
    graph = next(
        item
        for release in releases
        if release.installed and not release.version
        for item in helm.objects(release)
        if item["kind"] == "DynamoGraphDeployment"
    )
    template = next(c["podTemplate"] for c in graph["spec"]["components"] if c["name"] == "worker")
    # Nothing fills the volume or waits for it here.
    plain = {
        key: value for key, value in template["spec"].items() if key not in ("volumes", "initContainers")
    }
    containers = [{**each, "volumeMounts": [], "envFrom": []} for each in plain["containers"]]
    for index in range(number):
        pod = {"metadata": {"name": f"worker-{index}"}, "spec": {**plain, "containers": containers, **spec}}
        place.cluster.create(place.core("pods"), pod)


def busy(place: Place, gpus: int, node: str = "h100-0") -> None:
    """Let a pod of somebody else hold GPUs of a node."""
    container = {"name": "main", "image": "x:1", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    pod = {"metadata": {"name": "busy"}, "spec": {"nodeName": node, "containers": [container]}}
    place.cluster.create(place.core("pods"), pod)


def reasons(told: Any) -> str:
    return " | ".join(each["words"] for each in told["because"])


def everything(cluster: Cluster) -> dict[str, Any]:
    kinds = [*cluster.kinds("default"), *cluster.kinds("kube-system")]
    wide = [
        ("namespaces", "/api/v1/namespaces"),
        ("pods", "/api/v1/pods"),
        ("claims", "/api/v1/persistentvolumeclaims"),
    ]
    # The control plane's own leases are renewed all the time.
    return {
        f"{kind} {path} {item['metadata']['name']}": item["metadata"]["resourceVersion"]
        for kind, path in [*kinds, *wide]
        for item in cluster.items(path)
        if kind not in ("Lease", "Event")
    }


def test_t14_a_cluster_with_room_fits_before_anything_is_installed(place: Place) -> None:
    before = everything(place.cluster)
    answer = place.run()

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith("llama, variant default: fits (lab, Kubernetes v1.")
    assert "worker: 2 of 2 on h100-0" in answer.stdout
    assert "brought: DynamoGraphDeployment nvidia.com/v1beta1 by dynamo-platform" in answer.stdout
    assert "canary" not in answer.stdout
    assert everything(place.cluster) == before, "looking changes nothing"


def test_t14_the_scheduler_places_as_many_replicas_as_there_is_room_for(place: Place) -> None:
    busy(place, 5)
    told = place.told()
    workers(place, 2)

    def scheduled() -> dict[str, str]:
        pods = [pod for pod in place.cluster.items(place.core("pods")) if pod["metadata"]["name"] != "busy"]
        conditions = {
            pod["metadata"]["name"]: next(
                (c["status"] for c in pod["status"].get("conditions", []) if c["type"] == "PodScheduled"), ""
            )
            for pod in pods
        }
        return {name: status for name, status in conditions.items() if status}

    wait_until(lambda: len(scheduled()) == 2, "the scheduler has looked at both")
    assert [(each["path"], each["value"]) for each in told["changes"]] == [("model.worker.replicas", 1)]
    assert sorted(scheduled().values()) == ["False", "True"]


def test_t14_the_change_that_is_proposed_makes_it_fit(place: Place) -> None:
    busy(place, 5)
    refused = place.run()
    changed = place.run("--set", "model.worker.replicas=1")

    assert refused.returncode == 3
    assert "change  model.worker.replicas: 1\n" in refused.stdout
    assert f"now 2 ({RECIPE}:12:15)" in refused.stdout
    assert changed.returncode == 0, changed.stdout


def test_t14_a_full_cluster_names_the_gpus_that_have_room(place: Place) -> None:
    busy(place, 8)
    told = place.told()

    assert (told["verdict"], told["because"]) == ("fits with", [])
    assert [(each["path"], each["value"]) for each in told["changes"]] == [("hardware.gpu", "l40s-48gb")]
    words = [each["words"] for each in told["checks"] if each["state"] == "change"]
    assert "1 node: too little nvidia.com/gpu free" in words[0]
    full = next(each for each in told["gpus"] if each["product"] == "NVIDIA-H100-80GB-HBM3")
    assert (full["used"], full["free"]) == (8, 0)


def test_t14_a_cluster_without_nodes_cannot_take_it(
    new_cluster: Callable[[], Cluster], new_machine: Callable[[Cluster | None], Machine]
) -> None:
    empty = new_cluster()
    told = Place(empty, new_machine(empty), "elsewhere").told()

    assert told["verdict"] == "cannot"
    assert "there is no node" in reasons(told)
    assert "there is no storage class at all" in reasons(told)
    assert "there is no Secret hf-token" in reasons(told)


def test_t18_a_quota_without_gpus_is_told_before_the_api_server_refuses(place: Place) -> None:
    hard = {"hard": {"requests.nvidia.com/gpu": "0"}}
    place.cluster.create(place.core("resourcequotas"), {"metadata": {"name": "none"}, "spec": hard})
    wait_until(
        lambda: (
            place.cluster.items(place.core("resourcequotas"))[0].get("status", {}).get("hard") is not None
        ),
        "the quota is counted",
    )
    told = place.told()

    assert told["verdict"] == "cannot"
    assert (
        f"quota none of namespace {place.namespace}: requests.nvidia.com/gpu: 4 asked, 0 left of 0"
        in reasons(told)
    )
    with pytest.raises(RuntimeError, match="exceeded quota: none"):
        workers(place, 1)


def test_t18_a_restricted_namespace_is_told_before_the_api_server_refuses(place: Place) -> None:
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    path = f"/api/v1/namespaces/{place.namespace}"
    assert place.cluster.request("PATCH", path, labels, content="application/merge-patch+json")[0] == 200
    told = place.told()

    assert "enforces restricted, and worker is below" in reasons(told)
    with pytest.raises(RuntimeError, match="violates PodSecurity"):
        workers(place, 1)


def test_t18_a_limit_range_is_told_before_the_api_server_refuses(place: Place) -> None:
    limits = {"limits": [{"type": "Container", "max": {"memory": "32Gi"}}]}
    place.cluster.create(place.core("limitranges"), {"metadata": {"name": "small"}, "spec": limits})

    assert "container main asks for 64Gi of memory, at most 32Gi is allowed" in reasons(place.told())
    with pytest.raises(RuntimeError, match="maximum memory usage per Container is 32Gi"):
        workers(place, 1)


def test_t18_a_missing_secret_and_a_missing_storage_class_are_told(place: Place) -> None:
    place.cluster.request("DELETE", f"{place.core('secrets')}/hf-token")
    told = place.told("--set", "model.cache.storageClass=elsewhere")

    assert reasons(told) == (
        f"there is no Secret hf-token in namespace {place.namespace}, "
        "which DynamoGraphDeployment llama, frontend and 2 more name"
    )
    assert {each["path"]: each["value"] for each in told["changes"]} == {
        "model.cache.storageClass": "shared-nvme"
    }


RULES = [
    {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["*"]},
    {"apiGroups": ["nvidia.com"], "resources": ["dynamographdeployments"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["*"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["*"]},
]
LOOKING = [
    {
        "apiGroups": [""],
        "resources": ["nodes", "pods", "namespaces", "resourcequotas", "limitranges"],
        "verbs": ["get", "list"],
    },
    {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list"]},
]


def grant(place: Place, user: str, rules: list[Any], *, wide: bool = False) -> None:
    """Bind a new Role to a user, in the namespace or in the whole cluster."""
    root = "/apis/rbac.authorization.k8s.io/v1"
    kind, where = ("ClusterRole", "") if wide else ("Role", f"/namespaces/{place.namespace}")
    called = {"metadata": {"name": user}}
    place.cluster.create(f"{root}{where}/{kind.lower()}s", {**called, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    body = {**called, "roleRef": reference, "subjects": [subject]}
    place.cluster.create(f"{root}{where}/{kind.lower()}bindings", body)


@pytest.mark.parametrize("lacking", range(len(RULES)), ids=lambda index: RULES[index]["resources"][0])
def test_t18_a_deployer_without_rights_on_one_kind_is_told_which(
    cluster: Cluster, machine: Machine, lacking: int
) -> None:
    # A cluster that has Dynamo's kinds, so that nothing else has to be brought.
    place = Place(cluster, machine, f"rights-{lacking}")
    cluster.create("/api/v1/namespaces", {"metadata": {"name": place.namespace}})
    user = f"deployer-{lacking}"
    kubeconfig = place.cluster.user(user)
    grant(place, user, [rule for index, rule in enumerate(RULES) if index != lacking])
    grant(place, user, LOOKING, wide=True)
    told = place.as_user(kubeconfig).told("--without", "platform")

    rights = [each["words"] for each in told["because"] if each["check"] == "rights"]
    (group,) = RULES[lacking]["apiGroups"]
    wanted = [f"{resource}.{group}".rstrip(".") for resource in RULES[lacking]["resources"]]
    assert told["verdict"] == "cannot"
    assert sorted(words.split(" in namespace")[0].rpartition(" ")[2] for words in rights) == sorted(wanted)
    assert all(words.endswith(f"in namespace {place.namespace}") for words in rights)


def test_t06_who_asks_is_told_and_who_may_nothing_gets_no_false_hope(place: Place) -> None:
    answer = place.as_user(place.cluster.user("nobody")).run()

    assert answer.returncode == 3, answer.stderr
    assert "login" in answer.stdout
    assert "nobody, by context lab" in answer.stdout
    assert (
        f"may not get, list, create, update, delete secrets in namespace {place.namespace}" in answer.stdout
    )
    assert "may not create namespaces" not in answer.stdout, "whether they are there cannot be told"
    assert "could not look at nodes: not allowed to look" in answer.stdout


def test_t06_a_cluster_out_of_reach_or_a_login_out_of_date_ends_with_5(place: Place, tmp_path: Path) -> None:
    config = yaml.safe_load(place.cluster.kubeconfig.read_text())

    def written(name: str) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(config))
        return path

    config["users"][0]["user"] = {"token": "expired"}
    unknown = place.as_user(written("token")).run()
    (port,) = free_ports(1)
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    away = place.as_user(written("away")).run()
    context = place.run("--context", "nowhere")

    assert (unknown.returncode, unknown.stdout) == (5, "")
    assert "401 Unauthorized" in unknown.stderr
    assert "hint: log in again" in unknown.stderr
    assert (away.returncode, away.stdout) == (5, "")
    assert "does not answer" in away.stderr
    assert "hint: see that `kubectl get nodes` works with the same context" in away.stderr
    assert (context.returncode, context.stdout) == (4, "")


def test_t18_the_page_shows_what_a_cluster_of_the_lab_answers(
    nodes: Cluster, new_machine: Callable[[Cluster | None], Machine], golden: Golden, tmp_path: Path
) -> None:
    """Each command of the page that needs a cluster is run, and its output stands below it."""
    page = ROOT / "docs/preflight.md"
    config = yaml.safe_load(nodes.kubeconfig.read_text())
    config["contexts"].append({"name": "lab-again", "context": config["contexts"][0]["context"]})
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    there = new_machine(nodes).environment
    machine = Machine({**there, "KUBECONFIG": str(tmp_path / "kubeconfig")})

    def answered(block: re.Match[str]) -> str:
        commands = [line for line in block[0].splitlines() if line.startswith("$ ")]
        assert all(CLUSTER.search(line[2:]) for line in commands)
        return "".join(f"{line}\n{machine.run(['bash', '-c', line[2:]]).stdout}" for line in commands)

    golden.file(page, CONSOLE.sub(answered, page.read_text(encoding="utf-8")))


def test_t14_of_several_clusters_those_with_room_are_told(place: Place, tmp_path: Path) -> None:
    config = yaml.safe_load(place.cluster.kubeconfig.read_text())
    config["clusters"].append({"name": "away", "cluster": {"server": "https://127.0.0.1:1"}})
    config["contexts"].append({"name": "away", "context": {"cluster": "away", "user": "admin"}})
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    others = place.as_user(tmp_path / "kubeconfig")
    both = others.run("--context", "lab", "--context", "away")
    busy(place, 8)
    full = others.run("--context", "lab", "--context", "away")

    assert both.returncode == 0, both.stderr
    assert "lab      fits             8 of 8 NVIDIA-H100-80GB-HBM3, 80 of 80 NVIDIA-L40S\n" in both.stdout
    assert "away     does not answer\n" in both.stdout
    assert "does not answer" in both.stderr
    assert full.returncode == 3
    assert "0 of 8 NVIDIA-H100-80GB-HBM3" in full.stdout
    assert others.run("--context", "away").returncode == 5


def test_t18_kinds_that_the_cluster_has_are_served(place: Place) -> None:
    missing = place.told("--without", "platform")
    place.cluster.create_kinds(repository.CRDS, "nvidia.com_*.yaml")
    there = place.told("--without", "platform")

    assert {each["path"]: each["value"] for each in missing["changes"]} == {"platform.install": True}
    assert there["verdict"] == "fits"
