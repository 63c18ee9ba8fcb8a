"""The longest context of a model, as its configuration states it."""

from recipegen.modelfacts.config import Part

SCALED = ("linear", "dynamic", "ntk")
"""Kinds of scaled positions whose factor is not in `max_position_embeddings` yet."""


def context(config: Part) -> int:
    """Return the longest context that the configuration states, in tokens.

    `model_max_length` (Command R) or `max_position_embeddings`, times the factor of `rope_scaling` for the
    kinds whose factor is not in it yet (linear, dynamic): so does vLLM 0.31.0 in `_get_and_verify_max_len`
    (vllm/config/model.py).
    """
    length = config.number("model_max_length", "max_position_embeddings", default=0)
    said = rope(config)
    mixed = "gemma3" in config.text("model_type")
    if kind(said) not in SCALED or mixed:
        return length
    return int(length * said.real("factor", 1.0))


def default_context(config: Part) -> int:
    """Return what vLLM serves where no length is asked for."""
    if kind(rope(config)) == "longrope":
        return config.number("original_max_position_embeddings", default=context(config))
    return context(config)


def rope(config: Part) -> Part:
    """Return what is said of rotary positions, an empty map where nothing is."""
    return config.map("rope_scaling") or config.map("rope_parameters")


def kind(said: Part) -> str:
    """Return by which rule positions are scaled."""
    return said.text("rope_type", "type", default="default")
