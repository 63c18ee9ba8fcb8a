"""Every backend, mode and routing policy against the schema of the DynamoGraphDeployment."""

from collections.abc import Callable
from itertools import product
from typing import Any

import jsonschema
import pytest

import kinds

Make = Callable[..., dict[str, Any]]

POLICIES = ["none", "kv", "random", "round-robin"]
MATRIX = list(product(["vllm", "sglang", "trtllm"], [False, True], POLICIES))

# Refused, ignored or gone in Dynamo 1.6.
GONE = {
    "--is-prefill-worker",
    "--is-decode-worker",
    "--connector",
    "--store-kv",
    "--enforce-disagg",
    "--router-reset-states",
    "--router-snapshot-threshold",
    "--durable-kv-events",
}

# Everything that a model block can say, beside backend, mode and policy.
WORKER = {
    "replicas": 2,
    "nodes": 2,
    "engine": {"tensorParallel": 16, "maxModelLen": 1048576},
    "env": {"NCCL_DEBUG": "INFO"},
    "resources": {"requests": {"cpu": "8"}, "limits": {"memory": "64Gi"}},
    "sharedMemory": "16Gi",
    "extraConfigs": [{"content": {"a": 1}}, {"path": "/etc/b", "env": "B", "configMapRef": {"name": "b"}}],
}
EVERYTHING = {
    "revision": "abc",
    "engine": {"gpuMemoryUtilization": 0.9, "toolCallParser": "hermes"},
    "frontend": {"replicas": 2, "env": {"DYN_LOG": "debug"}, "resources": {"limits": {"memory": "8Gi"}}},
    "cache": {"enabled": True},
    "huggingFaceTokenSecret": "hf",
    "nodeSelector": {"gpu": "h100"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
}


def matrix(backend: str, mode: bool, policy: str) -> dict[str, Any]:
    return {"backend": {"type": backend}, "disaggregation": mode, "routingPolicy": policy}


def test_schema_refuses_an_unknown_field(graph: Make) -> None:
    wrong = graph()
    wrong["spec"]["components"][1]["podTemplate"]["spec"]["containers"][0]["argz"] = []

    with pytest.raises(jsonschema.ValidationError, match="argz"):
        kinds.check(wrong)


@pytest.mark.parametrize(("backend", "mode", "policy"), MATRIX)
def test_least_that_can_be_said_is_valid(
    backend: str,
    mode: bool,
    policy: str,
    graph: Make,
) -> None:
    kinds.check(graph(**matrix(backend, mode, policy)))


@pytest.mark.parametrize(("backend", "mode", "policy"), MATRIX)
def test_most_that_can_be_said_is_valid(
    backend: str,
    mode: bool,
    policy: str,
    graph: Make,
) -> None:
    roles = {"prefill": WORKER, "decode": WORKER} if mode else {"worker": WORKER}

    kinds.check(graph(**EVERYTHING, **roles, **matrix(backend, mode, policy)))


@pytest.mark.parametrize(("backend", "mode", "policy"), MATRIX)
def test_no_argument_is_one_that_dynamo_dropped(
    backend: str,
    mode: bool,
    policy: str,
    graph: Make,
) -> None:
    components = graph(**matrix(backend, mode, policy))["spec"]["components"]
    args = {arg for c in components for arg in c["podTemplate"]["spec"]["containers"][0]["args"]}

    assert not args & GONE


@pytest.mark.parametrize(("backend", "mode", "policy"), MATRIX)
def test_no_option_is_given_twice(
    backend: str,
    mode: bool,
    policy: str,
    graph: Make,
) -> None:
    for component in graph(**EVERYTHING, **matrix(backend, mode, policy))["spec"]["components"]:
        args = component["podTemplate"]["spec"]["containers"][0]["args"]
        options = [arg for arg in args if arg.startswith("--")]

        assert sorted(set(options)) == sorted(options)
