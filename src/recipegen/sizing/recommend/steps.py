"""The time of one step of an engine, from whatever source: the interface of estimates and measured data."""

from dataclasses import dataclass
from typing import Protocol

from recipegen.memory import Setup


@dataclass(frozen=True)
class Step:
    """How long a replica needs for one step."""

    milliseconds: float
    origin: str
    """Where the number comes from, as it is printed."""
    measured: bool = False


class Steps(Protocol):
    """What knows how long steps take."""

    def prefill(self, setup: Setup, tokens: int) -> Step:
        """Return the time of one prompt of so many tokens, alone in its pass."""

    def decode(self, setup: Setup, batch: int, context: int) -> Step:
        """Return the time of one token for each of the requests of a replica.

        Args:
            setup: The replica.
            batch: Its requests.
            context: Tokens of each.
        """
