"""Troubleshooting: the Job that looks at the graph, and what it may read."""

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., list[dict[str, Any]]]
Objects = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def objects(render: Render) -> Objects:
    """The chart's objects by kind."""

    def made(**values: Any) -> dict[str, dict[str, Any]]:
        found = render({"enabled": True, **values}, chart="troubleshooting", namespace="chat")
        return {item["kind"]: item for item in found}

    return made


def environment(job: dict[str, Any]) -> dict[str, str]:
    (main,) = job["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in main["env"]}


def test_switched_off_makes_nothing(render: Render) -> None:
    assert render({"enabled": False, "clusterRead": True}, chart="troubleshooting") == []


def test_it_only_reads_and_only_in_its_namespace(objects: Objects) -> None:
    found = objects()

    assert found.keys() == {"ConfigMap", "Job", "Role", "RoleBinding", "ServiceAccount"}
    assert {verb for rule in found["Role"]["rules"] for verb in rule["verbs"]} == {"get", "list"}


def test_the_whole_cluster_is_read_only_on_demand(objects: Objects) -> None:
    found = objects(clusterRead=True)

    assert found["ClusterRole"]["metadata"]["name"] == "chat:qwen-troubleshooting"
    assert [rule["resources"] for rule in found["ClusterRole"]["rules"]] == [["nodes"], ["storageclasses"]]
    assert found["ClusterRoleBinding"]["subjects"] == found["RoleBinding"]["subjects"]
    assert environment(found["Job"])["CLUSTER_READ"] == "true"


def test_of_secrets_only_the_one_with_the_token_may_be_asked_for(objects: Objects) -> None:
    def secrets(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [rule for rule in found["Role"]["rules"] if "secrets" in rule["resources"]]

    (rule,) = secrets(objects(**{"global": {"huggingFaceTokenSecret": "hf"}}))

    assert (rule["resourceNames"], rule["verbs"]) == (["hf"], ["get"])
    assert secrets(objects()) == []


def test_the_graph_is_the_one_that_all_components_share(objects: Objects) -> None:
    found = environment(objects(**{"global": {"graph": "llama", "dynamoNamespace": "chat-llama"}})["Job"])

    assert (found["GRAPH"], found["NAMESPACE"], found["DYNAMO_NAMESPACE"]) == ("llama", "chat", "chat-llama")


def test_the_job_mounts_every_script_under_its_module_name(objects: Objects) -> None:
    found = objects()
    (volume,) = found["Job"]["spec"]["template"]["spec"]["volumes"]
    paths = {item["key"]: item["path"] for item in volume["configMap"]["items"]}

    assert paths.keys() == found["ConfigMap"]["data"].keys()
    assert {"run.py", "recipegen/errors.py", "recipegen/cluster/findings.py"} <= set(paths.values())


@pytest.mark.parametrize(
    "values",
    [{"run": 2}, {"waitMinutes": 5}, {"global": {"modelDigest": "a"}}, {"image": "python:3.13-slim"}],
)
def test_another_look_is_another_job(values: dict[str, Any], objects: Objects) -> None:
    assert objects(**values)["Job"]["metadata"]["name"] != objects()["Job"]["metadata"]["name"]


def test_the_same_look_is_the_same_job(objects: Objects) -> None:
    assert objects(run=1)["Job"]["metadata"]["name"] == objects()["Job"]["metadata"]["name"]


def test_the_pod_runs_without_privileges(objects: Objects) -> None:
    pod = objects()["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
