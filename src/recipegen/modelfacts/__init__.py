"""What a model is, read from its config.json: shape, attention, experts, context, number formats, weights.

Pure functions over plain data, for models of the catalog (`facts.model`) and for any other.
"""

from collections.abc import Mapping
from typing import Any

from recipegen.modelfacts import formats
from recipegen.modelfacts.caches import GROWING, Kept, State, caches
from recipegen.modelfacts.config import MOST, ConfigError, Part, language
from recipegen.modelfacts.context import context, default_context
from recipegen.modelfacts.formats import Quantization
from recipegen.modelfacts.layers import (
    Attention,
    attention,
    experts,
    experts_per_token,
    fewest_kv_heads,
    heads,
    layers,
    mla,
)
from recipegen.modelfacts.mixers import Module
from recipegen.modelfacts.model import Files, ModelFacts, Parameters
from recipegen.modelfacts.rotary import Table, tables
from recipegen.modelfacts.weights import modules, of_predictors, tied

__all__ = [
    "Attention", "ConfigError", "Files", "Kept", "ModelFacts", "Module", "Parameters", "Quantization",
    "State", "Table", "read",
]  # fmt: skip


def read(name: str, config: Mapping[str, Any], quant_config: Mapping[str, Any] | None = None) -> ModelFacts:
    """Return what a configuration says about its model.

    Everything is read here: what comes back has no mistake left to be found.

    Args:
        name: What the model is called; nothing is derived from it.
        config: Its config.json.
        quant_config: Its hf_quant_config.json, where it has one.

    Raises:
        ConfigError: A key is missing that every language model has, or says what cannot be, or names what is
            not known: a family, a tower, a method of quantisation.
    """
    text = language(config)
    found = layers(text)
    count, _, size = heads(text)
    if mla(text) and text.number("kv_lora_rank", default=0):
        size = text.number("qk_nope_head_dim") + text.number("qk_rope_head_dim")
    windows = text.number("sliding_window", "sliding_window_size", "attention_chunk_size", default=0)
    kept = caches(text, found)
    return ModelFacts(
        id=name,
        layers=len(found),
        hidden_size=text.number("hidden_size"),
        heads=count,
        kv_heads=fewest_kv_heads(text, found),
        head_dim=size,
        vocab_size=text.number("vocab_size"),
        dense_width=_dense_width(text),
        expert_width=text.number("moe_intermediate_size", "intermediate_size", default=0)
        if experts(text)
        else 0,
        context=context(text),
        experts=experts(text),
        experts_per_token=experts_per_token(text),
        mla=mla(text),
        kv_lora_rank=text.number("kv_lora_rank", default=size if mla(text) else 0),
        q_lora_rank=text.number("q_lora_rank", default=0),
        rope_head_dim=text.number("qk_rope_head_dim", default=0),
        attention=attention(text, found),
        window=windows if any(layer.mixer == "sliding" for layer in found) else 0,
        full_layers=sum(each.kind in GROWING for each in kept),
        dtype=formats.dtype(text),
        quantization=formats.read(text, Part(quant_config or {}, file="hf_quant_config.json")),
        multimodal=_multimodal(text),
        tower=_tower(text),
        tied=tied(text),
        families=_families(text),
        compressed=mla(text) and not text.number("kv_lora_rank", default=0),
        sparse=bool(text.number("index_topk", default=0)),
        predicts=_predicts(text) or bool(text.number("mtp_num_hidden_layers", default=0)),
        default_context=default_context(text),
        caches=kept,
        rotary=tables(text, found),
        modules=tuple(modules(text, found)),
        predictors=tuple(of_predictors(text, found)),
    )


def _dense_width(text: Part) -> int:
    found = text.find("intermediate_size_mlp", "intermediate_size")
    return found.number(0, MOST) if found and not isinstance(found.data, list) else 0


def _families(text: Part) -> tuple[str, ...]:
    found = (text.text("model_type"), (text.around or text).text("model_type"))
    return tuple(dict.fromkeys(name for name in found if name))


def _predicts(text: Part) -> bool:
    stated = {**(text.around or text).values, **text.values}
    return any(count for key, count in stated.items() if "nextn" in str(key) or "mtp" in str(key))


def _multimodal(text: Part) -> bool:
    """Return whether there is a tower, or a nested language model in what generates from other inputs."""
    whole = text.around or text
    if whole.map("vision_config") or whole.map("audio_config"):
        return True
    names = whole.texts("architectures")
    return text is not whole and any("ConditionalGeneration" in name for name in names)


def _tower(text: Part) -> tuple[int, int] | None:
    tower = (text.around or text).map("vision_config")
    if not tower:
        return None
    return tower.number("num_hidden_layers", default=0), tower.number("hidden_size", default=0)
