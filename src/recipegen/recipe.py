"""The recipe language, typed: every block, every key, its unit and its default.

The docstring below each key is its description in the JSON Schema, in editors and in `recipegen explain`.
Cross-field rules live in `rules/`; values that depend on other values are filled in by `resolve.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

# Patterns are read by Python, by Helm (Go RE2) and by editors, so they use no look-around and no \d.
# FORMS says each of them in words, for messages.
QUANTITY = r"^(0\.[0-9]{0,2}[1-9]|[1-9][0-9]{0,14}(\.[0-9]{1,3})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
LABEL = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
LABEL_KEY = (
    r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
)
LABEL_VALUE = r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$"
FILE_PATH = r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"
INNER_PATH = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
S3_URI = r"^s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
SERVER = r"^http://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}$"
REDIS_URL = r"^rediss?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[0-9]{1,3})?$"
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
EVIDENCE = r"^(rendered|simulated|gpu-measured)( .*)?$"
VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+$"
REGISTRY = r"^[a-z0-9][a-z0-9./:_-]*[a-z0-9]$"
WORD = r"^[a-z0-9_-]+$"
CONFIG_KEY = r"^[A-Za-z0-9._-]+$"
MODEL_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
REVISION = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
RESOURCE_NAME = r"^[a-z0-9.-]+/[a-z0-9._-]+$"
URL = r"^https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9./_-]*)?$"
PERIOD = r"^[1-9][0-9]{0,4}(s|m|h)$"
TARGET = r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9-]*[a-z0-9])?)?$"
REPOSITORY = r"^(https?|oci)://[A-Za-z0-9][A-Za-z0-9./:_-]*$"
DURATION = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
# The last label begins with a letter, so an address is no name: neither a Service nor a route may have one.
HOST = r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$"
HOSTNAME = r"^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z]([a-z0-9-]*[a-z0-9])?$"
URL_PATH = r"^(/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)$"
HEADER_NAME = r"^[A-Za-z0-9-]+$"
HEADER_VALUE = r"^[!-~]([ -~]*[!-~])?$"
API_GROUP = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$"
KIND = r"^[A-Z][A-Za-z0-9]*$"
NAMESPACE_OR_ALL = r"^(\*|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$"

FORMS = {
    QUANTITY: "a Kubernetes quantity such as 500m, 0.5, 8 or 16Gi",
    OBJECT_NAME: "a Kubernetes name: lower-case letters, digits, '-' and '.'",
    LABEL: "a name of lower-case letters, digits and '-'",
    LABEL_KEY: "the key of a Kubernetes label, such as pool or example.com/pool",
    LABEL_VALUE: "the value of a Kubernetes label: letters, digits, and between them '-', '_' and '.'",
    FILE_PATH: "an absolute path without '..'",
    INNER_PATH: "a path inside the volume, without '/' at its ends and without '..'",
    S3_URI: "s3://BUCKET or s3://BUCKET/PREFIX, without '/' at its end",
    SERVER: "an address http://HOST:PORT",
    REDIS_URL: "an address redis(s)://HOST[:PORT][/NUMBER], without user and password",
    ENV_NAME: "the name of an environment variable",
    EVIDENCE: "'rendered', 'simulated' or 'gpu-measured', then the date and how",
    VERSION: "a version MAJOR.MINOR.PATCH",
    REGISTRY: "a registry with its path, such as nvcr.io/nvidia/ai-dynamo",
    WORD: "lower-case letters, digits, '-' and '_'",
    CONFIG_KEY: "a file name",
    MODEL_ID: "a model id such as Qwen/Qwen3-0.6B",
    REVISION: "a commit or tag",
    RESOURCE_NAME: "a Kubernetes resource such as nvidia.com/gpu",
    URL: "an address, http(s)://HOST[:PORT][/PATH]",
    PERIOD: "one number and its unit, such as 30s, 5m or 1h",
    TARGET: "NAMESPACE/GRAPH, such as qwen/qwen-0-6b",
    REPOSITORY: "the address of a chart repository, http(s):// or oci://",
    DURATION: "a duration such as 600s, 10m or 1h30m",
    HOST: "the name of a host in DNS, such as api.example.com",
    HOSTNAME: "a host name such as llm.example.com or *.example.com",
    URL_PATH: "the path of a URL that starts with '/' and does not end in one, such as /qwen",
    HEADER_NAME: "the name of an HTTP header",
    HEADER_VALUE: "the value of an HTTP header: visible ASCII characters, and spaces between them",
    API_GROUP: "an API group such as agentgateway.dev, or nothing for Kubernetes' core",
    KIND: "a Kubernetes kind such as Service",
    NAMESPACE_OR_ALL: "a Kubernetes namespace, or '*' for all",
}

Quantity = Annotated[str, Field(pattern=QUANTITY, max_length=30)]
ObjectName = Annotated[str, Field(pattern=OBJECT_NAME, max_length=253)]
Namespace = Annotated[str, Field(pattern=LABEL, max_length=63)]
LabelKey = Annotated[str, Field(pattern=LABEL_KEY, max_length=317)]
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE, max_length=63)]
FilePath = Annotated[str, Field(pattern=FILE_PATH, max_length=255)]
EnvName = Annotated[str, Field(pattern=ENV_NAME, max_length=128)]
Version = Annotated[str, Field(pattern=VERSION, max_length=30)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Hostname = Annotated[str, Field(pattern=HOSTNAME, max_length=253)]
UrlPath = Annotated[str, Field(pattern=URL_PATH, max_length=255)]
Argument = Annotated[str, Field(min_length=1, max_length=16_384)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Replicas = Annotated[int, Field(ge=0, le=10_000)]
Parallel = Annotated[int, Field(ge=1, le=1024)]

BackendType = Literal["vllm", "sglang", "trtllm"]
RoutingPolicy = Literal[
    "none", "kv", "random", "round-robin", "power-of-two", "least-loaded", "device-aware-weighted"
]
Role = Literal["worker", "prefill", "decode"]
Dashboard = Literal["frontend", "workers", "cache", "router", "disaggregation"]
AlertName = Literal[
    "DynamoRequestsSlow",
    "DynamoFirstTokenSlow",
    "DynamoThroughputLow",
    "DynamoGPUsBusy",
    "DynamoQueueLong",
    "DynamoRequestsFail",
    "DynamoWorkersMissing",
    "DynamoModelNotReady",
]


class Block(BaseModel):
    """A block of the recipe. Unknown keys are refused and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class About(Block):
    """What a person wants to know about the recipe. It never reaches the cluster."""

    title: str | None = None
    """Name for people, such as `Qwen3 0.6B`. Default: the recipe's own name."""
    description: str | None = None
    """One or two sentences: what the recipe is good for. Default: none."""
    license: str | None = None
    """Licence of the weights, as an SPDX identifier where there is one. Default: unstated."""
    evidence: Annotated[str, Field(pattern=EVIDENCE)] = "rendered"
    """How far it was proven: `rendered`, `simulated` or `gpu-measured`, then date and way. Default: `rendered`."""


