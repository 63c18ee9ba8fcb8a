"""A list of arguments taken apart as Python's argparse does, which reads those of frontend and engines."""

import re
from dataclasses import dataclass, field

from recipegen.facts import flags

# An option with its value behind it, which argparse takes for a value as it stands.
JOINED = re.compile(r"(?P<option>--?[A-Za-z][A-Za-z0-9._-]*)\s+(?P<value>.*?)\s*", re.DOTALL)
_NUMBER = re.compile(r"-(\d+(\.\d*)?|\.\d+)")


@dataclass(frozen=True, slots=True)
class Given:
    """An option with its values."""

    index: int
    """Where its token stands."""
    token: str
    option: flags.Option
    values: tuple[tuple[int, str], ...]
    """The values with their places; what stands behind `=` has the option's own."""

    @property
    def text(self) -> str:
        """The first value, or nothing."""
        return self.values[0][1] if self.values else ""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a list of arguments says."""

    given: tuple[Given, ...]
    stray: tuple[tuple[int, str, Given | None], ...]
    """Values that belong to no option, each with the option before it."""
    joined: tuple[tuple[int, str], ...]
    """Tokens that hold option and value."""


@dataclass(slots=True)
class _Reading:
    given: list[Given] = field(default_factory=list)
    stray: list[tuple[int, str, Given | None]] = field(default_factory=list)
    joined: list[tuple[int, str]] = field(default_factory=list)


def read(table: flags.Table, args: list[str]) -> Arguments:
    """Return the options in `args` with their values, what belongs to none, and what nobody takes apart."""
    found = _Reading()
    place = 0
    while place < len(args):
        token = args[place]
        if JOINED.fullmatch(token):
            found.joined.append((place, token))
        elif not is_option(token):
            if token != "--":
                found.stray.append((place, token, found.given[-1] if found.given else None))
        else:
            option = flags.find(table, token)
            behind = [] if option.value is None else [(place, option.value)]
            after = _after(args, place + 1) if option.value is None else []
            taken = after[: most(option)]
            found.given.append(Given(place, token, option, (*behind, *taken)))
            place += len(taken)
        place += 1
    return Arguments(tuple(found.given), tuple(found.stray), tuple(found.joined))


def is_option(token: str) -> bool:
    """Return whether argparse takes the token for an option, and not for a value."""
    dashed = token.startswith("-") and token not in ("-", "--") and not _NUMBER.fullmatch(token)
    # A token with a space is a value, unless the space is behind a `=`.
    return dashed and " " not in token.partition("=")[0]


def most(option: flags.Option) -> int | None:
    """Return how many values the option takes at most, or None for any number."""
    return counts(option)[1]


def least(option: flags.Option) -> int:
    """Return how many values the option needs."""
    return counts(option)[0]


def counts(option: flags.Option) -> tuple[int, int | None]:
    """Return how many values the option takes, at least and at most; None is any number."""
    if option.row is None:
        return 0, None
    nargs = option.row.get("nargs")
    if option.keys or (nargs is None and option.row["type"] != "bool"):
        return 1, 1
    if nargs is None or option.spelling in flags.offs(option.row):
        return 0, 0
    return {"?": (0, 1), "*": (0, None), "+": (1, None)}.get(nargs) or (int(nargs), int(nargs))


def _after(args: list[str], start: int) -> list[tuple[int, str]]:
    """Return the values from `start` on, up to the next option."""
    found = []
    for place, token in enumerate(args[start:], start):
        if is_option(token) or token == "--" or JOINED.fullmatch(token):
            break
        found.append((place, token))
    return found
