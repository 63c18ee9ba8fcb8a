"""How an engine is set up to serve a model: what decides on the memory of its GPUs."""

from dataclasses import dataclass, replace

from recipegen.modelfacts import ModelFacts


@dataclass(frozen=True)
class Setup:
    """One replica of an engine: its GPU type, its parallel sizes, and what shares out their memory."""

    gpu: str
    """Name of the GPU type in facts/hardware.yaml."""
    backend: str = "vllm"
    """vllm, sglang or trtllm."""
    version: str = ""
    """Of the engine; empty: not known."""
    mig: str = ""
    """MIG profile, where an instance stands in place of the GPU."""
    tensor: int = 1
    """GPUs that tensor parallelism divides a layer over."""
    pipeline: int = 1
    """Stages that the layers are divided into."""
    data: int = 1
    """Ranks of data parallelism, as the engine counts them: see `attention_ranks`."""
    expert: int = 1
    """Ranks that experts are spread over, each whole on one; 1: each is cut over the GPUs."""
    utilization: float | None = None
    """Share of memory, of what the engine means by it; None: the engine's default."""
    max_model_len: int | None = None
    """Context in tokens; None: what the engine takes by itself."""
    kv_dtype: str = "auto"
    """Number format of the KV cache in the engine's words."""
    state_dtype: str = ""
    """Number format of the states of state-space layers in place of the model's; empty: the model's."""
    windows: float | None = None
    """SGLang's tokens of sliding layers for each one of full layers; None: its default."""
    dtype: str = ""
    """Number format in place of the checkpoint's; empty: the checkpoint's."""
    quantization: str = ""
    """Format that the engine makes of 16-bit weights while loading; empty: none."""
    block_size: int | None = None
    """Tokens of a block of the KV cache; None: the engine's."""
    batched_tokens: int | None = None
    """Most tokens of one pass; None: the engine's default."""
    sequences: int | None = None
    """Most sequences of one batch; None: the engine's default."""
    eager: bool = False
    """Whether CUDA graphs are off."""
    predictors: bool = False
    """Whether layers that predict further tokens are loaded."""

    @property
    def adds_data(self) -> bool:
        """Whether data parallelism adds GPUs: vLLM's does, the others share those of tensor parallelism."""
        return self.backend == "vllm"

    @property
    def attention_ranks(self) -> int:
        """Return the GPUs that share one attention: all of tensor parallelism, or those of one rank.

        SGLang gives each data-parallel rank its part of the GPUs, TensorRT-LLM a single one.
        """
        if self.data <= 1 or self.adds_data:
            return self.tensor
        return max(1, self.tensor // self.data) if self.backend == "sglang" else 1

    @property
    def expert_ranks(self) -> int:
        """Return the GPUs that share the experts of a layer, whole or cut."""
        return self.tensor * (self.data if self.adds_data else 1)

    @property
    def copies(self) -> int:
        """Return the attention groups of the replica, each with a KV cache and requests of its own."""
        if self.data <= 1:
            return 1
        return self.tensor if self.backend == "trtllm" else self.data

    @property
    def gpus(self) -> int:
        """Return the GPUs of the replica."""
        return self.tensor * self.pipeline * (self.data if self.adds_data else 1)

    def doubled(self) -> "Setup":
        """Return the setup with twice the GPUs for tensor parallelism, and the ranks that follow it."""
        expert = self.expert * 2 if self.expert > 1 else 1
        data = self.data * 2 if self.data > 1 and not self.adds_data else self.data
        return replace(self, tensor=self.tensor * 2, expert=expert, data=data)


def divides(model: ModelFacts, setup: Setup) -> bool:
    """Return whether the model can be divided as the setup says."""
    return not undivided(model, setup)


def undivided(model: ModelFacts, setup: Setup) -> list[str]:
    """Return what of the model cannot be divided as the setup says, and the sizes that could.

    Source: vLLM 0.31.0, verify_with_parallel_config in vllm/config/model.py; QKVParallelLinear in
    layers/linear.py for KV heads, VocabParallelEmbedding for the vocabulary, rounded up to 64; SGLang 0.5.21,
    srt/layers/moe/fused_moe_triton/layer.py for experts.
    """
    ranks, found = setup.attention_ranks, []
    rounded = -(-model.vocab_size // 64) * 64
    if setup.data > 1 and not setup.adds_data and setup.tensor % setup.data:
        found.append(f"{setup.data} ranks of data parallelism cannot share {setup.tensor} GPUs evenly")
    if model.heads % ranks:
        sizes = [str(size) for size in range(1, min(model.heads, 64) + 1) if model.heads % size == 0]
        found.append(f"{model.heads} attention heads go onto {', '.join(sizes)} GPUs, not {ranks}")
    elif not model.mla and model.kv_heads and model.kv_heads % ranks and ranks % model.kv_heads:
        found.append(f"{model.kv_heads} KV heads can neither be shared nor repeated evenly by {ranks} GPUs")
    elif rounded % ranks:
        found.append(
            f"{model.vocab_size} entries of the vocabulary, rounded up to {rounded}, not onto {ranks} GPUs"
        )
    if setup.pipeline > model.layers:
        found.append(f"{model.layers} layers do not make {setup.pipeline} stages")
    if setup.expert > 1 and not model.experts:
        found.append(f"there are no experts to spread over {setup.expert} ranks: the model is a dense one")
    elif setup.backend == "sglang" and setup.expert > 1 and model.experts % setup.expert:
        found.append(f"{model.experts} experts do not spread evenly over {setup.expert} ranks")
    return found
