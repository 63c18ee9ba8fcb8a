"""A Kubernetes control plane on loopback: etcd, API server and controllers, of two sorts.

Bare, it has the controllers that tidy up, no scheduler and no node: objects are stored, checked and
deleted as on a real cluster, but no Pod ever runs. With nodes, Kubernetes' own scheduler and
controllers make pods out of Deployments and Jobs and bind claims, and kwok says of each pod that it
runs, of a Job's that it is done; no container is ever started.
"""

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
START_SECONDS = 90
HERE = Path(__file__).parent
PLURALS = {"Node": "nodes", "StorageClass": "storageclasses"}
# Namespaces and kept claims can only finish deleting with these.
CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "persistentvolumeclaim-protection-controller",
)
# What turns objects into pods, volumes and endpoints; quotas are counted by the API server and theirs.
WORKLOAD_CONTROLLERS = (
    *("deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller"),
    *("job-controller", "cronjob-controller", "ttl-after-finished-controller"),
    *("endpointslice-controller", "serviceaccount-controller", "resourcequota-controller"),
    *("persistentvolume-binder-controller", "persistentvolume-protection-controller"),
    "horizontal-pod-autoscaler-controller",
    "disruption-controller",
)


@dataclass(frozen=True)
class Cluster:
    """A running API server and how to reach it as its administrator."""

    server: str
    kubeconfig: Path
    tls: ssl.SSLContext
    folder: Path
    """Where its keys, certificates and logs are."""

    def request(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json"
    ) -> tuple[int, Any]:
        """Send one request and give the status and the decoded answer, whatever the status."""
        request = urllib.request.Request(
            self.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": content},
        )
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    def items(self, path: str) -> list[Any]:
        """The objects in a collection; none where its kind is unknown to the server."""
        status, answer = self.request("GET", path)
        return list(answer["items"]) if status == 200 else []

    def create(self, path: str, body: Any) -> Any:
        """Create an object in a collection, which has to work."""
        status, answer = self.request("POST", path, body)
        if status != 201:
            message = f"{path} refused {body['metadata']}: {answer}"
            raise RuntimeError(message)
        return answer

    def user(self, name: str) -> Path:
        """The kubeconfig of a new user, who has no rights yet."""
        _sign(self.folder, name, f"/CN={name}", "extendedKeyUsage=clientAuth")
        return _kubeconfig(self.folder, self.server, name)

    def collection(self, api_version: str, kind: str, namespace: str) -> str | None:
        """The path of a kind's collection, or None where the server does not know the kind."""
        for resource in self._resources(api_version):
            if resource["kind"] == kind:
                scope = f"/namespaces/{namespace}" if resource["namespaced"] else ""
                return f"{_root(api_version)}{scope}/{resource['name']}"
        return None

    def kinds(self, namespace: str) -> list[tuple[str, str]]:
        """Every kind that lives in namespaces, in its preferred version, with its collection."""
        groups = self.request("GET", "/apis")[1]["groups"]
        return [
            (resource["kind"], f"{_root(version)}/namespaces/{namespace}/{resource['name']}")
            for version in ("v1", *(each["preferredVersion"]["groupVersion"] for each in groups))
            for resource in self._resources(version)
            if resource["namespaced"] and "list" in resource["verbs"]
        ]

    def create_kinds(self, folder: Path, files: str = "*.yaml") -> None:
        """Create the CRDs in a folder's files and wait until the server serves them."""
        for path in sorted(folder.glob(files)):
            self._create_kind(yaml.safe_load(path.read_text()))

    def _create_kind(self, definition: Any) -> None:
        spec = definition["spec"]
        stored = next(each["name"] for each in spec["versions"] if each["storage"])
        self.create(CRDS, definition)
        wait_until(
            lambda: self.collection(f"{spec['group']}/{stored}", spec["names"]["kind"], "") is not None,
            f"{definition['metadata']['name']} is served",
        )

    def _resources(self, api_version: str) -> list[Any]:
        status, answer = self.request("GET", _root(api_version))
        return [each for each in answer["resources"] if "/" not in each["name"]] if status == 200 else []


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


