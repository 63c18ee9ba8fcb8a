"""What engines take of a GPU by default, against their own rules worked out by hand."""

from dataclasses import replace

import pytest

from recipegen import facts
from recipegen.memory import Setup, budget, fit, terms
from recipegen.memory.overhead import batch

GPUS = facts.hardware()


def share(setup: Setup, name: str = "meta-llama/Llama-3.1-8B-Instruct") -> float:
    """Return the share of memory that an engine takes for a model."""
    model = facts.model(name)
    assert model
    return budget.share(model, setup, budget.memory(setup)).value


# SGLang: 512 MiB, 1.5 for each token of a chunk, 128 for each GPU, 2 for each sequence of the largest graph,
# 8 for each graph of prefill; the memory is that of nvidia-smi.
SHARES = {
    ("l4-24gb", 1): round(1 - (512 + 1.5 * 4096 + 128 + 2 * 48 + 8 * 50) / 23034, 3),
    ("l4-24gb", 4): round(1 - (512 + 1.5 * 4096 + 512 + 2 * 160 + 8 * 50) / 23034, 3),
    ("l40s-48gb", 1): round(1 - (512 + 1.5 * 4096 + 128 + 2 * 32 + 8 * 50) / 46068, 3),
    ("a100-sxm-80gb", 1): round(1 - (512 + 1.5 * 8192 + 128 + 2 * 256 + 8 * 58) / 81920, 3),
    ("h100-sxm-80gb", 8): round(1 - (512 + 1.5 * 8192 + 1024 + 2 * 512 + 8 * 58) / 81559, 3),
    ("b200-sxm-180gb", 1): round(1 - (512 + 1.5 * 16384 + 128 + 2 * 512 + 8 * 74) / 183359, 3),
}


@pytest.mark.parametrize(("gpu", "tensor"), SHARES)
def test_sglang_keeps_free_what_chunks_graphs_and_gpus_need(gpu: str, tensor: int) -> None:
    setup = Setup(gpu, "sglang", tensor=tensor)

    assert share(setup) == SHARES[gpu, tensor]


def test_sglang_keeps_ten_gib_of_a_large_gpu_at_least() -> None:
    setup = Setup("h100-sxm-80gb", "sglang", batched_tokens=2048, sequences=8, eager=True)

    assert share(setup) == round(1 - 10240 / 81559, 3)


def test_sglang_keeps_more_where_ranks_have_an_attention_each() -> None:
    one, eight = (Setup("h200-sxm-141gb", "sglang", tensor=8, data=data) for data in (1, 8))
    parts = [round((1 - share(each)) * 143771) for each in (one, eight)]

    # 512 sequences are more than 300: 3 + 1.5 MiB for each of them and of 8 ranks.
    assert parts[1] - parts[0] == pytest.approx(512 * 8 * 4.5, abs=150)


def test_sglang_captures_no_graphs_of_prefill_in_pipeline_stages() -> None:
    setup = Setup("l40s-48gb", "sglang", pipeline=2)

    assert share(setup) == round(1 - (512 + 1.5 * 4096 + 256 + 2 * 32) / 46068, 3)


def test_sglang_keeps_more_for_graphs_of_latents() -> None:
    setup = Setup("h100-sxm-80gb", "sglang", tensor=8)

    expected = round(1 - (512 + 1.5 * 8192 + 1024 + 2 * 512 + 1536) / 81559, 3)
    assert share(setup, "deepseek-ai/DeepSeek-V3") == expected


# Qwen3-VL calls the layers of its tower `depth`, which SGLang does not read: 24 stand for them.
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("google/gemma-4-31B-it", 27 * 1152**2),
        ("Qwen/Qwen3-VL-8B-Instruct", 24 * 1152**2),
        ("nvidia/MiniMax-M3-NVFP4", 32 * 1280**2),
    ],
)
def test_sglang_keeps_a_part_for_images_by_the_size_of_the_tower(name: str, size: int) -> None:
    ratio = size / (24 * 1024**2)
    factor = 0.95 * max(0.8, min(1.05, 1 - 0.1 * (ratio - 1)))

    assert share(Setup("h100-sxm-80gb", "sglang"), name) == pytest.approx(
        share(Setup("h100-sxm-80gb", "sglang")) * factor
    )


@pytest.mark.parametrize("gpu", GPUS)
def test_an_engine_reckons_by_the_memory_that_cuda_shows(gpu: str) -> None:
    assert budget.memory(Setup(gpu)) == GPUS[gpu]["usableBytes"]


BATCHES = {
    "l4-24gb": (2048, 256),
    "a100-sxm-80gb": (2048, 256),
    "h100-sxm-80gb": (8192, 1024),
    "h200-sxm-141gb": (8192, 1024),
    "b200-sxm-180gb": (16384, 1024),
}


@pytest.mark.parametrize("gpu", BATCHES)
def test_vllm_takes_larger_batches_on_larger_gpus(gpu: str) -> None:
    setup = Setup(gpu)

    assert batch(setup, budget.memory(setup)) == BATCHES[gpu]


@pytest.mark.parametrize(
    ("backend", "whole"),
    [
        ("vllm", set()),
        ("sglang", {"attention", "embedding"}),
        ("trtllm", {"attention", "embedding", "MLP, head"}),
    ],
)
def test_what_every_rank_of_attention_has_whole(backend: str, whole: set[str]) -> None:
    model = facts.model("deepseek-ai/DeepSeek-R1")
    assert model
    plain = Setup("h200-sxm-141gb", backend, tensor=8)
    ranks = replace(plain, data=8)
    rows = ("attention", "embedding", "MLP, head", "experts")

    def sizes(setup: Setup) -> dict[str, float]:
        found = {term.name.removeprefix("weights: "): term.value for term in terms(fit(model, setup))}
        return {name: found[name] for name in rows}

    before, after = sizes(plain), sizes(ranks)

    # vLLM's ranks add GPUs, over which experts are divided further.
    times = {name: 8.0 if name in whole else 1.0 for name in rows}
    times["experts"] = 1 / 8 if backend == "vllm" else 1.0
    assert {name: after[name] / before[name] for name in rows} == pytest.approx(times)
