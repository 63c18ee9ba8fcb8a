"""Warmup: images that nodes pull beforehand, and pods that hold GPUs until workers come."""

from collections.abc import Callable
from typing import Any

import helm_python
import pytest

from recipegen import facts, helm, policy
from recipegen.compile import compile_plan
from recipegen.resolve import Plan
from samples import MINIMAL, plan_of

Render = Callable[..., list[dict[str, Any]]]
IMAGES = ["registry.example.com/engine:1", "registry.example.com/other:2"]


def made(render: Render, **values: Any) -> dict[str, dict[str, Any]]:
    """The chart's objects by kind."""
    found = render({"enabled": True, **values}, chart="warmup", namespace="chat")
    return {item["kind"]: item for item in found}


def of_recipe(**recipe: Any) -> tuple[Plan, dict[str, dict[str, Any]]]:
    """The same of a recipe, with its plan."""
    model = {**MINIMAL["model"], **recipe.pop("model", {})}
    plan = plan_of({**MINIMAL, **recipe, "model": model})
    (release,) = [r for r in compile_plan(plan).releases if r.labels.get("component") == "warmup"]
    return plan, {item["kind"]: item for item in helm.objects(release)}


def pod(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = item["spec"]["template"]["spec"]
    return found


def test_switched_off_makes_nothing(render: Render) -> None:
    values = {"enabled": False, "images": IMAGES, "placeholders": {"count": 2}}

    assert render(values, chart="warmup") == []


def test_l28_every_image_runs_once_and_then_sleep_alone(render: Render) -> None:
    found = made(render, images=IMAGES)
    spec = pod(found["DaemonSet"])
    tool, *warmed = spec["initContainers"]

    assert found.keys() == {"DaemonSet"}
    assert [each["image"] for each in warmed] == IMAGES
    # What runs in them was put on a shared volume before, so that an image without a shell does as well.
    assert tool["command"][-1] == warmed[0]["command"][0] == "/tool/true"
    assert [each["image"] for each in spec["containers"]] == ["registry.k8s.io/pause:3.10"]


def test_l28_images_are_those_of_the_graph_on_the_nodes_of_its_workers() -> None:
    plan, found = of_recipe(hardware={"gpu": "h100-sxm-80gb"}, warmup={"enabled": True})
    model = next(r for r in compile_plan(plan).releases if r.labels.get("component") == "model")
    (graph,) = [o for o in helm.objects(model) if o["kind"] == "DynamoGraphDeployment"]
    (worker,) = [c for c in graph["spec"]["components"] if c["name"] == "worker"]
    spec, template = pod(found["DaemonSet"]), worker["podTemplate"]["spec"]

    assert [c["image"] for c in spec["initContainers"][1:]] == [template["containers"][0]["image"]]
    assert spec["nodeSelector"] == template["nodeSelector"]
    assert spec["tolerations"] == template["tolerations"]


@pytest.mark.parametrize(
    "model",
    [
        {"backend": {"type": "sglang"}},
        {"backend": {"type": "trtllm", "version": "1.5.1"}},
        {"backend": {"image": "registry.example.com/vllm:1.6.1-patched"}},
        {"backend": {"registry": "registry.example.com/dynamo"}},
        {"mocker": True},
    ],
    ids=str,
)
def test_l28_the_image_is_the_charts_for_every_backend(model: dict[str, Any]) -> None:
    plan, found = of_recipe(model=model, warmup={"enabled": True})
    release = next(r for r in compile_plan(plan).releases if r.labels.get("component") == "model")
    (graph,) = [o for o in helm.objects(release) if o["kind"] == "DynamoGraphDeployment"]
    images = {c["podTemplate"]["spec"]["containers"][0]["image"] for c in graph["spec"]["components"]}

    assert {c["image"] for c in pod(found["DaemonSet"])["initContainers"][1:]} == images


def test_l28_without_a_word_on_nodes_only_those_with_gpus_pull() -> None:
    _, found = of_recipe(warmup={"enabled": True})

    assert pod(found["DaemonSet"])["nodeSelector"] == {"nvidia.com/gpu.present": "true"}


def test_l28_labels_of_ones_own_and_that_of_the_gpu_select_together() -> None:
    _, found = of_recipe(
        hardware={"gpu": "h100-sxm-80gb"}, model={"nodeSelector": {"pool": "a"}}, warmup={"enabled": True}
    )

    assert pod(found["DaemonSet"])["nodeSelector"] == {
        "pool": "a",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    }


def test_l28_at_most_32_images(render: Render) -> None:
    with pytest.raises(helm_python.HelmError, match="32"):
        made(render, images=[f"registry.example.com/engine:{n}" for n in range(33)])


def test_l28_placeholders_hold_what_a_pod_of_the_largest_role_takes() -> None:
    disaggregated = {
        "disaggregation": True,
        "prefill": {"engine": {"tensorParallel": 2}},
        "decode": {
            "engine": {"tensorParallel": 4},
            "sharedMemory": "16Gi",
            "resources": {"requests": {"cpu": "8"}, "limits": {"cpu": "16", "memory": "64Gi"}},
        },
    }
    _, found = of_recipe(model=disaggregated, warmup={"enabled": True, "placeholders": {"count": 3}})
    (main,) = pod(found["Deployment"])["containers"]

    assert found["Deployment"]["spec"]["replicas"] == 3
    assert main["resources"] == {
        "limits": {"nvidia.com/gpu": "4"},
        "requests": {"cpu": "8", "memory": "64Gi"},
    }


def test_l28_devices_and_huge_pages_are_held_as_limits() -> None:
    """The API server takes no request of them without an equal limit."""
    limits = {"rdma/ib": "1", "hugepages-2Mi": "1Gi", "cpu": "16"}
    worker = {"resources": {"limits": limits, "requests": {"rdma/ib": "1", "memory": "64Gi"}}}
    _, found = of_recipe(model={"worker": worker}, warmup={"enabled": True, "placeholders": {"count": 2}})
    (main,) = pod(found["Deployment"])["containers"]

    assert main["resources"] == {
        "limits": {"nvidia.com/gpu": "1", "rdma/ib": "1", "hugepages-2Mi": "1Gi"},
        "requests": {"cpu": "16", "memory": "64Gi"},
    }


def test_l28_their_class_is_below_all_and_takes_nobodys_place(render: Render) -> None:
    found = made(render, placeholders={"count": 1})
    made_class = found["PriorityClass"]

    assert made_class["value"] < 0
    assert made_class["preemptionPolicy"] == "Never"
    assert made_class["globalDefault"] is False
    assert pod(found["Deployment"])["priorityClassName"] == made_class["metadata"]["name"]


def test_l28_the_class_is_this_graphs_alone_in_the_whole_cluster(render: Render) -> None:
    """No two pairs of namespace and graph have one name, and none begins with `system-`."""
    pairs = [("a-b", "c"), ("a", "b-c"), ("system-x", "c")]
    names = []
    for namespace, graph in pairs:
        values = {"enabled": True, "placeholders": {"count": 1}, "global": {"graph": graph}}
        found = render(values, chart="warmup", namespace=namespace)
        names += [o["metadata"]["name"] for o in found if o["kind"] == "PriorityClass"]

    assert len(set(names)) == len(pairs)
    assert not any(name.startswith("system-") for name in names)


def test_l28_a_class_of_another_number_is_another_class(render: Render) -> None:
    """The API server refuses a class whose number changes, and takes a name of 253 characters at most."""
    longest = {"namespace": "n" * 63, "graph": "g" * 53}

    def name(priority: int) -> str:
        values = {"enabled": True, "placeholders": {"count": 1, "priority": priority}}
        own = {"global": {"graph": longest["graph"]}}
        found = render({**values, **own}, chart="warmup", namespace=longest["namespace"])
        kinds = {item["kind"]: item for item in found}
        assert kinds["PriorityClass"]["value"] == priority
        named: str = kinds["PriorityClass"]["metadata"]["name"]
        assert pod(kinds["Deployment"])["priorityClassName"] == named
        return named

    default = f"placeholder.{longest['namespace']}.{longest['graph']}"
    assert name(-10) == default
    assert name(-20) == f"{default}.m20"
    assert name(-1_000_000_000) == f"{default}.m1000000000"
    assert len(name(-1_000_000_000)) <= 253


def test_l28_a_class_of_the_clusters_is_used_as_it_is(render: Render) -> None:
    found = made(render, placeholders={"count": 1, "priorityClass": "placeholders"})

    assert "PriorityClass" not in found
    assert pod(found["Deployment"])["priorityClassName"] == "placeholders"


def test_pods_that_wait_hold_no_release_up(render: Render) -> None:
    found = made(render, images=IMAGES, placeholders={"count": 2})

    assert found["DaemonSet"]["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": "100%"}
    assert found["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == "100%"


def test_a_placeholder_that_goes_is_seen_to_go(render: Render) -> None:
    """With 0 a worker may wait minutes for its place: https://github.com/kubernetes/kubernetes/issues/141694."""
    found = made(render, images=IMAGES, placeholders={"count": 2})

    assert 0 < pod(found["Deployment"])["terminationGracePeriodSeconds"] <= 5


def test_selectors_are_of_labels_that_never_change(render: Render) -> None:
    labels = {"labels": {"team": "ml"}}
    found = made(render, images=IMAGES, placeholders={"count": 2}, **{"global": labels})

    for kind in ("DaemonSet", "Deployment"):
        selector = found[kind]["spec"]["selector"]["matchLabels"]
        assert "team" not in selector
        assert selector.items() <= found[kind]["spec"]["template"]["metadata"]["labels"].items()
        assert found[kind]["metadata"]["labels"]["team"] == "ml"


def test_objects_keep_to_what_is_asked_of_all_pods(render: Render) -> None:
    found = made(render, images=IMAGES, placeholders={"count": 2}, pullSecrets=["registry"])

    assert policy.check([*found.values()]) == []
    assert pod(found["DaemonSet"])["imagePullSecrets"] == [{"name": "registry"}]


def test_the_charts_images_are_those_of_the_facts(render: Render) -> None:
    spec = pod(made(render, images=IMAGES)["DaemonSet"])

    assert spec["containers"][0]["image"] == facts.images()["pause"]
    assert spec["initContainers"][0]["image"] == facts.images()["busybox"]
