"""An API server's answers to a reader, from objects in a file, with lists by selector."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from conftest import ROOT
from recipegen.cluster.wire import METADATA, Get

FOLDER = ROOT / "tests/doctor"
KINDS = {
    "dynamographdeployments": "DynamoGraphDeployment",
    "pods": "Pod",
    "jobs": "Job",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "services": "Service",
    "endpointslices": "EndpointSlice",
    "events": "Event",
    "secrets": "Secret",
    "nodes": "Node",
    "storageclasses": "StorageClass",
}
PATH = re.compile(
    r"/(?:api/v1|apis/[\w.]+/\w+)(?:/namespaces/(?P<namespace>[\w-]+))?/(?P<kind>\w+)(?:/(?P<name>[\w.-]+))?(?P<log>/log)?"
)


def healthy() -> dict[str, Any]:
    """The objects of a cluster in which all is well, by `Kind/name`."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "healthy.yaml").read_text())
    return found


def patched(objects: Any, patch: Any) -> Any:
    """The objects with a JSON merge patch in them."""
    if not isinstance(patch, dict):
        return patch
    base = dict(objects) if isinstance(objects, dict) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = patched(base.get(key), value)
    return base


def reader(objects: dict[str, Any], *forbidden: str) -> Get:
    """What asks this server, without the right to the kinds named."""

    def get(path: str, accept: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/apis/nvidia.com":
            return _found(objects.get("APIGroup/nvidia.com"))
        match = PATH.fullmatch(unquote(parts.path))
        assert match, path
        kind = match["kind"]
        wide = not match["namespace"] and f"all {kind}" in forbidden
        if kind in forbidden or wide or (match["log"] and "log" in forbidden):
            message = f'{kind} is forbidden: User "someone" cannot list resource "{kind}"'
            return 403, json.dumps({"kind": "Status", "message": message}).encode()
        if match["log"]:
            log = objects.get(f"Log/{match['name']}/{query['container']}")
            return (404, b"{}") if log is None else (200, str(log).encode())
        if match["name"]:
            return _found(_named(objects, kind, match["name"], accept))
        prefix = f"{KINDS[kind]}/"
        items = [_with_name(key, item) for key, item in objects.items() if key.startswith(prefix)]
        items = [item for item in items if _chosen(item, match["namespace"], query)]
        return _found({"kind": "List", "metadata": {}, "items": items})

    return get


def _named(objects: dict[str, Any], kind: str, name: str, accept: str) -> Any:
    item = objects.get(f"{KINDS[kind]}/{name}")
    if item is None:
        return None
    item = _with_name(f"/{name}", item)
    return {"metadata": item["metadata"]} if accept == METADATA else item


def _with_name(key: str, item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "metadata": {"name": key.partition("/")[2], **item.get("metadata", {})}}


def _chosen(item: dict[str, Any], namespace: str | None, query: dict[str, str]) -> bool:
    if namespace and item.get("metadata", {}).get("namespace") != namespace:
        return False
    labels = item.get("metadata", {}).get("labels", {})
    fields = {
        **item,
        "status.phase": item.get("status", {}).get("phase"),
        "metadata.name": item["metadata"]["name"],
    }
    for selector, having in (("labelSelector", labels), ("fieldSelector", fields)):
        for term in filter(None, query.get(selector, "").split(",")):
            key, operator, value = re.fullmatch(r"([\w./-]+?)(!?=)(.*)", term).groups()  # type: ignore[union-attr]
            if (having.get(key) == value) == (operator == "!="):
                return False
    return True


def _found(answer: Any) -> tuple[int, bytes]:
    return (404, b'{"kind": "Status"}') if answer is None else (200, json.dumps(answer).encode())
