"""What is asked of the twin, and how much of it fits into the model's context."""

from typing import Any

from recipegen.twin import mocker
from recipegen.twin.graph import Graph, option

HELLO = "Hello!"
TOKENS = 8
"""Tokens of an answer."""
OVERHEAD = 64
"""Tokens that a chat template, the beginning of a text and the answer take together."""
SENTENCE = "A prefix that is long enough to fill several blocks of the cache. "
# Characters for each token of a block: several blocks, whether a token is one character or four.
LENGTH = 16
BLOCK = 64


def chat(model: str, text: str, tokens: int = TOKENS) -> dict[str, Any]:
    """Return the body of a chat request for an answer of so many tokens."""
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": tokens}


def context(graph: Graph) -> int | None:
    """Return the tokens of the shortest context that a worker is told; None when none is."""
    told = [option(mocker.of(worker).argv, "--max-model-len") for worker in graph.workers]
    return min((int(limit) for limit in told if limit), default=None)


def block_size(graph: Graph) -> int:
    """Return the tokens of a cache block that the frontend is told."""
    return int(option(graph.frontend.argv, "--kv-cache-block-size") or BLOCK)


def long_text(graph: Graph) -> str:
    """Return a text of several cache blocks, as long as the shortest context has room for it."""
    length, limit = LENGTH * block_size(graph), context(graph)
    if limit is not None:
        length = max(0, min(length, limit - OVERHEAD))
    return (SENTENCE * (length // len(SENTENCE) + 1))[:length]
