"""The `batch` block."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import (
    CONFIG_KEY,
    INNER_PATH,
    OBJECT_NAME,
    URL,
    Block,
    LabelKey,
    LabelValue,
    ObjectName,
    Quantity,
)
from recipegen.recipe.model import ConfigMapRef


class BatchInput(Block):
    """The requests: JSON lines in OpenAI's form of a batch, each with `custom_id`, `method`, `url` and `body`. From one place."""

    claim_name: ObjectName | None = None
    """A PersistentVolumeClaim that exists in the namespace, with the file at `path`. Default: none."""
    path: Annotated[str, Field(pattern=INNER_PATH, max_length=500)] | None = None
    """The file on that volume. Default: none, a claim needs it."""
    content: Annotated[str, Field(min_length=1, max_length=900_000)] | None = None
    """The lines themselves, as text. Default: none."""
    config_map_ref: ConfigMapRef | None = None
    """A ConfigMap that exists in the namespace. Default: none."""
    key: Annotated[str, Field(pattern=CONFIG_KEY, max_length=253)] | None = None
    """Key of that ConfigMap. Default: `input.jsonl`."""
    url: Annotated[str, Field(pattern=URL, max_length=1000)] | None = None
    """Address that each pod fetches the file from, without a secret in it. Default: none."""


class BatchOutput(Block):
    """Where the answers go: a folder on a volume, with `output.jsonl` and `errors.jsonl` in the order of the input once all lines are through, and one such pair of each index from the first answer on."""

    claim_name: ObjectName | None = None
    """A PersistentVolumeClaim that exists in the namespace. Either this or `size`."""
    size: Quantity | None = None
    """Size of a volume of the batch's own, which stays when the batch is removed. Either this or `claimName`."""
    storage_class: ObjectName | None = None
    """StorageClass of that volume. Default: the cluster's default class."""
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = "ReadWriteMany"
    """Of that volume: `ReadWriteMany`, or `ReadWriteOnce`, where pods on other nodes than the first wait for ever. Default: `ReadWriteMany`."""
    path: Annotated[str, Field(pattern=INNER_PATH, max_length=500)] | None = None
    """Folder on the volume; with a `schedule`, each run has one of its own in it. Lines that have an answer there are not sent again. Default: the graph's name."""


class Batch(Block):
    """A Job that sends the requests of a file to the graph and writes the answers to a volume. Its pods need no GPU: the graph has them. It waits until the model is served."""

    enabled: bool = False
    """Whether there is one. Default: `false`."""
    completions: Annotated[int, Field(ge=1, le=64)] = 1
    """Pods that share the lines, 1 to 64: each takes those whose place in the file, modulo this number, is its own. Default: 1."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 32
    """Requests that each pod has under way at once. Default: 32."""
    max_runtime_seconds: Annotated[int, Field(ge=1, le=172_800)] = 86_400
    """Longest time of the whole Job, in seconds, its waiting for the model included; with a `queue`, from each admission on. At most 172800, two days. Default: 86400, one day."""
    schedule: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """When it is done again and again: minute, hour, day of the month, month, day of the week, as in cron; a run whose time comes while another one is under way is left out. Default: once, at once."""
    time_zone: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Time zone of the schedule, such as `Europe/Berlin`. Default: that of the cluster's controllers, UTC as a rule."""
    suspend: bool = False
    """Whether nothing is sent for now: a Job lets its pods go, a schedule begins no more. Default: `false`."""
    queue: Annotated[str, Field(pattern=OBJECT_NAME, max_length=63)] | None = None
    """LocalQueue of Kueue that decides when the Job may run. Default: none, at once."""
    priority_class: ObjectName | None = None
    """PriorityClass of the pods, which Kueue orders by too. Default: none."""
    retries: Annotated[int, Field(ge=0, le=100)] = 3
    """How often an index begins anew that failed, after what it has answered. A pod that is moved from its node does not count. Default: 3."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    """After how many seconds a Job that has ended is removed; the next apply makes it again, and it finds its answers. Default: never."""
    input: BatchInput = BatchInput.model_construct()
    """The requests. Default: none, a batch needs some."""
    output: BatchOutput = BatchOutput.model_construct()
    """Where the answers go. Default: nowhere, a batch needs a volume."""
    node_selector: dict[LabelKey, LabelValue] = {}
    """Labels of the nodes that its pods may run on. Default: any node."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with a tag and Python 3.11 or newer. Default: `python` in `facts/images.yaml`."""
