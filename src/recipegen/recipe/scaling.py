"""The `scaling` block: who changes the number of workers of one role, and by what."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import (
    ADDRESS,
    API_VERSION,
    KIND,
    METRIC_NAME,
    QUANTITY,
    REGION,
    URL,
    Block,
    LabelKey,
    LabelValue,
    ObjectName,
    Role,
)

# The most that an endpoint of LLM Engine may have.
MOST = 250

Seconds = Annotated[int, Field(ge=1, le=86_400)]
Amount = Annotated[int, Field(ge=1, le=1_000_000_000)] | Annotated[str, Field(pattern=QUANTITY)]
Query = Annotated[str, Field(min_length=1, max_length=4000)]


class MetricTarget(Block):
    """What a metric is held to."""

    type: Literal["Utilization", "Value", "AverageValue"]
    """Which of the three keys below counts."""
    average_utilization: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Share of what the pods request, in percent, on average. With `Utilization`."""
    value: Amount | None = None
    """Value of the metric as a whole. With `Value`."""
    average_value: Amount | None = None
    """Value of the metric divided by the replicas. With `AverageValue`."""


class MetricSelector(Block):
    """Labels of the series that a metric is made of."""

    match_labels: dict[LabelKey, LabelValue] = {}
    """Label to value. Default: none."""


class MetricId(Block):
    """A metric by its name in the metrics API that an adapter serves."""

    name: Annotated[str, Field(pattern=METRIC_NAME, max_length=253)]
    """Name."""
    selector: MetricSelector | None = None
    """Labels of its series. Default: all."""


class ResourceMetric(Block):
    """CPU or memory of the pods, from the metrics server."""

    name: Literal["cpu", "memory"]
    """Resource."""
    target: MetricTarget
    """What it is held to."""


class ContainerMetric(Block):
    """CPU or memory of one container of the pods, from the metrics server."""

    name: Literal["cpu", "memory"]
    """Resource."""
    container: ObjectName
    """Container; a worker's is `main`, and beside it, with an endpoint picker, `sidecar-frontend`."""
    target: MetricTarget
    """What it is held to."""


class PodsMetric(Block):
    """A metric that each pod has, as an adapter serves it."""

    metric: MetricId
    """The metric."""
    target: MetricTarget
    """What it is held to: `AverageValue`."""


class DescribedObject(Block):
    """The object that a metric belongs to."""

    api_version: Annotated[str, Field(pattern=API_VERSION, max_length=253)]
    """Group and version, such as `networking.k8s.io/v1`."""
    kind: Annotated[str, Field(pattern=KIND, max_length=63)]
    """Kind, such as `Ingress`."""
    name: ObjectName
    """Name."""


class ObjectMetric(Block):
    """A metric of one object in the namespace, as an adapter serves it."""

    described_object: DescribedObject
    """The object."""
    metric: MetricId
    """The metric."""
    target: MetricTarget
    """What it is held to: `Value` or `AverageValue`."""


class ExternalMetric(Block):
    """A metric of something outside the cluster's objects, such as a queue, as an adapter serves it."""

    metric: MetricId
    """The metric."""
    target: MetricTarget
    """What it is held to: `Value` or `AverageValue`."""


class Metric(Block):
    """One metric of a HorizontalPodAutoscaler, as Kubernetes writes it: `type`, and the block that belongs to it."""

    type: Literal["Resource", "ContainerResource", "Pods", "Object", "External"]
    """Which of the blocks below counts."""
    resource: ResourceMetric | None = None
    """With `Resource`."""
    container_resource: ContainerMetric | None = None
    """With `ContainerResource`."""
    pods: PodsMetric | None = None
    """With `Pods`."""
    object: ObjectMetric | None = None
    """With `Object`."""
    external: ExternalMetric | None = None
    """With `External`."""


class Hpa(Block):
    """A HorizontalPodAutoscaler of Kubernetes (autoscaling/v2). It never scales to zero."""

    metrics: Annotated[list[Metric], Field(max_length=16)] | None = None
    """Metrics, as Kubernetes writes them; the one that asks for most replicas wins. Default: requests in flight of each worker's pod (`dynamo_component_inflight_requests`), held to `perWorker`."""


class Fallback(Block):
    """What KEDA does when it cannot read what it scales by."""

    failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 3
    """Failed readings in a row after which it does so. Default: 3."""
    replicas: Annotated[int, Field(ge=0, le=MOST)] | None = None
    """Replicas that it then asks for. Default: `minReplicas`, but at least 1."""


