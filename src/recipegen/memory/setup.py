"""How an engine is set up to serve a model: what decides on the memory of its GPUs."""

from dataclasses import dataclass, replace


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
    whole: bool = False
    """Whether layers with a window keep every token, because vLLM's cache manager for them is off."""
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
    def mlp_ranks(self) -> int:
        """Return the GPUs that share an MLP, a shared expert and the head: one of TensorRT-LLM's ranks.

        Source: _compute_mlp_tp_size in TensorRT-LLM, tensorrt_llm/_torch/models/modeling_deepseekv3.py.
        """
        return 1 if self.backend == "trtllm" and self.data > 1 else self.tensor

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
