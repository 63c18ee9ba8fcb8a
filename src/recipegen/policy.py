"""Checks on rendered objects, for what neither the recipe nor Helm can see.

No stock scanner looks inside a DynamoGraphDeployment, so its pods are taken out and checked like any other.
"""

from collections.abc import Callable, Iterator
from typing import Any

from recipegen.errors import Problem

# Where the kinds that recipegen renders keep their pod templates.
POD_OWNERS: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Job": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
}
HOST_ACCESS = ("hostNetwork", "hostPID", "hostIPC")


def check(objects: list[dict[str, Any]]) -> list[Problem]:
    """Return what is wrong with the objects of one release, each problem naming object and field."""
    problems = []
    for item in objects:
        name = f"{item['kind']} {item['metadata']['name']}"
        for code, rule in OBJECT_RULES.items():
            problems += [Problem(code, (), f"{name}: {message}") for message in rule(item)]
        for place, pod in pods(item):
            for code, rule in POD_RULES.items():
                problems += [Problem(code, (), f"{name}, {place}: {message}") for message in rule(pod)]
    return problems


def pods(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the pod specs inside an object, each with the words for where it is."""
    if item["kind"] == "DynamoGraphDeployment":
        for component in item["spec"]["components"]:
            yield f"component {component['name']}", component["podTemplate"]["spec"]
    elif item["kind"] in POD_OWNERS:
        found = item
        for key in POD_OWNERS[item["kind"]]:
            found = found[key]
        yield "pod template", found["spec"]


def _no_secret_data(item: dict[str, Any]) -> Iterator[str]:
    if item["kind"] == "Secret":
        yield "Secrets with data do not belong into a release"


def _no_namespace(item: dict[str, Any]) -> Iterator[str]:
    if "namespace" in item["metadata"]:
        yield "the release gives the namespace, not the object"


def _least_rights(item: dict[str, Any]) -> Iterator[str]:
    for rule in item.get("rules", []) if item["kind"] in ("Role", "ClusterRole") else []:
        for part in ("apiGroups", "resources", "verbs"):
            if "*" in rule[part]:
                yield f"a rule grants all {part}"
        if "secrets" in rule["resources"] and (
            set(rule["verbs"]) != {"get"} or not rule.get("resourceNames")
        ):
            yield "Secrets may be read one by one only, each by its name"
        for verb in sorted({"escalate", "bind", "impersonate"} & set(rule["verbs"])):
            yield f"a rule grants the verb {verb}"


def _command(pod: dict[str, Any]) -> Iterator[str]:
    for container in _containers(pod):
        if container.get("args") and not container.get("command"):
            # The operator's default command is `/bin/sh -c`, which would make the arguments a script.
            yield f"container {container['name']} has args without command"


def _pinned_image(pod: dict[str, Any]) -> Iterator[str]:
    for container in _containers(pod):
        name = container["image"].rpartition("/")[2]
        if ":" not in name or name.endswith(":latest"):
            yield f"image {container['image']} can change"


def _gpus_under_limits(pod: dict[str, Any]) -> Iterator[str]:
    for container in _containers(pod):
        resources = container.get("resources", {})
        for name in resources.get("requests", {}):
            # The operator counts GPUs under limits only.
            if "gpu" in name and name not in resources.get("limits", {}):
                yield f"container {container['name']} requests {name} without a limit"


def _unique_names(pod: dict[str, Any]) -> Iterator[str]:
    lists: list[tuple[str, list[str]]] = [("volume", [v["name"] for v in pod.get("volumes", [])])]
    for container in _containers(pod):
        lists.append(("variable", [e["name"] for e in container.get("env", [])]))
        lists.append(("mount path", [m["mountPath"] for m in container.get("volumeMounts", [])]))
    for what, names in lists:
        for name in sorted({name for name in names if names.count(name) > 1}):
            # Server-side apply, the default of Helm 4, refuses them.
            yield f"{what} {name} stands twice"


def _no_host_access(pod: dict[str, Any]) -> Iterator[str]:
    yield from (f"{key} is on" for key in HOST_ACCESS if pod.get(key))
    yield from (f"volume {v['name']} is a hostPath" for v in pod.get("volumes", []) if "hostPath" in v)
    for container in _containers(pod):
        if container.get("securityContext", {}).get("privileged"):
            yield f"container {container['name']} is privileged"


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


# By the code of the problem, as in facts/rules.yaml.
Rule = Callable[[dict[str, Any]], Iterator[str]]
OBJECT_RULES: dict[str, Rule] = {
    "secret-data": _no_secret_data,
    "object-namespace": _no_namespace,
    "least-rights": _least_rights,
}
POD_RULES: dict[str, Rule] = {
    "args-without-command": _command,
    "image-can-change": _pinned_image,
    "gpu-without-limit": _gpus_under_limits,
    "stands-twice": _unique_names,
    "host-access": _no_host_access,
}
