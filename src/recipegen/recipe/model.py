"""The `model` block: engine, workers, frontend, and where the weights come from."""

from typing import Annotated, Any, Literal

from pydantic import Field

from recipegen.recipe.forms import (
    CONFIG_KEY,
    INNER_PATH,
    MODEL_ID,
    REGISTRY,
    RESOURCE_NAME,
    REVISION,
    S3_URI,
    SERVER,
    URL,
    WORD,
    Argument,
    BackendType,
    Block,
    Count,
    EnvName,
    FilePath,
    LabelKey,
    LabelValue,
    ObjectName,
    Parallel,
    Quantity,
    Replicas,
    RoutingPolicy,
    Version,
)
from recipegen.recipe.lifecycle import DisruptionBudget, Forwarder, Rollout


class Backend(Block):
    """The engine and the image it comes in."""

    type: BackendType = "vllm"
    """Inference engine: `vllm`, `sglang` or `trtllm`. Default: `vllm`."""
    version: Version | None = None
    """Dynamo release inside the image, MAJOR.MINOR.PATCH. Default: the one that the tag of `image` names, else the newest release recipegen knows."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image of frontend and workers, with a tag. It is taken to hold Dynamo `version`. Default: Dynamo's own image for `type` and `version`."""
    registry: Annotated[str, Field(pattern=REGISTRY, max_length=200)] = "nvcr.io/nvidia/ai-dynamo"
    """Registry and path of Dynamo's own images, for a mirror. Default: NVIDIA's."""


class Deployment(Block):
    """Whether the graph itself is part of the result."""

    create: bool = True
    """`true`: create the graph. `false`: the graph exists already and is left alone; components still target it. Default: `true`."""


class Engine(Block):
    """Engine settings. Each one becomes the option that the chosen engine has for it."""

    tensor_parallel: Parallel | None = None
    """Tensor-parallel size, in GPUs. Default: the engine's, 1."""
    pipeline_parallel: Parallel | None = None
    """Pipeline-parallel size, in stages. Default: the engine's, 1."""
    data_parallel: Parallel | None = None
    """Data-parallel size, in ranks. vLLM adds GPUs for it, SGLang shares the tensor-parallel ones, TensorRT-LLM shares all of them (attention data parallelism: as many ranks as `tensorParallel`). Default: the engine's, 1."""
    expert_parallel: Parallel | None = None
    """Ranks over which the experts of a mixture are spread, each whole on one of them. They share the GPUs of the other sizes: with SGLang and TensorRT-LLM a divisor of `tensorParallel`, with vLLM all of `tensorParallel` x `dataParallel`. Default: the engine's, 1: each expert is cut over the GPUs."""
    max_model_len: Count | None = None
    """Longest context, prompt plus answer, in tokens. Default: the model's own limit."""
    max_num_seqs: Count | None = None
    """Most requests in one batch. Default: the engine's."""
    max_num_batched_tokens: Count | None = None
    """Most tokens in one forward pass. Default: the engine's."""
    block_size: Annotated[int, Field(ge=1, le=1024)] | None = None
    """KV-cache block, in tokens. Default: 16 (vLLM, SGLang) or 32 (TensorRT-LLM) with KV routing, else the engine's."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of GPU memory, 0 to 1: of the whole GPU for vLLM, of weights plus KV cache for SGLang, of what is free after loading for TensorRT-LLM. Default: the engine's."""
    kv_cache_dtype: Annotated[str, Field(pattern=WORD)] | None = None
    """Number format of the KV cache in the engine's own words, such as `auto` or `fp8_e4m3`. Default: the engine's."""
    prefix_caching: bool | None = None
    """Reuse of the KV cache between requests with the same beginning. Default: the engine's, on."""
    trust_remote_code: bool | None = None
    """Whether code that comes with the weights may run. Default: no."""
    tool_call_parser: Annotated[str, Field(pattern=WORD)] | None = None
    """Dynamo's parser for tool calls, one that the Dynamo release has. Default: none."""
    reasoning_parser: Annotated[str, Field(pattern=WORD)] | None = None
    """Dynamo's parser for reasoning text, one that the Dynamo release has. Default: none."""
    args: Annotated[list[Argument], Field(max_length=128)] | None = None
    """Further engine arguments, one token each, put last. The way out for what has no key here; each is checked against the options that the engine of this release has. A worker's list replaces the shared one. Default: none."""


class ConfigMapRef(Block):
    """A ConfigMap that exists in the namespace."""

    name: ObjectName
    """Name of the ConfigMap."""


class ExtraConfig(Block):
    """A configuration file for the engine, mounted from a ConfigMap."""

    path: FilePath = "/opt/dynamo/model/config.yaml"
    """File in the container, absolute. Default: `/opt/dynamo/model/config.yaml`."""
    env: EnvName = "DYNAMO_EXTRA_CONFIG"
    """Environment variable that holds the path. The engine's own option gets the path only for the default. Default: `DYNAMO_EXTRA_CONFIG`."""
    key: Annotated[str, Field(pattern=CONFIG_KEY, max_length=253)] | None = None
    """Key of the ConfigMap. Default: the last part of `path`."""
    config_map_ref: ConfigMapRef | None = None
    """An existing ConfigMap. Either this or `content`."""
    content: dict[str, Any] | str | None = None
    """The file itself, as YAML or as text; recipegen makes the ConfigMap. It may not repeat what the recipe sets: model, role, parallel sizes. Either this or `configMapRef`."""


