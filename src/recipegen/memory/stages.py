"""The weights of each pipeline stage on the fullest of its GPUs."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from recipegen.memory.setup import Setup
from recipegen.modelfacts import ModelFacts

LAYER = re.compile(r"^layers\.(\d+)\.")
# What every GPU has whole, whatever the parallel sizes. Source: vLLM 0.31.0, the ReplicatedLinear layers of
# vllm/model_executor/models; SGLang 0.5.21 has the same ones.
WHOLE = re.compile(
    r"(^|\.)(norm|router|q_a_proj|kv_a_proj_with_mqa|kv_proj|indexer|index_q_proj|index_k_proj|compressor|hyper"
    r"|latent|eh_proj)(\.|$)"
)
EXPERTS = re.compile(r"\.experts(\.|$)")
# Keys and values have fewer heads than queries: where GPUs are more than heads, a head is on several.
OF_KV = re.compile(r"\.[kv]_proj$")
ATTENTION = re.compile(
    r"\.(self_attn|linear_attn|mixer\.[qkvo]_proj|mixer\.(in_proj|out_proj|conv1d|ssm))(\.|$)|\.conv1d$"
)


@dataclass
class Load:
    """The bytes of weights of one part of a model, by how parallelism divides them."""

    whole: float = 0.0
    attention: float = 0.0
    kv: float = 0.0
    """Projections of keys and values."""
    experts: float = 0.0
    embedding: float = 0.0
    """Divided like attention, whose ranks look up their own tokens. Source: get_embedding_tp_kwargs in SGLang
    0.5.21, srt/layers/vocab_parallel_embedding.py."""
    rest: float = 0.0
    """MLPs, towers, head."""

    def on_one(self, model: ModelFacts, setup: Setup) -> float:
        """Return the bytes on one of the GPUs that share the part."""
        ranks = setup.attention_ranks
        kv = max(1 / ranks, 1 / model.kv_heads) if model.kv_heads else 1 / ranks
        found = self.whole + (self.attention + self.embedding) / ranks + self.kv * kv
        return found + self.experts / setup.expert_ranks + self.rest / setup.mlp_ranks


@dataclass
class Loads:
    """The weights of a model, by layer and beside the layers."""

    layers: list[Load]
    first: Load = field(default_factory=Load)
    """The embedding and towers, on the first pipeline stage."""
    last: Load = field(default_factory=Load)
    """The head, on the last one."""
    tied: Load = field(default_factory=Load)
    """An embedding that is the head too: on the last stage as well, where there are several."""
    predictors: Load = field(default_factory=Load)


def stages(layers: int, count: int, backend: str = "vllm") -> list[range]:
    """Return the layers of each pipeline stage, in order; engines differ in who has what is left over.

    Source: get_pp_indices in vLLM 0.31.0, vllm/distributed/utils.py (those before the last one), and in
    SGLang 0.5.21, srt/distributed/utils.py (the last ones); TensorRT-LLM's first ones are unverified.
    """
    each, more = divmod(layers, count)
    first = {"vllm": count - 1 - more, "sglang": count - more, "trtllm": 0}[backend]
    sizes = [each + (first <= index < first + more) for index in range(count)]
    starts = [sum(sizes[:index]) for index in range(count)]
    return [range(start, start + size) for start, size in zip(starts, sizes, strict=True)]


def weights(model: ModelFacts, setup: Setup) -> list[float]:
    """Return the bytes of weights on a GPU of each pipeline stage."""
    loads = divided(model)
    layers = [load.on_one(model, setup) for load in loads.layers]
    found = [
        sum(layers[index] for index in part) for part in stages(model.layers, setup.pipeline, setup.backend)
    ]
    found[0] += loads.first.on_one(model, setup)
    found[-1] += loads.last.on_one(model, setup)
    if setup.pipeline > 1:
        found[-1] += loads.tied.on_one(model, setup)
    if setup.predictors:
        found[-1] += loads.predictors.on_one(model, setup)
    return found


@lru_cache(maxsize=256)
def divided(model: ModelFacts) -> Loads:
    """Return the weights of a model by how parallelism divides them, in bytes."""
    loads = Loads([Load() for _ in range(model.layers)])
    for name, size in model.sizes.items():
        layer = LAYER.match(name)
        if layer:
            add(loads.layers[int(layer[1])], name, size)
        else:
            add(loads.last if name in ("lm_head", "norm") else loads.first, name, size)
        if name == "embed" and model.tied:
            add(loads.tied, name, size)
    for name, size in model.predictor_sizes.items():
        add(loads.predictors, name, size)
    return loads


def add(load: Load, name: str, size: float) -> None:
    """Add the bytes of a module to what is divided like it."""
    if WHOLE.search(name):
        load.whole += size
    elif EXPERTS.search(name):
        load.experts += size
    elif OF_KV.search(name):
        load.kv += size
    elif name == "embed":
        load.embedding += size
    elif ATTENTION.search(name):
        load.attention += size
    else:
        load.rest += size
