"""What the library's functions take by name, so that type checkers know of a key that is none.

None, an empty text and False stand for what is not given.
"""

from typing import Literal, TypedDict


class Settings(TypedDict, total=False):
    """What `size` sets an engine to, in place of a recipe's. `sources.FIELDS` says which field is meant."""

    gpu: str | None
    """Name of the GPU type in facts/hardware.yaml."""
    mig: str | None
    """MIG profile of it."""
    backend: str | None
    """vllm, sglang or trtllm."""
    engine_version: str | None
    tensor_parallel: int | None
    pipeline_parallel: int | None
    data_parallel: int | None
    expert_parallel: int | None
    max_model_len: int | None
    """Context in tokens."""
    gpu_memory_utilization: float | None
    """Share of memory, above 0 and at most 1."""
    kv_cache_dtype: str | None
    dtype: str | None
    quantization: str | None
    block_size: int | None
    """Tokens of a block of the KV cache."""
    max_num_seqs: int | None
    max_num_batched_tokens: int | None
    eager: bool | None
    """Whether CUDA graphs are off."""


class Wishes(TypedDict, total=False):
    """What `recommend` is asked for; `recommend.recommend` says what holds without each."""

    gpu: str | None
    """Name of the GPU type in facts/hardware.yaml."""
    gpu_count: int | None
    """GPUs that there are."""
    backend: str | None
    """vllm, sglang or trtllm."""
    isl: int | None
    """Tokens of a prompt."""
    osl: int | None
    """Tokens of an answer."""
    concurrency: int | None
    """Requests in flight."""
    ttft: float | None
    """Milliseconds to the first token, at most."""
    itl: float | None
    """Milliseconds from token to token, at most."""
    throughput: float | None
    """Output tokens a second of all GPUs, at least."""
    budget: float | None
    """Dollars an hour, at most."""
    gpu_price: float | None
    """Dollars an hour of one GPU."""
    source: Literal["auto", "measured", "estimated"]
    """Whether times are aiconfigurator's."""
