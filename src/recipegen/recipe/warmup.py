"""The `warmup` block."""

from typing import Annotated

from pydantic import Field

from recipegen.recipe.forms import RESOURCE_NAME, Block, LabelKey, LabelValue, ObjectName
from recipegen.recipe.model import Resources, Toleration

Image = Annotated[str, Field(min_length=1, max_length=300)]


class Placeholders(Block):
    """Pods of low priority that do nothing but hold GPUs: the scheduler takes them away for workers that have no room, and an autoscaler of nodes sees to it that there is room again."""

    count: Annotated[int, Field(ge=0, le=250)] = 0
    """How many. Default: 0, none."""
    gpus: Annotated[int, Field(ge=1, le=64)] | None = None
    """GPUs that each holds. Default: those of a worker's pod, of the role that has most."""
    resources: Resources | None = None
    """CPU and memory that each holds beside them. Default: the requests of that role."""
    priority_class: ObjectName | None = None
    """PriorityClass that the cluster has, lower than the workers'. Default: one is made for this graph, and goes with it."""
    priority: Annotated[int, Field(ge=-1_000_000_000, le=-1)] = -10
    """Priority of the class that is made, below 0, which pods without a class have. The cluster autoscaler makes no room for pods below -10. Another than the default is part of the class's name, as a class keeps its number. Default: -10."""


class Warmup(Block):
    """Images and room on nodes before workers come. It holds nothing back: workers start whether it is done or not."""

    enabled: bool = False
    """Whether there is any. Default: `false`."""
    images: Annotated[list[Image], Field(max_length=32)] | None = None
    """Images that each node with the recipe's GPUs pulls beforehand, at most 32. Default: those of the graph's pods on such nodes."""
    pull_secrets: Annotated[list[ObjectName], Field(max_length=8)] = []
    """Secrets for their registries. Default: none."""
    placeholders: Placeholders = Placeholders.model_construct()
    """Pods that hold GPUs until workers come. Default: none."""
    image: Image | None = None
    """Image of the pods themselves, which only sleep, for a mirror. Default: `pause` in `facts/images.yaml`."""
    tool_image: Image | None = None
    """Image with a static `/bin/busybox`, which runs once in every image that is pulled, for a mirror. Default: `busybox` in `facts/images.yaml`."""
    node_selector: dict[LabelKey, LabelValue] | None = None
    """Labels of the nodes. Default: `model.nodeSelector`."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] | None = None
    """Taints of the nodes. Default: `model.tolerations`."""
    gpu_resource: Annotated[str, Field(pattern=RESOURCE_NAME)] | None = None
    """Kubernetes resource of one GPU. Default: `model.gpuResource`."""