class Resources(Block):
    """Requests and limits of a container, without its GPUs (see `gpus`)."""

    requests: dict[str, Quantity] = {}
    """Resource name to quantity, such as `{cpu: "8", memory: 64Gi}`. Default: none."""
    limits: dict[str, Quantity] = {}
    """Resource name to quantity. Default: none."""


class Component(Block):
    """What the frontend and the workers have in common."""

    replicas: Replicas = 1
    """Number of replicas. Default: 1."""
    env: dict[EnvName, Annotated[str, Field(max_length=4096)]] = {}
    """Environment variables, name to text. Default: none."""
    resources: Resources = Resources.model_construct()
    """CPU, memory and storage of one pod. Default: none stated."""


class Frontend(Component):
    """The OpenAI-compatible HTTP server and router."""

    args: Annotated[list[Argument], Field(max_length=128)] = []
    """Further arguments of `dynamo.frontend`, one token each. Default: none."""


class Sidecar(Block):
    """The frontend in each worker's pod. It passes requests on to that worker, which the endpoint picker chose."""

    env: dict[EnvName, Annotated[str, Field(max_length=4096)]] = {}
    """Environment variables, name to text. Default: none."""
    resources: Resources = Resources.model_construct()
    """CPU, memory and storage of the container, beside those of the worker. Default: none stated."""


class EndpointPicker(Component):
    """Dynamo's endpoint picker: a gateway asks it which worker gets a request, so that no frontend routes. The operator makes the InferencePool `<graph>-pool` for it."""

    enabled: bool = False
    """Whether the graph has one. Needs KV routing and, in the cluster, the kind InferencePool. Default: `false`."""
    sidecar: Sidecar = Sidecar.model_construct()
    """The frontend in each worker's pod. Default: nothing set."""


class Worker(Component):
    """The workers of one role."""

    nodes: Annotated[int, Field(ge=1, le=512)] = 1
    """Nodes that one replica spans. Default: 1."""
    gpus: Annotated[int, Field(ge=1, le=64)] | None = None
    """GPUs of one replica on each node. Default: what the parallel sizes need."""
    engine: Engine = Engine.model_construct()
    """Engine settings of this role, on top of `model.engine`. Default: none."""
    extra_config: ExtraConfig | None = None
    """One configuration file for the engine. Default: none."""
    extra_configs: Annotated[list[ExtraConfig], Field(max_length=16)] = []
    """Several configuration files; the list form of `extraConfig`. Default: none."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm. Default: the operator's, 8Gi."""
    scaling_adapter: bool | None = None
    """Whether something else sets the number of replicas, through the DynamoGraphDeploymentScalingAdapter `<graph>-<role>`; `replicas` may not stand beside it. Default: with `scaling`, for the roles that it scales; else no."""


class S3(Block):
    """A folder of weights in S3, or in a store that speaks its protocol."""

    uri: Annotated[str, Field(pattern=S3_URI, max_length=1000)]
    """`s3://BUCKET/PREFIX`: below it lie the model's files as an engine reads them (config, tokenizer, weights)."""
    endpoint: Annotated[str, Field(pattern=URL, max_length=300)] | None = None
    """Address of a store other than Amazon's, such as `https://minio.example.com`. Default: Amazon's."""
    secret: ObjectName
    """Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_DEFAULT_REGION where the store asks for it. All its keys become environment variables of the download."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with `aws` and `sh`, for a mirror. Default: `aws` in `facts/images.yaml`."""
    marker: Annotated[str, Field(pattern=S3_URI, max_length=1100)] | None = None
    """Object that says that nothing is missing below `uri`: the download waits until it is there. Default: with `ingestion` the one that its Job writes last, else none, and it does not wait."""


class Claim(Block):
    """A volume that is there already, with the weights on it."""

    name: ObjectName
    """PersistentVolumeClaim in the namespace of the graph."""
    path: Annotated[str, Field(pattern=INNER_PATH, max_length=500)] | None = None
    """Folder of the model on the volume, with its config and tokenizer. Default: the volume's top."""
    read_only: bool = True
    """Whether it is mounted for reading alone, which suits ReadOnlyMany too. Default: `true`."""


