"""What engines printed when they started, beside what recipegen reckons: each row with its conditions.

Sources: logs and reports of vLLM in llm-d-planner (accuracy/, Apache-2.0), H100, 8192 tokens of context,
prefix caching off; the largest batches of TensorRT-LLM in aiconfigurator,
tests/integration/test_trtllm_kv_cache_capacity.py (Apache-2.0); a blog for gpt-oss on A100; vLLM's issue
21348, which compares SGLang; a log of vLLM on GB300 in the tests of srt-slurm, with its configuration.
"""

from dataclasses import dataclass

import pytest

from recipegen import facts, modelfacts
from recipegen.memory import GIB, Fit, Setup, fit
from recipegen.memory.cache import cache

LLAMA, OSS = "meta-llama/Llama-3.1-8B-Instruct", "openai/gpt-oss-"


@dataclass(frozen=True)
class Printed:
    """What vLLM printed on its first GPU, in GiB; the first stage is not the one that samples."""

    model: str
    weights: float
    activations: float
    tensor: int = 1
    pipeline: int = 1
    cache: float | None = None
    version: str = "0.19.0"
    share: float = 0.95
    gpu: str = "h100-sxm-80gb"


PRINTED = [
    Printed(LLAMA, 14.99, 1.89, cache=58.11),
    Printed(LLAMA, 7.51, 1.89, tensor=2),
    Printed(LLAMA, 3.77, 1.89, tensor=4),
    Printed(LLAMA, 7.51, 1.10, pipeline=2),
    Printed(LLAMA, 4.26, 1.05, pipeline=4),
    Printed("Qwen/Qwen3-8B", 15.27, 2.21),
    Printed("Qwen/Qwen3-30B-A3B", 56.88, 2.68),
    Printed("Qwen/Qwen3-32B", 61.03, 5.64, cache=4.45, version="0.16.0", share=0.9),
    Printed("Qwen/Qwen3-32B", 30.59, 5.64, tensor=2, cache=34.49, version="0.16.0", share=0.9),
    Printed("google/gemma-2-27b-it", 50.72, 3.66),
    Printed("microsoft/phi-4", 27.39, 1.52),
    Printed("mistralai/Mixtral-8x7B-Instruct-v0.1", 43.50, 1.21, tensor=2),
    # The table of positions is as long as the model's context of ten million tokens.
    Printed("meta-llama/Llama-4-Scout-17B-16E-Instruct", 52.72, 3.19, tensor=4),
    Printed("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", 33.86, 1.96, tensor=2),
    Printed(f"{OSS}20b", 7.01, 2.87, tensor=2, share=0.9),
    Printed(f"{OSS}120b", 64.38, 7.38, cache=3.33, version="0.16.0"),
]


