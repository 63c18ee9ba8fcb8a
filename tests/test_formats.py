"""Bytes of quantised checkpoints: what each method's configuration comes to, against files and layouts."""

from typing import Any

import pytest

from recipegen import modelfacts
from recipegen.modelfacts import ModelFacts
from test_model_oracle import CONFIGS

GIB = 2**30
LLAMA = {**CONFIGS["meta-llama/Meta-Llama-3-8B"]["config"], "torch_dtype": "bfloat16"}
QWEN = {**CONFIGS["Qwen/Qwen3-8B"]["config"], "torch_dtype": "bfloat16"}
# Of Llama 3 8B: layers, and embedding and head with the norms, which stay in 16 bits.
LAYERS, REST = 6_979_321_856, 1_050_939_392


def quantised(said: dict[str, Any], config: dict[str, Any] = LLAMA) -> ModelFacts:
    """Return a model with a quantization_config."""
    return modelfacts.read("x", {**config, "quantization_config": said})


def int4(group: int, **more: Any) -> dict[str, Any]:
    return {"bits": 4, "group_size": group, **more}


def compressed(weights: dict[str, Any], packed: str = "pack-quantized") -> dict[str, Any]:
    group = {"targets": ["Linear"], "weights": weights}
    return {
        "quant_method": "compressed-tensors", "format": packed, "ignore": ["lm_head"],
        "config_groups": {"group_0": group},
    }  # fmt: skip


MICRO = {"dtype": "fp4", "group_size": 32}
INT4 = {"default": {"_type": "Int4WeightOnlyConfig", "_data": {"group_size": 128}}}
FLOAT8 = {"default": {"_type": "Float8DynamicActivationFloat8WeightConfig"}}
DOUBLE = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True}
NVFP4, MXFP4 = ({"type": "float", "num_bits": 4, "group_size": size} for size in (16, 32))
# What is said, the format, and the bytes of a parameter of the layers: by the layout that the method stores.
FORMS: list[tuple[dict[str, Any], str, float]] = [
    ({"quant_method": "awq", **int4(128, zero_point=True)}, "int4", 0.5 + 2.5 / 128),
    ({"quant_method": "awq", "w_bit": 4, "q_group_size": 64}, "int4", 0.5 + 2.5 / 64),
    ({"quant_method": "gptq", **int4(128, desc_act=True)}, "int4", 0.5 + 2.5 / 128),
    ({"quant_method": "gptq", **int4(32)}, "int4", 0.5 + 2.5 / 32),
    ({"quant_method": "gptq", **int4(-1)}, "int4", 0.5),
    ({"quant_method": "gptq", "bits": 8, "group_size": 128}, "int8", 1 + 3 / 128),
    ({"quant_method": "gptq", "bits": 3, "group_size": 128}, "int3", 0.375 + 2.375 / 128),
    (DOUBLE, "int4", 0.51587),
    ({"quant_method": "bitsandbytes", "_load_in_4bit": True}, "int4", 0.5625),
    ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8", 1),
    (compressed({"type": "int", "num_bits": 8, "strategy": "channel"}, "int-quantized"), "int8", 1),
    (compressed({"num_bits": 4, "group_size": 128, "strategy": "group"}), "int4", 0.5 + 2 / 128),
    (compressed({"type": "int", "num_bits": 4, "strategy": "channel"}), "int4", 0.5),
    (
        compressed({"type": "int", "num_bits": 4, "group_size": 128, "symmetric": False}),
        "int4",
        0.5 + 2.5 / 128,
    ),
    (compressed({"type": "float", "num_bits": 8, "strategy": "tensor"}, "float-quantized"), "fp8", 1),
    (compressed(NVFP4, "nvfp4-pack-quantized"), "nvfp4", 9 / 16),
    (compressed(MXFP4, "mxfp4-pack-quantized"), "mxfp4", 17 / 32),
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8", 1 + 4 / 128**2),
    ({"quant_method": "fbgemm_fp8", "modules_to_not_convert": ["lm_head"]}, "fp8", 1),
    ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8", 1),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4", 9 / 16),
    ({"quant_method": "modelopt", "quant_algo": "W4A16_AWQ", "group_size": 128}, "int4", 0.5 + 2 / 128),
    ({"quantization": {"quant_algo": "FP8"}, "producer": {"name": "modelopt"}}, "fp8", 1),
    ({"quant_method": "auto-round", **int4(128, sym=True, data_type="int")}, "int4", 0.5 + 2.5 / 128),
    ({"quant_method": "auto-round", **int4(32, data_type="mx_fp")}, "mxfp4", 17 / 32),
    ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp8_e4m3"}}}, "fp8", 1),
    ({"quant_method": "quark", "global_quant_config": {"weight": MICRO}}, "mxfp4", 17 / 32),
    ({"quant_method": "torchao", "quant_type": "int8_weight_only"}, "int8", 1),
    (
        {"quant_method": "torchao", "quant_type": INT4},
        "int4",
        0.5 + 4 / 128,
    ),
    (
        {"quant_method": "torchao", "quant_type": FLOAT8},
        "fp8",
        1,
    ),
    (
        {"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}},
        "int4",
        0.5 + 4 / 64,
    ),
    ({"quant_method": "quanto", "weights": "int8"}, "int8", 1),
    ({"quant_method": "eetq"}, "int8", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "what", "each"), FORMS, ids=[f"{said.get('quant_method')}-{what}" for said, what, _ in FORMS]
)
def test_layers_have_the_bytes_of_their_method_and_the_rest_sixteen_bits(
    said: dict[str, Any], what: str, each: float
) -> None:
    found = quantised(said)

    assert found.quantization.format == what
    assert found.weights_bytes == pytest.approx(LAYERS * each + REST * 2, rel=1e-4)


