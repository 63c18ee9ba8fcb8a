"""The parallel sizes that a replica can have: what divides the model's heads and experts, node by node."""

from collections.abc import Iterator
from dataclasses import replace

from recipegen import facts
from recipegen.memory import Setup, divides
from recipegen.modelfacts import ModelFacts

MOST_NODES = 4
"""Nodes of a replica, at most; no recipe of the catalog has more."""


def setups(model: ModelFacts, base: Setup, block: int = 1) -> Iterator[Setup]:
    """Yield the parallel sizes of one replica within a node, fewest GPUs first.

    Args:
        model: The model.
        base: The engine and its settings; its parallel sizes are not looked at.
        block: Weights that share a scale, along the side that tensor parallelism cuts; 1: none do.
    """
    node = _node(base)
    gpus = 1
    while gpus <= node:
        yield from _of(model, base, gpus, 1, block)
        gpus *= 2


def over_nodes(model: ModelFacts, base: Setup, block: int = 1) -> Iterator[Setup]:
    """Yield the parallel sizes of one replica over several nodes: for where one node is too small."""
    node, nodes = _node(base), 2
    while nodes <= MOST_NODES:
        yield from _of(model, base, node * nodes, nodes, block)
        nodes *= 2


def nodes(setup: Setup) -> int:
    """Return the nodes that a replica takes."""
    return -(-setup.gpus // _node(setup))


def label(setup: Setup) -> str:
    """Return the sizes for people: TP 4, TP 8 x PP 2, TP 8 + EP 8, DP 8 + EP 8."""
    attention = setup.data > 1
    parts = [f"DP {setup.data}"] if attention else [f"TP {setup.tensor}"]
    if attention and setup.attention_ranks > 1:
        parts = [f"TP {setup.attention_ranks}", *parts]
    if setup.pipeline > 1:
        parts.append(f"PP {setup.pipeline}")
    words = " x ".join(parts)
    return f"{words} + EP {setup.expert}" if setup.expert > 1 else words


def _node(setup: Setup) -> int:
    return int(facts.hardware()[setup.gpu]["gpusPerNode"])


def _of(model: ModelFacts, base: Setup, gpus: int, count: int, block: int) -> Iterator[Setup]:
    """Yield the sizes that take so many GPUs on so many nodes."""
    # Tensor parallelism stays within a node; what stages exchange is little enough for links between nodes.
    tensor, found = gpus // count, []
    if _sliced(model, tensor, block):
        found.append(replace(base, tensor=tensor, pipeline=count, data=1, expert=1))
    spread = model.experts and gpus > 1 and model.experts % gpus == 0
    if spread and count == 1:
        found.append(replace(base, tensor=gpus, pipeline=1, data=1, expert=gpus))
    if spread and model.mla:
        # A latent is not divided by tensor parallelism: each GPU has requests of its own in place of copies.
        found.append(replace(base, tensor=1 if base.adds_data else gpus, pipeline=1, data=gpus, expert=gpus))
    yield from (setup for setup in found if divides(model, setup))


def _sliced(model: ModelFacts, tensor: int, block: int) -> bool:
    """Return whether so many GPUs get whole blocks of an MLP's weights, or of each expert's.

    Source: aiconfigurator 0.12.0, which refuses others for fp8 in blocks; unverified for other formats, and
    the engines' own checks were not read.
    """
    width = model.expert_width if model.experts else model.dense_width
    return tensor == 1 or width % (tensor * block) == 0
