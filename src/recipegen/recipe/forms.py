"""The forms of single values, in words and as patterns, and what every block has in common."""

from typing import Annotated, Any, Literal, Self

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
BUCKET = r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$"
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
MIG = r"^[1-7]g\.[1-9][0-9]{0,2}gb$"
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
OWNER = r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+[.])+[A-Za-z]+)$"
# Of the scaling block.
ADDRESS = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}$"
API_VERSION = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?v[a-z0-9]+$"
METRIC_NAME = r"^[A-Za-z0-9_]([A-Za-z0-9_.:|-]*[A-Za-z0-9_])?$"
REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]+$"
COUNT_OR_SHARE = r"^([0-9]|[1-9][0-9]|100)%$"
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
    BUCKET: "the name of a bucket: lower-case letters, digits, '-' and '.'",
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
    MIG: "a MIG profile such as 3g.40gb: slices of the GPU and their memory",
    URL_PATH: "the path of a URL that starts with '/' and does not end in one, such as /qwen",
    HEADER_NAME: "the name of an HTTP header",
    HEADER_VALUE: "the value of an HTTP header: visible ASCII characters, and spaces between them",
    API_GROUP: "an API group such as agentgateway.dev, or nothing for Kubernetes' core",
    KIND: "a Kubernetes kind such as Service",
    OWNER: "an id of letters, digits, '-', '_' and '.', or an e-mail address",
    ADDRESS: "HOST:PORT, such as redis.queues:6379",
    API_VERSION: "a version of an API with its group, such as apps/v1",
    METRIC_NAME: "the name of a metric: letters, digits, and between them '_', '-', '.', ':' and '|'",
    REGION: "a region of AWS, such as eu-west-1",
    COUNT_OR_SHARE: "a share of the pods, 0% to 100%",
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
ClusterType = Literal["gpu-operator", "eks", "gke", "aks"]
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
    """A block of the recipe. Unknown keys are refused and nothing is converted.

    A block that is another's default is made with `model_construct`, and validators are built where they are
    needed: together that is a fifth of what a command takes.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, defer_build=True
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return the block itself, which is frozen: pydantic copies a default for each recipe that has it."""
        return self
