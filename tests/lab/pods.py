"""The pods of one graph on a control plane without nodes: made, made Ready, and made anew where they go.

Stands in for Dynamo's operator and for the kubelet, as far as somebody who breaks a graph sees them. What
runs in a pod is up to the test: nothing, or a process.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lab.cluster import Cluster

POLL_SECONDS = 0.05
NODES = ("node-a", "node-b")
PREFIX = "nvidia.com/dynamo"


@dataclass
class Running:
    """What runs in one pod."""

    ready: Callable[[], bool]
    end: Callable[[], None]


def after(seconds: float) -> Callable[[str, str], Running]:
    """Let pods be Ready so many seconds after they were made, with nothing in them."""

    def start(_role: str, _name: str) -> Running:
        began = time.monotonic()
        return Running(lambda: time.monotonic() - began >= seconds, lambda: None)

    return start


@dataclass
class Pods:
    """Keeps as many pods of each role as a graph has, while the `with` block runs."""

    cluster: Cluster
    namespace: str
    graph: str
    roles: dict[str, int]
    start: Callable[[str, str], Running] = field(default_factory=lambda: after(0.3))
    replace: bool = True
    """Whether pods that go are replaced."""
    running: dict[str, Running] = field(default_factory=dict)
    ready: dict[str, str] = field(default_factory=dict)
    """Role of each pod that is Ready."""
    problems: list[Exception] = field(default_factory=list)

    def __enter__(self) -> "Pods":
        self._stopped = threading.Event()
        self._made = 0
        for name in NODES:
            self.cluster.request("POST", "/api/v1/nodes", {"metadata": {"name": name}})
        self._make_graph()
        self._turn(new=True)
        self._thread = threading.Thread(target=self._keep)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        for each in self.running.values():
            each.end()
        assert self.problems == []

    def core(self, path: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{path}"

    def apps(self, path: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/{path}"

    def whole(self) -> bool:
        """Whether each role has a pod that is Ready."""
        return {*self.ready.values()} == {*self.roles}

    def _make_graph(self) -> None:
        path = f"/apis/nvidia.com/v1beta1/namespaces/{self.namespace}/dynamographdeployments"
        containers = [{"name": "main", "image": "image:1.6.1"}]
        made = {
            "apiVersion": "nvidia.com/v1beta1",
            "kind": "DynamoGraphDeployment",
            "metadata": {"name": self.graph},
            "spec": {
                "components": [
                    {
                        "name": role,
                        "type": role,
                        "replicas": n,
                        "podTemplate": {"spec": {"containers": containers}},
                    }
                    for role, n in self.roles.items()
                ]
            },
        }
        self._sent("POST", path, made)
        self.tell(ready=True)

    def tell(self, *, ready: bool) -> None:
        """Write the graph's own status, as the operator does."""
        path = f"/apis/nvidia.com/v1beta1/namespaces/{self.namespace}/dynamographdeployments/{self.graph}"
        graph = self._sent("GET", path)
        reason = "all_resources_are_ready" if ready else "some_resources_are_not_ready"
        condition = {
            "type": "Ready",
            "status": "True" if ready else "False",
            "reason": reason,
            "message": reason.replace("_", " "),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        graph["status"] = {"state": "successful" if ready else "pending", "conditions": [condition]}
        self._sent("PUT", f"{path}/status", graph)

    def _keep(self) -> None:
        try:
            while not self._stopped.wait(POLL_SECONDS):
                self._turn(new=self.replace)
                self._scale("deployments")
                self._scale("statefulsets")
        except Exception as error:  # shown by the block that ends
            self.problems.append(error)

    def _turn(self, *, new: bool) -> None:
        """Take one look: end what goes, make what is missing, tell who is Ready."""
        label = f"{PREFIX}-graph-deployment-name={self.graph}"
        listed = self._sent("GET", self.core(f"pods?labelSelector={label}"))["items"]
        alive = [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]
        gone = {*self.running} - {pod["metadata"]["name"] for pod in alive}
        for name in gone:
            self.ready.pop(name, None)
            self.running.pop(name).end()
        for pod in listed:
            if pod not in alive:
                self._sent("DELETE", self.core(f"pods/{pod['metadata']['name']}"), {"gracePeriodSeconds": 0})
        for role, wanted in self.roles.items():
            there = sum(pod["metadata"]["labels"][f"{PREFIX}-component-type"] == role for pod in alive)
            for _ in range(wanted - there if new else 0):
                self._make(role)
        for pod in alive:
            name = pod["metadata"]["name"]
            if name not in self.ready and self.running[name].ready():
                self._make_ready(pod)
                self.ready[name] = pod["metadata"]["labels"][f"{PREFIX}-component-type"]

    def _make(self, role: str) -> None:
        self._made += 1
        name = f"{self.graph}-{role}-{self._made}"
        nodes = self._sent("GET", "/api/v1/nodes")["items"]
        free = [node["metadata"]["name"] for node in nodes if not node["spec"].get("unschedulable")]
        labels = {
            f"{PREFIX}-graph-deployment-name": self.graph,
            f"{PREFIX}-component-type": role,
            f"{PREFIX}-component-class": "frontend" if role == "frontend" else "worker",
        }
        self.running[name] = self.start(role, name)
        pod = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": free[0], "containers": [{"name": "main", "image": "image:1.6.1"}]},
        }
        self._sent("POST", self.core("pods"), pod)

    def _make_ready(self, pod: Any) -> None:
        pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        # Somebody may delete it at this moment.
        with suppress(AssertionError):
            self._sent("PUT", self.core(f"pods/{pod['metadata']['name']}/status"), pod)

    def _scale(self, kind: str) -> None:
        """Let Deployments and StatefulSets have as many replicas as they want."""
        for item in self._sent("GET", self.apps(kind))["items"]:
            wanted = item["spec"]["replicas"]
            if item.get("status", {}).get("replicas", 0) != wanted:
                item["status"] = {"replicas": wanted, "readyReplicas": wanted}
                self.cluster.request("PUT", self.apps(f"{kind}/{item['metadata']['name']}/status"), item)

    def _sent(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.cluster.request(method, path, body)
        assert status < 400 or (method == "DELETE" and status == 404), f"{method} {path}: {answer}"
        return answer
