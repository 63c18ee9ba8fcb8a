"""From the time of steps to what a client sees: first token, token to token, tokens a second."""

from dataclasses import dataclass
from math import ceil, inf

from recipegen.memory import Setup
from recipegen.sizing.recommend.load import Load
from recipegen.sizing.recommend.steps import Step, Steps

ROUNDS = 60
"""Halvings that find the rate: more than a float has digits."""


@dataclass(frozen=True)
class Served:
    """What clients see of a deployment, on average."""

    ttft: float
    """Milliseconds to the first token, with waiting."""
    itl: float
    """Milliseconds from token to token."""
    throughput: float
    """Output tokens a second of all replicas."""
    steps: tuple[Step, ...]

    def latency(self, load: Load) -> float:
        """Return the milliseconds of a whole request."""
        return self.ttft + self.itl * (load.osl - 1)


def aggregated(steps: Steps, setup: Setup, replicas: int, load: Load) -> Served:
    """Return what clients see of replicas that read prompts and write answers in turns.

    A replica with b requests works all the time. While one request is served, which takes L, it reads b
    prompts (P each, as many at once as it has stages and ranks) and makes one step (D) for each token but the
    first: L = b P + (osl - 1) D. A prompt waits for those that are being read: a queue with arrivals at
    random and equal service, which is busy the share r of the time, lets it wait r / (2 (1 - r)) P.
    """
    batch = ceil(load.concurrency / replicas)
    prompt, token = steps.prefill(setup, load.isl), steps.decode(setup, batch, load.middle)
    at_once = min(batch, setup.pipeline * setup.copies)
    reading = prompt.milliseconds / at_once
    tokens = load.osl - 1
    whole = batch * reading + tokens * token.milliseconds
    busy = batch * reading / whole
    alone = prompt.milliseconds + (token.milliseconds if batch > 1 else 0.0)
    # Nobody waits for oneself.
    others = (batch - 1) / batch
    waiting = others * reading * busy / (2 * (1 - busy)) if busy < 1 else others * batch / 2 * reading
    ttft = min(alone + waiting, whole) if tokens else whole
    latency = max(whole, ttft)
    itl = (latency - ttft) / tokens if tokens else 0.0
    return Served(ttft, itl, load.concurrency * load.osl / latency * 1000, (prompt, token))


def disaggregated(
    steps: Steps, prefills: tuple[Setup, int], decodes: tuple[Setup, int], transfer: float, load: Load
) -> Served:
    """Return what clients see of prefill workers that hand each prompt's cache to decode workers.

    The rate X (requests a millisecond) is the one at which all requests are in flight: X times the time of a
    request, of which waiting for a prefill worker is a part that grows with X. The prefill workers are
    a queue with arrivals at random and equal service.

    Args:
        steps: Times of steps.
        prefills: A prefill worker, and how many there are.
        decodes: A decode worker, and how many there are.
        transfer: Milliseconds that the cache of a prompt is under way.
        load: The requests.
    """
    (prefill, readers), (decode, writers) = prefills, decodes
    batch = ceil(load.concurrency / writers)
    prompt, token = steps.prefill(prefill, load.isl), steps.decode(decode, batch, load.middle)
    servers = readers * prefill.pipeline * prefill.copies
    writing = (load.osl - 1) * token.milliseconds
    fixed = prompt.milliseconds + transfer + writing
    others = (load.concurrency - 1) / load.concurrency

    def in_flight(rate: float) -> float:
        busy = rate * prompt.milliseconds / servers
        if busy >= 1:
            return inf
        return rate * (fixed + others * prompt.milliseconds * busy / (2 * servers * (1 - busy)))

    low, high = 0.0, servers / prompt.milliseconds
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if in_flight(middle) < load.concurrency else (low, middle)
    rate = (low + high) / 2
    ttft = max(load.concurrency / rate - writing, prompt.milliseconds + transfer)
    return Served(ttft, token.milliseconds, rate * load.osl * 1000, (prompt, token))
