"""LLM Engine's inference of hardware: its own asserted rows, its rules, and why another sizing differs."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import facts, modelfacts
from recipegen.errors import RecipeError, UsageError
from recipegen.modelfacts import ConfigError
from recipegen.sizing.policies.llm_engine import Inferred, Table, infer
from recipegen.sizing.policies.llm_reasons import reasons

TABLES: tuple[Table, ...] = ("chart", "ci", "test")
H100 = "nvidia-hopper-h100"
# Layers, hidden size, heads, KV heads, positions, as LLM Engine's unit tests have them.
SHAPES = {
    "phi-3-mini-4k-instruct": (32, 3072, 32, 32, 4096),
    "llama-2-7b": (32, 4096, 32, 32, 4096),
    "llama-3-8b": (32, 4096, 32, 8, 8192),
    "codellama-34b": (48, 8192, 64, 8, 16384),
    "llama-3-70b": (80, 8192, 64, 8, 8192),
    "mixtral-8x7b": (32, 4096, 32, 8, 32768),
    "deepseek-coder-v2-lite-instruct": (27, 2048, 16, 16, 163840),
    "llama-3-8b-instruct-262k": (32, 4096, 32, 8, 262144),
}


class Row(NamedTuple):
    """GPUs, GPU type, CPUs, memory, storage, nodes of a worker."""

    gpus: int
    gpu_type: str
    cpus: int
    memory: str
    storage: str
    nodes: int = 1


SMALL = Row(1, f"{H100}-1g20gb", 5, "20Gi", "40Gi")
HALF = Row(1, f"{H100}-3g40gb", 10, "40Gi", "80Gi")
ONE = Row(1, H100, 20, "80Gi", "96Gi")
TWO = Row(2, H100, 40, "160Gi", "160Gi")
FOUR = Row(4, H100, 80, "320Gi", "320Gi")
EIGHT = Row(8, H100, 160, "800Gi", "640Gi")
SIXTEEN = Row(8, H100, 160, "800Gi", "900Gi", 2)
A10 = Row(1, "nvidia-ampere-a10", 10, "24Gi", "80Gi")
TWO_A10 = Row(2, "nvidia-ampere-a10", 20, "48Gi", "80Gi")
FOUR_A10 = Row(4, "nvidia-ampere-a10", 40, "96Gi", "96Gi")
CHART_TWO = Row(2, H100, 20, "160Gi", "160Gi")
CHART_FOUR = Row(4, H100, 40, "320Gi", "320Gi")
CHART_EIGHT = Row(8, H100, 80, "800Gi", "640Gi")
CI_LAST = Row(8, H100, 80, "800Gi", "900Gi", 2)

# With the table of its unit tests: need and hardware online, and in a batch job.
ASSERTED = [
    ("phi-3-mini-4k-instruct", 11, SMALL, 27, HALF),
    ("llama-2-7b", 18, SMALL, 40, HALF),
    ("llama-3-8b", 19, SMALL, 30, HALF),
    ("codellama-34b", 80, ONE, 112, TWO),
    ("llama-3-70b", 159, TWO, 186, FOUR),
    ("mixtral-8x7b", 110, TWO, 153, TWO),
    ("deepseek-coder-v2-lite-instruct", 76, ONE, 439, EIGHT),
    ("llama-3-8b-instruct-262k", 56, TWO, 400, TWO),
]
# With the default table of its chart, online; derived from the rules.
DERIVED = [
    ("phi-3-mini-4k-instruct", A10),
    ("llama-2-7b", A10),
    ("llama-3-8b", A10),
    ("codellama-34b", FOUR_A10),
    ("llama-3-70b", CHART_TWO),
    ("mixtral-8x7b", CHART_TWO),
    ("deepseek-coder-v2-lite-instruct", FOUR_A10),
    ("llama-3-8b-instruct-262k", Row(2, H100, 20, "40Gi", "40Gi")),
]


def shape(layers: int, hidden: int, heads: int, kv_heads: int, positions: int) -> dict[str, Any]:
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": positions,
    }


TINY = shape(1, 1, 1, 1, 1)
"""So small that the weights alone decide."""


def hardware(found: Inferred) -> Row:
    return Row(*found.as_dict().values())  # type: ignore[arg-type]  # the keys' order is that of Row


@pytest.mark.parametrize(
    ("name", "online", "first", "batch", "second"), ASSERTED, ids=[row[0] for row in ASSERTED]
)
def test_its_own_tests_come_out(name: str, online: int, first: Row, batch: int, second: Row) -> None:
    served = infer(name, shape(*SHAPES[name]), table="test")
    job = infer(name, shape(*SHAPES[name]), table="test", batch=True)

    assert (served.need, hardware(served)) == (online, first)
    assert (job.need, hardware(job)) == (batch, second)


@pytest.mark.parametrize(("name", "row"), DERIVED)
def test_the_default_table_gives(name: str, row: Row) -> None:
    assert hardware(infer(name, shape(*SHAPES[name]))) == row


def test_a_batch_job_may_have_a_shorter_context() -> None:
    name = "deepseek-coder-v2-lite-instruct"
    found = infer(name, shape(*SHAPES[name]), batch=True, max_context=4096, table="test")

    assert (found.need, hardware(found)) == (46, ONE)


def test_a_cap_beyond_the_model_changes_nothing() -> None:
    config = shape(*SHAPES["llama-2-7b"])

    assert infer("llama-2-7b", config, max_context=10**9).need == infer("llama-2-7b", config).need


# 1 B needs 2 / 0.9 = 2.2 GB, 9 B 20, 10 B 22.2 and so on.
@pytest.mark.parametrize(
    ("table", "billions", "row"),
    [
        ("chart", 10, A10),
        ("chart", 11, TWO_A10),  # 24.4 GB are 25
        ("chart", 21, TWO_A10),  # 46.7
        ("chart", 22, FOUR_A10),  # 48.9
        ("chart", 43, FOUR_A10),  # 95.6
        ("chart", 44, CHART_TWO),  # 97.8
        ("chart", 80, CHART_TWO),  # 177.8, more than the 160 of two H100
        ("chart", 81, CHART_FOUR),  # 180, and the cache's 4 bytes
        ("chart", 143, CHART_FOUR),
        ("chart", 144, CHART_EIGHT),  # 320, and the cache's 4 bytes
        ("chart", 287, CHART_EIGHT),  # 637.8; the second row of 640 has 2 nodes and is never reached
        ("ci", 287, CHART_EIGHT),
        ("ci", 289, CI_LAST),
        ("ci", 575, CI_LAST),
        ("test", 8, SMALL),
        ("test", 10, HALF),
        ("test", 17, HALF),
        ("test", 35, ONE),
        ("test", 71, TWO),
        ("test", 143, FOUR),
        ("test", 287, EIGHT),
        ("test", 405, SIXTEEN),
    ],
)
def test_rows_by_weights_alone(table: Table, billions: int, row: Row) -> None:
    assert hardware(infer(f"some-{billions}b", TINY, table=table)) == row


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("mixtral-8x7b-instruct-v0.1", 47),
        ("mixtral-8x22b", 140),
        ("phi-3-mini-128k-instruct", 4),
        ("phi-3-small-8k-instruct", 8),
        ("phi-3-medium-4k-instruct", 15),
        ("deepseek-coder-v2-lite-base", 16),
        ("deepseek-coder-v2-base", 237),
        ("llama-2-70b", 70),
        ("qwen3-0.6b", 6),
        ("qwen2.5-1.5b-instruct", 5),
        ("qwen3-235b-a22b", 22),
        ("mixtral-8x3b", 3),
        ("llama-3-8b-gptq-4bit", 4),
        ("llama-3.1-nemotron-51b-from-70b", 70),
    ],
)
def test_the_name_says_the_parameters(name: str, billions: int) -> None:
    found = infer(name, TINY, table="ci")

    assert found.parameters == billions


@pytest.mark.parametrize("name", ["unsupported_model", "", "gpt-oss", "b", f"{'9' * 5000}b"])
def test_a_name_without_a_number_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="Unable to infer hardware") as caught:
        infer(name, TINY)

    assert "--model" in caught.value.problems[0].hint


def test_a_name_of_the_hub_is_that_of_llm_engine() -> None:
    config = shape(*SHAPES["llama-3-8b-instruct-262k"])
    found = infer("gradientai/Llama-3-8B-Instruct-262k", config)

    assert found.row is None
    assert found.as_dict() == infer("llama-3-8b-instruct-262k", config).as_dict()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ["deepseek-coder-v2", "deepseek-coder-v2-instruct"])
def test_a_model_with_a_row_of_its_own_gets_it_whatever_it_needs(name: str, table: Table) -> None:
    found = infer(name, shape(60, 5120, 128, 128, 163840), batch=True, table=table)

    assert hardware(found) == EIGHT
    assert found.need > 640


def test_a_model_that_no_row_holds_is_told_what_would_be() -> None:
    config = shape(80, 8192, 64, 8, 819200)
    with pytest.raises(RecipeError) as caught:
        infer("llama-3-70b", config, batch=True)
    longest = int(caught.value.problems[0].hint.rpartition(" ")[2])

    assert caught.value.problems[0].text() == (
        "Unable to infer hardware: 'llama-3-70b' needs 3139 GB by LLM Engine's rule, 140 GB of them for"
        " weights, and the largest row of its table 'chart' is 640 GB\n"
        "  hint: a context of at most 133056 tokens has a row: --max-context 133056"
    )
    assert infer("llama-3-70b", config, batch=True, max_context=longest).need == 640
    with pytest.raises(RecipeError):
        infer("llama-3-70b", config, batch=True, max_context=longest + 1)


def test_weights_that_no_row_holds_have_no_context() -> None:
    with pytest.raises(RecipeError, match="no context has a row"):
        infer("llama-3-405b", shape(126, 16384, 128, 8, 131072))


def test_a_row_whose_gpus_are_too_small_is_told() -> None:
    notes = infer("some-80b", TINY).notes

    assert notes == ("178 GB are needed, and the GPUs of the row hold 160: this cannot fit",)


@pytest.mark.parametrize("key", sorted(set(TINY) - {"num_key_value_heads"}))
def test_a_configuration_without_a_key_that_it_reads_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: is missing"):
        infer("some-7b", {name: value for name, value in TINY.items() if name != key})


@pytest.mark.parametrize(
    ("key", "value"),
    [("num_key_value_heads", 2), ("num_attention_heads", 0), ("hidden_size", -1), ("hidden_size", "8")],
)
def test_a_configuration_that_cannot_be_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key):
        infer("some-7b", TINY | {key: value})


def test_what_llm_engine_would_stop_at_is_told() -> None:
    nested = infer("some-7b", {"text_config": TINY})
    without = infer("some-7b", {key: value for key, value in TINY.items() if key != "num_key_value_heads"})

    assert nested.need == without.need == infer("some-7b", TINY).need
    assert "LLM Engine reads no nested configuration" in nested.notes[0]
    assert "num_key_value_heads" in without.notes[0]


def test_an_unknown_table_and_an_empty_context_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="did you mean 'chart'"):
        infer("some-7b", TINY, table="charts")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1 token"):
        infer("some-7b", TINY, max_context=0)


SIZES = st.integers(1, 2000)


@given(
    # Layers, hidden size, KV heads, query heads for each of them, billions of parameters.
    sizes=st.tuples(SIZES, SIZES, st.integers(1, 16), st.integers(1, 8), SIZES),
    context=st.integers(1, 10**6), more=st.integers(0, 10**6), batch=st.booleans(),
)  # fmt: skip
def test_a_longer_context_never_needs_less(
    sizes: tuple[int, int, int, int, int], context: int, more: int, batch: bool
) -> None:
    layers, hidden, kv_heads, group, billions = sizes

    def need(positions: int) -> int | None:
        try:
            config = shape(layers, hidden, kv_heads * group, kv_heads, positions)
            return infer(f"x-{billions}b", config, batch=batch, table="ci").need
        except RecipeError:
            return None

    short, long = need(context), need(context + more)
    assert long is None or (short is not None and 2 * billions < short <= long)


@given(billions=st.integers(1, 286), batch=st.booleans(), table=st.sampled_from(TABLES))
def test_the_row_is_the_smallest_that_is_not_below_the_need(billions: int, batch: bool, table: Table) -> None:
    found = infer(f"x-{billions}b", TINY, batch=batch, table=table)
    steps = [row["upToGb"] for row in facts.llm_engine()["tables"][table]["rows"]]

    assert found.row == min(step for step in steps if step >= found.need)


def test_every_gpu_type_of_the_tables_is_one_of_ours() -> None:
    data = facts.llm_engine()
    tables = data["tables"].values()
    rows = [row for table in tables for row in (*table["rows"], *table["byModelName"].values())]

    assert {row["gpuType"] for row in rows} == set(data["gpuTypes"])
    for here in data["gpuTypes"].values():
        assert "mig" not in here or here["mig"] in facts.hardware()[here["gpu"]]["mig"]


def test_its_arithmetic_is_printed() -> None:
    assert infer("llama-3-8b", shape(*SHAPES["llama-3-8b"]), table="test").lines() == [
        "llama-3-8b, online, LLM Engine's table 'test': 1 x nvidia-hopper-h100-1g20gb",
        "5 CPUs, memory 20Gi, storage 40Gi; here the GPU is h100-sxm-80gb, MIG 1g.20gb",
        "  context     8192 tokens  max_position_embeddings, 8192",
        "  kvCache     1.07 GB      1 x 2 x 2 bytes x 32 layers x 4096 x 8192 tokens // (32 heads // 8)",
        "  parameters  8000000000   by the name: 8b",
        "  weights     16.00 GB     2 bytes x parameters",
        "  need        19.00 GB     (kvCache + weights) / 0.9, rounded up to a GB of 10^9",
        "  row: the first with need <= 20 GB",
    ]


def known(name: str) -> dict[str, Any]:
    return facts.configuration(name)[0]


MLA = shape(27, 2048, 16, 16, 163840) | {
    "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
    "intermediate_size": 10944, "vocab_size": 102400,
}  # fmt: skip
ALWAYS = 3
"""Reasons that every model has: sequences, what is not counted, units."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta-llama/Llama-2-7b-hf", ["7 billion parameters by the name, 6.738 by the configuration: +4%"]),
        (
            "Qwen/Qwen3-0.6B",
            [
                "6 billion parameters by the name, 0.596 by the configuration: +907%",
                "a head is taken to be 1024 / 16 = 64 wide; it is 128: the KV cache comes out x0.5",
            ],
        ),
        (
            "nvidia/Llama-3.1-70B-Instruct-FP8",
            [
                "weights are counted at 16 bits, 141.1 GB; the checkpoint is fp8, 72.66 GB",
                "the KV cache is counted at 16 bits; the checkpoint says fp8",
            ],
        ),
        (
            "openai/gpt-oss-20b",
            [
                "20 billion parameters by the name, 20.91 by the configuration: -4%",
                "weights are counted at 16 bits, 41.82 GB; the checkpoint is mxfp4, 13.75 GB",
                "a head is taken to be 2880 / 64 = 45 wide; it is 64: the KV cache comes out x0.7",
                "all 24 layers are taken to keep every token; 12 do, others a window of 128 tokens",
            ],
        ),
        (
            "Qwen/Qwen3.5-35B-A3B",
            [
                "3 billion parameters by the name, 35.11 by the configuration: -91%",
                "a head is taken to be 2048 / 16 = 128 wide; it is 256: the KV cache comes out x0.5",
                "all 40 layers are taken to keep every token; 10 do, others a state of constant size",
            ],
        ),
    ],
)
def test_the_reasons_for_another_size_are_those_of_the_model(name: str, expected: list[str]) -> None:
    model = facts.model(name)
    assert model is not None

    assert reasons(infer(name, known(name)), model)[:-ALWAYS] == expected


