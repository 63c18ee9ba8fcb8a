"""What an engine is told for a family of models: parsers, blocks, code of the repository, share of memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recipegen import facts
from recipegen.modelfacts import ModelFacts

# As in the catalog: docs/catalog.md says of what each engine's share is.
SHARES = {"vllm": 0.9, "sglang": 0.85, "trtllm": 0.85}
SHARE_OF = {
    "vllm": "Of the whole GPU.",
    "sglang": "Of the GPU, for weights and KV cache alone; the rest is for everything else.",
    "trtllm": "Of what the weights leave free.",
}
# Tokens of a block where the model's kernels fix it, as in the catalog.
COMPRESSED, LATENT = 256, 64
# Tokens that TensorRT-LLM reads in one pass where nothing else is said: rules/prompts.py has the source.
PASS = 8192
PARSERS = {"toolCallParser": "tool calls", "reasoningParser": "reasoning"}


@dataclass
class Defaults:
    """Keys of an engine, in order, with what is said above them."""

    engine: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys of the engine's own file, in each role that reads prompts."""
    env: dict[str, str] = field(default_factory=dict)
    """Variables of every worker."""
    comments: dict[str, str] = field(default_factory=dict)
    """Key of `engine`, `extra` (as extraConfig) or `env` to comment."""
    notes: list[str] = field(default_factory=list)
    """What is left to the person."""


def parsers(model: ModelFacts, *, chat: bool | None) -> Defaults:
    """Return the parsers of a model's family; where it depends on the model, a note that names them."""
    found = Defaults()
    kind = model.families[-1] if model.families else ""
    row: Mapping[str, Any] = facts.parsers().get(kind, {})
    if chat is False:
        if row:
            found.notes.append("there is no chat template, so no parsers of tool calls and reasoning either")
        return found
    for key, words in PARSERS.items():
        name = row.get(key)
        if isinstance(name, str):
            found.engine[key] = name
            found.comments[key] = (
                f"What the catalog has for models of type {kind}; the model card knows better."
            )
        elif name:
            found.notes.append(
                f"{key} is left out: for {words} the card of a model of type {kind} says which parser, "
                f"if any; the catalog has {' or '.join(name)} for some"
            )
    if not row and kind:
        found.notes.append(
            f"no parser of tool calls or reasoning is known for models of type {kind}: the model card names "
            "them, and `recipegen explain` the keys model.engine.toolCallParser and .reasoningParser"
        )
    # One sentence is enough where both come from the same table.
    if len(found.comments) > 1:
        del found.comments["reasoningParser"]
    return found


def block_size(model: ModelFacts, backend: str, *, routed: bool) -> int | None:
    """Return the tokens of a block that routing by cache has to count in; None for the engine's own.

    With TensorRT-LLM the engine's own file has it, and its default is the router's.
    """
    if not routed or backend == "trtllm":
        return None
    if model.compressed:
        return COMPRESSED
    return LATENT if model.mla or model.attention == "hybrid" else None


def defaults(
    model: ModelFacts, backend: str, context: int, *, remote_code: bool, disaggregated: bool
) -> Defaults:
    """Return what else the engine needs to be told for this model."""
    found = Defaults()
    if remote_code:
        words = (
            "Code that comes with the weights runs in your cluster. Read it and pin the revision, or leave "
            "this out where the engine knows the architecture itself."
        )
        if backend == "trtllm":
            found.extra["trust_remote_code"] = True
            found.comments["extraConfig"] = words
        else:
            found.engine["trustRemoteCode"] = True
            found.comments["trustRemoteCode"] = words
    if backend == "trtllm" and context > PASS:
        found.extra["enable_chunked_prefill"] = True
        said = found.comments.get("extraConfig", "")
        words = f"TensorRT-LLM refuses prompts of more than a pass, {PASS} tokens, unless it may cut them."
        found.comments["extraConfig"] = f"{words}\n{said}" if said else words
    if backend == "vllm" and disaggregated and model.attention == "hybrid":
        found.env["VLLM_SSM_CONV_STATE_LAYOUT"] = "DS"
        found.comments["env"] = "vLLM hands states of layers over in this layout alone."
    return found


def derived_backend(model: ModelFacts, gpu: str) -> str:
    """Return the one engine that is known to load a model's weights on a GPU type.

    It is empty where several are known to, or none. Source: facts/quantization.yaml.
    """
    quantization = model.quantization
    capability = _version(str(facts.hardware()[gpu]["computeCapability"]))
    found = []
    for backend in SHARES:
        row = facts.quantization().get(backend, {}).get(quantization.format, {}).get(quantization.method, {})
        least = row.get("least", row.get("stated"))
        if least is not None and capability >= _version(least):
            found.append(backend)
    return found[0] if len(found) == 1 and quantization.format != "none" else ""


def known_to_load(model: ModelFacts, backend: str) -> bool:
    """Return whether anything is known of an engine with the model's number format."""
    quantization = model.quantization
    rows = facts.quantization().get(backend, {}).get(quantization.format, {})
    return quantization.format == "none" or quantization.method in rows


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
