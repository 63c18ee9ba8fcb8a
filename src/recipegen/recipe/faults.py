"""The `faultInjection` block."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import TARGET, Block, Count, Namespace, ObjectName


class Workload(Block):
    """A Deployment or StatefulSet in the graph's namespace."""

    kind: Literal["Deployment", "StatefulSet"]
    """Its kind."""
    name: ObjectName
    """Its name."""


class Experiment(Block):
    """One fault: what is broken, and within which limits the graph has to recover."""

    name: Literal[
        "kill-frontend",
        "kill-worker",
        "kill-prefill",
        "kill-decode",
        "partition",
        "stop-nats",
        "stop-etcd",
        "take-node",
        "load-storage",
    ]
    """What is broken, a name from `experiments.yaml` of the chart (see faults.md)."""
    max_recovery_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    """Limit of the recovery, in seconds. Default: the experiment's, from 300 to 3600."""
    hold_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """How long `partition`, `stop-nats` and `stop-etcd` last before they are undone, in seconds. Default: 60."""
    workload: Workload | None = None
    """What `stop-nats` and `stop-etcd` scale to 0 and back. Required there."""
    node: ObjectName | None = None
    """Node that `take-node` takes. Required there."""
    claim: ObjectName | None = None
    """PersistentVolumeClaim that `load-storage` reads. Default: the graph's model cache."""


class FaultInjection(Block):
    """A Job that breaks one part of the graph at a time, undoes it, and measures the recovery. It runs once; another `run` runs it again."""

    enabled: bool = False
    """Whether it runs; takes `acknowledge` and `allowedNamespaces` as well. Default: `false`."""
    acknowledge: Annotated[str, Field(pattern=TARGET, max_length=127)] = ""
    """Second switch: `NAMESPACE/GRAPH` of the graph that is broken. Required while it is on."""
    allowed_namespaces: Annotated[list[Namespace], Field(max_length=100)] = []
    """Namespaces of the cluster in which faults are allowed; belongs into the cluster's patch file. Default: none."""
    experiments: Annotated[list[Experiment], Field(max_length=32)] = []
    """What is done, in this order, each at most once. Default: nothing."""
    run: Count = 1
    """Another number is another Job: raise it to run the experiments once more. Default: 1."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with Python 3.11 or newer that runs the script, for a mirror. Default: `python` in `facts/images.yaml`."""
