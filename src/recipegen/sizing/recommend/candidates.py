"""Every deployment that is looked at: parallel sizes x replicas x mode, and what those that fit would do."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Literal

from recipegen.memory import Setup
from recipegen.sizing.recommend import setups
from recipegen.sizing.recommend.load import Load
from recipegen.sizing.recommend.rooms import Rooms
from recipegen.sizing.recommend.serving import Served, aggregated, disaggregated
from recipegen.sizing.recommend.steps import Steps
from recipegen.sizing.recommend.transfer import Link, transfer

Mode = Literal["aggregated", "disaggregated"]
REPLICAS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Numbers of replicas that are tried."""


@dataclass(frozen=True)
class Part:
    """The replicas of one role."""

    role: Literal["worker", "prefill", "decode"]
    setup: Setup
    replicas: int

    @property
    def gpus(self) -> int:
        """Return the GPUs of all replicas."""
        return self.setup.gpus * self.replicas


@dataclass(frozen=True)
class Candidate:
    """A deployment that fits, and what clients would see of it."""

    parts: tuple[Part, ...]
    served: Served
    load: Load

    @property
    def mode(self) -> Mode:
        """Return whether prompts and answers have workers of their own."""
        return "aggregated" if len(self.parts) == 1 else "disaggregated"

    @property
    def gpus(self) -> int:
        """Return the GPUs of all replicas."""
        return sum(part.gpus for part in self.parts)

    @cached_property
    def latency(self) -> float:
        """Return the milliseconds of a whole request."""
        return self.served.latency(self.load)

    @property
    def per_gpu(self) -> float:
        """Return the output tokens a second of one GPU."""
        return self.served.throughput / self.gpus

    @property
    def words(self) -> str:
        """Return it for people: 2 x TP 4, or prefill 2 x TP 4, decode 1 x TP 8."""
        if len(self.parts) == 1:
            return f"{self.parts[0].replicas} x {setups.label(self.parts[0].setup)}"
        each = (f"{part.role} {part.replicas} x {setups.label(part.setup)}" for part in self.parts)
        return ", ".join(each)


@dataclass(frozen=True)
class Excluded:
    """A deployment that cannot be, for want of memory."""

    words: str
    why: str
    group: str
    gpus: int
    """Of a replica."""


@dataclass(frozen=True)
class Search:
    """What deployments are worked out with."""

    rooms: Rooms
    """Memory of the model's setups, with the load."""
    steps: Steps
    """How long passes take."""
    link: Link
    """The links between GPUs."""
    most: int
    """GPUs, at most."""


def candidates(search: Search, fitting: list[Setup]) -> Iterator[Candidate | Excluded]:
    """Yield every deployment, and those that lack memory for the load.

    Args:
        search: What is searched with.
        fitting: Setups of which a replica starts.
    """
    load, most = search.rooms.load, search.most
    counts = [count for count in REPLICAS if count <= load.concurrency]
    for setup in fitting:
        for count in (count for count in counts if count * setup.gpus <= most):
            lacking = _lacking(search.rooms, setup, count)
            if lacking:
                words = f"{count} x {setups.label(setup)}"
                yield Excluded(words, lacking, "memory for fewer requests", setup.gpus)
                continue
            yield Candidate(
                (Part("worker", setup, count),), aggregated(search.steps, setup, count, load), load
            )
    for setup in fitting:
        for count in (count for count in counts if count * setup.gpus < most):
            # Those that lack memory are said above, for the same replicas without prefill workers.
            if not _lacking(search.rooms, setup, count):
                for prefill in fitting:
                    yield from _disaggregated(search, prefill, Part("decode", setup, count))


def _disaggregated(search: Search, setup: Setup, decode: Part) -> Iterator[Candidate]:
    """Yield deployments with more and more prefill workers, until a further one would have nothing to do."""
    load = search.rooms.load
    moved = transfer(search.rooms.held(setup, load.isl), search.link)
    for count in REPLICAS:
        prefill = Part("prefill", setup, count)
        if count > load.concurrency or prefill.gpus + decode.gpus > search.most:
            return
        workers = (setup, count), (decode.setup, decode.replicas)
        served = disaggregated(search.steps, *workers, moved, load)
        yield Candidate((prefill, decode), served, load)
        if served.ttft < 1.05 * (served.steps[0].milliseconds + moved):
            return


def _lacking(rooms: Rooms, setup: Setup, count: int) -> str:
    batch, room = ceil(rooms.load.concurrency / count), rooms.requests(setup)
    if batch <= room:
        return ""
    return f"{batch} requests of {rooms.load.context} tokens at once, and a replica has memory for {room}"
