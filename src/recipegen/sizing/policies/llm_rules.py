"""The arithmetic of LLM Engine's inference of hardware, with its mistakes.

Source: scaleapi/llm-engine, Apache-2.0; `facts/llm-engine.yaml` names the files.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recipegen import facts
from recipegen.errors import Problem, RecipeError, brief, show
from recipegen.memory import Term
from recipegen.modelfacts.config import LAYERS, MOST, Part, language

SOURCE = "scaleapi/llm-engine, llm_model_endpoint_use_cases.py"
GB = 10**9
BYTES = 2
"""Of a parameter, and of an entry of the cache: 16 bits, whatever the checkpoint has."""
SEQUENCES = {False: 1, True: 10}
"""Sequences of full length that the cache has to hold: online, and in a batch job."""
HEADROOM = 0.9
KEYS = ("num_hidden_layers", "hidden_size", "num_attention_heads", "max_position_embeddings")
KV_HEADS = "num_key_value_heads"
# Digits only, so that it finds 6 in 0.6b, 22 in 235b-a22b, and 4 in 4bit.
NUMBER = re.compile(r"\d+(?=b)")
MOST_DIGITS = 9
SEPARATOR = re.compile("[-_]")


@dataclass(frozen=True)
class Shape:
    """What LLM Engine reads of a config.json."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    positions: int
    notes: tuple[str, ...] = ()
    """Where LLM Engine itself would have stopped."""

    def cache(self, context: int, *, batch: bool) -> int:
        """Return the bytes of keys and values of all sequences, `context` tokens each."""
        both = 2 * SEQUENCES[batch] * BYTES * self.layers * self.hidden * context
        return both // (self.heads // self.kv_heads)


def read(config: Mapping[str, Any]) -> Shape:
    """Return the numbers that it reads, from the top of config.json as it does, or else from what is nested.

    Raises:
        ConfigError: One is missing, or cannot be.
    """
    top, text = Part(config), language(config)
    nested = [key for key in KEYS if not top.find(key) and text.find(key)]
    layers, hidden, heads, positions = (
        (text if key in nested else top).number(key, most=LAYERS if key == KEYS[0] else MOST) for key in KEYS
    )
    own = top if top.find(KV_HEADS) else text
    notes = []
    if nested:
        keys = ", ".join(nested)
        notes.append(f"LLM Engine reads no nested configuration and would stop; {text.at} has {keys}")
    if not own.find(KV_HEADS):
        notes.append(f"LLM Engine would stop without {KV_HEADS}; taken to be num_attention_heads")
    kv_heads = own.number(KV_HEADS, least=1, most=heads) if own.find(KV_HEADS) else heads
    return Shape(layers, hidden, heads, kv_heads, positions, tuple(notes))


def parameters(name: str) -> tuple[int, str]:
    """Return the billions of parameters that a name says, and the part of it that does.

    Raises:
        RecipeError: The name says none.
    """
    special: dict[str, int] = facts.llm_engine()["parameters"]
    for part, billions in special.items():
        if part in name:
            return billions, part
    found = list(NUMBER.finditer(name))
    if not found or len(found[-1][0]) > MOST_DIGITS:
        message = f"Unable to infer hardware: the name {show(name)} says no number of parameters"
        hint = "LLM Engine reads the last number before a b, as in llama-2-7b: give such a name, --model NAME"
        raise RecipeError(Problem("llm-engine", (), message, hint))
    start = found[-1].start()
    return int(found[-1][0]), SEPARATOR.split(name[:start])[-1] + SEPARATOR.split(name[start:])[0]


def need(cache: int, billions: int) -> int:
    """Return the GB that a model needs; divided in the original's order, for the sake of the last digit."""
    return math.ceil((cache + BYTES * billions * GB) / GB / HEADROOM)


def longest(shape: Shape, billions: int, limit: int, *, batch: bool) -> int:
    """Return the longest context whose need is at most `limit` GB; 0 where the weights alone need more."""
    low, high = 0, shape.positions
    while low < high:
        middle = (low + high + 1) // 2
        fits = need(shape.cache(middle, batch=batch), billions) <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def terms(name: str, shape: Shape, context: int, *, batch: bool) -> Iterator[Term]:
    """Yield the steps from a configuration to the need."""
    cache, (billions, part) = shape.cache(context, batch=batch), parameters(name)
    positions = f"max_position_embeddings, {shape.positions}"
    if context == shape.positions:
        yield Term("context", context, "tokens", positions, "published", "config.json")
    else:
        yield Term("context", context, "tokens", f"as asked for; {positions}", "chosen", "")
    of_layers = f"{shape.layers} layers x {shape.hidden} x {context} tokens"
    grouped = f"({shape.heads} heads // {shape.kv_heads})"
    formulas = {
        "kvCache": (cache, f"{SEQUENCES[batch]} x 2 x {BYTES} bytes x {of_layers} // {grouped}"),
        "parameters": (billions * GB, f"by the name: {brief(part)}"),
        "weights": (BYTES * billions * GB, f"{BYTES} bytes x parameters"),
        "need": (need(cache, billions) * GB, f"(kvCache + weights) / {HEADROOM}, rounded up to a GB of 10^9"),
    }
    for key, (value, formula) in formulas.items():
        yield Term(key, value, "" if key == "parameters" else "B", formula, "rule of thumb", SOURCE)
