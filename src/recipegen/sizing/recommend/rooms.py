"""What the memory of a replica holds of the load: the one place that asks the memory arithmetic."""

from dataclasses import replace

from recipegen.memory import Fit, Setup, fit, gib
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.recommend.load import Load

MOST = 1_000_000_000
"""Requests of a replica whose layers keep nothing."""


class Rooms:
    """What the memory of each setup holds, worked out once."""

    def __init__(self, model: ModelFacts, load: Load) -> None:
        self.model, self.load = model, load
        self._fits: dict[Setup, Fit] = {}

    def fit(self, setup: Setup) -> Fit:
        """Return what a replica's memory holds in requests of the load's length."""
        if setup not in self._fits:
            self._fits[setup] = fit(self.model, replace(setup, max_model_len=self.load.context))
        return self._fits[setup]

    def requests(self, setup: Setup) -> int:
        """Return how many requests of the load a replica holds at once."""
        return int(min(self.fit(setup).held(self.load.context, settled=True), MOST))

    def held(self, setup: Setup, tokens: int) -> float:
        """Return the bytes of one request's cache on a GPU of each stage, added up."""
        return sum(stage.cache.request(tokens) for stage in self.fit(setup).stages)

    def short(self, setup: Setup) -> str:
        """Return why a replica cannot start, or nothing: for its weights, or for its own longest context."""
        found = self.fit(setup)
        if not found.weights_fit:
            return f"{gib(found.weights)} of weights a GPU > {gib(found.budget)} that the engine may take"
        if not found.fits:
            need = gib(found.per_request)
            left = gib(max(found.stage.room, 0))
            return f"one request of {self.load.context} tokens takes {need} a GPU > {left} left"
        length = setup.max_model_len or 0
        if length > self.load.context:
            own = fit(self.model, setup)
            if not own.fits:
                left = gib(max(own.stage.room, 0))
                return f"the recipe's maxModelLen, {length}, takes {gib(own.per_request)} a GPU > {left} left"
        return ""
