"""Checkpoints as they are published, written out by rules of their own: name, shape and dtype of each tensor.

A second reading of configurations, which shares nothing with `recipegen.modelfacts`. Rules follow the model
definitions of the Transformers library and the weight maps of the published checkpoints.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recipegen.errors import RecipeError
from recipegen.modelfacts import Files
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint.headers import BITS
from recipegen.sizing.checkpoint.tensors import OTHER

Tensor = tuple[str, str, tuple[int, ...]]
"""Name, dtype and shape."""
PLAIN: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 4096,
}
SHAPE = json.dumps(PLAIN, indent=2)
"""The config.json of a small Llama; messages name lines of it."""


def bytes_of(dtype: str, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * BITS[dtype] // 8


def write(path: Path, tensors: list[Tensor], *, whole: bool = True) -> int:
    """Write a safetensors file, of zeros that take no room on disk; return the bytes of its tensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, dtype, shape in tensors:
        start, end = end, end + bytes_of(dtype, shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        if whole:
            file.truncate(8 + len(raw) + end)
    return end


def sharded(folder: Path, tensors: list[Tensor], count: int) -> int:
    """Write shards and their index; return the bytes of the tensors."""
    places: dict[str, str] = {}
    total = 0
    for number in range(count):
        name = f"model-{number + 1:05}-of-{count:05}.safetensors"
        part = tensors[number::count]
        total += write(folder / name, part)
        places |= dict.fromkeys((tensor for tensor, _, _ in part), name)
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return total


def llama(config: dict[str, Any], *, normed: bool = False) -> Iterator[Tensor]:
    """Llama, Qwen2 and Qwen3, dense or with experts; `normed`: heads have norms of their own."""
    hidden, head = (
        config["hidden_size"],
        config.get("head_dim", config["hidden_size"] // config["num_attention_heads"]),
    )
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    yield "model.embed_tokens.weight", "BF16", (config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        yield f"{at}.input_layernorm.weight", "BF16", (hidden,)
        yield f"{at}.post_attention_layernorm.weight", "BF16", (hidden,)
        for part, shape in (
            ("q", (queries, hidden)),
            ("k", (keys, hidden)),
            ("v", (keys, hidden)),
            ("o", (hidden, queries)),
        ):
            yield f"{at}.self_attn.{part}_proj.weight", "BF16", shape
        if normed:
            yield f"{at}.self_attn.q_norm.weight", "BF16", (head,)
            yield f"{at}.self_attn.k_norm.weight", "BF16", (head,)
        if config.get("num_experts"):
            yield f"{at}.mlp.gate.weight", "BF16", (config["num_experts"], hidden)
            for expert in range(config["num_experts"]):
                yield from _gated(f"{at}.mlp.experts.{expert}", hidden, config["moe_intermediate_size"])
        else:
            yield from _gated(f"{at}.mlp", hidden, config["intermediate_size"])
    yield "model.norm.weight", "BF16", (hidden,)
    yield "lm_head.weight", "BF16", (config["vocab_size"], hidden)


def _gated(at: str, hidden: int, width: int) -> Iterator[Tensor]:
    yield f"{at}.gate_proj.weight", "BF16", (width, hidden)
    yield f"{at}.up_proj.weight", "BF16", (width, hidden)
    yield f"{at}.down_proj.weight", "BF16", (hidden, width)


def deepseek(config: dict[str, Any]) -> Iterator[Tensor]:
    """DeepSeek V3 in fp8: blocks of 128 x 128 with a scale, and a layer that predicts a further token."""
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads, nope, rope = config["num_attention_heads"], config["qk_nope_head_dim"], config["qk_rope_head_dim"]
    value, rank, queries = config["v_head_dim"], config["kv_lora_rank"], config["q_lora_rank"]

    def eight(name: str, *shape: int) -> Iterator[Tensor]:
        yield f"{name}.weight", "F8_E4M3", shape
        yield f"{name}.weight_scale_inv", "F32", (-(-shape[0] // 128), -(-shape[1] // 128))

    def gated(at: str, width: int) -> Iterator[Tensor]:
        yield from eight(f"{at}.gate_proj", width, hidden)
        yield from eight(f"{at}.up_proj", width, hidden)
        yield from eight(f"{at}.down_proj", hidden, width)

    yield "model.embed_tokens.weight", "BF16", (config["vocab_size"], hidden)
    for layer in range(layers + config["num_nextn_predict_layers"]):
        at = f"model.layers.{layer}"
        yield f"{at}.input_layernorm.weight", "BF16", (hidden,)
        yield f"{at}.post_attention_layernorm.weight", "BF16", (hidden,)
        yield from eight(f"{at}.self_attn.q_a_proj", queries, hidden)
        yield f"{at}.self_attn.q_a_layernorm.weight", "BF16", (queries,)
        yield from eight(f"{at}.self_attn.q_b_proj", heads * (nope + rope), queries)
        yield from eight(f"{at}.self_attn.kv_a_proj_with_mqa", rank + rope, hidden)
        yield f"{at}.self_attn.kv_a_layernorm.weight", "BF16", (rank,)
        yield from eight(f"{at}.self_attn.kv_b_proj", heads * (nope + value), rank)
        yield from eight(f"{at}.self_attn.o_proj", hidden, heads * value)
        if layer < config["first_k_dense_replace"]:
            yield from gated(f"{at}.mlp", config["intermediate_size"])
        else:
            yield f"{at}.mlp.gate.weight", "BF16", (config["n_routed_experts"], hidden)
            yield f"{at}.mlp.gate.e_score_correction_bias", "F32", (config["n_routed_experts"],)
            for expert in range(config["n_routed_experts"]):
                yield from gated(f"{at}.mlp.experts.{expert}", config["moe_intermediate_size"])
            yield from gated(
                f"{at}.mlp.shared_experts", config["moe_intermediate_size"] * config["n_shared_experts"]
            )
        if layer >= layers:
            yield f"{at}.embed_tokens.weight", "BF16", (config["vocab_size"], hidden)
            yield f"{at}.enorm.weight", "BF16", (hidden,)
            yield f"{at}.hnorm.weight", "BF16", (hidden,)
            yield f"{at}.eh_proj.weight", "BF16", (hidden, 2 * hidden)
            yield f"{at}.shared_head.norm.weight", "BF16", (hidden,)
            yield f"{at}.shared_head.head.weight", "BF16", (config["vocab_size"], hidden)
    yield "model.norm.weight", "BF16", (hidden,)
    yield "lm_head.weight", "BF16", (config["vocab_size"], hidden)


def gpt_oss(config: dict[str, Any]) -> Iterator[Tensor]:
    """gpt-oss: experts in blocks of 32 four-bit numbers with a scale, biases everywhere, a sink a head."""
    hidden, width, experts = config["hidden_size"], config["intermediate_size"], config["num_local_experts"]
    head, vocabulary = config["head_dim"], config["vocab_size"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    yield "model.embed_tokens.weight", "BF16", (vocabulary, hidden)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        yield f"{at}.input_layernorm.weight", "BF16", (hidden,)
        yield f"{at}.post_attention_layernorm.weight", "BF16", (hidden,)
        for part, out, into in (
            ("q", queries, hidden),
            ("k", keys, hidden),
            ("v", keys, hidden),
            ("o", hidden, queries),
        ):
            yield f"{at}.self_attn.{part}_proj.weight", "BF16", (out, into)
            yield f"{at}.self_attn.{part}_proj.bias", "BF16", (out,)
        yield f"{at}.self_attn.sinks", "BF16", (config["num_attention_heads"],)
        yield f"{at}.mlp.router.weight", "BF16", (experts, hidden)
        yield f"{at}.mlp.router.bias", "BF16", (experts,)
        for part, out, into in (("gate_up_proj", 2 * width, hidden), ("down_proj", hidden, width)):
            yield f"{at}.mlp.experts.{part}_blocks", "U8", (experts, out, into // 32, 16)
            yield f"{at}.mlp.experts.{part}_scales", "U8", (experts, out, into // 32)
            yield f"{at}.mlp.experts.{part}_bias", "BF16", (experts, out)
    yield "model.norm.weight", "BF16", (hidden,)
    yield "lm_head.weight", "BF16", (vocabulary, hidden)


def qwen_next(config: dict[str, Any]) -> Iterator[Tensor]:
    """Qwen3.5 with experts, its language model: gated delta nets, and every fourth layer gated attention."""
    hidden, head, vocabulary = config["hidden_size"], config["head_dim"], config["vocab_size"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    states, values = config["linear_num_key_heads"], config["linear_num_value_heads"]
    key, value = states * config["linear_key_head_dim"], values * config["linear_value_head_dim"]
    width, shared = config["moe_intermediate_size"], config["shared_expert_intermediate_size"]
    yield "model.language_model.embed_tokens.weight", "BF16", (vocabulary, hidden)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.language_model.layers.{layer}"
        yield f"{at}.input_layernorm.weight", "BF16", (hidden,)
        yield f"{at}.post_attention_layernorm.weight", "BF16", (hidden,)
        if (layer + 1) % config["full_attention_interval"] == 0:
            yield f"{at}.self_attn.q_proj.weight", "BF16", (2 * queries, hidden)
            yield f"{at}.self_attn.k_proj.weight", "BF16", (keys, hidden)
            yield f"{at}.self_attn.v_proj.weight", "BF16", (keys, hidden)
            yield f"{at}.self_attn.o_proj.weight", "BF16", (hidden, queries)
            yield f"{at}.self_attn.q_norm.weight", "BF16", (head,)
            yield f"{at}.self_attn.k_norm.weight", "BF16", (head,)
        else:
            yield f"{at}.linear_attn.in_proj_qkv.weight", "BF16", (2 * key + value, hidden)
            yield f"{at}.linear_attn.in_proj_z.weight", "BF16", (value, hidden)
            yield f"{at}.linear_attn.in_proj_b.weight", "BF16", (values, hidden)
            yield f"{at}.linear_attn.in_proj_a.weight", "BF16", (values, hidden)
            yield (
                f"{at}.linear_attn.conv1d.weight",
                "BF16",
                (2 * key + value, 1, config["linear_conv_kernel_dim"]),
            )
            yield f"{at}.linear_attn.A_log", "F32", (values,)
            yield f"{at}.linear_attn.dt_bias", "BF16", (values,)
            yield f"{at}.linear_attn.norm.weight", "F32", (config["linear_value_head_dim"],)
            yield f"{at}.linear_attn.out_proj.weight", "BF16", (hidden, value)
        yield f"{at}.mlp.gate.weight", "BF16", (config["num_experts"], hidden)
        yield f"{at}.mlp.experts.gate_up_proj", "BF16", (config["num_experts"], 2 * width, hidden)
        yield f"{at}.mlp.experts.down_proj", "BF16", (config["num_experts"], hidden, width)
        yield from _gated(f"{at}.mlp.shared_expert", hidden, shared)
        yield f"{at}.mlp.shared_expert_gate.weight", "BF16", (1, hidden)
    yield "model.language_model.norm.weight", "BF16", (hidden,)
    yield "lm_head.weight", "BF16", (vocabulary, hidden)


def in_groups(tensors: list[Tensor], group: int) -> Iterator[Tensor]:
    """Make 4-bit AWQ of the matrices of layers: eight numbers a word, a scale and a zero point a group."""
    for name, dtype, shape in tensors:
        if ".layers." not in name or len(shape) != 2:
            yield name, dtype, shape
            continue
        stem, (out, into) = name.removesuffix("weight"), shape
        yield f"{stem}qweight", "I32", (into, out // 8)
        yield f"{stem}qzeros", "I32", (into // group, out // 8)
        yield f"{stem}scales", "F16", (into // group, out)


def in_nvfp4(tensors: list[Tensor]) -> Iterator[Tensor]:
    """Make NVFP4 of the matrices of layers: two numbers a byte, an fp8 scale for 16, two scales for all."""
    for name, dtype, shape in tensors:
        if ".layers." not in name or len(shape) != 2 or ".gate.weight" in name:
            yield name, dtype, shape
            continue
        out, into = shape
        yield name, "U8", (out, into // 2)
        yield f"{name}_scale", "F8_E4M3", (out, into // 16)
        yield f"{name}_scale_2", "F32", ()
        yield f"{name.removesuffix('weight')}input_scale", "F32", ()


def changed(**keys: Any) -> str:
    """Return `SHAPE` with other keys."""
    return json.dumps({**PLAIN, **keys}, indent=2)


def said(text: bytes | str, quant: bytes | str | None = None) -> str:
    """Return why a config.json is refused."""
    with pytest.raises(RecipeError) as raised:
        checkpoint.checked(text, "config.json", quant)
    return str(raised.value)


def header(data: Any, length: int | None = None) -> bytes:
    """Return the beginning of a safetensors file, which may be wrong about its length."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw


def unknown(files: Files) -> int:
    """Return the bytes of tensors that fit no module."""
    every = (*files.modules.items(), *files.predictors.items())
    return sum(size for name, size in every if name.rpartition(".")[2] == OTHER)


# Configurations as they are published, in the keys that decide on sizes, with billions of parameters as model
# cards and weight files have them.
FAMILIES: dict[str, tuple[float, dict[str, Any]]] = {
    "gpt2": (
        0.1244,
        {
            "model_type": "gpt2",
            "n_layer": 12,
            "n_embd": 768,
            "n_head": 12,
            "n_inner": None,
            "vocab_size": 50257,
            "n_positions": 1024,
        },
    ),
    "falcon-7b": (
        6.92,
        {
            "model_type": "falcon",
            "num_hidden_layers": 32,
            "hidden_size": 4544,
            "num_attention_heads": 71,
            "multi_query": True,
            "new_decoder_architecture": False,
            "vocab_size": 65024,
            "bias": False,
            "parallel_attn": True,
        },
    ),
    "falcon-40b": (
        41.3,
        {
            "model_type": "falcon",
            "num_hidden_layers": 60,
            "hidden_size": 8192,
            "num_attention_heads": 128,
            "num_kv_heads": 8,
            "new_decoder_architecture": True,
            "vocab_size": 65024,
        },
    ),
    "opt-6.7b": (
        6.658,
        {
            "model_type": "opt",
            "num_hidden_layers": 32,
            "hidden_size": 4096,
            "num_attention_heads": 32,
            "ffn_dim": 16384,
            "vocab_size": 50272,
            "max_position_embeddings": 2048,
            "word_embed_proj_dim": 4096,
        },
    ),
    "phi-2": (
        2.78,
        {
            "model_type": "phi",
            "num_hidden_layers": 32,
            "hidden_size": 2560,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "intermediate_size": 10240,
            "vocab_size": 51200,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
        },
    ),
    "pythia-6.9b": (
        6.857,
        {
            "model_type": "gpt_neox",
            "num_hidden_layers": 32,
            "hidden_size": 4096,
            "num_attention_heads": 32,
            "intermediate_size": 16384,
            "vocab_size": 50432,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
        },
    ),
    "bloom-7b1": (
        7.069,
        {"model_type": "bloom", "n_layer": 30, "hidden_size": 4096, "n_head": 32, "vocab_size": 250880},
    ),
    "starcoder2-7b": (
        7.17,
        {
            "model_type": "starcoder2",
            "num_hidden_layers": 32,
            "hidden_size": 4608,
            "num_attention_heads": 36,
            "num_key_value_heads": 4,
            "intermediate_size": 18432,
            "vocab_size": 49152,
            "max_position_embeddings": 16384,
            "sliding_window": 4096,
        },
    ),
    "deepseek-v2-lite": (
        15.706,
        {
            "model_type": "deepseek_v2",
            "num_hidden_layers": 27,
            "hidden_size": 2048,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "intermediate_size": 10944,
            "moe_intermediate_size": 1408,
            "n_routed_experts": 64,
            "n_shared_experts": 2,
            "num_experts_per_tok": 6,
            "first_k_dense_replace": 1,
            "moe_layer_freq": 1,
            "kv_lora_rank": 512,
            "q_lora_rank": None,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
            "vocab_size": 102400,
            "max_position_embeddings": 163840,
            "tie_word_embeddings": False,
        },
    ),
    "qwen1.5-moe": (
        14.316,
        {
            "model_type": "qwen2_moe",
            "num_hidden_layers": 24,
            "hidden_size": 2048,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "intermediate_size": 5632,
            "moe_intermediate_size": 1408,
            "shared_expert_intermediate_size": 5632,
            "num_experts": 60,
            "num_experts_per_tok": 4,
            "decoder_sparse_step": 1,
            "vocab_size": 151936,
            "max_position_embeddings": 8192,
            "tie_word_embeddings": False,
        },
    ),
    "qwen3-next": (
        79.67,
        {
            "model_type": "qwen3_next",
            "num_hidden_layers": 48,
            "hidden_size": 2048,
            "num_attention_heads": 16,
            "num_key_value_heads": 2,
            "head_dim": 256,
            "intermediate_size": 5120,
            "moe_intermediate_size": 512,
            "shared_expert_intermediate_size": 512,
            "num_experts": 512,
            "num_experts_per_tok": 10,
            "decoder_sparse_step": 1,
            "vocab_size": 151936,
            "full_attention_interval": 4,
            "linear_num_key_heads": 16,
            "linear_num_value_heads": 32,
            "linear_key_head_dim": 128,
            "linear_value_head_dim": 128,
            "linear_conv_kernel_dim": 4,
            "max_position_embeddings": 262144,
            "tie_word_embeddings": False,
        },
    ),
    "gemma-3-27b": (
        27.43,
        {
            "model_type": "gemma3",
            "architectures": ["Gemma3ForConditionalGeneration"],
            "text_config": {
                "model_type": "gemma3_text",
                "num_hidden_layers": 62,
                "hidden_size": 5376,
                "num_attention_heads": 32,
                "num_key_value_heads": 16,
                "head_dim": 128,
                "intermediate_size": 21504,
                "sliding_window": 1024,
                "vocab_size": 262208,
                "max_position_embeddings": 131072,
            },
            "vision_config": {
                "model_type": "siglip_vision_model",
                "hidden_size": 1152,
                "num_hidden_layers": 27,
                "intermediate_size": 4304,
                "num_attention_heads": 16,
                "patch_size": 14,
                "image_size": 896,
            },
        },
    ),
    "glm-4.5-air": (
        106.85,
        {
            "model_type": "glm4_moe",
            "num_hidden_layers": 46,
            "hidden_size": 4096,
            "num_attention_heads": 96,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "intermediate_size": 10944,
            "moe_intermediate_size": 1408,
            "n_routed_experts": 128,
            "n_shared_experts": 1,
            "num_experts_per_tok": 8,
            "first_k_dense_replace": 1,
            "num_nextn_predict_layers": 1,
            "vocab_size": 151552,
            "attention_bias": True,
            "max_position_embeddings": 131072,
            "tie_word_embeddings": False,
        },
    ),
    "command-r": (
        34.98,
        {
            "model_type": "cohere",
            "num_hidden_layers": 40,
            "hidden_size": 8192,
            "num_attention_heads": 64,
            "num_key_value_heads": 64,
            "intermediate_size": 22528,
            "vocab_size": 256000,
            "max_position_embeddings": 8192,
        },
    ),
    "olmo2-7b": (
        7.299,
        {
            "model_type": "olmo2",
            "num_hidden_layers": 32,
            "hidden_size": 4096,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "intermediate_size": 11008,
            "vocab_size": 100352,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": False,
        },
    ),
    "olmoe": (
        6.919,
        {
            "model_type": "olmoe",
            "num_hidden_layers": 16,
            "hidden_size": 2048,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "intermediate_size": 1024,
            "num_experts": 64,
            "num_experts_per_tok": 8,
            "vocab_size": 50304,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": False,
        },
    ),
    "granite-3.1-8b": (
        8.171,
        {
            "model_type": "granite",
            "num_hidden_layers": 40,
            "hidden_size": 4096,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 12800,
            "vocab_size": 49155,
            "max_position_embeddings": 131072,
            "tie_word_embeddings": True,
        },
    ),
    "gemma-7b": (
        8.538,
        {
            "model_type": "gemma",
            "num_hidden_layers": 28,
            "hidden_size": 3072,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "head_dim": 256,
            "intermediate_size": 24576,
            "vocab_size": 256000,
            "max_position_embeddings": 8192,
        },
    ),
    "nemotron-4-mini": (
        4.19,
        {
            "model_type": "nemotron",
            "num_hidden_layers": 32,
            "hidden_size": 3072,
            "num_attention_heads": 24,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "intermediate_size": 9216,
            "vocab_size": 256000,
            "hidden_act": "relu2",
            "max_position_embeddings": 4096,
            "tie_word_embeddings": False,
        },
    ),
    "phimoe": (
        41.87,
        {
            "model_type": "phimoe",
            "num_hidden_layers": 32,
            "hidden_size": 4096,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 6400,
            "num_local_experts": 16,
            "num_experts_per_tok": 2,
            "vocab_size": 32064,
            "max_position_embeddings": 131072,
            "tie_word_embeddings": False,
        },
    ),
    "mimo-v2-flash": (
        309,
        {
            "model_type": "mimo_v2_flash",
            "num_hidden_layers": 48,
            "hidden_size": 4096,
            "num_attention_heads": 64,
            "num_key_value_heads": 4,
            "head_dim": 192,
            "v_head_dim": 128,
            "swa_num_attention_heads": 64,
            "swa_num_key_value_heads": 8,
            "swa_head_dim": 192,
            "swa_v_head_dim": 128,
            "sliding_window": 128,
            "hybrid_layer_pattern": [0, 1, 1, 1, 1, 0] + 7 * [1, 1, 1, 1, 1, 0],
            "moe_layer_freq": [0] + 47 * [1],
            "intermediate_size": 16384,
            "moe_intermediate_size": 2048,
            "n_routed_experts": 256,
            "num_experts_per_tok": 8,
            "vocab_size": 152576,
            "max_position_embeddings": 262144,
            "tie_word_embeddings": False,
        },
    ),
}
