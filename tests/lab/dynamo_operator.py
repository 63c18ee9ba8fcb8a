"""A stand-in for the Dynamo operator, for the lab alone; it is not NVIDIA's and shares no code with it.

What it does, as far as the API reference of Dynamo 1.6.1 tells: it makes a Deployment for each component of a
DynamoGraphDeployment, from its podTemplate and with Dynamo's labels on the pods, and a Service before the
frontend; both belong to the graph. A component with `scalingAdapter` gets a scaling adapter, whose replicas
it writes into the graph. It holds the graph with a finalizer, and writes its status. It serves a validating
webhook, and brings the kinds itself, as NVIDIA's does.

What it does not do: judge graphs (its webhook takes each, unless told otherwise), put variables, probes,
ports, volumes or pull secrets into pods, name Deployments as NVIDIA's does, Grove, LeaderWorkerSet, several
nodes, model caches, rolling updates of its own, discovery, v1alpha1, or any other kind.
"""

import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from lab import loops, repository
from lab.cluster import Cluster, free_ports

GROUP = "nvidia.com"
KIND = "DynamoGraphDeployment"
GRAPHS = f"/apis/{GROUP}/v1beta1/dynamographdeployments"
NAMED = f"{GROUP}/dynamo-graph-deployment-name"
FINALIZER = f"{GROUP}/lab-finalizer"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
MANAGER = "fieldManager=dynamo-operator&force=true"
# Dynamo's class for everything that holds a model.
WORKERS = ("worker", "prefill", "decode")
HTTP_PORT = 8000


@dataclass
class Operator:
    """The stand-in for one cluster, with switches that may be turned while it runs."""

    cluster: Cluster
    port: int = field(default_factory=lambda: free_ports(1)[0])
    """Where its webhook listens, once it runs."""
    refuses: str = ""
    """Why the webhook refuses every graph; empty: it takes them."""
    fails: bool = False
    """Whether the webhook answers with an error of its own."""
    answers_after: float = 0
    """Seconds that the webhook takes for an answer."""
    kinds_after: float = 0
    """Seconds from its start until it brings the kind, where that is not there."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the block ends; else it is absent: nothing listens at its webhook's port."""
        started = time.monotonic()
        with ExitStack() as stack:
            server = stack.enter_context(_Webhook(self))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            stack.enter_context(loops.repeated(lambda: self._step(time.monotonic() - started)))
            yield

    def _step(self, seconds: float) -> None:
        if seconds >= self.kinds_after and not self.cluster.collection(f"{GROUP}/v1beta1", KIND, ""):
            self.cluster.create_kinds(repository.CRDS, f"{GROUP}_*.yaml")
        for graph in self.cluster.items(GRAPHS):
            _reconcile(self.cluster, graph)


