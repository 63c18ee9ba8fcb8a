"""What engines printed of pools and pages, beside what recipegen reckons: each with its conditions.

Sources: logs and reports of vLLM in llm-d-planner (accuracy/, Apache-2.0), H100, 8192 tokens of context,
prefix caching off; the largest batches of TensorRT-LLM in aiconfigurator,
tests/integration/test_trtllm_kv_cache_capacity.py (Apache-2.0); a blog for gpt-oss on A100; vLLM's issue
21348, which compares SGLang; a log of vLLM on GB300 in the tests of srt-slurm, with its configuration.
"""

import pytest

from recipegen import facts, modelfacts
from recipegen.memory import GIB, Setup
from recipegen.memory.cache import cache

LLAMA, OSS = "meta-llama/Llama-3.1-8B-Instruct", "openai/gpt-oss-"


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