# GiB of the files, as the pages of the repositories list them; unverified but for Qwen3-8B-AWQ.
FILES: list[tuple[str, dict[str, Any], dict[str, Any], float]] = [
    ("Qwen/Qwen3-8B-AWQ", QWEN, {"quant_method": "awq", **int4(128, zero_point=True)}, 5.68),
    (
        "unsloth/Meta-Llama-3.1-8B-bnb-4bit",
        LLAMA,
        DOUBLE,
        5.31,
    ),
    (
        "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4",
        LLAMA,
        {"quant_method": "awq", **int4(128, zero_point=True)},
        5.33,
    ),
]


@pytest.mark.parametrize(("name", "config", "said", "size"), FILES, ids=[row[0] for row in FILES])
def test_weights_are_as_large_as_the_files(
    name: str, config: dict[str, Any], said: dict[str, Any], size: float
) -> None:
    assert quantised(said, config).weights_bytes / GIB == pytest.approx(size, rel=0.01), name


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"quant_method": "aqlm"}, "quantization_config.quant_method: 'aqlm' is a method"),
        ({"quant_method": "gguf"}, "quantization_config.quant_method: 'gguf' is a method"),
        ({"quant_method": "bitsandbytes"}, "quantization_config.load_in_4bit: must be true, or load_in_8bit"),
        (
            {"quant_method": "modelopt", "quant_algo": "W1A1"},
            "quantization_config.quant_algo: must be one of",
        ),
        (
            {"quant_method": "torchao", "quant_type": "int1_weight_only"},
            "quantization_config.quant_type: 'int1_weight_only' is a kind",
        ),
        (
            {"quant_method": "auto-round", "bits": 6, "data_type": "mx_fp"},
            "quantization_config.data_type: 'mx_fp' with 6 bits",
        ),
        (
            {**compressed({"num_bits": 8}), "sparsity_config": {"format": "sparse-24-bitmask"}},
            "quantization_config.sparsity_config.format: 'sparse-24-bitmask' is not read",
        ),
    ],
)
def test_what_is_not_known_of_a_method_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(modelfacts.ConfigError) as caught:
        quantised(said)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "said",
    [
        {"quant_method": "gptq", **int4(128), "dynamic": {"-:.*mlp.*": {}}},
        {"quant_method": "auto-round", **int4(128), "extra_config": {"model.layers.*.mlp": {"bits": 16}}},
        {
            "quant_method": "bitsandbytes",
            "load_in_4bit": True,
            "llm_int8_skip_modules": ["model.layers.*.mlp"],
        },
        {
            "quant_method": "quark",
            "global_quant_config": {"weight": {"dtype": "fp4"}},
            "exclude": ["*.mlp.*"],
        },
    ],
    ids=lambda said: str(said["quant_method"]),
)
def test_what_a_method_leaves_out_stays_in_sixteen_bits(said: dict[str, Any]) -> None:
    found = quantised(said)

    assert found.quantization.bytes_of("layers.3.mlp.up_proj", "bfloat16") == 2
    assert found.quantization.bytes_of("layers.3.self_attn.q_proj", "bfloat16") < 1


def test_a_head_that_gptq_quantises_is_counted_so() -> None:
    found = quantised({"quant_method": "gptq", **int4(128), "lm_head": True})

    assert found.quantization.bytes_of("lm_head", "bfloat16") < 1
    assert found.quantization.bytes_of("embed", "bfloat16") == 2
