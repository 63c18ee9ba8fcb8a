"""The KV cache of a model on one GPU: bytes a token, bytes a request, and how many requests a room holds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from recipegen import facts
from recipegen.memory.setup import Setup
from recipegen.memory.versions import since
from recipegen.modelfacts import Kept, ModelFacts

COMPRESSED = 584.0
"""Bytes of an entry of DeepSeek V4's cache: 448 numbers in fp8, 64 positions in 16 bits, eight scales."""
FORMATS = {
    "vllm": ("auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc", "fp8_ds_mla", "nvfp4"),
    "sglang": ("auto", "bfloat16", "bf16", "fp8_e4m3", "fp8_e5m2", "nvfp4", "fp4_mx_block16", "fp4_e2m1"),
    "trtllm": ("auto", "bfloat16", "float16", "fp8", "nvfp4"),
}
"""Words of each engine for number formats of the KV cache whose bytes are known here."""
BYTES = {"float32": 4.0, "float": 4.0, "bfloat16": 2.0, "float16": 2.0, "half": 2.0}


@dataclass(frozen=True)
class Cache:
    """What the layers of one pipeline stage keep on one GPU."""

    growing: float
    """Bytes for each token of a request, however long it gets."""
    windows: tuple[tuple[int, float], ...]
    """Windows in tokens, each with the bytes for a token in it, over the layers that have it."""
    state: float
    """Bytes for each request, whatever its length."""
    block: int
    """Tokens of a block."""
    passing: int
    """Tokens on their way, which a window has to hold beside its own."""
    pool: float = 0.0
    """Memory that is set apart for states beside 1 for the cache; 0 where both come from one pool."""

    def request(self, length: int, *, settled: bool = False) -> float:
        """Return the bytes that one request of so many tokens needs.

        Source: vLLM 0.31.0, max_memory_usage_bytes in vllm/v1/kv_cache_interface.py.

        Args:
            length: Tokens read and written.
            settled: Whether its prompt is read, so that no window holds what is on its way.
        """
        blocks = -(-length // self.block)
        size = self.growing * blocks * self.block + self.state
        passing = 1 if settled else self.passing
        for window, each in self.windows:
            held = -(-min(window - 1 + passing, length) // self.block) + 1
            size += each * held * self.block
        return size

    def held(self, room: float, length: int, *, settled: bool = False) -> float:
        """Return how many such requests, as for `request`, a room of so many bytes holds."""
        if room <= 0:
            return 0.0
        size = self.request(length, settled=settled)
        if self.pool and self.state:
            rest = room / (1 + self.pool)
            slots = (room - rest) / self.state
            return min(slots, rest / (size - self.state)) if size > self.state else slots
        return room / size if size else float("inf")

    def longest(self, room: float, most: int) -> int:
        """Return the tokens of the longest request that a room of so many bytes holds, at most so many."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.held(room, middle) >= 1 else (low, middle - 1)
        return low


def cache(model: ModelFacts, layers: range, setup: Setup, block: int, batched: int) -> Cache:
    """Return the KV cache of a stage's layers on one GPU of it.

    Args:
        model: The model as it is loaded.
        layers: The layers of the stage.
        setup: Parallel sizes, number format, engine.
        block: Tokens of a block.
        batched: Most tokens of one pass.
    """
    kept = [model.caches[index] for index in layers]
    growing = sum(of_token(each, model, setup) for each in kept if each.kind != "sliding")
    windows: dict[int, float] = {}
    for each in kept:
        for window, size in in_windows(each, model, setup):
            windows[window] = windows.get(window, 0.0) + size
    state = sum(of_request(each, model, setup) for each in kept)
    table = facts.memory()[setup.backend]
    if setup.backend == "sglang":
        # A pool of its own, sized by tokens of full layers, holds the windows of all requests.
        compressed = any(each.kind == "compressed" for each in kept)
        ratio = setup.windows or table["compressedWindows" if compressed else "windows"]
        states = table["states"]
        growing += ratio * sum(windows.values())
        return Cache(growing, (), state * states["slots"], block, batched, states["share"])
    if setup.backend == "trtllm":
        return Cache(growing, tuple(windows.items()), state, block, batched)
    fill = padding(kept)
    if state and growing:
        block, state = _pages(kept, model, setup, block)
    state *= since(table["states"], setup.version) * fill.get("state", 1.0)
    spread = tuple((window, size * fill.get("sliding", 1.0)) for window, size in windows.items())
    passing = batched * since(table["inFlight"], setup.version)
    return Cache(growing * fill.get("full", 1.0), spread, state, block, passing)


def unwindowed(kept: Kept) -> Kept:
    """Return what a layer keeps where its window does not count: all there is.

    Source: unify_hybrid_kv_cache_specs in vLLM 0.31.0, vllm/v1/core/kv_cache_utils.py.
    """
    return replace(kept, kind="full") if kept.kind == "sliding" else kept


def _pages(kept: list[Kept], model: ModelFacts, setup: Setup, block: int) -> tuple[int, float]:
    """Return the block and the bytes of states where vLLM gives both kinds of layers pages of one size.

    The block of attention grows until its page holds a state, which is padded to it. Source: vLLM 0.31.0,
    _align_hybrid_block_size in vllm/platforms/interface.py.
    """
    token = max(of_token(each, model, setup) for each in kept if each.kind in ("full", "latent"))
    states = [size for each in kept if (size := of_request(each, model, setup))]
    least = max(block, 128) if model.mla else block
    block = least * math.ceil(max(states) / (least * token))
    return block, block * token * len(states)


def padding(kept: list[Kept]) -> dict[str, float]:
    """Return by how much vLLM's groups of layers that share a pool are larger than what is in them.

    Groups have one size: of the kind with the fewest layers, or of that with the most where it has less than
    half as many again. Source: vLLM 0.31.0, get_kv_cache_groups in vllm/v1/core/kv_cache_utils.py.
    """
    counts: dict[str, int] = {}
    for each in kept:
        if each.kind in ("full", "sliding", "state"):
            counts[each.kind] = counts.get(each.kind, 0) + 1
    if len(counts) < 2:
        return {}
    least, most = min(counts.values()), max(counts.values())
    size = most if most < 1.5 * least else least
    return {kind: -(-count // size) * size / count for kind, count in counts.items()}


def number(model: ModelFacts, setup: Setup) -> float:
    """Return the bytes of one number of the KV cache, its scale with it."""
    return size_of(dtype(model, setup)) or 2.0


def size_of(name: str) -> float | None:
    """Return the bytes of one number in a format of the KV cache, or None where they are not known."""
    if name.startswith(("fp8", "int8")):
        return 1.0
    if name.startswith(("nvfp4", "fp4")):
        # Half a byte, and a scale of a byte for sixteen.
        return 0.5 + 1 / 16
    return BYTES.get(name)


def dtype(model: ModelFacts, setup: Setup) -> str:
    """Return the number format of the KV cache: as set, or what the checkpoint asks for, or the model's.

    Source for sparse latents: SGLang 0.5.21, _dsa_kv_cache_dtype_default in srt/arg_groups/overrides.py.
    """
    if setup.kv_dtype != "auto":
        return setup.kv_dtype
    if setup.backend == "sglang" and model.sparse and _family(setup) >= 10:
        return "fp8_e4m3"
    return model.quantization.kv_cache or model.dtype


def _family(setup: Setup) -> int:
    """Return the compute capability of the GPU without what is behind the point."""
    return int(facts.hardware()[setup.gpu]["computeCapability"].partition(".")[0])


def of_token(kept: Kept, model: ModelFacts, setup: Setup) -> float:
    """Return the bytes that a layer keeps of a token on one GPU.

    Heads are divided over the GPUs that share attention, at least one on each; a latent is whole on all.
    """
    each = number(model, setup)
    if kept.kind in ("full", "sliding"):
        heads = max(1, -(-kept.heads // setup.attention_ranks))
        return heads * (kept.key + kept.value) * each
    # The indexer's keys are a byte each, with a scale of four bytes.
    index = kept.index + 4 if kept.index else 0
    if kept.kind == "latent":
        return _latent(kept, model, setup) + index
    if kept.kind == "compressed" and kept.ratio > 1:
        return (COMPRESSED + index) / kept.ratio
    return 0.0


def in_windows(kept: Kept, model: ModelFacts, setup: Setup) -> Iterator[tuple[int, float]]:
    """Yield windows of a layer in tokens, each with the bytes of a token in it on one GPU.

    Source for compressed ones: vLLM 0.31.0, models/deepseek_v4/{attention,compressor}.py.
    """
    if kept.kind == "sliding":
        yield kept.window, of_token(kept, model, setup)
    elif kept.kind == "compressed":
        yield kept.window, COMPRESSED
        # What is not yet compressed, in 32 bits: two windows that overlap at the ratio 4, else one.
        overlap = 2 if kept.ratio == 4 else 1
        if kept.ratio > 1 and setup.backend == "vllm":
            yield kept.ratio * overlap, 4.0 * 2 * overlap * (kept.key + kept.index)


def of_request(kept: Kept, model: ModelFacts, setup: Setup) -> float:
    """Return the bytes that a layer keeps of a request on one GPU, whatever its length."""
    size = 0.0
    for place, state in enumerate(kept.states):
        # The first one is the convolution's, in the model's own format.
        default = "float32" if place and setup.backend == "sglang" else model.dtype
        own = (setup.state_dtype if place else "") or state.dtype or default
        size += state.numbers * BYTES.get(own, 2.0)
    return size / setup.attention_ranks


def _latent(kept: Kept, model: ModelFacts, setup: Setup) -> float:
    """Return the bytes of a latent: plain numbers, or FlashMLA's layout, which sparse attention has in fp8.

    It is 512 bytes, four scales of four bytes, and 64 positions in 16 bits; TensorRT-LLM does without, and so
    do vLLM's kernels for compute capability 10. Source: vLLM 0.31.0, vllm/v1/attention/backends/mla; SGLang
    0.5.21, srt/model_executor/pool_configurator.py; TensorRT-LLM, DSACacheManager in
    _torch/attention_backend/sparse.
    """
    name = dtype(model, setup)
    flash = setup.backend == "sglang" or (setup.backend == "vllm" and _family(setup) != 10)
    sparse = name.startswith("fp8") and model.sparse and flash
    return 656.0 if sparse or name == "fp8_ds_mla" else kept.key * number(model, setup)
