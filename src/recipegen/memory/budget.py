"""How much of a GPU an engine takes, and what it leaves for the KV cache."""

from recipegen import facts
from recipegen.memory.overhead import batch
from recipegen.memory.setup import Setup
from recipegen.memory.terms import GIB, Term, gib
from recipegen.memory.versions import since

MIB = 1024**2


def memory(setup: Setup) -> int:
    """Return the bytes of memory that an engine sees on one GPU, or on one MIG instance."""
    fact = facts.hardware()[setup.gpu]
    if setup.mig:
        # A profile's name ends in its memory; what an instance shows is a little less.
        return int(float(setup.mig.rpartition(".")[2].removesuffix("gb")) * GIB)
    return int(fact.get("usableBytes") or fact.get("visibleBytes") or fact["memoryBytes"])


def share(setup: Setup, size: int) -> Term:
    """Return the share of memory, as set or by the engine's default.

    Source: vLLM 0.31.0, vllm/config/cache.py; SGLang 0.5.21, srt/arg_groups/memory_hook.py.
    """
    if setup.utilization is not None:
        return Term("share of memory", setup.utilization, "", "as set", "chosen", "")
    if setup.backend == "sglang":
        return _sglang_share(setup, size)
    value = since(facts.memory()[setup.backend]["share"], setup.version)
    return Term("share of memory", value, "", f"default of {setup.backend}", "published", setup.backend)


def budget(setup: Setup, size: int, overhead: float) -> float:
    """Return the bytes that weights may take at most: what the engine's share is of, or all that is free."""
    if setup.backend == "vllm":
        return share(setup, size).value * size
    if setup.backend == "sglang":
        return share(setup, size).value * (size - overhead)
    return size - overhead


def room(setup: Setup, size: int, weights: float, overhead: float) -> float:
    """Return the bytes that are left for the KV cache, below zero where there are none.

    vLLM: share x memory - weights - overhead. SGLang: share x (memory - overhead) - weights, for its share is
    of weights and cache. TensorRT-LLM: share x (memory - weights - overhead), of what is free then.
    """
    part = share(setup, size).value
    if setup.backend == "vllm":
        return part * size - weights - overhead
    if setup.backend == "sglang":
        return part * (size - overhead) - weights
    return part * (size - weights - overhead)


def block(setup: Setup) -> int:
    """Return the tokens of a block of the KV cache."""
    return setup.block_size or int(facts.memory()[setup.backend]["block"])


def _sglang_share(setup: Setup, size: int) -> Term:
    rule = facts.memory()["sglang"]["reserved"]
    tokens, sequences = batch(setup, size)
    reserved = rule["fixed"] + rule["token"] * max(tokens, rule["tokensLeast"])
    reserved += rule["rank"] * setup.tensor * setup.pipeline + rule["graph"] * sequences
    if size > rule["leastFrom"] * GIB:
        reserved = max(reserved, rule["least"])
    value = round(1 - reserved * MIB / size, 3)
    formula = f"1 - {gib(reserved * MIB)} / {gib(size)}"
    return Term("share of memory", value, "", formula, "published", "SGLang 0.5.21, memory_hook.py")