class Hardware(Block):
    """The GPUs that the workers are meant for."""

    gpu: str
    """GPU type, a name from `facts/hardware.yaml`. It gives GPUs per node, a node label (see `model.nodeSelector`) and tolerations."""


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
    """Data-parallel size, in ranks. vLLM adds GPUs for it, SGLang shares the tensor-parallel ones. Default: the engine's, 1."""
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
    """Dynamo's parser for tool calls, a name from `facts/parsers.yaml`. Default: none."""
    reasoning_parser: Annotated[str, Field(pattern=WORD)] | None = None
    """Dynamo's parser for reasoning text, a name from `facts/parsers.yaml`. Default: none."""
    args: Annotated[list[Argument], Field(max_length=128)] | None = None
    """Further engine arguments, one token each, put last. The way out for what has no key here. A worker's list replaces the shared one. Default: none."""


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
    resources: Resources = Resources()
    """CPU, memory and storage of one pod. Default: none stated."""


class Frontend(Component):
    """The OpenAI-compatible HTTP server and router."""

    args: Annotated[list[Argument], Field(max_length=128)] = []
    """Further arguments of `dynamo.frontend`, one token each. Default: none."""


class Sidecar(Block):
    """The frontend in each worker's pod. It passes requests on to that worker, which the endpoint picker chose."""

    env: dict[EnvName, Annotated[str, Field(max_length=4096)]] = {}
    """Environment variables, name to text. Default: none."""
    resources: Resources = Resources()
    """CPU, memory and storage of the container, beside those of the worker. Default: none stated."""


