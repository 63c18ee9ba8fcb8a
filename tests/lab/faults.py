"""The fault-injection component in the lab: its rendered objects, its script with its rights, a frontend."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import yaml

from lab.cluster import Cluster
from recipegen import catalog, helm, pipeline

GRAPH = "qwen-0-6b"
CHART = str(catalog.charts() / "stack/charts/fault-injection")
# A GPU takes minutes where these pods take a moment.
FAST = {"POLL_SECONDS": "0.1", "PROBE_SECONDS": "0.1", "PROBE_TIMEOUT": "5", "WAIT_SECONDS": "5"}


@dataclass(frozen=True)
class Job:
    """The rendered component on a cluster, and how its pod would find the world."""

    cluster: Cluster
    namespace: str
    objects: dict[str, Any]
    """By kind."""
    folder: Path

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.objects['ServiceAccount']['metadata']['name']}"

    @contextmanager
    def running(self, url: str, verb: str = "run", **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Start the Job's command as a process here, and end it with the block."""
        with subprocess.Popen(
            [sys.executable, "-B", str(self.folder / "scripts" / "run.py"), verb],
            env=self._environment(url) | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, url: str, verb: str = "run", **environment: str) -> tuple[int, list[dict[str, Any]], str]:
        """Run it to its end: exit code, RESULT lines, log."""
        with self.running(url, verb, **environment) as process:
            log, _ = process.communicate(timeout=120)
        return process.returncode, results(log), log

    def _environment(self, url: str) -> dict[str, str]:
        (container,) = self.objects["Job"]["spec"]["template"]["spec"]["containers"]
        _, pod = self.cluster.request("GET", f"/api/v1/namespaces/{self.namespace}/pods/faults")
        server = urlsplit(self.cluster.server)
        return {
            **{each["name"]: each["value"] for each in container["env"] if "value" in each},
            **FAST,
            "PATH": os.defpath,
            "POD_NAME": "faults",
            "POD_UID": pod["metadata"]["uid"],
            "ACCOUNT": str(self.folder / "account"),
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            "URL": url,
            "PYTHONUNBUFFERED": "1",
        }


def results(log: str) -> list[dict[str, Any]]:
    """The RESULT lines of a log."""
    lines = [line.partition(" RESULT ")[2] for line in log.splitlines()]
    return [json.loads(line) for line in lines if line]


def block(namespace: str, *experiments: dict[str, Any]) -> dict[str, Any]:
    """A recipe's `faultInjection` block that may break the graph of the namespace."""
    return {
        "enabled": True,
        "acknowledge": f"{namespace}/{GRAPH}",
        "allowedNamespaces": [namespace],
        "experiments": list(experiments),
    }


def install(
    cluster: Cluster, namespace: str, folder: Path, *experiments: dict[str, Any], variant: str | None = None
) -> Job:
    """Render the component for the quickstart recipe, create its objects, and lay out its pod's files."""
    patch = {
        "dynamoNamespace": namespace,
        "model": {"cache": {"enabled": True}},
        "faultInjection": block(namespace, *experiments),
    }
    bundle = pipeline.bundle("qwen-0.6b", variant, [patch])
    (release,) = (r for r in bundle.releases if r.labels["component"] == "fault-injection")
    rendered = helm.objects(release)
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    for item in rendered:
        path = cluster.collection(item["apiVersion"], item["kind"], namespace)
        status, answer = cluster.request("POST", f"{path}?fieldValidation=Strict", item)
        assert status in (201, 409), answer
        if status == 409:
            cluster.request("PUT", f"{path}/{item['metadata']['name']}", item)
    own = {"metadata": {"name": "faults"}, "spec": {"containers": [{"name": "main", "image": "python:3"}]}}
    cluster.request("POST", f"/api/v1/namespaces/{namespace}/pods", own)
    job = Job(cluster, namespace, {_key(item): item for item in rendered}, folder)
    _lay_out(job)
    return job


def _key(item: dict[str, Any]) -> str:
    """What an object is found by: its kind; the Job that undoes has another key than the one that breaks."""
    hook = item["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    return f"{item['kind']} {hook}".strip()


def _lay_out(job: Job) -> None:
    """Write the files that the pod would have: its ConfigMap, and its ServiceAccount's token."""
    scripts, account = job.folder / "scripts", job.folder / "account"
    scripts.mkdir(parents=True)
    account.mkdir()
    for name, text in job.objects["ConfigMap"]["data"].items():
        (scripts / name).write_text(text)
    name = job.objects["Job"]["spec"]["template"]["spec"]["serviceAccountName"]
    path = f"/api/v1/namespaces/{job.namespace}/serviceaccounts/{name}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    _, token = job.cluster.request("POST", path, request)
    config = yaml.safe_load(job.cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    (account / "token").write_text(token["status"]["token"])
    (account / "namespace").write_text(job.namespace)
    (account / "ca.crt").write_bytes(base64.b64decode(config["certificate-authority-data"]))


@contextmanager
def frontend(serves: Callable[[], bool]) -> Iterator[str]:
    """A server that answers chat requests as long as it is told to; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, {"data": [{"id": "Qwen/Qwen3-0.6B"}]})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if serves():
                self._answer(200, {"choices": [{"message": {"content": "word"}}]})
            else:
                self._answer(503, {"error": "no instances"})

        def _answer(self, status: int, body: Any) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
