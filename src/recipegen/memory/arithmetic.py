"""The arithmetic of a fit, term by term, as a person would check it."""

from collections import Counter
from collections.abc import Iterator

from recipegen.memory.cache import COMPRESSED, dtype, number, of_request, of_token
from recipegen.memory.fitting import OF_CONFIG, Fit
from recipegen.memory.stages import Load, divided, stages
from recipegen.memory.terms import Kind, Term, gib
from recipegen.modelfacts import Kept

CONFIG = OF_CONFIG[1]
ABOVE = "the terms above"
OF_VLLM = "vLLM 0.31.0, vllm/v1/kv_cache_interface.py"
# How a share of memory becomes the room for the KV cache, by engine: what the share is of.
ROOM = {
    "vllm": "{share:g} x {memory} - {weights} - {overhead}",
    "sglang": "{share:g} x ({memory} - {overhead}) - {weights}",
    "trtllm": "{share:g} x ({memory} - {weights} - {overhead})",
}


def terms(fit: Fit) -> list[Term]:
    """Return every number that leads to what fits, in the order of the arithmetic.

    Sizes are those of one GPU, of the pipeline stage that decides.
    """
    return [*_memory(fit), *_weights(fit), *fit.stage.overhead.terms, *_cache(fit), *_held(fit)]


def doubt(fit: Fit) -> float:
    """Return by how many bytes the room for the KV cache may be off, as a rule of thumb.

    That is half of the overhead that is a rule of thumb itself, and a hundredth of weights that no file told.
    """
    guessed = sum(term.value for term in fit.stage.overhead.terms if term.kind == "rule of thumb")
    return guessed / 2 + (0 if fit.model.files else fit.stage.weights / 100)


def _memory(fit: Fit) -> Iterator[Term]:
    gpu = f"MIG {fit.setup.mig} of {fit.setup.gpu}" if fit.setup.mig else fit.setup.gpu
    yield Term("memory of the GPU", fit.memory, "B", f"what {gpu} shows", "published", "facts/hardware.yaml")
    yield fit.share


def _weights(fit: Fit) -> Iterator[Term]:
    model, setup = fit.model, fit.setup
    parameters = model.parameters.total
    yield Term(
        "parameters", parameters, "", "summed over modules", fit.source[0], fit.source[1], fit.source[2]
    )
    whole = "all of the model"
    yield Term(
        "weights of the model", model.weights_bytes, "B", whole, fit.source[0], fit.source[1], fit.source[2]
    )
    loads = divided(model)
    index = fit.stages.index(fit.stage)
    layers = stages(model.layers, setup.pipeline, setup.backend)[index]
    parts = [loads.layers[layer] for layer in layers]
    parts += [loads.first] if index == 0 else []
    parts += [loads.last] if index == len(fit.stages) - 1 else []
    parts += [loads.tied] if index == len(fit.stages) - 1 > 0 else []
    parts += [loads.predictors] if setup.predictors and index == len(fit.stages) - 1 else []
    sums = Load(*(sum(getattr(part, name) for part in parts) for name in Load.__dataclass_fields__))
    ranks = setup.attention_ranks
    rows = {
        "experts": (sums.experts, setup.expert_ranks),
        "attention": (sums.attention, ranks),
        "keys and values": (sums.kv, min(ranks, model.kv_heads or ranks)),
        "embedding": (sums.embedding, ranks),
        "MLP, head": (sums.rest, setup.mlp_ranks),
        "whole on every GPU": (sums.whole, 1),
    }
    for name, (size, gpus) in rows.items():
        if size:
            formula = f"{gib(size)} / {gpus}" if gpus > 1 else "on one GPU"
            yield Term(f"weights: {name}", size / gpus, "B", formula, fit.source[0], fit.source[1])
    yield from fit.stage.added
    formula = f"sum of the above, on stage {index + 1} of {len(fit.stages)}" if len(fit.stages) > 1 else "sum"
    yield Term("weights", fit.stage.weights, "B", formula, fit.source[0], fit.source[1], fit.source[2])


