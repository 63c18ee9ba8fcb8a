"""The gate between the operator and the graphs."""

import json
from collections.abc import Callable
from typing import Any

Render = Callable[..., list[dict[str, Any]]]


def by_kind(render: Render, **values: Any) -> dict[str, dict[str, Any]]:
    given = {"version": "1.6.1", **values}
    objects = render(given, chart="platform-ready", name="dynamo-platform-ready", namespace="dynamo-system")
    return {item["kind"]: item for item in objects}


def container(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = job["spec"]["template"]["spec"]["containers"]
    return found


def test_it_may_create_graphs_in_its_namespace_and_nothing_else(render: Render) -> None:
    found = by_kind(render)

    assert found.keys() == {"ConfigMap", "Job", "Role", "RoleBinding", "ServiceAccount"}
    assert found["Role"]["rules"] == [
        {"apiGroups": ["nvidia.com"], "resources": ["dynamographdeployments"], "verbs": ["create"]}
    ]
    (subject,) = found["RoleBinding"]["subjects"]
    assert subject["namespace"] == "dynamo-system"
    assert subject["name"] == found["ServiceAccount"]["metadata"]["name"]
    assert found["Job"]["spec"]["template"]["spec"]["serviceAccountName"] == subject["name"]


def test_the_graph_that_it_tries_is_of_the_operators_release(render: Render) -> None:
    env = {e["name"]: e["value"] for e in container(by_kind(render, version="1.6.0")["Job"])["env"]}
    (component,) = json.loads(env["GRAPH"])["spec"]["components"]
    (main,) = component["podTemplate"]["spec"]["containers"]

    assert main["name"] == "main"
    assert main["image"].endswith(":1.6.0")


def test_helm_runs_the_job_each_time_and_prints_why_it_failed(render: Render) -> None:
    assert by_kind(render)["Job"]["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install,post-upgrade",
        "helm.sh/hook-delete-policy": "before-hook-creation",
        "helm.sh/hook-output-log-policy": "hook-failed",
    }


def test_the_job_ends_after_the_script_and_before_helm_stops_waiting(render: Render) -> None:
    job = by_kind(render, timeoutSeconds=100)["Job"]

    assert 100 < job["spec"]["activeDeadlineSeconds"] < 100 + 180
