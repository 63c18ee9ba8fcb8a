"""A cluster made of plain objects, which answers what `recipegen preflight` asks, and stores nothing."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from recipegen.cluster.client import Connection, harmless
from recipegen.cluster.wire import METADATA

NAMESPACED = {
    "v1": {
        "Secret": "secrets", "ConfigMap": "configmaps", "Pod": "pods", "Service": "services",
        "PersistentVolumeClaim": "persistentvolumeclaims", "ServiceAccount": "serviceaccounts",
        "ResourceQuota": "resourcequotas", "LimitRange": "limitranges",
    },
    "batch/v1": {"Job": "jobs"},
    "apps/v1": {"Deployment": "deployments"},
    "rbac.authorization.k8s.io/v1": {"Role": "roles", "RoleBinding": "rolebindings"},
}  # fmt: skip
WIDE = {
    "gateway.networking.k8s.io/v1": {"GatewayClass": "gatewayclasses"},
    "v1": {"Node": "nodes", "Namespace": "namespaces"},
    "storage.k8s.io/v1": {"StorageClass": "storageclasses"},
    "scheduling.k8s.io/v1": {"PriorityClass": "priorityclasses"},
}
DYNAMO = {"nvidia.com/v1beta1": {"DynamoGraphDeployment": "dynamographdeployments"}}
GATEWAY = {
    "gateway.networking.k8s.io/v1": {
        "Gateway": "gateways",
        "GatewayClass": "gatewayclasses",
        "HTTPRoute": "httproutes",
        "BackendTLSPolicy": "backendtlspolicies",
    }
}
MONITORING = {
    "monitoring.coreos.com/v1": {
        "PodMonitor": "podmonitors",
        "PrometheusRule": "prometheusrules",
        "Prometheus": "prometheuses",
    }
}
Item = dict[str, Any]


def connection(
    *objects: Item,
    kinds: Iterable[dict[str, dict[str, str]]] = (),
    forbidden: Iterable[str] = (),
    may: Callable[[Item], bool] = lambda _: True,
    user: str = "someone",
    status: int = 200,
) -> Connection:
    """Return the way into a cluster that has these objects.

    Args:
        objects: as Kubernetes has them, with apiVersion and kind.
        kinds: served beside those of Kubernetes, as NAMESPACED has them.
        forbidden: collections that must not be read.
        may: whether a right is granted, by the attributes that a review asks for.
        user: who asks, as the cluster has it.
        status: what every question is answered with, where it is another than 200.
    """
    served = {**WIDE}
    for each in (NAMESPACED, *kinds):
        served = {
            version: {**served.get(version, {}), **each.get(version, {})} for version in {**served, **each}
        }

    def get(path: str, accept: str) -> tuple[int, bytes]:
        if status != 200:
            return status, b'{"message": "no"}'
        parts = urlsplit(path)
        answer = _answer(parts.path, parse_qs(parts.query))
        if "/secrets/" in path:
            assert accept == METADATA, "the content of a Secret was asked for"
        if any(f"/{each}" in parts.path for each in forbidden):
            return 403, json.dumps({"message": f"{parts.path} is forbidden"}).encode()
        return (404, b'{"kind": "Status"}') if answer is None else (200, json.dumps(answer).encode())

    def _answer(path: str, query: dict[str, list[str]]) -> Any:
        if path == "/version":
            return {"gitVersion": "v1.36.1"}
        segments = path.strip("/").split("/")
        if segments[0] == "apis" and len(segments) == 2:
            versions = [version for version in served if version.startswith(f"{segments[1]}/")]
            return {"versions": [{"version": v.partition("/")[2]} for v in versions]} if versions else None
        version = "/".join(segments[1:3]) if segments[0] == "apis" else segments[1]
        rest = segments[3:] if segments[0] == "apis" else segments[2:]
        known = served.get(version)
        if known is None:
            return None
        if not rest:
            resources = [
                {"name": plural, "kind": kind, "namespaced": kind not in WIDE.get(version, {})}
                for kind, plural in known.items()
            ]
            return {"resources": resources}
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, *name = rest[2:] if namespace else rest
        kind = next((kind for kind, each in known.items() if each == plural), None)
        found = [
            item
            for item in objects
            if (item["apiVersion"], item["kind"]) == (version, kind)
            and (not namespace or item["metadata"].get("namespace") == namespace)
        ]
        if name:
            return next((item for item in found if item["metadata"]["name"] == name[0]), None)
        for term in query.get("labelSelector", []):
            key, _, value = term.partition("=")
            found = [item for item in found if item["metadata"].get("labels", {}).get(key) == value]
        return {"items": found, "metadata": {}}

    def send(method: str, path: str, body: bytes, _content: str) -> tuple[int, bytes]:
        assert harmless(method, path), f"{method} {path} could change the cluster"
        if status != 200:
            return status, b'{"message": "no"}'
        asked = json.loads(body)
        if asked["kind"] == "SelfSubjectReview":
            return 201, json.dumps({"status": {"userInfo": {"username": user}}}).encode()
        allowed = may(asked["spec"]["resourceAttributes"])
        return 201, json.dumps({"status": {"allowed": allowed}}).encode()

    return Connection("https://cluster.invalid", "scene", get, send)


def item(api_version: str, kind: str, name: str, namespace: str = "", **rest: Any) -> Item:
    """An object; labels and annotations go under `metadata`."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def node(name: str, gpus: int = 8, product: str = "NVIDIA-H100-80GB-HBM3", **rest: Any) -> Item:
    """A node with GPUs; `labels` in place of the GPU operator's, `spec` with taints."""
    labels = rest.pop("labels", {"nvidia.com/gpu.product": product} if product else {})
    allocatable = {
        "cpu": "96",
        "memory": "1Ti",
        "pods": "110",
        **({"nvidia.com/gpu": str(gpus)} if gpus else {}),
    }
    allocatable |= rest.pop("allocatable", {})
    return item("v1", "Node", name, metadata={"labels": labels}, status={"allocatable": allocatable}, **rest)


def pod(name: str, node_name: str, gpus: int, namespace: str = "other", **labels: str) -> Item:
    """A pod that holds GPUs of a node, or waits for them."""
    container = {"name": "main", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    spec = {"containers": [container], **({"nodeName": node_name} if node_name else {})}
    return item(
        "v1", "Pod", name, namespace, metadata={"labels": labels}, spec=spec, status={"phase": "Running"}
    )


def storage_class(name: str, provisioner: str, *, default: bool = False) -> Item:
    """A storage class."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    metadata = {"annotations": annotations}
    return item("storage.k8s.io/v1", "StorageClass", name, metadata=metadata, provisioner=provisioner)