class EndpointPicker(Component):
    """Dynamo's endpoint picker: a gateway asks it which worker gets a request, so that no frontend routes. The operator makes the InferencePool `<graph>-pool` for it."""

    enabled: bool = False
    """Whether the graph has one. Needs KV routing and, in the cluster, the kind InferencePool. Default: `false`."""
    sidecar: Sidecar = Sidecar()
    """The frontend in each worker's pod. Default: nothing set."""


class Worker(Component):
    """The workers of one role."""

    nodes: Annotated[int, Field(ge=1, le=512)] = 1
    """Nodes that one replica spans. Default: 1."""
    gpus: Annotated[int, Field(ge=1, le=64)] | None = None
    """GPUs of one replica on each node. Default: what the parallel sizes need."""
    engine: Engine = Engine()
    """Engine settings of this role, on top of `model.engine`. Default: none."""
    extra_config: ExtraConfig | None = None
    """One configuration file for the engine. Default: none."""
    extra_configs: Annotated[list[ExtraConfig], Field(max_length=16)] = []
    """Several configuration files; the list form of `extraConfig`. Default: none."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm. Default: the operator's, 8Gi."""


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
    """Model id, `ORG/NAME`. Clients ask for this name."""
    revision: Annotated[str, Field(pattern=REVISION, max_length=100)] | None = None
    """Commit of the weights. Default: the newest, which can change under you."""
    backend: Backend = Backend()
    """Engine and image. Default: vLLM of the newest Dynamo release recipegen knows."""
    mocker: bool = False
    """`true`: Dynamo's mocker in place of the engine, without a GPU, for kind and CI clusters (`render --twin`). Default: `false`."""
    deployment: Deployment = Deployment()
    """Whether the graph is created. Default: yes."""
    disaggregation: bool = False
    """`false`: the `worker` block; `true`: the `prefill` and `decode` blocks. Default: `false`."""
    routing_policy: RoutingPolicy = "none"
    """How the frontend picks a worker. `none` leaves it to Dynamo, which takes turns. Default: `none`."""
    engine: Engine = Engine()
    """Engine settings that all workers share. Default: the engine's own."""
    frontend: Frontend = Frontend()
    """The frontend. Default: one replica."""
    endpoint_picker: EndpointPicker = EndpointPicker()
    """Endpoint picker for a gateway, in every worker's pod with a frontend of its own. Default: off."""
    worker: Worker | None = None
    """Workers that do prefill and decode. Default without disaggregation: one replica."""
    prefill: Worker | None = None
    """Workers that read the prompt. Default with disaggregation: one replica."""
    decode: Worker | None = None
    """Workers that write the answer. Default with disaggregation: one replica."""
    cache: Cache = Cache()
    """Volume for the weights. Default: off."""
    model_express_url: Annotated[str, Field(pattern=SERVER, max_length=300)] | None = None
    """Model Express server that workers get weights from, such as one that the cluster has for all its models. Their image needs the package `modelexpress`. Default: that of the block `modelExpress`, or none."""
    hugging_face_token_secret: ObjectName | None = None
    """Secret with the key HF_TOKEN, for gated models. All its keys become environment variables of frontend and workers. Default: none."""
    gpu_resource: Annotated[str, Field(pattern=RESOURCE_NAME)] = "nvidia.com/gpu"
    """Kubernetes resource of one GPU. Default: `nvidia.com/gpu`."""
    node_selector: dict[LabelKey, LabelValue] | None = None
    """Node labels that workers need. The label `nvidia.com/gpu.product` of `hardware` comes on top, unless it is given here. Default: from `hardware`, or none."""
    tolerations: list[Toleration] | None = None
    """Taints that workers tolerate, in place of those from `hardware`. Default: from `hardware`, or none."""


class ModelHeader(Block):
    """The HTTP header by which requests for this model are told from others."""

    enabled: bool = True
    """Whether requests need it. Off, the route takes every request of its host names and path. Default: `true`."""
    name: Annotated[str, Field(pattern=HEADER_NAME, max_length=256)] = "X-Gateway-Model-Name"
    """Name of the header. Default: `X-Gateway-Model-Name`."""
    value: Annotated[str, Field(pattern=HEADER_VALUE, max_length=256)] | None = None
    """Its value for this model. Default: `model.name`."""


