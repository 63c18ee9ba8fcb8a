"""The layouts that are compared: those of a node, or of several where one is too small."""

from collections.abc import Iterator

from recipegen import facts
from recipegen.memory import Setup, counts, layouts
from recipegen.modelfacts import ModelFacts

MOST_NODES = 4
"""Nodes of a replica, at most; no recipe of the catalog has more."""


def setups(model: ModelFacts, base: Setup) -> Iterator[Setup]:
    """Yield the layouts of one replica within a node, fewest GPUs first.

    Args:
        model: The model.
        base: The engine and its settings; its parallel sizes are not looked at.
    """
    for gpus, _ in counts(base.gpu, 1):
        yield from _compared(model, base, gpus, 1)


def over_nodes(model: ModelFacts, base: Setup) -> Iterator[Setup]:
    """Yield the layouts of one replica over several nodes: for where one node is too small."""
    for gpus, several in counts(base.gpu, MOST_NODES):
        if several > 1:
            yield from _compared(model, base, gpus, several)


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


def _compared(model: ModelFacts, base: Setup, gpus: int, count: int) -> Iterator[Setup]:
    """Yield the layouts with a stage on each node, and those with all experts spread evenly."""
    for each in layouts(model, base, gpus, count):
        attention = each.data > 1 and each.expert > 1
        stages = each.data == 1 and each.pipeline == count and (count == 1 or each.expert == 1)
        if (attention or stages) and model.experts % each.expert == 0:
            yield each
