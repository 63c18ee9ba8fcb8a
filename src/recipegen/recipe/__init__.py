"""The recipe language, typed: every block, every key, its unit and its default.

The docstring below each key is its description in the JSON Schema, in editors and in `recipegen explain`.
Cross-field rules live in `rules/`; values that depend on other values are filled in by `derive/`.
"""

from typing import Annotated, Any

from pydantic import Field

from recipegen.recipe.batch import Batch, BatchInput, BatchOutput
from recipegen.recipe.benchmark import Benchmark, BenchmarkConfig, Results, Shape, Targets, Trace
from recipegen.recipe.endpoint import Cluster, Endpoint
from recipegen.recipe.express import ModelExpress, Redis
from recipegen.recipe.faults import Experiment, FaultInjection, Workload
from recipegen.recipe.forms import (
    EVIDENCE,
    FORMS,
    LABEL,
    LABEL_VALUE,
    MIG,
    OBJECT_NAME,
    QUANTITY,
    AlertName,
    BackendType,
    Block,
    ClusterType,
    Dashboard,
    Namespace,
    Role,
    RoutingPolicy,
)
from recipegen.recipe.gateway import (
    BackendRef,
    ExternalBackend,
    Gateway,
    Infrastructure,
    Listener,
    ModelHeader,
    ParametersRef,
)
from recipegen.recipe.ingestion import Conversion, HubSource, Ingestion, Mirror, Scan
from recipegen.recipe.lifecycle import DisruptionBudget, Forwarder, Rollout
from recipegen.recipe.model import (
    S3,
    Backend,
    Cache,
    Claim,
    Component,
    ConfigMapRef,
    Deployment,
    EndpointPicker,
    Engine,
    ExtraConfig,
    Frontend,
    Model,
    Resources,
    Sidecar,
    Toleration,
    Worker,
)
from recipegen.recipe.observability import Alerts, AlertTargets, Observability, PodMonitor
from recipegen.recipe.platform import Gate, Platform
from recipegen.recipe.scaling import (
    ContainerMetric,
    DescribedObject,
    ExternalMetric,
    Fallback,
    Hpa,
    Keda,
    Metric,
    MetricId,
    MetricSelector,
    MetricTarget,
    ObjectMetric,
    Planner,
    PodsMetric,
    Prometheus,
    Queue,
    ResourceMetric,
    Scaling,
)
from recipegen.recipe.troubleshooting import Troubleshooting
from recipegen.recipe.warmup import Placeholders, Warmup

__all__ = [
    "FORMS",
    "LABEL",
    "LABEL_VALUE",
    "OBJECT_NAME",
    "QUANTITY",
    "S3",
    "About",
    "AlertName",
    "AlertTargets",
    "Alerts",
    "Backend",
    "BackendRef",
    "BackendType",
    "Batch",
    "BatchInput",
    "BatchOutput",
    "Benchmark",
    "BenchmarkConfig",
    "Block",
    "Cache",
    "Claim",
    "Cluster",
    "ClusterType",
    "Component",
    "ConfigMapRef",
    "ContainerMetric",
    "Conversion",
    "Dashboard",
    "Deployment",
    "DescribedObject",
    "DisruptionBudget",
    "Endpoint",
    "EndpointPicker",
    "Engine",
    "Experiment",
    "ExternalBackend",
    "ExternalMetric",
    "ExtraConfig",
    "Fallback",
    "FaultInjection",
    "Forwarder",
    "Frontend",
    "Gate",
    "Gateway",
    "Hardware",
    "Hpa",
    "HubSource",
    "Infrastructure",
    "Ingestion",
    "Keda",
    "Listener",
    "Metric",
    "MetricId",
    "MetricSelector",
    "MetricTarget",
    "Mirror",
    "Model",
    "ModelExpress",
    "ModelHeader",
    "ObjectMetric",
    "Observability",
    "ParametersRef",
    "Placeholders",
    "Planner",
    "Platform",
    "PodMonitor",
    "PodsMetric",
    "Prometheus",
    "Queue",
    "Recipe",
    "Redis",
    "ResourceMetric",
    "Resources",
    "Results",
    "Role",
    "Rollout",
    "RoutingPolicy",
    "Scaling",
    "Scan",
    "Shape",
    "Sidecar",
    "Targets",
    "Toleration",
    "Trace",
    "Troubleshooting",
    "Variant",
    "Warmup",
    "Worker",
    "Workload",
]