class Listener(Block):
    """What a Gateway of its own listens for."""

    port: Port | None = None
    """Port. Default: 443 with `tlsSecret`, else 80."""
    tls_secret: ObjectName | None = None
    """Secret of type kubernetes.io/tls in the graph's namespace, for HTTPS. Default: none, plain HTTP."""
    allowed_namespaces: Annotated[
        list[Annotated[str, Field(pattern=NAMESPACE_OR_ALL, max_length=63)]], Field(max_length=64)
    ] = []
    """Other Kubernetes namespaces whose routes may attach, or `"*"` for all. Default: the graph's own alone."""


class ParametersRef(Block):
    """An object in the graph's namespace with settings of the gateway controller."""

    group: Annotated[str, Field(pattern=API_GROUP, max_length=253)]
    """API group, such as `agentgateway.dev`."""
    kind: Annotated[str, Field(pattern=KIND, max_length=63)]
    """Kind, such as `AgentgatewayParameters`."""
    name: ObjectName
    """Name."""


class Infrastructure(Block):
    """What a Gateway of its own passes on to the objects that its controller makes, such as a load balancer."""

    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=8)] = {}
    """Labels, at most 8. Default: none."""
    annotations: Annotated[dict[LabelKey, Annotated[str, Field(max_length=4096)]], Field(max_length=8)] = {}
    """Annotations, at most 8. Default: none."""
    parameters_ref: ParametersRef | None = None
    """Settings of the controller. Default: those of the GatewayClass."""


class BackendRef(Block):
    """An object in the graph's namespace that the gateway can send requests to."""

    group: Annotated[str, Field(pattern=API_GROUP, max_length=253)] = ""
    """API group, such as `agentgateway.dev`. Default: Kubernetes' core, the group of Services."""
    kind: Annotated[str, Field(pattern=KIND, max_length=63)] = "Service"
    """Kind. Default: `Service`."""
    name: ObjectName
    """Name."""
    port: Port | None = None
    """Port, which a Service needs. Default: none."""


class ExternalBackend(Block):
    """Another server of an OpenAI-compatible API behind the same Gateway. Clients send its API key themselves."""

    model: Annotated[str, Field(pattern=HEADER_VALUE, max_length=256)]
    """Value of the model header that leads there."""
    host: Annotated[str, Field(pattern=HOST, max_length=253)] | None = None
    """Host outside the cluster. Becomes a Service of type ExternalName, which not every gateway takes. Either this or `backendRef`."""
    port: Port = 443
    """Port of `host`. Default: 443."""
    tls: bool = True
    """Whether the gateway speaks TLS with `host`. Default: `true`."""
    ca_config_map: ObjectName | None = None
    """ConfigMap with the key ca.crt that vouches for `host`. Default: the gateway's own certificate authorities."""
    path: UrlPath = "/"
    """Path there that takes the place of `gateway.pathPrefix`, such as `/api`. Default: `/`."""
    backend_ref: BackendRef | None = None
    """An object of your own, such as the backend kind of your gateway, which can also hold the API key. Either this or `host`."""


class Gateway(Block):
    """Routes of the Gateway API to the model, from a Gateway of its own or one that is there."""

    enabled: bool = False
    """Whether there are any. Needs the Gateway API's kinds and a gateway controller in the cluster. Default: `false`."""
    create: bool = False
    """`true`: a Gateway of its own, which needs `gatewayClassName`. `false`: the existing one called `name`. Default: `false`."""
    name: ObjectName | None = None
    """Name of the Gateway. Default with `create`: `<graph>-gateway`."""
    namespace: Namespace | None = None
    """Kubernetes namespace of the existing Gateway. Default: the graph's."""
    section_name: ObjectName | None = None
    """Listener of the existing Gateway. Default: all."""
    gateway_class_name: ObjectName | None = None
    """GatewayClass of the created Gateway, such as `agentgateway` or `istio`."""
    listener: Listener = Listener()
    """Listener of the created Gateway. Default: HTTP on port 80, for the graph's namespace."""
    infrastructure: Infrastructure = Infrastructure()
    """What the created Gateway passes on to its controller. Default: nothing."""
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = []
    """Host names of the requests. Default: any."""
    path_prefix: UrlPath = "/"
    """Beginning of the requests' paths, taken off before the model sees them. Default: `/`."""
    model_header: ModelHeader = ModelHeader()
    """The header that requests for this model carry. Default: `X-Gateway-Model-Name` with the model's name."""
    timeout: Annotated[str, Field(pattern=DURATION)] = "600s"
    """Longest time for a request with its whole answer, such as `600s` or `1h`; `0s` for no limit. Default: `600s`."""
    inference_pool: bool | None = None
    """`true`: requests go to the endpoint picker's InferencePool, `false`: to the frontend. Default: as `model.endpointPicker.enabled`."""
    external_backends: Annotated[
        dict[Annotated[str, Field(pattern=LABEL, max_length=20)], ExternalBackend], Field(max_length=32)
    ] = {}
    """Further routes to other servers, by a name of at most 20 characters. Default: none."""


