"""Which deployments win, and why each of the others does not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recipegen.sizing.recommend.candidates import Candidate, Excluded
from recipegen.sizing.recommend.load import Targets

CLOSE = 1.05
"""Latencies that differ by less are alike."""

VIEWS = {
    "best cost": "fewest GPUs, then the shortest request",
    "best latency": "fewest GPUs among those within 5 % of the shortest request",
    "balanced": "least sum of GPUs, in multiples of best cost's, and request time, in best latency's",
}


@dataclass(frozen=True)
class Loser:
    """A deployment that was not chosen."""

    words: str
    why: str
    group: str
    """What all losers of the same kind have in common."""
    candidate: Candidate | None = None
    """None for what does not fit."""
    gpus: int = 0
    """Of a replica, of what does not fit."""


@dataclass(frozen=True)
class Miss:
    """A target that a deployment misses."""

    name: str
    value: float
    target: float
    at_least: bool = False

    @property
    def factor(self) -> float:
        """Return how far it is off, above 1."""
        small, large = sorted((self.value, self.target))
        return large / small if small > 0 else float("inf")

    @property
    def words(self) -> str:
        """Return it for people: TTFT 840 ms > 500."""
        unit = UNITS[self.name]
        return f"{self.name} {number(self.value)}{unit} {'<' if self.at_least else '>'} {number(self.target)}"


UNITS = {"TTFT": " ms", "ITL": " ms", "throughput": " tokens/s", "cost": " $/h", "GPUs": ""}


def number(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    return f"{value:.0f}" if value >= 100 or float(value).is_integer() else f"{value:.3g}"


def misses(found: Candidate, targets: Targets, price: float | None) -> list[Miss]:
    """Return the targets that a deployment misses."""
    served = found.served
    rows = [
        ("TTFT", served.ttft, targets.ttft, False),
        ("ITL", served.itl, targets.itl, False),
        ("throughput", served.throughput, targets.throughput, True),
        ("cost", found.gpus * (price or 0.0), targets.budget, False),
    ]
    return [
        Miss(name, value, target, at_least)
        for name, value, target, at_least in rows
        if target is not None and (value < target if at_least else value > target)
    ]


def choose(good: list[Candidate]) -> dict[str, Candidate]:
    """Return the winner of each view, of deployments that meet every target; they have at least one."""
    cheapest = min(good, key=lambda each: (each.gpus, each.latency))
    shortest = min(each.latency for each in good)
    fast = [each for each in good if each.latency <= shortest * CLOSE]
    quickest = min(fast, key=lambda each: (each.gpus, each.latency))

    winners = {"best cost": cheapest, "best latency": quickest}
    return winners | {"balanced": min(good, key=lambda each: (_sum(each, winners), each.gpus))}


def _sum(each: Candidate, winners: dict[str, Candidate]) -> float:
    """Return GPUs and request time in multiples of the best of each."""
    return each.gpus / winners["best cost"].gpus + each.latency / winners["best latency"].latency


def _beaten(each: Candidate, winners: dict[str, Candidate]) -> Loser:
    """Return a deployment that meets every target and is none of the winners, with the reason."""
    cost, quick, balanced = winners.values()
    if each.gpus == cost.gpus:
        group = "as many GPUs as best cost, and longer requests"
        why = f"{each.latency / 1000:.1f} s a request, best cost {cost.latency / 1000:.1f}"
    elif each.gpus >= quick.gpus and each.latency <= quick.latency * CLOSE:
        group = "as quick as best latency, and no fewer GPUs"
        why = f"{each.gpus} GPUs, best latency {quick.gpus}"
    else:
        group = "more GPUs than best cost, slower than best latency, and further from both than balanced"
        sums = f"{_sum(each, winners):.2f} in multiples of the best, balanced {_sum(balanced, winners):.2f}"
        why = f"{each.gpus} GPUs and {each.latency / 1000:.1f} s a request, {sums}"
    return Loser(each.words, why, group, each)


def judged(
    found: Iterable[Candidate | Excluded], targets: Targets, price: float | None
) -> tuple[dict[str, Candidate], list[Loser], Candidate | None]:
    """Return the winners by view, all losers, and where nothing meets the targets the closest candidate."""
    candidates: list[Candidate] = []
    losers: list[Loser] = []
    for each in found:
        if isinstance(each, Excluded):
            losers.append(Loser(each.words, each.why, each.group, gpus=each.gpus))
        else:
            candidates.append(each)
    missed = {each: misses(each, targets, price) for each in candidates}
    good = [each for each, what in missed.items() if not what]
    for each, what in missed.items():
        if what:
            names = " and ".join(one.name for one in what)
            losers.append(Loser(each.words, "; ".join(one.words for one in what), f"misses {names}", each))
    if not good:
        closest = min(candidates, key=_distance(missed), default=None)
        return {}, losers, closest
    winners = choose(good)
    rest = (each for each in good if each not in winners.values())
    losers += [_beaten(each, winners) for each in rest]
    return winners, losers, None


def _distance(missed: dict[Candidate, list[Miss]]) -> Callable[[Candidate], tuple[float, int]]:
    """Return what candidates are closest by: the target that is missed by most, then GPUs."""
    return lambda each: (max(one.factor for one in missed[each]), each.gpus)
