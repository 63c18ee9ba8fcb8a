"""How much of a GPU an engine takes, and what it leaves for the KV cache."""

from recipegen import facts
from recipegen.memory.overhead import batch
from recipegen.memory.setup import Setup
from recipegen.memory.terms import GIB, Term, gib
from recipegen.memory.versions import since
from recipegen.modelfacts import ModelFacts

MIB = 1024**2


def memory(setup: Setup) -> int:
    """Return the bytes of memory that an engine sees on one GPU, or on one MIG instance."""
    fact = facts.hardware()[setup.gpu]
    if setup.mig:
        # A profile's name ends in its memory; what an instance shows is a little less.
        return int(float(setup.mig.rpartition(".")[2].removesuffix("gb")) * GIB)
    return int(fact.get("usableBytes") or fact.get("visibleBytes") or fact["memoryBytes"])


def share(model: ModelFacts, setup: Setup, size: int) -> Term:
    """Return the share of memory, as set or by the engine's default.

    Source: vLLM 0.31.0, vllm/config/cache.py; SGLang 0.5.21, srt/arg_groups/memory_hook.py.
    """
    if setup.utilization is not None:
        return Term("share of memory", setup.utilization, "", "as set", "chosen", "")
    if setup.backend == "sglang":
        return _sglang_share(model, setup, size)
    value = since(facts.memory()[setup.backend]["share"], setup.version)
    return Term("share of memory", value, "", f"default of {setup.backend}", "published", setup.backend)


def budget(model: ModelFacts, setup: Setup, size: int, overhead: float) -> float:
    """Return the bytes that weights may take at most: the engine's share, or all there is."""
    if setup.backend == "vllm":
        return share(model, setup, size).value * size
    if setup.backend == "sglang":
        return share(model, setup, size).value * (size - overhead)
    return float(size)


def room(model: ModelFacts, setup: Setup, size: int, weights: float, overhead: float) -> float:
    """Return the bytes that are left for the KV cache, below zero where there are none.

    vLLM: share x memory - weights - overhead. SGLang: share x (memory - overhead) - weights, for its share is
    of weights and cache. TensorRT-LLM: share x (memory - weights - overhead), of what is free then.
    """
    part = share(model, setup, size).value
    if setup.backend == "vllm":
        return part * size - weights - overhead
    if setup.backend == "sglang":
        return part * (size - overhead) - weights
    return part * (size - weights - overhead)


def block(setup: Setup) -> int:
    """Return the tokens of a block of the KV cache."""
    return setup.block_size or int(facts.memory()[setup.backend]["block"])


def _sglang_share(model: ModelFacts, setup: Setup, size: int) -> Term:
    """Return SGLang's default share of memory, for which it takes off what activations and graphs need.

    Source: handle_gpu_memory_settings, reserve_for_graph_mb and adjust_mem_fraction_for_vlm in SGLang 0.5.21,
    srt/arg_groups/memory_hook.py.
    """
    rule = facts.memory()["sglang"]["reserved"]
    # It asks nvidia-smi, and within a MIG instance CUDA.
    shown = size if setup.mig else int(facts.hardware()[setup.gpu].get("visibleBytes", size))
    tokens, sequences = batch(setup, shown)
    reserved = rule["fixed"] + rule["token"] * max(tokens, rule["tokensLeast"])
    reserved += rule["rank"] * setup.tensor * setup.pipeline
    if not setup.eager:
        reserved += rule["graph"] * sequences
        # With pipeline stages it captures none of prefill.
        if setup.pipeline == 1:
            reserved += rule["latents"] if model.mla else rule["prefillGraph"] * _prefill_graphs(tokens)
    if setup.data > 1:
        many = rule["attentionMany"] if sequences > rule["manySequences"] else 0
        reserved += (rule["attention"] + many) * sequences * setup.data
    if shown > rule["leastFrom"] * GIB:
        reserved = max(reserved, rule["least"])
    value = round(1 - reserved * MIB / shown, 3)
    formula = f"1 - {gib(reserved * MIB)} / {gib(shown)}"
    if model.tower:
        images = _images(*model.tower)
        value *= images
        formula = f"({formula}) x {images:.3f} for images"
    return Term("share of memory", value, "", formula, "published", "SGLang 0.5.21, memory_hook.py")


def _images(layers: int, width: int) -> float:
    """Return the part of its share that SGLang keeps to where a vision tower reads images."""
    rule = facts.memory()["sglang"]["images"]
    usual = rule["layers"] * rule["width"] ** 2
    size = (layers or rule["layers"]) * (width or rule["width"]) ** 2 / usual
    return float(rule["share"] * max(rule["least"], min(rule["most"], 1 - rule["step"] * (size - 1))))


def _prefill_graphs(tokens: int) -> int:
    """Return how many sizes of a prefill SGLang captures graphs of, up to so many tokens."""
    count, start = 0, 0
    for step, end in facts.memory()["sglang"]["prefillGraphs"]:
        count += max(0, (min(end, tokens) - start) // step)
        start = end
    return count
