"""What is asked of a deployment: the requests that it gets, and what it is held to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Requests, all alike, of which the same number is always in flight."""

    isl: int
    """Tokens of a prompt."""
    osl: int
    """Tokens of an answer."""
    concurrency: int
    """Requests in flight."""

    @property
    def context(self) -> int:
        """Return the tokens of a request at its end."""
        return self.isl + self.osl

    @property
    def middle(self) -> int:
        """Return the tokens of a request half through its answer: what a step reads on average."""
        return self.isl + self.osl // 2


@dataclass(frozen=True)
class Targets:
    """What a deployment is held to; None: nothing."""

    ttft: float | None = None
    """Milliseconds to the first token, at most."""
    itl: float | None = None
    """Milliseconds from token to token of one answer, at most."""
    throughput: float | None = None
    """Output tokens a second of all GPUs together, at least."""
    budget: float | None = None
    """Dollars an hour, at most."""
    gpus: int | None = None
    """GPUs that there are."""