@contextmanager
def start(tools: Path, folder: Path, *, nodes: bool = False, stages: Path | None = None) -> Iterator[Cluster]:
    """Run a fresh, empty control plane in `folder` until the block ends, with nodes if asked to.

    Args:
        tools: folder of the lab's programs.
        folder: where keys, data and logs go.
        nodes: whether there are nodes, and what makes pods and runs them on paper.
        stages: what kwok does, in place of `stages.yaml`; the logs and port-forwards in it are served, by
            kwok as the kubelet of every node.

    Raises:
        RuntimeError: a server ended, or was not ready in time; the text has the end of its log.
    """
    environment = {"HOME": str(folder), "PATH": os.defpath}
    _certificates(folder)
    client, peer, secure = free_ports(3)
    server = f"https://127.0.0.1:{secure}"
    cluster = Cluster(server, _kubeconfig(folder, server, "admin"), _tls(folder), folder)
    with ExitStack() as stack:

        def run(tool: str, **flags: object) -> Callable[[], None]:
            return stack.enter_context(_process(tools / tool, flags, folder, environment))

        etcd = run(
            "etcd",
            data_dir=folder / "etcd",
            listen_client_urls=f"http://127.0.0.1:{client}",
            advertise_client_urls=f"http://127.0.0.1:{client}",
            listen_peer_urls=f"http://127.0.0.1:{peer}",
            initial_advertise_peer_urls=f"http://127.0.0.1:{peer}",
            initial_cluster=f"default=http://127.0.0.1:{peer}",
            unsafe_no_fsync="true",
        )
        api_server = run(
            "kube-apiserver",
            etcd_servers=f"http://127.0.0.1:{client}",
            bind_address="127.0.0.1",
            secure_port=secure,
            tls_cert_file=folder / "server.crt",
            tls_private_key_file=folder / "server.key",
            client_ca_file=folder / "ca.crt",
            authorization_mode="RBAC",
            allow_privileged="true",
            # Nothing takes away the taint of a new node, and, bare, nothing makes service accounts.
            disable_admission_plugins="TaintNodesByCondition" if nodes else "ServiceAccount",
            endpoint_reconciler_type="none",
            service_cluster_ip_range="10.0.0.0/24",
            service_account_issuer="https://lab.invalid",
            service_account_key_file=folder / "server.key",
            service_account_signing_key_file=folder / "server.key",
        )
        wait_until(lambda: _ready(cluster), "the API server is ready", etcd, api_server)
        run(
            "kube-controller-manager",
            kubeconfig=cluster.kubeconfig,
            controllers=",".join((*CONTROLLERS, *(WORKLOAD_CONTROLLERS if nodes else ()))),
            leader_elect="false",
            secure_port=0,
            horizontal_pod_autoscaler_sync_period="1s",
        )
        if nodes:
            run("kube-scheduler", kubeconfig=cluster.kubeconfig, leader_elect="false", secure_port=0)
            kubelet: dict[str, object] = {}
            if stages:
                kubelet = {"node_ip": "127.0.0.1", "node_port": free_ports(1)[0]}
                kubelet |= {
                    "tls_cert_file": folder / "server.crt",
                    "tls_private_key_file": folder / "server.key",
                }
            config = stages or HERE / "stages.yaml"
            run("kwok", kubeconfig=cluster.kubeconfig, manage_all_nodes="true", config=config, **kubelet)
            for each in yaml.safe_load_all((HERE / "nodes.yaml").read_text()):
                cluster.create(f"{_root(each['apiVersion'])}/{PLURALS[each['kind']]}", each)
        yield cluster


def _certificates(folder: Path) -> None:
    _openssl(folder, "req -x509 -days 2 -nodes -newkey rsa:2048 -keyout ca.key -out ca.crt -subj /CN=lab")
    _sign(folder, "server", "/CN=server", "subjectAltName=IP:127.0.0.1")
    _sign(folder, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")


def _sign(folder: Path, name: str, subject: str, extension: str) -> None:
    """Make a key and a certificate of the cluster's own authority."""
    _openssl(
        folder,
        f"req -x509 -days 2 -nodes -newkey rsa:2048 -keyout {name}.key -out {name}.crt "
        f"-CA ca.crt -CAkey ca.key -subj {subject} -addext {extension} "
        "-addext basicConstraints=critical,CA:FALSE",
    )


def _openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=60)


def _kubeconfig(folder: Path, server: str, user: str) -> Path:
    def data(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
        "clusters": [
            {
                "name": "lab",
                "cluster": {"server": server, "certificate-authority-data": data("ca.crt")},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": data(f"{user}.crt"),
                    "client-key-data": data(f"{user}.key"),
                },
            }
        ],
    }
    path = folder / f"kubeconfig-{user}"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "admin.crt", folder / "admin.key")
    return context


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def _process(
    tool: Path, flags: Mapping[str, object], folder: Path, environment: Mapping[str, str]
) -> Iterator[Callable[[], None]]:
    """Run a server in a process group of its own; gives a check that raises once it has ended."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    log = folder / f"{tool.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_bound_to_us(), tool, *arguments],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def check() -> None:
        if process.poll() is not None:
            end = log.read_text(errors="replace")[-2000:]
            message = f"{tool.name} ended with {process.returncode}: {end}"
            raise RuntimeError(message)

    try:
        yield check
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _bound_to_us() -> list[str]:
    """A prefix that ends a server with the tests, should they be killed before they can do it."""
    return ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


def _ready(cluster: Cluster) -> bool:
    try:
        return cluster.request("GET", "/readyz")[0] == 200
    except OSError:
        return False


def wait_until(
    ready: Callable[[], bool], what: str, *checks: Callable[[], None], seconds: float = START_SECONDS
) -> None:
    """Wait until something is so.

    Raises:
        RuntimeError: time is up; the text says what was not so.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        for check in checks:
            check()
        if time.monotonic() > deadline:
            message = f"not so after {seconds:g} s: {what}"
            raise RuntimeError(message)
        time.sleep(0.1)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
