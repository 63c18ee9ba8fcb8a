"""The KV cache of a model on one GPU: bytes a token, bytes a request, and how many requests a room holds."""

from dataclasses import dataclass

from recipegen import facts
from recipegen.memory.setup import Setup
from recipegen.memory.versions import since
from recipegen.modelfacts import Kept, ModelFacts

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

    def request(self, length: int) -> float:
        """Return the bytes that one request of so many tokens needs.

        Source: vLLM 0.31.0, max_memory_usage_bytes in vllm/v1/kv_cache_interface.py.
        """
        blocks = -(-length // self.block)
        size = self.growing * blocks * self.block + self.state
        for window, each in self.windows:
            held = -(-min(window - 1 + self.passing, length) // self.block) + 1
            size += each * held * self.block
        return size

    def held(self, room: float, length: int) -> float:
        """Return how many requests of so many tokens a room of so many bytes holds."""
        if room <= 0:
            return 0.0
        if self.pool and self.state:
            rest = room / (1 + self.pool)
            growing = self.request(length) - self.state
            slots = (room - rest) / self.state
            return min(slots, rest / growing) if growing else slots
        size = self.request(length)
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
    state = sum(of_request(each, model, setup) for each in kept)
    windows: dict[int, float] = {}
    for each in kept:
        if each.window:
            size = of_token(each, model, setup) if each.kind == "sliding" else each.key * number(model, setup)
            windows[each.window] = windows.get(each.window, 0.0) + size
    table = facts.memory()[setup.backend]
    if setup.backend == "sglang":
        # A pool of its own, sized by tokens of full layers, holds the windows of all requests.
        growing += table["windows"] * sum(windows.values())
        states = table["states"]
        return Cache(growing, (), state * states["slots"], block, batched, states["share"])
    if setup.backend == "vllm":
        fill = padding(kept)
        state *= since(table["states"], setup.version) * fill.get("state", 1.0)
        spread = tuple((window, size * fill.get("sliding", 1.0)) for window, size in windows.items())
        passing = batched * since(table["inFlight"], setup.version)
        return Cache(growing * fill.get("full", 1.0), spread, state, block, passing)
    return Cache(growing, tuple(windows.items()), state, block, batched)


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
    name = dtype(model, setup)
    if name.startswith(("fp8", "int8")):
        return 1.0
    if name.startswith(("nvfp4", "fp4")):
        # Half a byte, and a scale of a byte for sixteen.
        return 0.5 + 1 / 16
    return BYTES.get(name, 2.0)


def dtype(model: ModelFacts, setup: Setup) -> str:
    """Return the number format of the KV cache: as set, or what the checkpoint asks for, or the model's."""
    if setup.kv_dtype != "auto":
        return setup.kv_dtype
    return model.quantization.kv_cache or model.dtype


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
    if kept.kind == "compressed" and kept.ratio:
        return (kept.key * each + index) / kept.ratio
    return 0.0


def of_request(kept: Kept, model: ModelFacts, setup: Setup) -> float:
    """Return the bytes that a layer keeps of a request on one GPU, whatever its length."""
    numbers = sum(state.numbers * BYTES.get(state.dtype or model.dtype, 2.0) for state in kept.states)
    return numbers / setup.attention_ranks


def _latent(kept: Kept, model: ModelFacts, setup: Setup) -> float:
    name = dtype(model, setup)
    if name == "fp8_ds_mla" or (name.startswith("fp8") and model.sparse):
        # FlashMLA's layout: 512 bytes, four scales of four bytes, 64 positions in 16 bits.
        return 656.0
    return kept.key * number(model, setup)