def test_mla_is_a_reason_with_its_factor() -> None:
    model = modelfacts.read("x-16b", MLA)
    found = reasons(infer("deepseek-coder-v2-lite-instruct", MLA, batch=True, max_context=4096), model)

    assert "every head were stored, 221184 bytes a token; MLA keeps 31104: x7.1" in "\n".join(found)


def test_reasons_come_from_facts_and_not_from_the_name() -> None:
    one, other = modelfacts.read("a", MLA), modelfacts.read("b", MLA)
    found = infer("some-16b", MLA)

    assert reasons(found, one) == reasons(found, other)


def test_a_row_by_the_name_and_ten_sequences_are_reasons() -> None:
    name = "llama-3-8b-instruct-262k"
    config = shape(*SHAPES[name]) | {"intermediate_size": 14336, "vocab_size": 128256}
    found = reasons(infer(name, config, batch=True), modelfacts.read("x", config))

    assert found == [
        f"LLM Engine has hardware for the name {name}, whatever the model needs",
        "ten sequences are counted, 262144 tokens long: each further one takes 34.4 GB by its rule",
        "activations, CUDA graphs and the engine itself are not counted, but for a tenth of the need",
        "the need is in GB of 10^9 bytes, rows go by what cards are sold as: 80 of h100-sxm-80gb are 85.0",
    ]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("name", sorted(facts.known_models().values()))
def test_every_known_model_has_an_answer_or_an_error_that_says_why(name: str, batch: bool) -> None:
    model = facts.model(name)
    assert model is not None
    try:
        found = infer(name, known(name), batch=batch, table="ci")
    except (RecipeError, ConfigError) as error:
        told = str(error)
    else:
        told = ""
        assert found.lines()
        assert len(reasons(found, model)) >= ALWAYS
    assert not told or "Unable to infer hardware" in told or told == "num_hidden_layers: is missing"


def test_a_name_is_printed_without_what_disturbs() -> None:
    assert infer("evil\x1b[31m-7b", TINY).lines()[0].startswith("evil\\x1b[31m-7b, online")
