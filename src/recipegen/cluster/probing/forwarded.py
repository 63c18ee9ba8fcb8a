"""The way to a frontend through the API server: the pod behind its Service, and a port-forward to it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from recipegen.cluster import client
from recipegen.cluster.plain import condition, name, number, rows, table, text
from recipegen.cluster.probing.asking import SilentError, Way
from recipegen.cluster.scrub import scrub
from recipegen.cluster.wire import FORBIDDEN, JSON, NOT_FOUND, OK, Get, NoAnswerError
from recipegen.errors import ClusterError, Problem
from recipegen.resolve import Plan


@contextmanager
def to_frontend(
    plan: Plan, context: str | None, headers: Mapping[str, str], seconds: float, again: str
) -> Iterator[Way]:
    """Give the way to a ready pod of the graph's frontend, until the block ends.

    Raises:
        ToolError: when the package `kubernetes` or the kubeconfig is missing.
        ClusterError: when the cluster refuses, or has no ready pod of a frontend.
    """
    pod, port = frontend(client.reader(context), plan.namespace, plan.graph, again)
    with client.forwarder(context, plan.namespace, pod, port) as forward:

        def connect() -> HTTPConnection:
            connection = HTTPConnection(pod, port, timeout=seconds)
            connection.sock = forward.connect()
            connection.sock.settimeout(seconds)
            return connection

        try:
            yield Way(f"pod {plan.namespace}/{pod}:{port} ", "", connect, headers, seconds)
        except SilentError as error:
            # The node alone knows why a connection that it opened for us ended.
            if not forward.said():
                raise
            hint = f"its frontend does not listen there, or has just ended: {again}"
            message = f"{error.problems[0].message}; the node said: {forward.said()}"
            raise SilentError(Problem(SilentError.code, (), message, hint)) from error


def frontend(get: Get, namespace: str, graph: str, again: str) -> tuple[str, int]:
    """Return a ready pod behind the Service of a graph's frontend, and the port where it listens.

    Raises:
        ClusterError: when there is none, or it may not be looked at.
    """
    service = f"{graph}-frontend"
    core = f"/api/v1/namespaces/{namespace}"
    found = _asked(get, f"{core}/services/{service}", f"Service {service}")
    if found is None:
        message = (
            f"namespace {namespace} has no Service {service}: the graph is not there, or has no frontend"
        )
        hint = f"{again} tells more; a graph behind an endpoint picker is asked at its gateway: --url"
        raise ClusterError(Problem("no-frontend", (), message, hint))
    selector = table(found, "spec", "selector")
    chosen = urlencode({"labelSelector": ",".join(f"{key}={value}" for key, value in selector.items())})
    listed = _asked(get, f"{core}/pods?{chosen}", f"pods of Service {service}") if selector else None
    pods = rows(listed, "items")
    ready = [pod for pod in pods if condition(pod, "Ready").get("status") == "True" and _stays(pod)]
    if not ready:
        message = f"none of the {len(pods)} pods behind Service {service} is ready"
        raise ClusterError(Problem("no-frontend", (), message, f"find out why: {again}"))
    pod = min(ready, key=name)
    ports = rows(found, "spec", "ports")
    port = next((each for each in ports if each.get("name") == "http"), ports[0] if ports else {})
    return name(pod), _listens(pod, port)


def _stays(pod: Any) -> bool:
    return not text(pod, "metadata", "deletionTimestamp")


def _listens(pod: Any, port: Any) -> int:
    """Return the port of the pod that a port of its Service leads to."""
    target = port.get("targetPort")
    if isinstance(target, str):
        for container in rows(pod, "spec", "containers"):
            for each in rows(container, "ports"):
                if each.get("name") == target:
                    return number(each, "containerPort")
    return number(port, "targetPort", default=number(port, "port", default=8000))


def _asked(get: Get, path: str, what: str) -> Any:
    """Return the decoded answer of the API server; None where it has no such thing."""
    try:
        status, body = get(path, JSON)
    except NoAnswerError as error:
        hint = "see that `kubectl get pods` works with the same context, or name the endpoint with --url"
        raise ClusterError(Problem("cluster", (), str(error), hint)) from error
    if status == NOT_FOUND:
        return None
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status != OK or not isinstance(answer, dict):
        said = scrub(text(answer, "message"))[:300]
        verdict = "may not be looked at" if status == FORBIDDEN else f"cannot be looked at, status {status}"
        hint = "it takes the rights to get services, to list pods, and to get and create pods/portforward"
        raise ClusterError(Problem("cluster", (), f"{what} {verdict}{f': {said}' if said else ''}", hint))
    return answer
