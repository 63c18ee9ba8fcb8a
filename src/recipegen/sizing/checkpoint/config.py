"""A config.json made the facts of a model, or every mistake that is in it with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from recipegen import modelfacts
from recipegen.errors import Problem, RecipeError, nearest, show
from recipegen.modelfacts import ConfigError, ModelFacts
from recipegen.modelfacts.config import LAYERS, language
from recipegen.modelfacts.decoders import families
from recipegen.sizing.checkpoint import jsontext, kinds, lookalikes
from recipegen.sizing.checkpoint.jsontext import Json

MAX_BYTES = 16 * 2**20
"""Bytes of a config.json; those that name each quantised layer have a few million."""
PLAIN = (
    "what its layers hold is not known here; where they are plain ones, write `llama` in a copy of the file"
)
MAX_PARAMETERS = 10**14
"""Parameters of a model; the largest that was published has 2.8 * 10**12."""
# Bounds of what decides on the size: far above what is built, far below what a slip of the finger gives.
LIMITS = (
    ("num_hidden_layers", 1, LAYERS),
    ("hidden_size", 1, 2**20),
    ("num_attention_heads", 1, 2**16),
    ("num_key_value_heads", 1, 2**16),
    ("head_dim", 0, 2**16),
    ("vocab_size", 1, 2**28),
    ("intermediate_size", 0, 2**26),
    ("moe_intermediate_size", 0, 2**26),
    ("num_experts", 0, 2**20),
    ("max_position_embeddings", 0, 2**40),
)


@dataclass(frozen=True)
class Configuration:
    """The facts of a model, what they were read from, and what is odd about them."""

    model: ModelFacts
    config: Mapping[str, Any] = field(repr=False)
    """Its config.json."""
    quant: Mapping[str, Any] | None = field(repr=False)
    """Its hf_quant_config.json, where it has one."""
    warnings: tuple[Problem, ...] = ()


def read(
    config: bytes | str, source: str, quant: bytes | str | None = None, *, beside: str = "", name: str = ""
) -> Configuration:
    """Return what a config.json says of its model.

    Args:
        config: Its text; bytes are UTF-8.
        source: What messages call it.
        quant: The text of its hf_quant_config.json, where it has one.
        beside: What messages call that.
        name: What the model is called; by default as the file.

    Raises:
        RecipeError: It is no JSON, not the configuration of a language model, or says what cannot be; with
            file, line and column of each key at fault.
    """
    found = jsontext.read(config, source, MAX_BYTES)
    own = jsontext.read(quant, beside or "hf_quant_config.json", MAX_BYTES) if quant is not None else None
    if not lookalikes.is_shape(found.data) and not kinds.refusal(found):
        what, hint = lookalikes.looks_like(found.data)
        message = f"is not the configuration of a model: it looks like {what}"
        raise RecipeError(found.problem("not-a-model", (), message, hint))
    refused = kinds.refusal(found)
    if refused:
        raise RecipeError(refused)
    wrong = _beyond(found)
    if wrong:
        raise RecipeError(*wrong)
    try:
        model = modelfacts.read(name or source, found.data, own.data if own else None)
    except ConfigError as error:
        raise RecipeError(problem(error, found, own)) from error
    if model.parameters.total > MAX_PARAMETERS:
        largest = max(model.modules, key=lambda module: module.parameters)
        message = (
            f"describes a model of {model.parameters.total:.2g} parameters, {largest.parameters:.2g} of them"
            f" in {largest.name}: no such model is built"
        )
        raise RecipeError(found.problem("model-config", (), message, "look for a size with digits too many"))
    assumed = kinds.assumption(found, model)
    return Configuration(
        replace(model, assumed=bool(assumed)),
        found.data,
        own.data if own else None,
        (assumed,) if assumed else (),
    )


def _beyond(config: Json) -> list[Problem]:
    """Return the sizes that cannot be, all of them."""
    try:
        text = language(config.data)
    except ConfigError as error:
        return [problem(error, config, None)]
    problems = []
    for name, least, most in LIMITS:
        value = text.find(name)
        try:
            if value is not None:
                value.number(least, most)
        except ConfigError as error:
            problems.append(problem(error, config, None))
    return problems


def problem(error: ConfigError, config: Json, quant: Json | None) -> Problem:
    """Return what a reader of plain data found, with its place in the text."""
    found = quant if quant and error.file == "hf_quant_config.json" else config
    hint, code = "", "model-config"
    if error.kind == "family":
        code = "unknown-architecture"
        hint = nearest(_family(error, found), families()) or PLAIN
    elif error.kind == "missing":
        stated = [show(name) for _, name in kinds.stated_types(config.data)]
        hint = (
            f"every language model has it; this one calls itself {stated[0]}"
            if stated
            else "every language model has it"
        )
    elif error.kind == "choice":
        hint = "recipegen has no sizes of another kind"
    return found.problem(code, found.path(error.key), error.message, hint)


def _family(error: ConfigError, config: Json) -> str:
    """Return the family that a configuration states where the error is."""
    stated = dict(kinds.stated_types(config.data))
    return stated.get(config.path(error.key), "")
