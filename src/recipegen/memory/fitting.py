"""What the memory of a replica's GPUs holds, put together from its parts."""

from dataclasses import dataclass, replace

from recipegen.memory import budget
from recipegen.memory.cache import Cache, cache, unwindowed
from recipegen.memory.loading import added
from recipegen.memory.overhead import Overhead, batch, overhead
from recipegen.memory.precision import quantised
from recipegen.memory.setup import Setup
from recipegen.memory.stages import stages, weights
from recipegen.memory.terms import Kind, Term
from recipegen.modelfacts import ModelFacts

OF_CONFIG: tuple[Kind, str, str] = ("published", "config.json", "±1 %")

ASSUMED: tuple[Kind, str, str] = ("rule of thumb", "config.json, its layers taken to be plain", "unknown")


@dataclass(frozen=True)
class Stage:
    """A pipeline stage on one of its GPUs. Sizes are bytes."""

    weights: float
    """With what the engine adds to them."""
    added: tuple[Term, ...]
    overhead: Overhead
    cache: Cache
    room: float
    """Left for the KV cache; below zero where there is none."""
    longest: int
    """Tokens of the longest request that fits."""


@dataclass(frozen=True)
class Fit:
    """What a replica's memory holds. Sizes are bytes on one GPU."""

    model: ModelFacts
    """As it is loaded: number formats of the setup in place of the checkpoint's."""
    setup: Setup
    memory: int
    """That the GPU shows."""
    stages: tuple[Stage, ...]
    stage: Stage
    """The one that holds the fewest requests."""
    max_model_len: int
    """Context in tokens: as set, or the model's own, or where that does not fit the longest one that does."""
    longest: int
    """Longest single request in tokens, at most the model's context."""

    @property
    def share(self) -> Term:
        """The share of memory that the engine takes."""
        return budget.share(self.model, self.setup, self.memory)

    @property
    def source(self) -> tuple[Kind, str, str]:
        """Where the sizes of weights come from: kind, source and uncertainty as for a term."""
        files = self.model.files
        if files and files.counted:
            return "measured", files.source, ""
        if files:
            return "published", f"{files.source}, shared out as config.json has it", OF_CONFIG[2]
        return ASSUMED if self.model.assumed else OF_CONFIG

    @property
    def weights(self) -> float:
        """Weights on the fullest GPU."""
        return max(stage.weights for stage in self.stages)

    @property
    def concurrency(self) -> float:
        """Requests of `max_model_len` tokens at once, of the whole replica."""
        return self.held(self.max_model_len)

    @property
    def per_token(self) -> float:
        """KV cache of a token on the stage with most of it, in layers that grow with the context."""
        return max(stage.cache.growing for stage in self.stages)

    @property
    def per_request(self) -> float:
        """KV cache of one request of `max_model_len` tokens, on the stage that decides."""
        return self.stage.cache.request(self.max_model_len)

    @property
    def tokens(self) -> int:
        """Tokens that the replica's KV cache holds: whole blocks, or those of requests of `max_model_len`."""
        cache, room = self.stage.cache, self.stage.room
        if room <= 0:
            return 0
        if cache.windows or cache.state or not cache.growing:
            return int(self.concurrency * self.max_model_len) if cache.request(1) else 0
        return int(room // (cache.growing * cache.block)) * cache.block * self.setup.copies

    def held(self, length: int, *, settled: bool = False) -> float:
        """Return the requests of so many tokens that the whole replica holds at once, read or being read."""
        return self.stage.cache.held(self.stage.room, length, settled=settled) * self.setup.copies

    @property
    def weights_fit(self) -> bool:
        """Whether the weights alone fit into what the engine may take."""
        return all(
            stage.weights <= budget.budget(self.model, self.setup, self.memory, stage.overhead.total)
            for stage in self.stages
        )

    @property
    def fits(self) -> bool:
        """Whether the engine starts: weights, overhead, and at least one request of the context."""
        return self.weights_fit and self.stage.room > 0 and self.concurrency >= self.setup.copies

    @property
    def budget(self) -> float:
        """What weights may take at most on the stage that decides."""
        return budget.budget(self.model, self.setup, self.memory, self.stage.overhead.total)

    @property
    def tight(self) -> bool:
        """Whether the engine would not start by itself: it does not fit, or with a shorter context alone."""
        return not self.fits or self.shortened

    @property
    def shortened(self) -> bool:
        """Whether the context is shorter than the model's, because that does not fit."""
        return self.setup.max_model_len is None and self.max_model_len < self.model.default_context


def fit(model: ModelFacts, setup: Setup) -> Fit:
    """Return what the memory of a replica's GPUs holds.

    The pipeline stage that holds the fewest requests decides. The engines' formulas: facts/memory.yaml.

    Args:
        model: The model, as its checkpoint is.
        setup: The engine; its GPU is one of facts/hardware.yaml.
    """
    model = quantised(model, setup)
    if setup.whole:
        model = replace(model, caches=tuple(unwindowed(each) for each in model.caches))
    memory = budget.memory(setup)
    batched, _ = batch(setup, memory)
    limit = setup.max_model_len or model.default_context or model.context
    loads = weights(model, setup)
    parts = stages(model.layers, setup.pipeline, setup.backend)
    found = []
    for place, (layers, stored) in enumerate(zip(parts, loads, strict=True)):
        more = added(model, setup, layers)
        load = stored + sum(term.value for term in more)
        over = overhead(model, setup, memory, last=place == len(loads) - 1)
        part = cache(model, layers, setup, budget.block(setup), batched)
        room = budget.room(model, setup, memory, load, over.total)
        found.append(Stage(load, more, over, part, room, part.longest(room, max(limit, model.context))))
    longest = min(stage.longest for stage in found)
    length = limit if setup.max_model_len or not longest else min(limit, longest)
    decides = min(found, key=lambda stage: stage.cache.held(stage.room, length))
    return Fit(model, setup, memory, tuple(found), decides, length, longest)