def fitted(row: Printed) -> Fit:
    """Return what recipegen reckons for a row."""
    model = facts.model(row.model)
    assert model
    return fit(
        model,
        Setup(
            row.gpu, version=row.version, tensor=row.tensor, pipeline=row.pipeline,
            utilization=row.share, max_model_len=8192,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("row", PRINTED, ids=lambda row: f"{row.model}-{row.tensor}-{row.pipeline}")
def test_weights_and_activations_are_what_vllm_printed(row: Printed) -> None:
    first = fitted(row).stages[0]
    weights = first.weights / GIB
    moving = sum(t.value for t in first.overhead.terms if t.name in ("activations", "workspace of experts"))

    assert weights == pytest.approx(row.weights, rel=0.03 if OSS in row.model else 0.004)
    assert moving / GIB == pytest.approx(row.activations, rel=0.07)


@pytest.mark.parametrize("row", [row for row in PRINTED if row.cache], ids=lambda row: row.model)
def test_the_kv_cache_is_what_vllm_printed(row: Printed) -> None:
    assert fitted(row).stage.room / GIB == pytest.approx(row.cache, abs=0.35)


def test_marlin_pads_the_experts_of_gpt_oss_as_printed_on_a100() -> None:
    found = fitted(Printed(f"{OSS}20b", 13.72, 0, cache=36.56, share=0.65, gpu="a100-sxm-80gb"))

    assert found.weights / GIB == pytest.approx(13.72, rel=0.005)
    assert found.stage.room / GIB == pytest.approx(36.56, rel=0.01)


def test_sglang_holds_as_many_tokens_as_it_printed_on_four_h100() -> None:
    model = facts.model("Qwen/Qwen3-235B-A22B-FP8")
    assert model
    setup = Setup("h100-sxm-80gb", "sglang", tensor=4, utilization=0.93)

    assert fit(model, setup).tokens == pytest.approx(367_404, rel=0.02)


def test_sglang_shares_a_cache_between_windows_and_full_layers_as_it_printed() -> None:
    model = facts.model("google/gemma-4-26B-A4B-it")
    assert model
    kept = cache(model, range(model.layers), Setup("h100-sxm-80gb", "sglang"), 1, 8192)

    # 213 761 tokens of full layers and 171 008 of the others.
    assert kept.growing * 213_761 / GIB == pytest.approx(36.69, abs=0.01)


HYBRID = {
    "architectures": ["Qwen3_5MoeForCausalLM"], "model_type": "qwen3_5_moe_text", "dtype": "bfloat16",
    "num_hidden_layers": 92, "hidden_size": 4096, "vocab_size": 248320, "max_position_embeddings": 262144,
    "num_attention_heads": 64, "num_key_value_heads": 4, "head_dim": 256,
    "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 1024,
    "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 23,
    "linear_num_key_heads": 16, "linear_num_value_heads": 128, "linear_key_head_dim": 128,
    "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "mamba_ssm_dtype": "bfloat16",
}  # fmt: skip


def test_pages_of_attention_grow_to_states_and_hold_as_many_requests_as_vllm_printed() -> None:
    model = modelfacts.read("hybrid", HYBRID)
    kept = cache(model, range(model.layers), Setup("gb300-279gb", version="0.27.0"), 16, 8192)

    assert kept.block == 1056
    # 46.50 GiB were left for the cache.
    assert kept.held(46.5 * GIB, 10_240) == pytest.approx(38.54, rel=0.005)


@dataclass(frozen=True)
class Largest:
    """The most requests at once, of so many tokens in and out.

    KV cache in 16 bits, twice the tokens of a prompt in a pass, 1000 tokens of context more than needed.
    """

    gpu: str
    model: str
    gpus: int
    prompt: int
    answer: int
    share: float
    requests: int


LARGEST = [
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 1, 2048, 2048, 0.8, 27),
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 2, 2048, 2048, 0.8, 75),
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 4, 2048, 2048, 0.8, 169),
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 1, 2048, 4096, 0.8, 19),
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 4, 4096, 2048, 0.8, 120),
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 1, 4096, 4096, 0.8, 14),
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 2, 4096, 4096, 0.8, 41),
    Largest("h100-sxm-80gb", "Qwen/Qwen3-32B-FP8", 4, 4096, 4096, 0.8, 93),
    Largest("h100-sxm-80gb", "meta-llama/Meta-Llama-3.1-8B", 1, 2048, 2048, 0.8, 78),
    Largest("h100-sxm-80gb", "meta-llama/Meta-Llama-3.1-8B", 2, 2048, 2048, 0.8, 173),
    Largest("h100-sxm-80gb", "meta-llama/Meta-Llama-3.1-8B", 4, 2048, 2048, 0.8, 363),
    Largest("h100-sxm-80gb", "meta-llama/Meta-Llama-3.1-8B", 2, 4096, 2048, 0.8, 123),
    Largest("h100-sxm-80gb", "meta-llama/Meta-Llama-3.1-8B", 1, 4096, 4096, 0.8, 43),
    Largest("h100-sxm-80gb", "meta-llama/Meta-Llama-3.1-8B", 4, 4096, 4096, 0.8, 201),
    Largest("gb300-279gb", "Qwen/Qwen3-32B-FP8", 1, 2048, 2048, 0.8, 153),
    Largest("gb300-279gb", "Qwen/Qwen3-32B-FP8", 4, 4096, 4096, 0.9, 419),
    Largest("gb300-279gb", "meta-llama/Meta-Llama-3.1-8B", 1, 4096, 2048, 0.8, 235),
    Largest("gb300-279gb", "meta-llama/Meta-Llama-3.1-8B", 2, 2048, 4096, 0.9, 544),
    Largest("gb300-279gb", "meta-llama/Meta-Llama-3.1-8B", 4, 2048, 2048, 0.9, 1542),
]


@pytest.mark.parametrize("row", LARGEST, ids=str)
def test_tensorrt_llm_holds_as_many_requests_as_it_was_measured_to(row: Largest) -> None:
    model = facts.model(row.model)
    assert model
    setup = Setup(
        row.gpu, "trtllm", tensor=row.gpus, utilization=row.share, kv_dtype="bfloat16",
        max_model_len=row.prompt + row.answer + 1000, batched_tokens=2 * row.prompt,
    )  # fmt: skip

    assert int(fit(model, setup).concurrency) == pytest.approx(row.requests, abs=max(1, 0.025 * row.requests))
