# ruff: noqa: INP001 - a part of a script of its own, run in the Job's container
"""The graph as Kubernetes sees it: its own status, and its pods by role."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import api

# Labels that the operator puts on a graph's pods. Which of the two says `prefill` is unverified.
GRAPH = "nvidia.com/dynamo-graph-deployment-name"
ROLES = ("nvidia.com/dynamo-sub-component-type", "nvidia.com/dynamo-component-type")
NAMES = ("frontend", "worker", "prefill", "decode")


@dataclass(frozen=True)
class Pod:
    """A pod of the graph that is not about to go."""

    name: str
    uid: str
    role: str
    role_label: str
    """The label that says the role."""
    node: str
    ready: bool


def pods(graph: str) -> list[Pod]:
    """Return the pods of the graph by name, without those that are being deleted or are done."""
    found = api.get(api.core(f"pods?labelSelector={quote(f'{GRAPH}={graph}')}"))["items"]
    return sorted((_pod(item) for item in found if _lives(item)), key=lambda pod: pod.name)


def problem(graph: str) -> str:
    """Return why the graph is not healthy, as Kubernetes sees it; nothing when it is."""
    item = api.find(api.group("nvidia.com/v1beta1", f"dynamographdeployments/{graph}"))
    if item is None:
        return f"there is no DynamoGraphDeployment {graph}"
    conditions = {each["type"]: each for each in item.get("status", {}).get("conditions", [])}
    ready = conditions.get("Ready", {"status": "Unknown", "message": "no condition yet"})
    if ready["status"] != "True":
        return f"the DynamoGraphDeployment is not Ready: {ready.get('message') or ready.get('reason')}"
    found = pods(graph)
    if not found:
        return f"no pod has the label {GRAPH}={graph}"
    waiting = [pod.name for pod in found if not pod.ready]
    return f"not Ready: {', '.join(waiting)}" if waiting else ""


def by_role(found: Iterable[Pod]) -> Counter[str]:
    """Return how many pods of each role are Ready."""
    return Counter(pod.role for pod in found if pod.ready)


def words(counts: Counter[str]) -> str:
    """Return the counts for people: `1 decode, 1 frontend`."""
    return ", ".join(f"{count} {role}" for role, count in sorted(counts.items()) if count) or "none"


def _pod(item: Any) -> Pod:
    metadata, labels = item["metadata"], item["metadata"]["labels"]
    label = next((key for key in ROLES if labels.get(key, "").lower() in NAMES), ROLES[-1])
    conditions = item.get("status", {}).get("conditions", [])
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        role=labels.get(label, "").lower(),
        role_label=label,
        node=item["spec"].get("nodeName", ""),
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in conditions),
    )


def _lives(item: Any) -> bool:
    done = item.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return "deletionTimestamp" not in item["metadata"] and not done