class Prometheus(Block):
    """Prometheus, as KEDA asks it."""

    address: Annotated[str, Field(pattern=URL, max_length=300)]
    """Its address in the cluster, such as `http://prometheus-operated.monitoring:9090`."""
    query: Query | None = None
    """PromQL for the requests in flight, as one number; there is one replica for each `perWorker` of it. Default: what the role's workers have in flight."""
    wake_query: Query | None = None
    """PromQL that is above 0 while somebody asks for the model, from the metrics of a gateway: it brings the first replica, and never a second. Required with `minReplicas: 0`, for Dynamo's frontend counts nothing of a model without workers. Default: none."""
    authentication: ObjectName | None = None
    """TriggerAuthentication in the graph's namespace. Default: none."""


class Queue(Block):
    """The queue of an asynchronous endpoint. Its length is all that is read: whatever takes tasks from it and asks the model is yours."""

    broker: Literal["redis", "aws-sqs-queue", "gcp-pubsub", "azure-servicebus"] = "redis"
    """What the queue is in, by the name of KEDA's trigger. Default: `redis`."""
    name: Annotated[str, Field(min_length=1, max_length=1000)]
    """Redis: the list. SQS: the queue's URL. Pub/Sub: the subscription. Service Bus: the queue."""
    address: Annotated[str, Field(pattern=ADDRESS, max_length=300)] | None = None
    """HOST:PORT of Redis. Required there."""
    region: Annotated[str, Field(pattern=REGION, max_length=40)] | None = None
    """AWS region of SQS. Required there."""
    namespace: Annotated[str, Field(pattern=METRIC_NAME, max_length=63)] | None = None
    """Namespace of Service Bus, where `authentication` is a workload identity. Default: that of the connection string."""
    authentication: ObjectName | None = None
    """TriggerAuthentication in the graph's namespace, with the password or identity. Default: none."""
    message_timeout: Annotated[int, Field(ge=1, le=43_200)] | None = None
    """Longest time that a task may take once it left the queue, in seconds. The last worker is kept for that long after the queue ran empty (see `cooldownPeriod`). Default: unknown."""


class Keda(Block):
    """A ScaledObject of KEDA, which has to be in the cluster. It reads either `prometheus` or `queue`."""

    polling_interval: Seconds = 5
    """How often it reads, in seconds. Default: 5."""
    cooldown_period: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """How long nobody has to ask before all replicas go, where `minReplicas` is 0, in seconds. Default: the longest of 300, `scaleDownSeconds` and `queue.messageTimeout`."""
    fallback: Fallback = Fallback.model_construct()
    """What it does when it cannot read. Default: after 3 failures `minReplicas`, but at least 1."""
    prometheus: Prometheus | None = None
    """Scales by the requests in flight. Required with `minReplicas: 0`, unless there is a `queue`."""
    queue: Queue | None = None
    """Scales by the length of a queue, for `endpoint.kind: async`: one replica for each `perWorker` tasks."""


class Planner(Block):
    """Dynamo's planner, which is yours to run: the roles of the workers only get what it scales them by."""


class Scaling(Block):
    """An autoscaler of one role's workers. It scales the DynamoGraphDeploymentScalingAdapter that Dynamo's operator makes, so the role has no `replicas`."""

    enabled: bool = False
    """Whether there is one. Default: `false`."""
    role: Role | None = None
    """Whose workers are scaled. Default: `worker`, or `decode` with `model.disaggregation`."""
    min_replicas: Annotated[int, Field(ge=0, le=MOST)] | None = None
    """Replicas at least. 0 needs KEDA. Default: 1."""
    max_replicas: Annotated[int, Field(ge=1, le=MOST)] | None = None
    """Replicas at most, up to 250. Required, but with `planner`."""
    per_worker: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests in flight that a replica is meant to have; with a queue, tasks that wait. Default: `engine.maxNumSeqs` of the role, else 250, or 20 for `endpoint.kind: async`."""
    scale_down_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Window of the past, in seconds, of which the highest number of replicas counts before any goes. Default: 600 with a queue, else Kubernetes' own, 300."""
    hpa: Hpa | None = None
    """A HorizontalPodAutoscaler. Default: where no other is written, `minReplicas` is above 0 and a replica has one node."""
    keda: Keda | None = None
    """A ScaledObject of KEDA. Default: none; for `minReplicas: 0` and for `endpoint.kind: async` it has to be written."""
    planner: Planner | None = None
    """Dynamo's planner: every role of the workers gets a scaling adapter, and nothing else is made. Default: none."""
