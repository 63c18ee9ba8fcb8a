"""The twin for clusters: the same graph with Dynamo's mocker in place of the engines."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from recipegen import helm
from recipegen.twin import graph as twin_graph
from recipegen.twin import mocker
from samples import plan_of, recipes, releases

Make = Callable[..., dict[str, Any]]

# A worker with everything that only a GPU, its node or its weights need.
FULL = {
    "engine": {"tensorParallel": 8, "maxModelLen": 4096},
    "nodeSelector": {"nvidia.com/gpu.product": "H100"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    "cache": {"enabled": True},
    "backend": {"type": "vllm", "image": "registry.example.com/dynamo-vllm:1.6.0"},
    "worker": {
        "nodes": 2,
        "sharedMemory": "16Gi",
        "resources": {"requests": {"memory": "64Gi"}, "limits": {}},
        "extraConfig": {"content": {"a": 1}},
    },
}


@settings(max_examples=30, deadline=None)
@given(recipes())
def test_chart_and_simulate_give_the_mocker_the_same_arguments(data: dict[str, Any]) -> None:
    """Two readers of one table: the template in the chart, and Python for `recipegen simulate`."""
    model = releases(plan_of(data))["model"]
    mocked = replace(model, values={**model.values, "mocker": True})
    identity = (model.namespace, data["model"]["name"])
    real, twin = (twin_graph.read(helm.objects(each), *identity) for each in (model, mocked))

    assert [worker.argv for worker in twin.workers] == [mocker.of(worker).argv for worker in real.workers]
    assert twin.frontend.argv == real.frontend.argv


def test_names_types_and_labels_are_those_of_the_real_graph(graph: Make) -> None:
    def shape(made: dict[str, Any]) -> list[Any]:
        components = made["spec"]["components"]
        return [
            made["metadata"],
            *((c["name"], c["type"], c["replicas"], c["podTemplate"]["metadata"]) for c in components),
        ]

    assert shape(graph(disaggregation=True, mocker=True)) == shape(graph(disaggregation=True))


def test_workers_run_the_mocker_from_the_image_that_has_it(container: Make) -> None:
    worker = container("worker", mocker=True)

    assert worker["command"] == ["python3", "-m", "dynamo.mocker"]
    assert worker["image"] == "nvcr.io/nvidia/ai-dynamo/dynamo-planner:1.6.1"


def test_the_frontend_is_the_real_one_from_the_same_image(container: Make) -> None:
    mocked, real = container("frontend", mocker=True), container("frontend")

    assert {**mocked, "image": ""} == {**real, "image": ""}
    assert mocked["image"] == "nvcr.io/nvidia/ai-dynamo/dynamo-planner:1.6.1"


def test_a_mirror_and_the_release_in_the_image_are_kept(container: Make) -> None:
    backend = {"registry": "mirror.example.com/dynamo", "version": "1.6.0"}

    assert container("worker", mocker=True, backend=backend)["image"] == (
        "mirror.example.com/dynamo/dynamo-planner:1.6.0"
    )


def test_nothing_is_left_of_what_only_a_gpu_needs(component: Make) -> None:
    worker = component("worker", **FULL, mocker=True)
    [container] = worker["podTemplate"]["spec"].pop("containers")

    assert set(worker) == {"name", "type", "replicas", "podTemplate"}
    assert set(worker["podTemplate"]["spec"]) == {"enableServiceLinks"}
    assert set(container) == {"name", "image", "imagePullPolicy", "command", "args", "securityContext"}


def test_nothing_is_downloaded_or_mounted(render: Callable[..., list[dict[str, Any]]]) -> None:
    made = render({"model": {"name": "M", **FULL, "mocker": True}})

    assert [item["kind"] for item in made] == ["DynamoGraphDeployment"]


@pytest.mark.parametrize("backend", ["vllm", "sglang", "trtllm"])
def test_the_mocker_behaves_like_the_engine_but_is_not_called_one(backend: str, graph: Make) -> None:
    """The operator refuses a framework that the workers' command does not have."""
    made = graph(backend={"type": backend}, mocker=True)
    worker = made["spec"]["components"][1]["podTemplate"]["spec"]["containers"][0]

    assert worker["args"][-2:] == ["--engine-type", backend]
    assert "backendFramework" not in made["spec"]
