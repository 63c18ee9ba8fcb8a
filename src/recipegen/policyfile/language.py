"""What a policy file may say: every key, and what it asks for. None of them asks for anything by default."""

from typing import Annotated

from pydantic import Field

from recipegen.recipe.forms import MIG, REGISTRY, Block, EnvName, LabelKey, LabelValue, ObjectName, Quantity

Some = Field(min_length=1, max_length=100)
Registry = Annotated[str, Field(pattern=REGISTRY, max_length=200)]


class Labels(Block):
    """Labels of the endpoint, which all of its objects and pods have."""

    required: Annotated[list[LabelKey], Some] | None = None
    """Labels that `endpoint.labels` has to have."""
    reserved: Annotated[list[LabelKey], Some] | None = None
    """Labels that it must not have."""
    values: Annotated[dict[LabelKey, Annotated[list[LabelValue], Some]], Some] | None = None
    """The only values of a label, where a recipe has it."""


class Annotations(Block):
    """Annotations of the endpoint."""

    together: Annotated[list[LabelKey], Some] | None = None
    """Annotations of which `endpoint.annotations` has all or none."""


class Environment(Block):
    """Environment variables."""

    reserved: Annotated[list[EnvName], Some] | None = None
    """Variables that no `env` of the recipe may set."""


class PriorityClasses(Block):
    """The PriorityClass of the graph's pods."""

    required: bool = False
    """Whether `model.priorityClass` has to be there."""
    allowed: Annotated[list[ObjectName], Some] | None = None
    """The only ones that it may name."""


class Together(Block):
    """Requests and limits of workers."""

    together: Annotated[list[str], Some] | None = None
    """Resources of which a worker states all, and the GPU type with them, or none."""


class Size(Block):
    """The most that a pod may ask for, in requests or, where there are none, in limits."""

    cpu: Quantity | None = None
    """CPUs."""
    memory: Quantity | None = None
    """Memory, with /dev/shm where the recipe sizes it."""
    storage: Quantity | None = None
    """Ephemeral storage."""


class SizeOfType(Size):
    """The same, for pods on nodes with some types of GPU."""

    gpus: Annotated[list[str], Some]
    """Types, by their names in `facts/hardware.yaml`."""
    mig: Annotated[str, Field(pattern=MIG)] | None = None
    """MIG profile that they are cut into; without one whole GPUs."""


class Pods(Block):
    """The most that a pod may ask for. A pod of the graph is the frontend or a worker."""

    storage: Quantity | None = None
    """Ephemeral storage of those that have no number of their own below."""
    forwarder: Size | None = None
    """Taken off every number where the recipe has a forwarder."""
    without_gpus: Size | None = None
    """Of the frontend."""
    with_gpus: Annotated[list[SizeOfType], Some] | None = None
    """Of workers, by `hardware.gpu`. Types that are not here have no limit."""


class PolicyKeys(Block):
    """What every recipe has to keep to."""

    description: str = ""
    """What it is for, in a sentence."""
    labels: Labels = Labels()
    """Labels of the endpoint."""
    annotations: Annotations = Annotations()
    """Annotations of the endpoint."""
    environment: Environment = Environment()
    """Environment variables."""
    registries: Annotated[list[Registry], Some] | None = None
    """Registries, each with the beginning of a path or none, that all images come from."""
    max_replicas: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Most replicas of a role, in each cluster of the endpoint."""
    max_gpus: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Most GPUs of all replicas of all roles, placeholders included, in each cluster of the endpoint."""
    gpus: Annotated[list[str], Some] | None = None
    """The only types that `hardware.gpu` may name, which has to name one: see `facts/hardware.yaml`."""
    priority_class: PriorityClasses = PriorityClasses()
    """PriorityClass of the graph's pods."""
    resources: Together = Together()
    """Requests and limits of workers."""
    pods: Pods = Pods()
    """The most that a pod may ask for."""
