"""`recipegen size` and `recipegen.size()`: recipes, models and configurations, with settings."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recipegen
from conftest import ROOT
from recipegen import facts
from recipegen.cli import main
from recipegen.errors import RecipegenError, UsageError
from recipegen.memory import GIB, Setup, divides, fit
from recipegen.sizing.settings import Settings
from recipegen.sizing.sources import FIELDS

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
H100 = "h100-sxm-80gb"


def sized(*words: str, capsys: pytest.CaptureFixture[str]) -> Any:
    assert main(["size", *words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def config_of(name: str, folder: Path) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps(facts.configuration(name)[0]))
    return str(path)


def test_json_has_every_key_that_programs_are_promised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--backend vllm --tensor-parallel 2 --pipeline-parallel 1 --max-model-len 8192 --dtype bfloat16"
    options += f" --gpu-memory-utilization 0.9 --kv-cache-dtype fp8 --gpu {H100}"
    found = sized("--config", config_of(LLAMA, tmp_path), *options.split(), capsys=capsys)

    assert {"weights", "kvCache", "overhead", "maxModelLen", "concurrency", "fits", "terms"} <= found.keys()
    assert found["kvCache"]["bytesPerTokenPerGpu"] == 32768
    assert found["weights"]["parameters"] == pytest.approx(8.03e9, rel=0.001)
    assert found["weights"]["bytesPerGpu"] / GIB == pytest.approx(7.51, rel=0.01)
    assert (found["maxModelLen"], found["fits"]) == (8192, True)
    assert found["concurrency"] == pytest.approx(found["kvCache"]["tokens"] / 8192, rel=0.01)
    for term in found["terms"]:
        assert term["kind"] in ("measured", "published", "rule of thumb", "chosen")
        assert term["formula"]


# Bytes of the KV cache of a token in 16 bits on one GPU: reference values of other tools and engines' logs.
PER_TOKEN = {
    "Qwen/Qwen3-0.6B": 114_688, LLAMA: 131_072, "Qwen/Qwen3-32B": 262_144,
    "meta-llama/Llama-3.3-70B-Instruct": 327_680, "Qwen/Qwen3-30B-A3B": 98_304,
    "mistralai/Mixtral-8x7B-v0.1": 131_072, "openai/gpt-oss-20b": 24_576, "deepseek-ai/DeepSeek-R1": 70_272,
    "Qwen/Qwen3.6-35B-A3B": 20_480,
}  # fmt: skip


@pytest.mark.parametrize("name", PER_TOKEN)
def test_the_kv_cache_of_a_token_is_exact(name: str) -> None:
    found = recipegen.size(name, gpu="gb300-279gb", tensor_parallel=1, kv_cache_dtype="bfloat16")

    assert found.roles[0].as_dict()["kvCache"]["bytesPerTokenPerGpu"] == PER_TOKEN[name]


def test_flash_mlas_layout_has_656_bytes_a_layer_and_plain_fp8_576() -> None:
    def per_token(dtype: str) -> float:
        found = recipegen.size(
            "deepseek-ai/DeepSeek-R1", gpu="h200-sxm-141gb", tensor_parallel=8, kv_cache_dtype=dtype
        )
        return found.roles[0].fit.per_token

    assert (per_token("fp8_ds_mla"), per_token("fp8")) == (61 * 656, 61 * 576)


def test_options_go_before_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    own = sized("qwen3-32b", capsys=capsys)
    other = sized("qwen3-32b", "--gpu", "l40s-48gb", "--tensor-parallel", "4", capsys=capsys)

    assert (own["gpu"], own["gpus"]) == (H100, 2)
    assert (other["gpu"], other["gpus"]) == ("l40s-48gb", 4)


def test_prefill_and_decode_are_sized_apart(capsys: pytest.CaptureFixture[str]) -> None:
    found = sized("deepseek-r1", "--variant", "disagg", capsys=capsys)

    assert list(found["roles"]) == ["prefill", "decode"]
    assert found["role"] == min(found["roles"], key=lambda role: found["roles"][role]["concurrency"])


def test_a_recipe_whose_weights_do_not_fit_is_sized_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = sized(str(ROOT / "tests/invalid/weights-larger-than-the-gpus.yaml"), capsys=capsys)

    assert (found["weightsFit"], found["fits"]) == (False, False)


def test_a_context_that_does_not_fit_is_shortened_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "Qwen/Qwen3-32B", "--gpu", H100]) == 0
    out = capsys.readouterr().out

    assert "the model's own context of 40960 tokens does not: say --max-model-len" in out
    assert "--tensor-parallel 2 would fit" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a recipe, or a model with --config"),
        (("qwen-0.6b",), "recipe qwen-0.6b names no GPU type"),
        ((LLAMA,), "say with --gpu on which type of GPU"),
        ((LLAMA, "--gpu", "h100"), "no GPU type is called 'h100'\n  hint: there is h100-sxm-80gb and"),
        ((LLAMA, "--gpu", H100, "--backend", "tgi"), "no engine is called 'tgi'"),
        ((LLAMA, "--gpu", H100, "--gpu-memory-utilization", "90"), "a number above 0 and at most 1"),
        (
            (LLAMA, "--max-model-len", "9" * 20),
            "a whole number from 1 to 1000000000, got '99999999999999999999'",
        ),
        ((LLAMA, "--data-parallel", "2", "--data-parallel", "4"), "--data-parallel is there twice"),
        (
            (LLAMA, "--gpu", H100, "--tensor-parallel", "3"),
            "has 32 attention heads, which 3 GPUs cannot share evenly",
        ),
        ((LLAMA, "--gpu", H100, "--mig", "9g.99gb"), "no MIG profile of h100-sxm-80gb is called '9g.99gb'"),
        ((LLAMA, "--gpu", H100, "--batch"), "--batch is for --policy llm-engine"),
        (("--all", "qwen3-32b"), "--all is the whole catalog"),
        ((LLAMA, "--gpu", H100, "--variant", "x"), "is no recipe"),
    ],
)
def test_what_cannot_be_sized_is_said(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["size", *words]) == 2
    out, err = capsys.readouterr()

    assert message in err
    assert out == ""


def test_the_whole_catalog_is_a_table_of_what_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) > 270
    assert not [line for line in lines[1:] if not line.endswith("yes")]


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no setting 'tensorParallel'"):
        recipegen.size(LLAMA, gpu=H100, tensorParallel=2)  # type: ignore[call-arg]


def test_settings_are_typed_as_they_are_read() -> None:
    assert Settings.__annotations__.keys() == FIELDS.keys()


def test_a_size_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="tensor_parallel is at least 1, got 0"):
        recipegen.size(LLAMA, gpu=H100, tensor_parallel=0)


def test_files_count_before_what_is_configured(tmp_path: Path) -> None:
    with pytest.raises(RecipegenError, match="No such file"):
        recipegen.size(tmp_path / "gone.json", gpu=H100)


GPUS = sorted(facts.hardware())
MODELS = sorted(facts.known_models().values())


@given(
    st.sampled_from(MODELS), st.sampled_from(GPUS), st.sampled_from(["vllm", "sglang", "trtllm"]),
    st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2]),
)  # fmt: skip
def test_more_gpus_never_hold_less(name: str, gpu: str, backend: str, tensor: int, pipeline: int) -> None:
    model = facts.model(name)
    assert model
    one = Setup(gpu, backend, tensor=tensor, pipeline=pipeline, max_model_len=1024)
    two = one.doubled()
    if not divides(model, one) or not divides(model, two):
        return
    few, many = fit(model, one), fit(model, two)

    assert many.weights <= few.weights
    assert sum(stage.weights for stage in few.stages) * tensor >= model.weights_bytes * 0.98
    # Several GPUs have more beside the weights, which weights that are small do not make up for.
    assert many.stage.room >= few.stage.room - 4 * GIB


@given(st.sampled_from(MODELS), st.sampled_from(GPUS), st.integers(1, 200_000), st.integers(1, 200_000))
def test_a_longer_request_never_takes_less(name: str, gpu: str, first: int, second: int) -> None:
    model = facts.model(name)
    assert model
    cache = fit(model, Setup(gpu, tensor=8)).stage.cache
    short, long = sorted((first, second))

    assert cache.request(short) <= cache.request(long)
    assert cache.held(80 * GIB, short) >= cache.held(80 * GIB, long)


@pytest.mark.parametrize(
    ("args", "windowed"),
    [
        (["--kv-transfer-config", '{"kv_connector": "OffloadingConnector", "kv_role": "kv_both"}'], True),
        (["--kv-transfer-config", '{"kv_connector": "LMCacheConnectorV1", "kv_role": "kv_both"}'], False),
        (
            [
                "--kv-transfer-config",
                '{"kv_connector": "MultiConnector", "kv_role": "kv_both", "kv_connector_extra_config":'
                ' {"connectors": [{"kv_connector": "FlexKVConnectorV1", "kv_role": "kv_both"}]}}',
            ],
            False,
        ),
        (["--disable-hybrid-kv-cache-manager"], False),
    ],
)
def test_windows_count_unless_the_cache_manager_for_them_is_off(
    args: list[str], windowed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {
        "dynamoNamespace": "gemma", "hardware": {"gpu": H100},
        "model": {"name": "google/gemma-4-26B-A4B-it", "backend": {"type": "vllm", "version": "1.6.1"},
                  "engine": {"maxModelLen": 32768, "args": args}, "worker": {"replicas": 1}},
    }  # fmt: skip
    path = tmp_path / "gemma.yaml"
    path.write_text(json.dumps(recipe))

    cache = sized(str(path), capsys=capsys)["kvCache"]

    full, sliding = 5 * 2 * 2 * 512 * 2, 25 * 8 * 2 * 256 * 2
    assert cache["bytesPerTokenPerGpu"] == full + (0 if windowed else sliding)
    assert cache["bytesPerTokenInWindowsPerGpu"] == (sliding if windowed else 0)


def test_json_says_why_it_does_not_fit_and_what_would(capsys: pytest.CaptureFixture[str]) -> None:
    found = sized("meta-llama/Llama-3.3-70B-Instruct", "--gpu", H100, capsys=capsys)

    assert found["fits"] is found["weightsFit"] is False
    assert found["verdict"] == [
        "does not fit: the weights alone are more than the GPUs have for them",
        "--tensor-parallel 4 would fit: 4 x h100-sxm-80gb",
        "--gpu b300-sxm-270gb would fit, with as many GPUs",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kv_cache_dtype": "nonsense"}, "what vllm makes of 'nonsense' is not known"),
        ({"dtype": "nonsense"}, "--dtype"),
        ({"quantization": "FP8"}, "--quantization"),
        ({"engine_version": "nonsense"}, "--engine-version: 'nonsense' is none"),
        ({"mig": "3g.40gb", "tensor_parallel": 2}, "MIG instances cannot exchange data"),
        ({"backend": "trtllm", "tensor_parallel": 8, "data_parallel": 4}, "has a switch for dataParallel"),
        ({"backend": "sglang", "tensor_parallel": 8, "data_parallel": 3}, "evenly among dataParallel"),
    ],
)
def test_a_word_that_is_not_known_is_not_taken_for_another(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        recipegen.size(LLAMA, gpu=H100, **options)


def test_weights_that_are_quantised_already_are_not_quantised_anew() -> None:
    with pytest.raises(UsageError, match="is quantised by 'fp8' already"):
        recipegen.size("deepseek-ai/DeepSeek-R1", gpu=H100, quantization="bitsandbytes")


def test_a_configuration_without_a_context_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    config = facts.configuration(LLAMA)[0]
    path.write_text(json.dumps({**config, "max_position_embeddings": None}))

    with pytest.raises(UsageError, match="states no context"):
        recipegen.size(path, gpu=H100)
    assert recipegen.size(path, gpu=H100, max_model_len=4096).roles[0].fit.max_model_len == 4096


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (LLAMA, {"max_model_len": 200_000}, "longer than the context"),
        (LLAMA, {"engine_version": "99.0"}, "newer than what is known here"),
        (LLAMA, {"kv_cache_dtype": "nvfp4"}, "has a KV cache in nvfp4 on compute capability 10.x"),
        (LLAMA, {"kv_cache_dtype": "fp8", "backend": "sglang"}, "'fp8' is another engine's word"),
        ("deepseek-ai/DeepSeek-R1", {"gpu": "a100-sxm-80gb"}, "has no arithmetic in fp8"),
    ],
)
def test_what_an_engine_may_refuse_is_said(model: str, options: dict[str, Any], words: str) -> None:
    found = recipegen.size(model, **{"gpu": H100, **options})

    assert [words in warning.message for warning in found.warnings] == [True]


def test_a_mig_profile_is_one_of_the_recipes_own_gpu() -> None:
    found = recipegen.size("qwen3-32b", mig="3g.40gb", tensor_parallel=1)

    assert found.roles[0].fit.setup.mig == "3g.40gb"
    with pytest.raises(UsageError, match="no MIG profile of h100-sxm-80gb"):
        recipegen.size("qwen3-32b", mig="1g.5gb")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("model.engine.kvCacheDtype=turboquant_3bit_nc", "a KV cache in turboquant_3bit_nc"),
        ('model.engine.args=["--quantization", "nonsense"]', "--quantization nonsense"),
    ],
)
def test_a_recipes_format_whose_bytes_are_not_known_is_said(
    value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sized("qwen3-32b", "--set", value, capsys=capsys)["unreckoned"] == [words]


@pytest.mark.parametrize(
    "words",
    [
        ("qwen3-32b", "--with", "nonsense"),
        ("qwen3-32b", "--max-model-len", "99999999999"),
        ("qwen3-32b", "--tensor-parallel", "2", "--tensor-parallel", "4"),
        ("--all", "--with", "benchmark"),
    ],
)
def test_no_option_is_passed_over(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", *words]) == 2
    assert capsys.readouterr().out == ""


def test_the_id_of_a_model_that_is_not_known_gets_its_nearest() -> None:
    with pytest.raises(UsageError) as error:
        recipegen.size("Qwen/Qwen3-33B", gpu=H100)

    assert "did you mean 'Qwen/Qwen3-32B'?" in str(error.value.problems[0].hint)


def test_two_models_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="both name a model"):
        recipegen.size(LLAMA, config="Qwen/Qwen3-32B", gpu=H100)


def test_a_recipe_is_answered_by_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "qwen3-32b", "--tensor-parallel", "1"]) == 0
    assert "  tensorParallel 2 would fit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "unread"),
    [
        (["llm-engine", "--gpu", H100, "--isl", "5"], "--gpu, --isl"),
        (
            ["bud", "--gpu", H100, "--isl", "9", "--osl", "9", "--concurrency", "9", "--table", "chart"],
            "--table",
        ),
    ],
)
def test_a_policy_says_what_it_does_not_read(
    options: list[str], unread: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["size", "Qwen/Qwen3-32B", "--policy", *options]) == 0
    assert f"does not read {unread}\n" in capsys.readouterr().err


def test_a_policy_takes_no_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "qwen3-32b", "--policy", "llm-engine"]) == 2
    assert "needs one model" in capsys.readouterr().err


def test_mocked_engines_are_said_to_take_no_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "qwen3-32b", "--set", "model.mocker=true"]) == 0
    assert "take no GPU" in capsys.readouterr().err


def test_more_gpus_than_a_node_has_are_several_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "Qwen/Qwen3-32B", "--gpu", H100, "--tensor-parallel", "16"]) == 0
    assert "(16 x h100-sxm-80gb on 2 nodes, TP 16)" in capsys.readouterr().out


def test_gguf_is_named_for_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF\x03\x00\x00\x00")

    assert main(["size", str(path), "--gpu", H100]) == 1
    assert "is a GGUF file" in capsys.readouterr().err


def test_experts_are_spread_as_the_engine_does() -> None:
    with pytest.raises(UsageError, match="has a switch for expertParallel"):
        recipegen.size("deepseek-ai/DeepSeek-R1", gpu=H100, tensor_parallel=8, expert_parallel=16)


@pytest.mark.parametrize("name", ["a" * 5000, "a\nb", ""])
def test_a_name_that_no_file_can_have_is_no_fault(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", name, "--gpu", H100]) == 2
    assert capsys.readouterr().out == ""