class Shape(Block):
    """Lengths of the requests of a run, all alike."""

    isl: Count
    """Input sequence length, in tokens."""
    osl: Count
    """Output sequence length, in tokens."""


class Trace(Block):
    """Recorded requests in the place of made-up ones: JSON lines in Mooncake's form, `timestamp` (ms), `input_length`, `output_length`, `hash_ids`."""

    config_map_ref: ConfigMapRef | None = None
    """A ConfigMap that exists in the namespace. Either this or `content`."""
    key: Annotated[str, Field(pattern=CONFIG_KEY, max_length=253)] | None = None
    """Key of that ConfigMap. Default: `trace.jsonl`."""
    content: Annotated[str, Field(min_length=1, max_length=900_000)] | None = None
    """The lines themselves, as text. Either this or `configMapRef`."""
    concurrency: Annotated[list[Count], Field(min_length=1, max_length=32)] | None = None
    """Requests in flight, one run each, whatever times were recorded. Default: one run at the recorded times."""


class BenchmarkConfig(Block):
    """What is measured: one aiperf run for each shape and each concurrency, or a trace."""

    isl: Count | None = None
    """Input sequence length, in tokens. Default: 1024, unless there are `shapes` or a `trace`."""
    osl: Count | None = None
    """Output sequence length, in tokens. Default: 128, unless there are `shapes` or a `trace`."""
    shapes: Annotated[list[Shape], Field(min_length=1, max_length=32)] | None = None
    """Several lengths, `[{isl: 8192, osl: 1024}, …]`, in the place of `isl` and `osl`. Default: one, `isl` and `osl`."""
    concurrency: Annotated[list[Count], Field(min_length=1, max_length=32)] = [1, 8, 32]
    """Requests in flight, one run each. Default: 1, 8 and 32."""
    requests_per_concurrency: Count = 10
    """Requests of a run for each request in flight. Default: 10."""
    trace: Trace | None = None
    """Recorded requests, in the place of everything above. Default: none."""
    args: Annotated[list[Argument], Field(max_length=128)] = []
    """Further options of `aiperf profile`, one token each, put last. Default: none."""


class Targets(Block):
    """What each run is held to; one that is missed makes the Job fail, once all runs are done."""

    ttft_milliseconds: Annotated[float, Field(gt=0, le=1_000_000_000)] | None = None
    """Time to the first token, in milliseconds, at most, in every run. Default: none."""
    itl_milliseconds: Annotated[float, Field(gt=0, le=1_000_000_000)] | None = None
    """Time between two tokens of one answer, in milliseconds, at most, in every run. Default: none."""
    percentile: Literal[50, 90, 95, 99] = 99
    """Percentile at which both times are held: 50, 90, 95 or 99. Default: 99."""
    output_tokens_per_second_per_gpu: Annotated[float, Field(gt=0, le=1_000_000_000)] | None = None
    """Output tokens per second and GPU, at least, in the best run of each shape. Default: none."""
    error_rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a run's requests, 0 to 1, that may fail. An answer that is empty or cut off has failed. Default: 0."""


class Results(Block):
    """Where the results stay: one folder for each pod, with a `run.json` of what was measured, with what, and how it ended."""

    size: Quantity | None = None
    """Size of a volume of the benchmark's own, which stays when the benchmark is removed. Default: none, the results go with the pod."""
    storage_class: ObjectName | None = None
    """StorageClass of that volume. Default: the cluster's default class."""
    claim_name: ObjectName | None = None
    """A PersistentVolumeClaim that exists in the namespace, in the place of that volume. Default: none."""


