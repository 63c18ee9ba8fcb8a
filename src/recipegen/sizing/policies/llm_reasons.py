"""Why another sizing differs from LLM Engine's hardware: from facts of a model, never from its name."""

from collections.abc import Iterator

from recipegen import facts
from recipegen.memory import GIB, Setup
from recipegen.memory.budget import memory
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.policies import cache16
from recipegen.sizing.policies.llm_engine import Inferred
from recipegen.sizing.policies.llm_rules import BYTES, GB

TOLD = 0.01
"""Share by which a number has to be off to be told."""


def reasons(found: Inferred, model: ModelFacts) -> list[str]:
    """Return why another sizing of this model may come to other hardware, a sentence each.

    Args:
        found: What LLM Engine infers.
        model: The same model, as its configuration describes it.
    """
    return [
        *_by_name(found),
        *_weights(found, model),
        *_cache(found, model),
        *_sequences(found),
        *_memory(found),
    ]


def _by_name(found: Inferred) -> Iterator[str]:
    if found.row is None:
        yield f"LLM Engine has hardware for the name {found.model}, whatever the model needs"


def _weights(found: Inferred, model: ModelFacts) -> Iterator[str]:
    real = model.parameters.total
    if _off(found.parameters * GB, real):
        by_name = f"{found.parameters} billion parameters by the name"
        yield f"{by_name}, {real / GB:.4g} by the configuration: {found.parameters * GB / real - 1:+.0%}"
    sixteen = BYTES * real
    if _off(sixteen, model.weights_bytes):
        own = model.quantization.format if model.quantization.format != "none" else model.dtype
        is_own = f"the checkpoint is {own}, {model.weights_bytes / GB:.4g} GB"
        yield f"weights are counted at 16 bits, {sixteen / GB:.4g} GB; {is_own}"
    if model.quantization.kv_cache:
        kind = model.quantization.kv_cache
        yield f"the KV cache is counted at 16 bits; the checkpoint says {kind}"


def _cache(found: Inferred, model: ModelFacts) -> Iterator[str]:
    """Yield what is wrong with the bytes of a token: its latent, its heads, its layers."""
    layers, hidden = found.shape.layers, found.shape.hidden
    counted, grows = found.shape.cache(1, batch=False), cache16.growing(model)
    if model.mla:
        far = 2**20
        latent = (cache16.sequence(model, 2 * far) - cache16.sequence(model, far)) / far
        less = f"MLA keeps {latent:.0f}: x{counted / latent:.1f}"
        yield f"the cache is counted as if every head were stored, {counted} bytes a token; {less}"
    elif model.heads * model.head_dim != hidden:
        factor = hidden / (model.heads * model.head_dim)
        wide = f"a head is taken to be {hidden} / {model.heads} = {hidden / model.heads:.4g} wide"
        yield f"{wide}; it is {model.head_dim}: the KV cache comes out x{factor:.2g}"
    divided = found.shape.heads // found.shape.kv_heads
    if not model.mla and divided * model.kv_heads != model.heads:
        yield f"the cache is divided by {divided}; the model has {model.kv_heads} KV heads for {model.heads}"
    if grows < layers:
        window = max(kept.window for kept in model.caches)
        state = any(kept.states for kept in model.caches)
        others = [f"a window of {window} tokens"] * bool(window) + ["a state of constant size"] * state
        rest = f", others {' or '.join(others)}" if others else ""
        yield f"all {layers} layers are taken to keep every token; {grows} do{rest}"


def _sequences(found: Inferred) -> Iterator[str]:
    one = found.shape.cache(found.context, batch=False) / GB
    count = "ten sequences are" if found.batch else "one sequence is"
    yield f"{count} counted, {found.context} tokens long: each further one takes {one:.1f} GB by its rule"


def _memory(found: Inferred) -> Iterator[str]:
    yield "activations, CUDA graphs and the engine itself are not counted, but for a tenth of the need"
    sold = facts.hardware()[found.gpu]["memoryBytes"] // GIB
    shown = memory(Setup(found.gpu)) / GB
    card = f"{sold} of {found.gpu} are {shown:.1f}"
    yield f"the need is in GB of 10^9 bytes, rows go by what cards are sold as: {card}"


def _off(counted: float, real: float) -> bool:
    return abs(counted / real - 1) > TOLD
