"""A Kubernetes control plane on loopback: etcd, API server and the controllers that tidy up.

There is no scheduler and no kubelet, so objects are stored, checked and deleted as on a real
cluster, but no Pod ever runs.
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
# Namespaces and kept claims can only finish deleting with these.
CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "persistentvolumeclaim-protection-controller",
)


@dataclass(frozen=True)
class Cluster:
    """A running API server and how to reach it as its administrator."""

    server: str
    kubeconfig: Path
    tls: ssl.SSLContext

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request and give the status and the decoded answer, whatever the status."""
        request = urllib.request.Request(
            self.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
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

    def create_kinds(self, folder: Path) -> None:
        """Create the CRDs in a folder and wait until the server serves them."""
        for path in sorted(folder.glob("*.yaml")):
            self._create_kind(yaml.safe_load(path.read_text()))

    def _create_kind(self, definition: Any) -> None:
        spec = definition["spec"]
        stored = next(each["name"] for each in spec["versions"] if each["storage"])
        status, answer = self.request("POST", CRDS, definition)
        if status != 201:
            message = f"{definition['metadata']['name']} was refused: {answer}"
            raise RuntimeError(message)
        _wait_until(
            lambda: self.collection(f"{spec['group']}/{stored}", spec["names"]["kind"], "") is not None
        )

    def _resources(self, api_version: str) -> list[Any]:
        status, answer = self.request("GET", _root(api_version))
        return [each for each in answer["resources"] if "/" not in each["name"]] if status == 200 else []


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


@contextmanager
def start(tools: Path, folder: Path) -> Iterator[Cluster]:
    """Run a fresh, empty control plane in `folder` until the block ends.

    Raises:
        RuntimeError: a server ended, or was not ready in time; the text has the end of its log.
    """
    environment = {"HOME": str(folder), "PATH": os.defpath}
    _certificates(folder)
    client, peer, secure = _free_ports(3)
    server = f"https://127.0.0.1:{secure}"
    cluster = Cluster(server, _kubeconfig(folder, server), _tls(folder))
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
            # Pods would wait for the tokens of a controller that does not run.
            disable_admission_plugins="ServiceAccount",
            endpoint_reconciler_type="none",
            service_cluster_ip_range="10.0.0.0/24",
            service_account_issuer="https://lab.invalid",
            service_account_key_file=folder / "server.key",
            service_account_signing_key_file=folder / "server.key",
        )
        _wait_until(lambda: _ready(cluster), etcd, api_server)
        run(
            "kube-controller-manager",
            kubeconfig=cluster.kubeconfig,
            controllers=",".join(CONTROLLERS),
            leader_elect="false",
            secure_port=0,
        )
        yield cluster


def _certificates(folder: Path) -> None:
    key = "req -x509 -days 2 -nodes -newkey rsa:2048"
    signed = f"{key} -CA ca.crt -CAkey ca.key"
    for command in (
        f"{key} -keyout ca.key -out ca.crt -subj /CN=lab",
        f"{signed} -keyout server.key -out server.crt -subj /CN=server "
        "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE",
        f"{signed} -keyout admin.key -out admin.crt -subj /O=system:masters/CN=admin "
        "-addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=60)


def _kubeconfig(folder: Path, server: str) -> Path:
    def data(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}],
        "clusters": [
            {
                "name": "lab",
                "cluster": {"server": server, "certificate-authority-data": data("ca.crt")},
            }
        ],
        "users": [
            {
                "name": "admin",
                "user": {
                    "client-certificate-data": data("admin.crt"),
                    "client-key-data": data("admin.key"),
                },
            }
        ],
    }
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "admin.crt", folder / "admin.key")
    return context


def _free_ports(count: int) -> list[int]:
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


def _wait_until(ready: Callable[[], bool], *checks: Callable[[], None]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        for check in checks:
            check()
        if time.monotonic() > deadline:
            message = f"the API server was not ready after {START_SECONDS} s"
            raise RuntimeError(message)
        time.sleep(0.1)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
