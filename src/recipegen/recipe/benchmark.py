"""The `benchmark` block."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import (
    CONFIG_KEY,
    HEADER_NAME,
    HEADER_VALUE,
    URL,
    Argument,
    Block,
    Count,
    EnvName,
    ObjectName,
    Quantity,
    Version,
)
from recipegen.recipe.model import ConfigMapRef


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
    targets: Targets = Targets.model_construct()
    """What the figures are held to. Default: no request may fail."""
    results: Results = Results.model_construct()
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