class Cache(Block):
    """A volume with the weights, mounted by frontend and workers. A Job downloads into it, from Hugging Face or from `s3`; with `claim` the volume is there already. Engines load from its folder, and workers start once that is complete."""

    enabled: bool = False
    """Whether there is one. Default: `false`, each pod downloads the weights."""
    s3: S3 | None = None
    """Where the Job downloads from. Default: Hugging Face, `model.name` at `model.revision`."""
    claim: Claim | None = None
    """A volume of yours that holds the weights; nothing is made or downloaded. Default: none, a volume is made."""
    size: Quantity = "100Gi"
    """Size of the volume. Other revisions of the weights stay on it. Default: 100Gi."""
    storage_class: ObjectName | None = None
    """StorageClass. Default: the cluster's default class."""
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = "ReadWriteMany"
    """`ReadWriteMany`, or `ReadWriteOnce`, which puts all pods on one node. Default: `ReadWriteMany`."""
    mount_path: FilePath = "/opt/models"
    """Where it is mounted; unless it is a `claim` also `HF_HOME`. Default: `/opt/models`."""
    deadline_seconds: Annotated[int, Field(ge=60, le=604_800)] = 43_200
    """How long the download may take, and a worker waits for it, in seconds; with `ReadWriteOnce` also how long helmfile waits for the volume, which may come only with a free GPU. Default: 43200, twelve hours."""


class Toleration(Block):
    """A Kubernetes toleration."""

    key: LabelKey | None = None
    """Taint key. Default: every key, with `Exists` alone."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """`Equal` or `Exists`. Default: `Equal`."""
    value: LabelValue | None = None
    """Taint value, with `Equal` alone. Default: empty."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Taint effect. Default: every effect."""


class Model(Block):
    """The model, its engine and its workers: everything that becomes the DynamoGraphDeployment."""

    name: Annotated[str, Field(pattern=MODEL_ID, max_length=200)]
    """Model id, `ORG/NAME`. Clients ask for this name, unless there is a `servedName`."""
    served_name: Annotated[str, Field(pattern=MODEL_ID, max_length=200)] | None = None
    """Name that clients ask for in place of `name`, such as the original's where `name` is a quantised copy. Default: `name`."""
    revision: Annotated[str, Field(pattern=REVISION, max_length=100)] | None = None
    """Commit of the weights. Default: the newest, which can change under you."""
    backend: Backend = Backend.model_construct()
    """Engine and image. Default: vLLM of the newest Dynamo release recipegen knows."""
    mocker: bool = False
    """`true`: Dynamo's mocker in place of the engine, without a GPU, for kind and CI clusters (`render --twin`). Default: `false`."""
    deployment: Deployment = Deployment.model_construct()
    """Whether the graph is created. Default: yes."""
    disaggregation: bool = False
    """`false`: the `worker` block; `true`: the `prefill` and `decode` blocks. Default: `false`."""
    routing_policy: RoutingPolicy = "none"
    """How the frontend picks a worker. `none` leaves it to Dynamo, which takes turns. Default: `none`."""
    engine: Engine = Engine.model_construct()
    """Engine settings that all workers share. Default: the engine's own."""
    frontend: Frontend = Frontend.model_construct()
    """The frontend. Default: one replica."""
    endpoint_picker: EndpointPicker = EndpointPicker.model_construct()
    """Endpoint picker for a gateway, in every worker's pod with a frontend of its own. Default: off."""
    worker: Worker | None = None
    """Workers that do prefill and decode. Default without disaggregation: one replica."""
    prefill: Worker | None = None
    """Workers that read the prompt. Default with disaggregation: one replica."""
    decode: Worker | None = None
    """Workers that write the answer. Default with disaggregation: one replica."""
    cache: Cache = Cache.model_construct()
    """Volume for the weights. Default: off."""
    model_express_url: Annotated[str, Field(pattern=SERVER, max_length=300)] | None = None
    """Model Express server that workers get weights from, such as one that the cluster has for all its models. Their image needs the package `modelexpress`. Default: that of the block `modelExpress`, or none."""
    hugging_face_token_secret: ObjectName | None = None
    """Secret with the key HF_TOKEN, for gated models. All its keys become environment variables of frontend and workers. Default: none."""
    gpu_resource: Annotated[str, Field(pattern=RESOURCE_NAME)] = "nvidia.com/gpu"
    """Kubernetes resource of one GPU. Default: `nvidia.com/gpu`, or the MIG instances of `hardware.mig`."""
    node_selector: dict[LabelKey, LabelValue] | None = None
    """Node labels that workers need. The label that `hardware` stands for, such as `nvidia.com/gpu.product`, comes on top, unless it is given here. Default: from `hardware`, or none."""
    tolerations: list[Toleration] | None = None
    """Taints that workers tolerate, in place of those from `hardware`. Default: from `hardware`, or none."""
    rollout: Rollout | None = None
    """How pods are replaced when the graph changes. Default: the operator's way; with an `endpoint` none is taken away before another is ready, and requests get time to end."""
    disruption_budget: DisruptionBudget | None = None
    """How many pods a drain of nodes may take at once. Default with an `endpoint`: half of each role's, else no limit."""
    priority_class: ObjectName | None = None
    """PriorityClass of the graph's pods, which the cluster has: the scheduler takes pods of lower ones away for them. Default: the cluster's."""
    forwarder: Forwarder | None = None
    """LLM Engine's forwarder beside each frontend. Default: none."""
