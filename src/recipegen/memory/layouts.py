"""The layouts of a replica: how its GPUs can share a model in parallel."""

from collections.abc import Iterator
from dataclasses import replace

from recipegen import facts
from recipegen.memory.division import divides
from recipegen.memory.setup import Setup
from recipegen.modelfacts import ModelFacts


def counts(gpu: str, most_nodes: int) -> Iterator[tuple[int, int]]:
    """Yield the sizes of a replica as GPUs and nodes: powers of two of GPUs in a node, then of whole nodes.

    Args:
        gpu: Name of the GPU type in facts/hardware.yaml.
        most_nodes: Nodes that a replica may take.
    """
    node = int(facts.hardware()[gpu]["gpusPerNode"])
    yield from ((gpus, 1) for gpus in _powers(node))
    yield from ((node * nodes, nodes) for nodes in _powers(most_nodes) if nodes > 1)


def layouts(model: ModelFacts, base: Setup, gpus: int, nodes: int) -> Iterator[Setup]:
    """Yield how so many GPUs on so many nodes can share a model, the widest tensor parallelism first.

    Tensor parallelism takes powers of two and stays within a node; stages of layers are for the rest, which
    exchange little enough for links between nodes. Experts are cut like everything else, or spread, each
    whole on one GPU. Of MLA tensor parallelism does not divide the latent: with data-parallel attention,
    which comes last, each GPU has requests of its own in place of copies.

    Args:
        model: The model.
        base: GPU, engine and its settings; its parallel sizes are not looked at.
        gpus: GPUs of the replica.
        nodes: Nodes that they are on.
    """
    found: list[Setup] = []
    for tensor in reversed([*_powers(gpus // nodes)]):
        if gpus % tensor:
            continue
        size = replace(base, tensor=tensor, pipeline=gpus // tensor, data=1, expert=1)
        found += [size] if _whole_blocks(model, tensor) else []
        found += [replace(size, expert=tensor)] if tensor > 1 and _evenly(model, tensor) else []
    if model.mla and model.experts and gpus > 1:
        tensor = 1 if base.adds_data else gpus
        # vLLM spreads unevenly where it must: memory/division.py.
        spread = base.adds_data or _evenly(model, gpus)
        if spread or _whole_blocks(model, gpus):
            expert = gpus if spread else 1
            found.append(replace(base, tensor=tensor, pipeline=1, data=gpus, expert=expert))
    yield from (each for each in found if divides(model, each))


def _powers(most: int) -> Iterator[int]:
    size = 1
    while size <= most:
        yield size
        size *= 2


def _evenly(model: ModelFacts, ranks: int) -> bool:
    return model.experts > 0 and model.experts % ranks == 0


def _whole_blocks(model: ModelFacts, tensor: int) -> bool:
    """Return whether so many GPUs get whole blocks of an MLP's weights, or of each expert's.

    Source: aiconfigurator 0.12.0, which refuses others for fp8 in blocks; unverified for other formats, and
    the engines' own checks were not read.
    """
    width = model.expert_width if model.experts else model.dense_width
    return tensor == 1 or width % (tensor * model.quantization.block) == 0
