"""Bud's heuristic: which configuration its search comes to, and with what arithmetic."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import facts, modelfacts
from recipegen.errors import RecipeError, UsageError
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.policies import cache16
from recipegen.sizing.policies.bud import infer
from samples import known

GIB = 2**30
GPUS = sorted(facts.hardware())
MODELS = sorted(facts.known_models().values())


def small(**keys: Any) -> ModelFacts:
    """Two layers of two heads, 32 KiB of cache a token."""
    config = {
        "num_hidden_layers": 2, "hidden_size": 4096, "num_attention_heads": 2, "num_key_value_heads": 2,
        "intermediate_size": 4096, "vocab_size": 1024, "max_position_embeddings": 4096,
    }  # fmt: skip
    return modelfacts.read("small", config | keys)


@pytest.mark.parametrize(
    ("name", "gpu", "concurrency", "expected"),
    [
        # 14.96 GiB and 17 x 0.336 a sequence are below (24 - 2) x 0.95 = 20.9; of 100, 95, … that is 15.
        ("meta-llama/Meta-Llama-3.1-8B", "a10-24gb", 100, (1, 1, 15)),
        ("meta-llama/Meta-Llama-3.1-8B", "h100-sxm-80gb", 100, (1, 1, 100)),
        # 131.4 GiB do not fit one GPU of 74.1; two leave 16.8 for sequences of 0.84.
        ("meta-llama/Meta-Llama-3-70B", "h100-sxm-80gb", 64, (2, 1, 19)),
        ("deepseek-ai/DeepSeek-R1", "h200-sxm-141gb", 64, (8, 1, 64)),
        ("Qwen/Qwen3-0.6B", "l4-24gb", 8, (1, 1, 8)),
    ],
)
def test_the_search_ends_at(name: str, gpu: str, concurrency: int, expected: tuple[int, int, int]) -> None:
    found = infer(known(name), gpu, input_tokens=2000, output_tokens=500, concurrency=concurrency)

    assert (found.tensor_parallel, found.pipeline_parallel, found.concurrency) == expected


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Qwen/Qwen3-0.6B", 114688), ("meta-llama/Meta-Llama-3.1-8B", 131072), ("Qwen/Qwen3-32B", 262144),
        ("meta-llama/Meta-Llama-3-70B", 327680), ("Qwen/Qwen3-30B-A3B", 98304),
        ("mistralai/Mixtral-8x7B-v0.1", 131072), ("openai/gpt-oss-20b", 24576),
        ("deepseek-ai/DeepSeek-V3", 70272), ("Qwen/Qwen3.6-35B-A3B", 20480),
    ],
)  # fmt: skip
def test_a_further_token_takes(name: str, size: int) -> None:
    model = known(name)

    assert cache16.sequence(model, 5000) - cache16.sequence(model, 4999) == size


def test_a_window_holds_no_more_than_its_tokens() -> None:
    model = known("openai/gpt-oss-20b")

    assert cache16.sequence(model, 128) == 128 * 2 * 24576
    assert cache16.sequence(model, 1128) == 1128 * 24576 + 128 * 24576


def test_its_arithmetic_is_printed() -> None:
    found = infer(
        known("meta-llama/Meta-Llama-3-70B"),
        "h100-sxm-80gb",
        input_tokens=2000,
        output_tokens=500,
        concurrency=64,
    )

    assert found.lines() == [
        "meta-llama/Meta-Llama-3-70B, Bud's heuristic: 2 x h100-sxm-80gb, TP 2, PP 1, 19 at once",
        "  sequence   2750 tokens  (2000 in + 500 out) x 1.1",
        "  weights    131.42 GiB   all modules, each in its format: bfloat16",
        "  kvCache    15.95 GiB    19 x 901120000 bytes of a sequence, 80 layers growing, 16 bits",
        "  need       73.68 GiB    (weights + kvCache) / 2 GPUs",
        "  available  80.00 GiB    memory of the GPU",
        "  limit      74.10 GiB    (available - 2 GiB) x 0.95: the need is below",
        "  cpuMemory  296.72 GiB   2 x weights + 2 x kvCache + 2 GiB, at least 10 GiB",
        "note: 19 of the 64 requests are served at once, the others wait",
    ]


def test_programs_get_its_defaults_too() -> None:
    found = infer(known("Qwen/Qwen3-0.6B"), "l4-24gb", input_tokens=90, output_tokens=10, concurrency=1)
    data = found.as_dict()
    terms = data.pop("terms")

    assert data == {
        "gpus": 1, "gpuType": "l4-24gb", "tensorParallel": 1, "pipelineParallel": 1, "concurrency": 1,
        "mig": None, "maxModelLen": 40960, "runtime": "vllm", "maxNumSeqs": 256, "gpuMemoryUtilization": 0.9,
        "cpuMemoryBytes": 10 * GIB, "evaluations": 1,
    }  # fmt: skip
    assert isinstance(terms, list)
    assert [term["name"] for term in terms] == [
        "sequence", "weights", "kvCache", "need", "available", "limit", "cpuMemory",
    ]  # fmt: skip


@pytest.mark.parametrize("tokens", [1, 9, 10, 11, 100, 999, 4096])
def test_a_sequence_is_a_tenth_longer_rounded_down(tokens: int) -> None:
    found = infer(small(), "l4-24gb", input_tokens=tokens, output_tokens=tokens, concurrency=1)

    assert found.terms[0].value == int(2 * tokens * 11 / 10)


def test_a_small_card_keeps_one_gib_free() -> None:
    ten, twenty = (
        infer(small(), "a100-sxm-80gb", mig=mig, input_tokens=10, output_tokens=10, concurrency=1)
        for mig in ("1g.10gb", "1g.20gb")
    )

    assert (ten.terms[4].value, ten.terms[5].value) == (10 * GIB, 9 * GIB * 0.95)
    assert (twenty.terms[4].value, twenty.terms[5].value) == (20 * GIB, 18 * GIB * 0.95)
    assert ten.lines()[0] == "small, Bud's heuristic: 1 x a100-sxm-80gb, MIG 1g.10gb, TP 1, PP 1, 1 at once"


def test_the_search_doubles_gpus_then_takes_a_further_node() -> None:
    tried: list[tuple[int, int, int]] = []

    def missed(tensor: int, pipeline: int, concurrency: int) -> bool:
        tried.append((tensor, pipeline, concurrency))
        return False

    with pytest.raises(RecipeError, match="none of the 24 configurations"):
        infer(
            small(),
            "h100-sxm-80gb",
            input_tokens=10,
            output_tokens=10,
            concurrency=12,
            nodes=2,
            gpus_per_node=6,
            meets=missed,
        )

    assert tried == [
        (tensor, pipeline, many) for pipeline in (1, 2) for tensor in (1, 2, 4) for many in (12, 7, 2, 1)
    ]


def test_the_search_ends_after_200_evaluations() -> None:
    tried: list[int] = []

    def missed(_: int, __: int, concurrency: int) -> bool:
        tried.append(concurrency)
        return False

    with pytest.raises(RecipeError, match="none of the 200 configurations"):
        infer(small(), "h100-sxm-80gb", input_tokens=10, output_tokens=10, concurrency=10**6, meets=missed)

    assert len(tried) == 200


def test_the_first_that_reaches_the_targets_wins() -> None:
    found = infer(
        small(),
        "h100-sxm-80gb",
        input_tokens=10,
        output_tokens=10,
        concurrency=12,
        meets=lambda tensor, _, many: tensor == 2 and many < 10,
    )

    assert (found.tensor_parallel, found.concurrency, found.evaluations) == (2, 7, 6)


def test_a_shared_gpu_is_one_gpu() -> None:
    big = known("meta-llama/Meta-Llama-3-70B")
    with pytest.raises(RecipeError, match="do not fit 1 x h100-sxm-80gb"):
        infer(big, "h100-sxm-80gb", input_tokens=10, output_tokens=10, concurrency=1, shared=True)


def test_what_fits_nowhere_is_told_with_what_would() -> None:
    big = known("deepseek-ai/DeepSeek-R1")
    with pytest.raises(RecipeError) as caught:
        infer(big, "h100-sxm-80gb", input_tokens=1000, output_tokens=1000, concurrency=4)

    assert caught.value.problems[0].text() == (
        "626.92 GiB of weights and 0.14 GiB of cache for one sequence do not fit 8 x h100-sxm-80gb, each"
        " filled up to 74.10 GiB by Bud's heuristic\n"
        "  hint: 9 whole GPUs of this memory or more hold it"
    )
    found = infer(big, "h100-sxm-80gb", input_tokens=1000, output_tokens=1000, concurrency=4, nodes=2)
    assert (found.tensor_parallel, found.pipeline_parallel, found.gpus) == (8, 2, 16)


def test_what_bud_does_not_look_at_is_told() -> None:
    found = infer(
        small(num_attention_heads=3, num_key_value_heads=1, hidden_size=3072), "h100-sxm-80gb",
        input_tokens=4000, output_tokens=4000, concurrency=1, meets=lambda tensor, *_: tensor == 2,
    )  # fmt: skip

    assert found.notes == (
        "a sequence of 8800 tokens is longer than the model's context, 4096",
        "engines refuse TP 2 for 3 heads, which Bud does not look at",
    )


def test_wrong_usage_is_told_all_at_once() -> None:
    with pytest.raises(UsageError, match="did you mean 'h100-sxm-80gb'"):
        infer(small(), "h100-sxm-80g", input_tokens=1, output_tokens=1, concurrency=1)
    with pytest.raises(UsageError, match=r"no MIG profile '9g\.90gb'"):
        infer(small(), "h100-sxm-80gb", mig="9g.90gb", input_tokens=1, output_tokens=1, concurrency=1)
    with pytest.raises(UsageError, match="cannot be cut"):
        infer(small(), "l4-24gb", mig="1g.10gb", input_tokens=1, output_tokens=1, concurrency=1)
    with pytest.raises(UsageError) as caught:
        infer(small(), "l4-24gb", input_tokens=0, output_tokens=-1, concurrency=0, nodes=0, gpus_per_node=0)

    assert len(caught.value.problems) == 5


@given(
    st.sampled_from(MODELS), st.sampled_from(GPUS), st.tuples(st.integers(1, 10**5), st.integers(1, 10**4)),
    st.integers(1, 10**4), st.integers(1, 16),
)  # fmt: skip
def test_what_is_placed_is_below_the_limit_and_one_step_more_is_not(
    name: str, gpu: str, tokens: tuple[int, int], many: int, nodes: int
) -> None:
    model, (given_in, out) = known(name), tokens
    try:
        found = infer(model, gpu, input_tokens=given_in, output_tokens=out, concurrency=many, nodes=nodes)
    except RecipeError:
        return
    term = {each.name: each.value for each in found.terms}
    more = term["kvCache"] / found.concurrency * (found.concurrency + 5)

    assert term["need"] < term["limit"]
    assert found.concurrency in {*range(many, 0, -5), 1}
    assert (
        found.concurrency == many
        or (term["weights"] + more) / found.gpus >= term["limit"]
        or found.concurrency == 1
    )
    assert found.tensor_parallel & (found.tensor_parallel - 1) == 0
    assert found.tensor_parallel <= facts.hardware()[gpu]["gpusPerNode"]
    assert found.pipeline_parallel <= nodes


@given(st.sampled_from(MODELS), st.integers(1, 10**5), st.integers(0, 10**5))
def test_a_longer_sequence_never_keeps_less(name: str, length: int, more: int) -> None:
    model = known(name)

    assert cache16.sequence(model, length) <= cache16.sequence(model, length + more)


def test_quantised_weights_count_as_they_are() -> None:
    half = small(quantization_config={"quant_method": "fp8"})
    found = [
        infer(model, "l4-24gb", input_tokens=1, output_tokens=1, concurrency=1) for model in (small(), half)
    ]

    assert found[1].terms[1].value < found[0].terms[1].value
    assert replace(found[1], terms=()) == replace(found[0], terms=())