class Benchmark(Block):
    """A Job that measures the running graph with aiperf, and anew when the `model` block changes. It waits until the model answers; where a graph is replaced pod by pod, old workers may still answer then."""

    enabled: bool = False
    """Whether it runs. Default: `false`."""
    config: BenchmarkConfig | None = None
    """What is measured. Default, also when left empty: see its keys."""
    targets: Targets = Targets()
    """What the figures are held to. Default: no request may fail."""
    results: Results = Results()
    """Where the results stay. Default: in the Job's log alone."""
    gpus: Count | None = None
    """GPUs that the throughput is divided by. Default: those of all replicas of all workers."""
    url: Annotated[str, Field(pattern=URL, max_length=300)] | None = None
    """Address to measure, such as a gateway's, without `/v1`. Default: the graph's frontend."""
    headers: dict[
        Annotated[str, Field(pattern=HEADER_NAME, max_length=100)],
        Annotated[str, Field(pattern=HEADER_VALUE, max_length=1000)],
    ] = {}
    """HTTP headers of each request, name to text; for no secrets. Default: none."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with a tag: Python 3.11 to 3.13, with pip, or with aiperf (see `install`). Default: `python` in `facts/images.yaml`."""
    install: bool = True
    """`true`: pip installs aiperf when the Job starts. `false`: it is in the image. Default: `true`."""
    aiperf_version: Version | None = None
    """Release of aiperf that is installed, MAJOR.MINOR.PATCH. Default: `aiperf` in `facts/images.yaml`."""
    env: dict[EnvName, Annotated[str, Field(max_length=4096)]] = {}
    """Environment variables of both containers, such as `PIP_INDEX_URL` or `HF_ENDPOINT` for mirrors. Default: none."""
    deadline_seconds: Annotated[int, Field(ge=60, le=1_000_000)] = 21_600
    """Longest time of the whole Job, in seconds, its waiting for the model included. Default: 21600, six hours."""


class AlertTargets(Block):
    """What is asked of the graph. Missing one of these, for as long as `after` says, fires the alert that it belongs to."""

    request_p99_seconds: Annotated[float, Field(gt=0, le=86_400)] = 2.0
    """99 of 100 requests are answered in full within this, in seconds. Default: 2."""
    ttft_p99_milliseconds: Annotated[float, Field(gt=0, le=86_400_000)] = 500.0
    """99 of 100 requests have the first token of their answer within this, in milliseconds. Default: 500."""
    output_tokens_per_second: Count | None = None
    """Tokens of answers that the graph writes at least, a second, while requests wait. Default: none, and no such alert."""
    gpu_utilization: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Busy share of the workers' GPUs, 0 to 1, as NVIDIA's DCGM exporter measures it. Default: 0.95."""
    queued_requests: Count = 100
    """Requests that wait for the first token of their answer at most. Default: 100."""
    error_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of the requests, 0 to 1, that fail through no fault of the client at most. Default: 0.01."""


class Alerts(Block):
    """Alerts of the graph: a PrometheusRule, whose kind the Prometheus operator brings."""

    enabled: bool = False
    """Whether there are any. Default: `false`."""
    labels: dict[LabelKey, LabelValue] = {}
    """Labels by which Prometheus finds rules, such as `{release: kube-prometheus-stack}`. Default: none."""
    after: Annotated[str, Field(pattern=PERIOD)] = "5m"
    """How long a target is missed before its alert fires: 30s, 5m, 1h. Default: 5m."""
    targets: AlertTargets = AlertTargets()
    """What is asked of the graph. Default: see its keys."""
    workers: dict[Role, Replicas] | None = None
    """Workers of each role that have to serve at least. Default: the replicas of each role."""
    without: Annotated[list[AlertName], Field(max_length=7)] = []
    """Alerts to leave out, by name. Default: none."""


class PodMonitor(Block):
    """PodMonitors of this graph alone, for a cluster whose Dynamo platform has none. Their kind comes with the Prometheus operator."""

    enabled: bool = False
    """Whether there are any. Default: `false`, for those of Dynamo's platform scrape every graph."""
    labels: dict[LabelKey, LabelValue] = {}
    """Labels by which Prometheus finds them, such as `{release: kube-prometheus-stack}`. Default: none."""


