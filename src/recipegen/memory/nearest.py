"""The nearest setups that fit, where one does not."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from recipegen import facts
from recipegen.memory import budget
from recipegen.memory.division import divides
from recipegen.memory.fitting import Fit, fit
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


def larger_gpu(
    model: ModelFacts,
    setup: Setup,
    ways: Callable[[Setup], Iterable[Setup]] = lambda setup: (setup,),
    does: Callable[[Fit], bool] = lambda found: not found.tight,
) -> Setup | None:
    """Return a setup that does on the GPU type with the least memory above this one's, or None.

    Args:
        model: The model.
        setup: What does not do.
        ways: Returns what is tried of a setup on another GPU type, best first; by default itself.
        does: Whether a fit is enough; by default where it holds its context as asked.
    """
    if setup.mig:
        return None
    own = budget.memory(setup)
    others = [replace(setup, gpu=name) for name in facts.hardware()]
    sized = sorted((budget.memory(other), other.gpu, other) for other in others)
    larger = (other for memory, _, other in sized if memory > own)
    tried = (way for other in larger for way in ways(other))
    return next((way for way in tried if does(fit(model, way))), None)