def platform_values(operator: Operator) -> dict[str, Any]:
    """What the stand-in platform chart has to know to put the webhook before the API server."""
    bundle = json.loads(operator.cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    return {
        "webhook": {
            "url": f"https://127.0.0.1:{operator.port}/validate",
            "caBundle": bundle["certificate-authority-data"],
        }
    }


class _Webhook(http.server.ThreadingHTTPServer):
    """The HTTPS server of the webhook, with the certificate of the API server's address."""

    daemon_threads = True

    def __init__(self, operator: Operator) -> None:
        super().__init__(("127.0.0.1", operator.port), _Answer)
        self.operator = operator
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = operator.cluster.folder
        tls.load_cert_chain(folder / "server.crt", folder / "server.key")
        self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Say nothing of an API server that hung up."""


class _Answer(http.server.BaseHTTPRequestHandler):
    server: _Webhook

    def do_POST(self) -> None:
        operator = self.server.operator
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(operator.answers_after)
        if operator.fails:
            self.send_error(500, "the stand-in was told to fail")
            return
        response: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": not operator.refuses}
        if operator.refuses:
            response["status"] = {"code": 403, "message": operator.refuses}
        body = json.dumps({**review, "request": None, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a request is no news."""


def _reconcile(cluster: Cluster, graph: Any) -> None:
    """Do for one graph what is still to do."""
    metadata = graph["metadata"]
    place = (
        f"/apis/{GROUP}/v1beta1/namespaces/{metadata['namespace']}/dynamographdeployments/{metadata['name']}"
    )
    if "deletionTimestamp" in metadata:
        cluster.request("PATCH", place, {"metadata": {"finalizers": []}}, content=MERGE)
        return
    if _adapt(cluster, graph, place):
        # The graph has changed, so the next step sees it.
        return
    if FINALIZER not in metadata.get("finalizers", []):
        cluster.request("PATCH", place, {"metadata": {"finalizers": [FINALIZER]}}, content=MERGE)
    deployments = f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments"
    there = {
        each["metadata"]["name"]: each
        for each in cluster.items(
            f"{deployments}?labelSelector={NAMED.replace('/', '%2F')}%3D{metadata['name']}"
        )
    }
    wanted = {each["metadata"]["name"]: each for each in _deployments(graph)}
    observed = graph.get("status", {}).get("observedGeneration")
    if observed != metadata["generation"] or there.keys() != wanted.keys():
        for each in [*wanted.values(), *_services(graph)]:
            kind = {
                "Deployment": deployments,
                "Service": f"/api/v1/namespaces/{metadata['namespace']}/services",
            }
            path = f"{kind[each['kind']]}/{each['metadata']['name']}?{MANAGER}"
            cluster.request("PATCH", path, each, content=APPLY)
        for name in there.keys() - wanted.keys():
            cluster.request("DELETE", f"{deployments}/{name}?propagationPolicy=Background")
    status = _status(graph, there)
    if status != graph.get("status"):
        stale = dict.fromkeys(
            graph.get("status", {}).get("components", {}).keys() - status["components"].keys()
        )
        status["components"] |= stale
        cluster.request("PATCH", f"{place}/status", {"status": status}, content=MERGE)


def _adapt(cluster: Cluster, graph: Any, place: str) -> bool:
    """Make the graph's scaling adapters, and tell whether the graph had to follow one."""
    space = graph["metadata"]["namespace"]
    adapters = f"/apis/{GROUP}/v1beta1/namespaces/{space}/dynamographdeploymentscalingadapters"
    there = {each["metadata"]["name"]: each for each in cluster.items(adapters)}
    for number, component in enumerate(graph["spec"]["components"]):
        if "scalingAdapter" not in component:
            continue
        name, running = _name(graph, component), component.get("replicas", 1)
        labels = _labels(graph, component)
        selector = ",".join(f"{key}={labels[key]}" for key in (NAMED, f"{GROUP}/dynamo-component"))
        if name not in there:
            adapter = {
                "apiVersion": f"{GROUP}/v1beta1",
                "kind": "DynamoGraphDeploymentScalingAdapter",
                "metadata": _owned(graph, name, labels),
                "spec": {
                    "dgdRef": {"name": graph["metadata"]["name"], "serviceName": component["name"]},
                    "replicas": running,
                },
            }
            cluster.create(adapters, adapter)
        else:
            wanted = there[name]["spec"]["replicas"]
            if wanted != running:
                patch = [{"op": "add", "path": f"/spec/components/{number}/replicas", "value": wanted}]
                cluster.request("PATCH", place, patch, content=JSON)
                return True
        status = {"replicas": running, "selector": selector}
        if there.get(name, {}).get("status") != status:
            cluster.request("PATCH", f"{adapters}/{name}/status", {"status": status}, content=MERGE)
    return False


def _name(graph: Any, component: Any) -> str:
    return f"{graph['metadata']['name']}-{component['name'].lower()}"


def _labels(graph: Any, component: Any) -> dict[str, str]:
    metadata, kind = graph["metadata"], component.get("type", "")
    labels = {
        "dynamo-graph-deployment-name": metadata["name"],
        "dynamo-component": component["name"],
        "dynamo-component-type": kind,
        "dynamo-namespace": f"{metadata['namespace']}-{metadata['name']}",
        "dynamo-discovery-backend": "kubernetes",
        "dynamo-discovery-enabled": "true",
        "metrics-enabled": "true",
    }
    if kind in WORKERS:
        labels["dynamo-component-class"] = "worker"
    return {f"{GROUP}/{key}": value for key, value in labels.items()}


def _owned(graph: Any, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Metadata of an object that goes with its graph."""
    owner = {
        **{key: graph[key] for key in ("apiVersion", "kind")},
        **{key: graph["metadata"][key] for key in ("name", "uid")},
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "labels": labels, "ownerReferences": [owner]}


def _deployments(graph: Any) -> Iterator[dict[str, Any]]:
    for component in graph["spec"]["components"]:
        labels = _labels(graph, component)
        selector = {key: labels[key] for key in (NAMED, f"{GROUP}/dynamo-component")}
        template = component["podTemplate"]
        metadata = template.get("metadata", {})
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _owned(graph, _name(graph, component), labels),
            "spec": {
                "replicas": component.get("replicas", 1),
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **labels}},
                    "spec": template["spec"],
                },
            },
        }


def _services(graph: Any) -> Iterator[dict[str, Any]]:
    for component in graph["spec"]["components"]:
        if component.get("type") == "frontend":
            labels = _labels(graph, component)
            yield {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": _owned(graph, _name(graph, component), labels),
                "spec": {
                    "selector": {key: labels[key] for key in (NAMED, f"{GROUP}/dynamo-component")},
                    "ports": [{"name": "http", "port": HTTP_PORT, "targetPort": HTTP_PORT}],
                },
            }


def _status(graph: Any, deployments: dict[str, Any]) -> dict[str, Any]:
    """The graph's status as its Deployments have it."""
    components, ready = {}, True
    for component in graph["spec"]["components"]:
        name = _name(graph, component)
        found = deployments.get(name, {}).get("status", {})
        wanted = component.get("replicas", 1)
        ready = ready and found.get("readyReplicas", 0) >= wanted
        components[component["name"]] = {
            "componentKind": "Deployment",
            "componentNames": [name],
            "replicas": wanted,
            "readyReplicas": found.get("readyReplicas", 0),
            "availableReplicas": found.get("availableReplicas", 0),
            "updatedReplicas": found.get("updatedReplicas", 0),
        }
    generation = graph["metadata"]["generation"]
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": "all_resources_are_ready" if ready else "some_resources_are_not_ready",
        "message": "",
        "observedGeneration": generation,
    }
    before: dict[str, Any] = next(iter(graph.get("status", {}).get("conditions", [])), {})
    since = before.get("lastTransitionTime")
    if not since or before["status"] != condition["status"]:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "state": "successful" if ready else "pending",
        "observedGeneration": generation,
        "conditions": [{**condition, "lastTransitionTime": since}],
        "components": components,
    }