def _cache(fit: Fit) -> Iterator[Term]:
    setup, stage = fit.setup, fit.stage
    names = {
        "share": fit.share.value, "memory": gib(fit.memory), "weights": gib(stage.weights),
        "overhead": gib(stage.overhead.total),
    }  # fmt: skip
    formula = ROOM[setup.backend].format(**names)
    kind: Kind = (
        "published" if all(term.kind == "published" for term in stage.overhead.terms) else "rule of thumb"
    )
    yield Term("room for the KV cache", stage.room, "B", formula, kind, ABOVE, f"±{gib(doubt(fit))}")
    index = fit.stages.index(stage)
    layers = stages(fit.model.layers, setup.pipeline, setup.backend)[index]
    kept = Counter(fit.model.caches[layer] for layer in layers)
    for each, count in kept.items():
        size = of_token(each, fit.model, setup)
        if size:
            yield Term(NAMES[each.kind], count * size, "B", _of_token(fit, each, count), "published", CONFIG)
        state = of_request(each, fit.model, setup)
        if state:
            formula = f"{count} layers x {state:.0f} bytes"
            yield Term("state of a request", count * state, "B", formula, "published", OF_VLLM)
    part = stage.cache
    blocks = -(-fit.max_model_len // part.block)
    formula = f"{blocks} blocks of {part.block} tokens" if part.block > 1 else f"{fit.max_model_len} tokens"
    if part.windows or part.state:
        formula += ", windows with what is on its way, states with their copies"
    name = f"KV cache of a request of {fit.max_model_len} tokens"
    yield Term(name, fit.per_request, "B", formula, "published", "facts/memory.yaml")


NAMES = {
    "full": "KV cache of a token", "latent": "KV cache of a token", "compressed": "KV cache of a token",
    "sliding": "KV cache of a token in a window",
}  # fmt: skip


def _of_token(fit: Fit, kept: Kept, count: int) -> str:
    """Return how the bytes of a token come about."""
    each = f"{number(fit.model, fit.setup):g} bytes ({dtype(fit.model, fit.setup)})"
    if kept.kind == "latent":
        index = f" + {kept.index + 4} bytes of the indexer" if kept.index else ""
        one = of_token(kept, fit.model, fit.setup) - (kept.index + 4 if kept.index else 0)
        plain = one == kept.key * number(fit.model, fit.setup)
        return f"{count} layers x {f'{kept.key} x {each}' if plain else f'{one:.0f} bytes'}{index}"
    if kept.kind == "compressed":
        index = f" + {kept.index + 4}" if kept.index else ""
        return f"{count} layers x ({COMPRESSED:.0f}{index}) bytes / {kept.ratio} tokens"
    heads = max(1, -(-kept.heads // fit.setup.attention_ranks))
    numbers = f"2 x {kept.key}" if kept.key == kept.value else f"({kept.key} + {kept.value})"
    window = f", {kept.window} tokens of it" if kept.kind == "sliding" else ""
    return f"{count} layers x {heads} heads x {numbers} x {each}{window}"


def _held(fit: Fit) -> Iterator[Term]:
    copies = f"{fit.setup.copies} ranks x " if fit.setup.copies > 1 else ""
    source = ABOVE
    formula = f"{copies}room / KV cache of a request x {fit.max_model_len}"
    if not fit.stage.cache.windows and not fit.stage.cache.state:
        formula = f"{copies}whole blocks of {fit.stage.cache.block} tokens in the room"
    room = fit.stage.room
    unsure = f"±{doubt(fit) / room:.0%}" if room > 0 else ""
    yield Term("tokens held", fit.tokens, "tokens", formula, "rule of thumb", source, unsure)
    formula = f"{copies}room / KV cache of a request"
    yield Term("requests held", fit.concurrency, "requests", formula, "rule of thumb", source, unsure)
    own = fit.model.default_context
    formula = (
        f"a single request, at most the model's own {own}" if 0 < fit.longest <= own else "a single request"
    )
    yield Term("longest context", fit.longest, "tokens", formula, "rule of thumb", source, unsure)
