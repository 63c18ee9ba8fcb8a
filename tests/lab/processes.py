"""Stand-in for a kubelet, for the pods of the platform's gate alone: runs their script as a process here.

kwok says of every other pod that it runs or is done; of a gate that waits for something this would be a lie.
The process gets the pod's variables, its ConfigMap and a token of its service account. What it does not do:
images, security contexts, limits, probes, and the end of a process whose pod is deleted before its loop ends.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab import loops
from lab.cluster import Cluster

PODS = "/api/v1/pods?labelSelector=app.kubernetes.io/name%3Dplatform-ready"
MERGE = "application/merge-patch+json"


@contextmanager
def run(cluster: Cluster, folder: Path) -> Iterator[None]:
    """Run the gate's pods until the block ends, with their files below `folder`."""
    runner = _Runner(cluster, folder)
    try:
        with loops.repeated(runner.step):
            yield
    finally:
        for process in runner.running.values():
            process.kill()
            process.wait()


@dataclass
class _Runner:
    cluster: Cluster
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def step(self) -> None:
        pods = {each["metadata"]["uid"]: each for each in self.cluster.items(PODS)}
        for uid in [uid for uid in self.running if uid not in pods]:
            self.running.pop(uid).kill()
        for uid, pod in pods.items():
            if uid not in self.running and pod["status"]["phase"] == "Pending" and "nodeName" in pod["spec"]:
                self.running[uid] = self._start(pod)
                self._say(pod, "Running", {"running": {}})
            elif pod["status"]["phase"] == "Running":
                code = self.running[uid].poll()
                if code is not None:
                    ended = {"terminated": {"exitCode": code}}
                    self._say(pod, "Failed" if code else "Succeeded", ended)

    def _start(self, pod: Any) -> subprocess.Popen[bytes]:
        (container,) = pod["spec"]["containers"]
        namespace = pod["metadata"]["namespace"]
        place = self.folder / pod["metadata"]["uid"]
        place.mkdir(parents=True)
        command = [sys.executable, *container["command"][1:]]
        sources = {each["name"]: each.get("configMap") for each in pod["spec"]["volumes"]}
        for mount in container["volumeMounts"]:
            if source := sources[mount["name"]]:
                path = f"/api/v1/namespaces/{namespace}/configmaps/{source['name']}"
                for name, text in self.cluster.request("GET", path)[1]["data"].items():
                    (place / name).write_text(text)
                command = [each.replace(mount["mountPath"], str(place)) for each in command]
        account(self.cluster, namespace, pod["spec"]["serviceAccountName"], place)
        server = urlsplit(self.cluster.server)
        environment = {
            "PATH": os.defpath,
            "ACCOUNT": str(place),
            "POLL_SECONDS": "0.2",
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT_HTTPS": str(server.port),
            **{each["name"]: each["value"] for each in container["env"]},
        }
        with (place / "log").open("wb") as log:
            return subprocess.Popen(command, env=environment, cwd=place, stderr=log)

    def _say(self, pod: Any, phase: str, state: Any) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
        (container,) = pod["spec"]["containers"]
        status = {
            "phase": phase,
            "containerStatuses": [
                {
                    **{key: container[key] for key in ("name", "image")},
                    "imageID": "",
                    "ready": phase == "Running",
                    "restartCount": 0,
                    "state": state,
                }
            ],
        }
        self.cluster.request("PATCH", path, {"status": status}, content=MERGE)


def account(cluster: Cluster, namespace: str, name: str, folder: Path) -> None:
    """Write what a pod finds of its service account: namespace, certificate authority, a new token."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    _, token = cluster.request("POST", path, request)
    (config,) = json.loads(cluster.kubeconfig.read_text())["clusters"]
    (folder / "token").write_text(token["status"]["token"])
    (folder / "namespace").write_text(namespace)
    (folder / "ca.crt").write_bytes(base64.b64decode(config["cluster"]["certificate-authority-data"]))
