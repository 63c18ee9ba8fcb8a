"""What a JSON file is that is not the configuration of a model, told by its keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recipegen.errors import brief, show

SHAPE = (
    "num_hidden_layers",
    "n_layer",
    "hidden_size",
    "n_embd",
    "num_attention_heads",
    "n_head",
    "vocab_size",
)
"""Keys of which a configuration has some, itself or in a nested one."""
NESTED = ("text_config", "llm_config", "language_config", "thinker_config")
GIVE = "give the model's config.json"


@dataclass(frozen=True)
class Kind:
    """Another kind of file."""

    what: str
    keys: tuple[str, ...]
    """All of them are there."""
    some: tuple[str, ...] = ()
    """One of them is."""
    hint: str = GIVE


# The first that fits decides, so the narrow ones stand first.
KINDS = (
    Kind("the adapter_config.json of a LoRA adapter", ("peft_type",)),
    Kind("the adapter_config.json of a LoRA adapter", ("base_model_name_or_path",), ("lora_alpha", "r")),
    Kind(
        "the model_index.json of a diffusion model, which is no language model",
        ("_class_name", "_diffusers_version"),
    ),
    Kind(
        "a weights index",
        ("weight_map",),
        hint="give the folder that it is in, or call it NAME.safetensors.index.json",
    ),
    Kind(
        "a TensorRT-LLM engine's config.json",
        ("pretrained_config", "build_config"),
        hint=f"{GIVE} that the engine was built from",
    ),
    Kind(
        "a TensorRT-LLM checkpoint's config.json",
        ("architecture", "mapping"),
        hint=f"{GIVE} that it was converted from",
    ),
    Kind("a hf_quant_config.json", ("quantization", "producer"), hint=f"{GIVE}; this file is read beside it"),
    Kind(
        "a tokenizer_config.json",
        ("tokenizer_class",),
        ("added_tokens_decoder", "chat_template", "model_max_length", "bos_token", "eos_token"),
    ),
    Kind("a tokenizer_config.json", ("added_tokens_decoder",)),
    Kind("a tokenizer.json", ("model", "pre_tokenizer")),
    Kind("a tokenizer.json", ("model", "added_tokens")),
    Kind(
        "the configuration of a processor of images or sound",
        (),
        (
            "processor_class",
            "image_processor_type",
            "feature_extractor_type",
            "image_mean",
            "image_processor",
        ),
    ),
    Kind("a generation_config.json", ("_from_model_config",)),
    Kind("a generation_config.json", (), ("do_sample", "max_new_tokens", "temperature", "top_p", "top_k")),
    Kind(
        "the params.json of an original checkpoint",
        ("dim", "n_layers"),
        hint=f"{GIVE} in the format of the Transformers library",
    ),
    Kind(
        "a package.json of Node.js",
        ("name", "version"),
        ("dependencies", "devDependencies", "scripts", "main", "private"),
    ),
    Kind("a package.json of Node.js", (), ("devDependencies",)),
    Kind("an object of Kubernetes", ("apiVersion", "kind")),
    Kind("a JSON Schema", ("$schema",)),
    Kind("the settings of sentence-transformers", ("__version__",)),
    Kind("a recipe", ("model", "backend"), hint="a recipe is sized by its name or its .yaml file"),
    Kind("special_tokens_map.json", (), ("bos_token", "eos_token", "unk_token", "pad_token")),
)


def is_shape(data: Mapping[str, Any]) -> bool:
    """Return whether some key of a model's shape is there."""
    parts = [data, *(data[name] for name in NESTED if isinstance(data.get(name), Mapping))]
    return any(key in part for part in parts for key in SHAPE)


def looks_like(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a file looks like that has no shape of a model, and what to give instead.

    Args:
        data: All of the file.
    """
    kind = next((kind for kind in KINDS if _fits(kind, data)), None)
    if kind:
        base = data.get("base_model_name_or_path")
        if "adapter" in kind.what and isinstance(base, str) and base:
            return kind.what, f"give the config.json of its base model, {brief(base)}"
        return kind.what, kind.hint
    if len(data) > 100 and all(isinstance(value, int) for value in data.values()):
        return "a vocabulary", GIVE
    if not data:
        return "an empty object", GIVE
    keys = ", ".join(show(str(key)) for key in list(data)[:5])
    return f"something with the keys {keys}{', …' if len(data) > 5 else ''}", GIVE


def _fits(kind: Kind, data: Mapping[str, Any]) -> bool:
    return all(key in data for key in kind.keys) and (not kind.some or any(key in data for key in kind.some))
