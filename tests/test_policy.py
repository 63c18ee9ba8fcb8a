"""Checks on rendered objects: each finds its mistake, and finds none in what recipegen renders."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from recipegen import policy
from samples import MINIMAL, Object, objects, plan_of, recipes, releases

CACHED = {"dynamoNamespace": "qwen", "model": {"name": "Qwen/Qwen3-0.6B", "cache": {"enabled": True}}}
EVERYTHING = {
    **CACHED,
    **{key: {"enabled": True} for key in ("benchmark", "observability", "modelExpress")},
    "troubleshooting": {"enabled": True, "clusterRead": True},
}


def rendered(kind: str) -> Object:
    """A fresh object of that kind, as recipegen renders it."""
    found = [o for o in objects(*releases(plan_of(EVERYTHING)).values()) if o["kind"] == kind]
    return copy.deepcopy(found[0])


def messages(item: Object) -> list[str]:
    return [problem.message for problem in policy.check([item])]


def container(item: Object) -> dict[str, Any]:
    """The first container of the object's last pod."""
    *_, (_, pod) = policy.pods(item)
    found: dict[str, Any] = pod["containers"][0]
    return found


def pod(item: Object) -> dict[str, Any]:
    *_, (_, found) = policy.pods(item)
    return found


@given(recipes())
@settings(max_examples=30, deadline=None)
def test_nothing_that_recipegen_renders_breaks_a_rule(data: dict[str, Any]) -> None:
    assert policy.check(objects(*releases(plan_of(data)).values())) == []


def test_everything_switched_on_breaks_no_rule() -> None:
    items = objects(*releases(plan_of(EVERYTHING)).values())

    assert {item["kind"] for item in items} == {
        *("ConfigMap", "Deployment", "DynamoGraphDeployment", "Job", "PersistentVolumeClaim", "Service"),
        *("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount"),
    }  # fmt: skip
    assert policy.check(items) == []


def test_the_pods_of_a_graph_are_its_components() -> None:
    assert [place for place, _ in policy.pods(rendered("DynamoGraphDeployment"))] == [
        "component frontend",
        "component worker",
    ]


MISTAKES: dict[str, tuple[Callable[[Object], object], str]] = {
    "args without command": (lambda o: container(o).pop("command"), "has args without command"),
    "no tag": (lambda o: container(o).update(image="registry.example.com:5000/x"), "can change"),
    "latest": (lambda o: container(o).update(image="x:latest"), "can change"),
    "GPU under requests": (
        lambda o: container(o).update(resources={"requests": {"nvidia.com/gpu": "1"}}),
        "requests nvidia.com/gpu without a limit",
    ),
    "a variable twice": (
        lambda o: container(o).update(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        "variable A stands twice",
    ),
    "a mount path twice": (
        lambda o: container(o).update(volumeMounts=[{"name": n, "mountPath": "/a"} for n in "xy"]),
        "mount path /a stands twice",
    ),
    "a volume twice": (
        lambda o: pod(o).update(volumes=[{"name": "x"}, {"name": "x"}]),
        "volume x stands twice",
    ),
    "host network": (lambda o: pod(o).update(hostNetwork=True), "hostNetwork is on"),
    "host processes": (lambda o: pod(o).update(hostPID=True), "hostPID is on"),
    "host memory": (lambda o: pod(o).update(hostIPC=True), "hostIPC is on"),
    "host path": (
        lambda o: pod(o).update(volumes=[{"name": "x", "hostPath": {"path": "/"}}]),
        "is a hostPath",
    ),
    "privileged": (lambda o: container(o).update(securityContext={"privileged": True}), "is privileged"),
}


@pytest.mark.parametrize("kind", ["DynamoGraphDeployment", "Job"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_pod_is_found(kind: str, mistake: str) -> None:
    change, message = MISTAKES[mistake]
    item = rendered(kind)
    if mistake == "args without command":
        container(item).setdefault("args", ["x"])
    change(item)

    assert len(messages(item)) == 1
    assert message in messages(item)[0]
    assert messages(item)[0].startswith(f"{kind} {item['metadata']['name']}, ")


def test_a_digest_needs_no_tag() -> None:
    item = rendered("Job")
    container(item)["image"] = f"registry.example.com/x@sha256:{'0' * 64}"

    assert messages(item) == []


def test_an_init_container_is_looked_at_too() -> None:
    item = rendered("Job")
    pod(item)["initContainers"] = [{"name": "first", "image": "x"}]

    assert messages(item) == [f"Job {item['metadata']['name']}, pod template: image x can change"]


def test_a_secret_with_data_is_found() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "token"}, "stringData": {"a": "b"}}

    assert "do not belong" in messages(secret)[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verbs": ["*"]}, "grants all verbs"),
        ({"resources": ["*"]}, "grants all resources"),
        ({"resources": ["secrets"], "verbs": ["list"]}, "one by one only"),
        ({"resources": ["secrets"], "verbs": ["get"]}, "one by one only"),
        ({"verbs": ["impersonate"]}, "grants the verb impersonate"),
    ],
)
def test_a_right_too_many_is_found(change: dict[str, Any], message: str) -> None:
    item = rendered("Role")
    item["rules"][0] = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], **change}

    assert message in messages(item)[0]


def test_a_namespace_of_its_own_is_found() -> None:
    item = rendered("ConfigMap")
    item["metadata"]["namespace"] = "elsewhere"

    assert messages(item) == [
        f"ConfigMap {item['metadata']['name']}: the release gives the namespace, not the object"
    ]


def test_minimal_is_not_more_than_a_graph() -> None:
    assert [item["kind"] for item in objects(*releases(plan_of(MINIMAL)).values())] == [
        "DynamoGraphDeployment"
    ]