class Observability(Block):
    """Grafana dashboards, Prometheus alerts and scraping of the graph."""

    enabled: bool = False
    """Whether the dashboards are installed, and what is switched on below. Default: `false`."""
    dashboards: list[Dashboard] | None = None
    """Dashboards, by name. Default: frontend, workers and cache, router with KV routing, disaggregation where the graph is."""
    alerts: Alerts = Alerts()
    """Alerts. Default: off."""
    pod_monitor: PodMonitor = PodMonitor()
    """Scraping. Default: off, left to Dynamo's platform."""
    dashboard_labels: dict[LabelKey, LabelValue] = {"grafana_dashboard": "1"}
    """Labels by which Grafana's sidecar finds dashboards. Default: `grafana_dashboard: "1"`."""


class Troubleshooting(Block):
    """A Job that looks at the graph, reading only, until it is ready, and says what is wrong and which line of the recipe to change. `recipegen doctor` does the same from outside, and needs no Job."""

    enabled: bool = False
    """Whether it runs. Default: `false`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with Python 3.11 or newer that runs its script, for a mirror. Default: `python` in `facts/images.yaml`."""
    wait_minutes: Annotated[int, Field(ge=0, le=1440)] = 30
    """How long it waits for the graph to be ready before its last report, in minutes. Default: 30."""
    cluster_read: bool = False
    """Whether it may also read nodes and storage classes, which belong to the whole cluster, through a ClusterRole. Default: `false`, its findings then say less about GPUs."""
    run: Count = 1
    """Another number runs it again. Default: 1."""


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
    gate: Gate = Gate()
    """Waits until the operator works. Default: on."""


class Redis(Block):
    """A Redis that the cluster has."""

    url: Annotated[str, Field(pattern=REDIS_URL, max_length=300)] | None = None
    """Address, `redis://HOST:PORT`. Either this or `secret`."""
    secret: ObjectName | None = None
    """Secret with the key REDIS_URL, for an address with a password. Either this or `url`."""


class ModelExpress(Block):
    """A Model Express server of this graph alone: it downloads weights once and tells workers which others have them on their GPUs. Workers load through it; without a `model.cache` the first of them gets the weights from the server's volume."""

    enabled: bool = False
    """Whether there is one. Default: `false`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image of the server, for a mirror or for the release of the workers' client. Default: `modelExpress` in `facts/images.yaml`."""
    metadata: Literal["kubernetes", "redis"] = "kubernetes"
    """Where it keeps what it knows: `kubernetes`, in objects whose kinds ModelMetadata and ModelCacheEntry the cluster has to have, or `redis`. Default: `kubernetes`."""
    redis: Redis = Redis()
    """The Redis, with `metadata: redis` alone. Default: none."""
    size: Quantity = "100Gi"
    """Size of its volume, which holds the weights. Default: 100Gi."""
    storage_class: ObjectName | None = None
    """StorageClass of its volume. Default: the cluster's default class."""
    resources: Resources = Resources(requests={"cpu": "500m", "memory": "1Gi"}, limits={"memory": "4Gi"})
    """CPU and memory of the server. Default: requests 500m and 1Gi, limit 4Gi."""


class Variant(Block):
    """A named change of the recipe."""

    description: str = ""
    """What is different, in one sentence. Default: none."""
    patch: dict[str, Any]
    """JSON merge patch (RFC 7396) on the recipe: maps merge, `null` deletes, the rest replaces."""


class Recipe(Block):
    """A model and all that is deployed around it."""

    about: About = About()
    """For people. Default: nothing stated."""
    dynamo_namespace: Namespace
    """Kubernetes namespace that the graph lives in."""
    hardware: Hardware | None = None
    """GPUs that the workers are meant for. Default: any."""
    model: Model
    """The model, its engine and its workers."""
    gateway: Gateway = Gateway()
    """Gateway API routes to the model. Default: off."""
    model_express: ModelExpress = ModelExpress()
    """Model Express server for fast weight loading. Default: off."""
    benchmark: Benchmark = Benchmark()
    """Benchmark Job. Default: off."""
    observability: Observability = Observability()
    """Dashboards and alerts. Default: off."""
    fault_injection: FaultInjection = FaultInjection()
    """Fault experiments. Default: off."""
    troubleshooting: Troubleshooting = Troubleshooting()
    """Diagnosis Job. Default: off."""
    platform: Platform = Platform()
    """The upstream operator. Default: installed along."""
    variants: Annotated[
        dict[Annotated[str, Field(pattern=LABEL, max_length=40)], Variant], Field(max_length=100)
    ] = {}
    """Named changes of this recipe, chosen with `--variant`, at most 100. Default: none."""
