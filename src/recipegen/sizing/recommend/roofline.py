"""The time of steps from first principles: computation against the tensor cores, reading against the memory.

Nothing here was measured. What tells an engine from a data sheet are the factors of `facts/speed.yaml`.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

from recipegen import facts
from recipegen.memory import Setup
from recipegen.memory.stages import Load, add
from recipegen.modelfacts import Kept, Module
from recipegen.sizing.recommend.rooms import Rooms
from recipegen.sizing.recommend.steps import Step
from recipegen.sizing.recommend.transfer import link

ORIGIN = "estimated (roofline)"
# A layer adds up over GPUs what attention made, and what its other half made.
SUMS = 2
ACTIVATION = 2
"""Bytes of a number between layers."""


@dataclass(frozen=True)
class _Work:
    """What one GPU has to do with its part of all layers."""

    read: float
    """Bytes of the weights that every pass reads: all but experts."""
    experts: float
    """Bytes of the routed experts."""
    compute: float
    """Seconds of the tensor cores for one token of a rank: all but experts."""
    routed: float
    """The same of the routed experts, for one token of all ranks."""
    operations: float
    """Operations for one token of a rank: all but experts."""


class Roofline:
    """Estimates of one model on one GPU type; implements `steps.Steps`."""

    def __init__(self, rooms: Rooms, gpu: str) -> None:
        self.rooms, self.model = rooms, rooms.model
        self.rule, self.link = facts.speed(), link(gpu)
        self.fact = facts.hardware()[gpu]
        self.bandwidth = self.fact["bandwidthGigabytesPerSecond"] * 1e9 * self.rule["bandwidth"]["value"]
        self._work: dict[Setup, _Work] = {}

    def prefill(self, setup: Setup, tokens: int) -> Step:
        """Return the time of one prompt, or with data parallelism of one on each rank."""
        work, model = self.work(setup), self.model
        products = (work.compute + work.routed * setup.copies) * tokens
        plain = self.fact["teraflops"]["bfloat16"] * 1e12
        quadratic = self._attention(tokens) / setup.attention_ranks / plain
        reading = (work.read + work.experts * self._touched(tokens)) / self.bandwidth
        seconds = max(products + quadratic / self.rule["attention"]["value"], reading)
        micro = self._micro(setup, tokens * model.hidden_size * ACTIVATION)
        return Step(seconds * 1e3 + micro / 1e3, ORIGIN)

    def decode(self, setup: Setup, batch: int, context: int) -> Step:
        """Return the time of one token for each request.

        Stages work on parts of the batch at the same time; a token passes through all of them.
        """
        work = self.work(setup)
        requests = ceil(batch / setup.copies / setup.pipeline)
        tokens = requests * setup.copies
        computing = work.compute * requests + work.routed * tokens
        reading = (work.read + work.experts * self._touched(tokens)) / self.bandwidth
        cache = requests * self.rooms.held(setup, context) / self.bandwidth
        micro = self._micro(setup, requests * self.model.hidden_size * ACTIVATION)
        return Step((max(reading, computing) + cache) * 1e3 + micro / 1e3, ORIGIN)

    def least(self, setup: Setup, tokens: int) -> float:
        """Return the milliseconds that the data sheet allows at best, without experts and KV cache.

        Args:
            setup: The replica.
            tokens: Of a prompt; 0 for the time of a token of the answer.
        """
        work = self.work(setup)
        if not tokens:
            return float(work.read / self.fact["bandwidthGigabytesPerSecond"] / 1e6)
        return float(work.operations * tokens / max(self.fact["teraflops"].values()) / 1e9)

    def work(self, setup: Setup) -> _Work:
        """Return what one GPU of a setup has to do."""
        if setup not in self._work:
            self._work[setup] = self._of(setup)
        return self._work[setup]

    def _of(self, setup: Setup) -> _Work:
        size, seconds, operations = (each.on_one(self.model, setup) for each in self._dense)
        experts, routed = (each.on_one(self.model, setup) for each in self._routed)
        return _Work(size, experts, seconds, routed, operations)

    @cached_property
    def _dense(self) -> tuple[Load, Load, Load]:
        """Return bytes, seconds and operations a token of all but experts."""
        size, seconds, operations = Load(), Load(), Load()
        for module in self.model.modules:
            # Of an embedding a step reads a row; the tower has nothing to do once images are read.
            if (
                module.active < 1
                or module.name == "vision"
                or (module.name == "embed" and not self.model.tied)
            ):
                continue
            each = 2 * module.parameters
            add(size, module.name, self._bytes(module))
            add(seconds, module.name, each / self._speed(module))
            add(operations, module.name, each)
        return size, seconds, operations

    @cached_property
    def _routed(self) -> tuple[Load, Load]:
        """Return bytes, and seconds a token, of the experts."""
        size, seconds = Load(), Load()
        for module in self.model.modules:
            if module.active < 1:
                add(size, module.name, self._bytes(module))
                add(seconds, module.name, 2 * module.parameters * module.active / self._speed(module))
        return size, seconds

    def _bytes(self, module: Module) -> float:
        return module.parameters * self.model.quantization.bytes_of(module.name, self.model.dtype)

    def _speed(self, module: Module) -> float:
        """Return the operations a second that the tensor cores do in a module's format."""
        rule, fact = self.rule, self.fact["teraflops"]
        routed = rule["routed"]["value"] if module.active < 1 else 1.0
        narrow = self._bytes(module) < 2 * module.parameters
        name = rule["formats"].get(self.model.quantization.format, "") if narrow else ""
        if name in fact:
            return float(fact[name] * 1e12 * rule["narrow"]["value"] * routed)
        return float(fact["bfloat16"] * 1e12 * rule["products"]["value"] * routed)

    def _touched(self, tokens: int) -> float:
        """Return the share of a layer's experts that so many tokens go to, each to its own at random."""
        model = self.model
        return 1 - (1 - model.experts_per_token / model.experts) ** tokens if model.experts else 0.0

    def _attention(self, tokens: int) -> float:
        """Return the operations of attention in all layers over a prompt: a token sees those before it."""
        wide = 4 * self.model.heads * self.model.head_dim
        return sum(wide * tokens * _seen(kept, tokens) for kept in self.model.caches)

    def _micro(self, setup: Setup, size: float) -> float:
        """Return the microseconds of a pass that go to small kernels and to exchange between GPUs.

        Args:
            setup: The replica.
            size: Bytes that a rank passes from layer to layer.
        """
        model, rule = self.model, self.rule
        routed = sum(module.active < 1 for module in model.modules)
        fixed = model.layers * rule["layer"]["value"] + routed * rule["experts"]["value"]
        after = setup.tensor if setup.copies <= 1 else setup.expert_ranks
        sums = self.link.sum(size, setup.attention_ranks) + self.link.sum(size * setup.copies, after)
        hop = self.link.sum(size, self.link.node + 1) / SUMS if setup.pipeline > 1 else 0.0
        return float(fixed + model.layers * sums + (setup.pipeline - 1) * hop)


def _seen(kept: Kept, tokens: int) -> float:
    """Return the tokens that a layer's attention sees of a prompt, on average."""
    if kept.kind == "sliding":
        return min(tokens / 2, kept.window)
    if kept.kind == "compressed":
        return tokens / 2 / max(kept.ratio, 1)
    return tokens / 2 if kept.kind in ("full", "latent") else 0.0
