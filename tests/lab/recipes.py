"""What tests do with a recipe in the lab: render it, hand it to helmfile, look at the outcome."""

import json
from collections.abc import Iterable
from typing import Any

import yaml

from lab.cluster import Cluster
from lab.tools import Machine

RECIPE = "qwen-0.6b"
GRAPH = "qwen-0-6b"
# What the API server itself writes into objects.
SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
Name = tuple[str, str]


def render(machine: Machine, *arguments: str) -> str:
    """The helmfile document of the quickstart recipe with further arguments."""
    return machine.output(["recipegen", "render", RECIPE, *arguments])


def apply(machine: Machine, document: str) -> None:
    """Apply a document that was made before."""
    machine.output(["helmfile", "-f", "-", "apply"], stdin=document)


def graphs(cluster: Cluster, namespace: str) -> str | None:
    """Where a namespace's graphs are, or None on a server that does not know the kind."""
    return cluster.collection("nvidia.com/v1beta1", "DynamoGraphDeployment", namespace)


def manifests(machine: Machine, document: str, *, tests: bool = False) -> list[Any]:
    """The objects that the recipe's own releases render to, without the shared platform's."""
    command = ["helmfile", "-f", "-", "--selector", "component!=platform", "template"]
    command += [] if tests else ["--skip-tests"]
    rendered = yaml.safe_load_all(machine.output(command, stdin=document))
    return [each for each in rendered if each]


def names(objects: Iterable[Any]) -> set[Name]:
    """Kind and name of each object."""
    return {(each["kind"], each["metadata"]["name"]) for each in objects}


def kept(objects: Iterable[Any]) -> set[Name]:
    """Kind and name of each object that Helm leaves where its release goes."""
    policy = "helm.sh/resource-policy"
    return names(each for each in objects if each["metadata"].get("annotations", {}).get(policy) == "keep")


def refusal(cluster: Cluster, each: Any) -> str:
    """Why the server would not create an object, an unknown field among the reasons; empty where it would."""
    path = cluster.collection(each["apiVersion"], each["kind"], "default")
    if path is None:
        return f"the server does not know {each['apiVersion']} {each['kind']}"
    status, answer = cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", each)
    return "" if status == 201 else f"{each['kind']}: {answer['message']}"


def live(cluster: Cluster, namespace: str) -> dict[Name, Any]:
    """Every object in a namespace, as it was asked for: without what server and Helm add."""
    found = {}
    for kind, path in cluster.kinds(namespace):
        for each in cluster.items(path):
            metadata = {k: v for k, v in each["metadata"].items() if k not in SERVER_FIELDS}
            body = {k: v for k, v in each.items() if k not in ("status", "metadata")}
            if kind != "Event" and each.get("type") != "helm.sh/release.v1":
                found[kind, metadata["name"]] = {**body, "metadata": metadata}
    return found


def versions(cluster: Cluster, namespace: str) -> dict[Name, str]:
    """The version of every object in a namespace, of its spec and of its status, Helm's own included."""
    return {
        (kind, each["metadata"]["name"]): each["metadata"]["resourceVersion"]
        for kind, path in cluster.kinds(namespace)
        for each in cluster.items(path)
        if kind != "Event"
    }


def revisions(machine: Machine) -> dict[str, str]:
    """Revision of every release in every namespace, as NAMESPACE/NAME to number."""
    listed = json.loads(machine.output(["helm", "list", "--all-namespaces", "--output", "json"]))
    return {f"{each['namespace']}/{each['name']}": each["revision"] for each in listed}
