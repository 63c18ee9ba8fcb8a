"""The nearest setups that fit, where one does not."""

from dataclasses import replace

from recipegen import facts
from recipegen.memory import budget
from recipegen.memory.division import divides
from recipegen.memory.fitting import fit
from recipegen.memory.setup import Setup
from recipegen.modelfacts import ModelFacts


def more_gpus(model: ModelFacts, setup: Setup) -> Setup | None:
    """Return the setup with the least tensor parallelism above its own that fits in a node, or None."""
    each = facts.hardware()[setup.gpu]["gpusPerNode"]
    more = setup
    while not setup.mig and more.tensor * 2 <= each:
        more = more.doubled()
        if divides(model, more) and not fit(model, more).tight:
            return more
    return None


def larger_gpu(model: ModelFacts, setup: Setup) -> str | None:
    """Return the GPU type with the least memory above this one's on which the setup fits, or None."""
    if setup.mig:
        return None
    own = budget.memory(setup)
    others = [replace(setup, gpu=name) for name in facts.hardware()]
    sized = sorted((budget.memory(other), other.gpu, other) for other in others)
    for memory, gpu, other in sized:
        if memory > own and not fit(model, other).tight:
            return gpu
    return None
