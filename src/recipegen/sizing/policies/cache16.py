"""The KV cache at 16 bits, on all GPUs together: without an engine's blocks, padding and number formats."""

from recipegen.modelfacts import Kept, ModelFacts

BYTES = 2


def sequence(model: ModelFacts, length: int) -> int:
    """Return the bytes that all layers keep of one sequence of `length` tokens, without keys of indexers."""
    return BYTES * sum(_numbers(kept, length) for kept in model.caches)


def growing(model: ModelFacts) -> int:
    """Return how many layers keep something of every token."""
    return sum(kept.kind in ("full", "latent") or _compresses(kept) for kept in model.caches)


def _numbers(kept: Kept, length: int) -> int:
    state = sum(state.numbers for state in kept.states)
    windowed = min(kept.window, length)
    if kept.kind == "sliding":
        return kept.heads * (kept.key + kept.value) * windowed
    if kept.kind == "compressed":
        return kept.key * (windowed + (length // kept.ratio if kept.ratio else 0))
    return state + kept.heads * (kept.key + kept.value) * length


def _compresses(kept: Kept) -> bool:
    return kept.kind == "compressed" and kept.ratio > 0