class About(Block):
    """What a person wants to know about the recipe. It never reaches the cluster."""

    title: str | None = None
    """Name for people, such as `Qwen3 0.6B`. Default: the recipe's own name."""
    description: str | None = None
    """One or two sentences: what the recipe is good for. Default: none."""
    license: str | None = None
    """Licence of the weights, as an SPDX identifier where there is one. Default: unstated."""
    notes: str | None = None
    """Why these numbers: the arithmetic and the rules behind sizes and counts. `show` keeps its lines: write a `|` block, or a folded one (`>-`). Default: none."""
    sources: Annotated[list[str], Field(max_length=20)] = []
    """Where numbers come from that follow from no rule: addresses, or documents by name. Default: none."""
    evidence: Annotated[str, Field(pattern=EVIDENCE)] = "rendered"
    """How far it was proven: `rendered`, `simulated` or `gpu-measured`, then date and way. Default: `rendered`."""


class Hardware(Block):
    """The GPUs that the workers are meant for."""

    gpu: str
    """GPU type, a name from `facts/hardware.yaml`. It gives GPUs per node, a node label (see `model.nodeSelector`) and tolerations."""
    cluster: ClusterType = "gpu-operator"
    """Whose node labels tell GPU types apart: `gpu-operator` (the label `nvidia.com/gpu.product`), `gke` (`cloud.google.com/gke-accelerator`), `eks` or `aks` (the usual instance type with these GPUs, from `facts/nodes.yaml`). Default: `gpu-operator`."""
    mig: Annotated[str, Field(pattern=MIG)] | None = None
    """MIG profile, such as `3g.40gb`: workers get instances of it in place of whole GPUs, one for each replica, as the resource `nvidia.com/mig-3g.40gb`. Default: whole GPUs."""


class Variant(Block):
    """A named change of the recipe."""

    description: str = ""
    """What is different, in one sentence. Default: none."""
    patch: dict[str, Any]
    """JSON merge patch (RFC 7396) on the recipe: maps merge, `null` deletes, the rest replaces."""


class Recipe(Block):
    """A model and all that is deployed around it."""

    about: About = About.model_construct()
    """For people. Default: nothing stated."""
    extends: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Recipe that this one is a merge patch of: a name of the catalog, or a file's path from this file, such as `./base.yaml`. What stands here wins, `about.evidence` is not taken from there. Default: none, the recipe is whole."""
    endpoint: Endpoint | None = None
    """What the deployment is to those who use and pay for it. Default: nothing stated."""
    dynamo_namespace: Namespace
    """Kubernetes namespace that the graph lives in."""
    hardware: Hardware | None = None
    """GPUs that the workers are meant for. Default: any."""
    model: Model
    """The model, its engine and its workers."""
    scaling: Scaling = Scaling.model_construct()
    """Autoscaler of the workers. Default: off."""
    gateway: Gateway = Gateway.model_construct()
    """Gateway API routes to the model. Default: off."""
    model_express: ModelExpress = ModelExpress.model_construct()
    """Model Express server for fast weight loading. Default: off."""
    benchmark: Benchmark = Benchmark.model_construct()
    """Benchmark Job. Default: off."""
    batch: Batch = Batch.model_construct()
    """Batch Jobs. Default: off."""
    ingestion: Ingestion = Ingestion.model_construct()
    """Job that brings the model's files into an object store. Default: off."""
    warmup: Warmup = Warmup.model_construct()
    """Images and room on nodes before workers come. Default: off."""
    observability: Observability = Observability.model_construct()
    """Dashboards and alerts. Default: off."""
    fault_injection: FaultInjection = FaultInjection.model_construct()
    """Fault experiments. Default: off."""
    troubleshooting: Troubleshooting = Troubleshooting.model_construct()
    """Diagnosis Job. Default: off."""
    platform: Platform = Platform.model_construct()
    """The upstream operator. Default: installed along."""
    variants: Annotated[
        dict[Annotated[str, Field(pattern=LABEL, max_length=80)], Variant], Field(max_length=100)
    ] = {}
    """Named changes of this recipe, chosen with `--variant`, at most 100. Default: none."""
