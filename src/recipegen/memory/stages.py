"""The weights of each pipeline stage on the fullest of its GPUs."""

import re
from collections.abc import Iterator

from recipegen.memory.setup import Setup
from recipegen.modelfacts import ModelFacts, Module

LAYER = re.compile(r"^layers\.(\d+)\.")
# What every GPU has whole, whatever the parallel sizes. Source: vLLM 0.31.0, the ReplicatedLinear layers of
# vllm/model_executor/models; SGLang 0.5.21 has the same ones.
WHOLE = re.compile(
    r"(^|\.)(norm|router|q_a_proj|kv_a_proj_with_mqa|kv_proj|indexer|index_q_proj|index_k_proj|compressor|hyper"
    r"|latent|eh_proj|f_a_proj|g_a_proj)(\.|$)"
)
EXPERTS = re.compile(r"\.experts(\.|$)")
# Keys and values have fewer heads than queries: where GPUs are more than heads, a head is on several.
OF_KV = re.compile(r"\.[kv]_proj$")
ATTENTION = re.compile(
    r"\.(self_attn|linear_attn|mixer\.[qkvo]_proj|mixer\.(in_proj|out_proj|conv1d|ssm))(\.|$)|\.conv1d$"
)


def stages(layers: int, count: int) -> list[range]:
    """Return the layers of each pipeline stage: what is left over goes to those before the last one.

    Source: vLLM 0.31.0, get_pp_indices in vllm/distributed/utils.py.
    """
    sizes = [layers // count] * count
    for place in range(2, layers % count + 2):
        sizes[-place] += 1
    starts = [sum(sizes[:index]) for index in range(count)]
    return [range(start, start + size) for start, size in zip(starts, sizes, strict=True)]


def weights(model: ModelFacts, setup: Setup) -> list[float]:
    """Return the bytes of weights on a GPU of each stage, the fullest GPU of each."""
    parts = stages(model.layers, setup.pipeline)
    found = [0.0] * len(parts)
    sizes = {module.name: model.bytes_of(module) for module in model.modules}
    where = {layer: index for index, part in enumerate(parts) for layer in part}
    for module in model.modules:
        size = sizes[module.name] * share(module, model, setup)
        for index in _places(module, model, where, len(parts)):
            found[index] += size
    if setup.predictors:
        found[-1] += sum(model.bytes_of(each) * share(each, model, setup) for each in model.predictors)
    return found


def share(module: Module, model: ModelFacts, setup: Setup) -> float:
    """Return which part of a module is on one of the GPUs that have any of it."""
    if WHOLE.search(module.name):
        return 1.0
    if EXPERTS.search(module.name):
        return 1 / setup.expert_ranks
    ranks = setup.attention_ranks if ATTENTION.search(module.name) else setup.tensor
    if OF_KV.search(module.name) and model.kv_heads:
        return max(1 / ranks, 1 / model.kv_heads)
    return 1 / ranks


def _places(module: Module, model: ModelFacts, where: dict[int, int], count: int) -> Iterator[int]:
    """Yield the stages that a module is on."""
    layer = LAYER.match(module.name)
    if layer:
        yield where[int(layer[1])]
    elif module.name in ("lm_head", "norm"):
        yield count - 1
    else:
        yield 0
        if module.name == "embed" and model.tied and count > 1:
            yield count - 1
