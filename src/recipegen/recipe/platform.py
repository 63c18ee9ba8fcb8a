"""The `platform` block, which is the same for every recipe of a cluster."""

from typing import Annotated, Any, Literal

from pydantic import Field

from recipegen.recipe.forms import REPOSITORY, URL, Block, Namespace, Version


class Gate(Block):
    """A Job between the operator's release and the graph: it waits until the operator's webhook takes a graph."""

    enabled: bool = True
    """Whether it is installed, as the release `dynamo-platform-ready`. Default: `true`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with Python 3 that runs its script, for a mirror. Default: `python` in `facts/images.yaml`."""
    timeout_seconds: Annotated[int, Field(ge=10, le=7200)] = 600
    """How long the operator may take, in seconds. Default: 600."""


Bundled = Literal["none", "install", "existing"]


class Platform(Block):
    """The upstream Dynamo operator, shared by every recipe of a cluster. Its values come from this block alone, so that all recipes render the same release."""

    install: bool = True
    """`false` where the cluster has it: the release is then left alone, never removed. Default: `true`."""
    version: Version | None = None
    """Version of the chart `dynamo-platform`. Default: the newest recipegen knows."""
    repository: Annotated[str, Field(pattern=REPOSITORY, max_length=300)] = (
        "https://helm.ngc.nvidia.com/nvidia/ai-dynamo"
    )
    """Chart repository, for a mirror. Default: NVIDIA's."""
    namespace: Namespace = "dynamo-system"
    """Kubernetes namespace of the operator. Default: `dynamo-system`."""
    pod_monitors: bool | None = None
    """Whether the operator's chart makes PodMonitors, by which Prometheus finds every graph. Default: the chart's own look at the cluster, which sees nothing where manifests are rendered without one."""
    prometheus_endpoint: Annotated[str, Field(pattern=URL, max_length=300)] | None = None
    """Address of Prometheus, for the planner. Default: the chart's own."""
    grove: Bundled = "none"
    """Grove, which starts the pods of a graph together: `install` it along, `existing` where the cluster has it. Default: `none`."""
    kai_scheduler: Bundled = "none"
    """KAI scheduler, likewise. Default: `none`."""
    gpu_discovery: bool | None = None
    """Whether the operator looks up the GPUs of the cluster's nodes. Default: the chart's own."""
    values: dict[str, Any] = {}
    """Further values of the upstream chart. Default: none."""
    gate: Gate = Gate.model_construct()
    """Waits until the operator works. Default: on."""
