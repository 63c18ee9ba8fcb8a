"""A list of arguments taken apart as Python's argparse does, which reads those of frontend and engines."""

import re
from dataclasses import dataclass, field

from recipegen.facts import flags

# An option with its value behind it, which argparse takes for a value as it stands.
JOINED = re.compile(r"(?P<option>--?[A-Za-z][A-Za-z0-9._-]*)\s+(?P<value>.*?)\s*", re.DOTALL)
_NUMBER = re.compile(r"-(\d+(\.\d*)?|\.\d+)")
# `-O3`, which vLLM's parser takes apart itself (vllm/utils/argparse_utils.py).
_LEVEL = re.compile(r"-O=?(?P<level>[^.=].*)")
_LEVEL_OPTION = "--optimization-level"


@dataclass(frozen=True, slots=True)
class Option:
    """What a token that begins with a dash says, before any value behind it."""

    written: str
    """The option as it was written, without `=` and what follows."""
    name: str
    """The table's name of it; as written where the table has none."""
    row: flags.Row | None
    """Its row; None where the table has none."""
    spelling: str
    """The whole spelling that was meant: of a beginning, the one that it begins."""
    value: str | None = None
    """What stands behind `=`."""
    keys: str = ""
    """What vLLM and TensorRT-LLM have behind a dot: a key of the option's JSON, or of the file."""
    several: tuple[str, ...] = ()
    """The options that it may be the beginning of, where there are several."""

    @property
    def cut(self) -> bool:
        """Whether it is the beginning of the option only."""
        return self.row is not None and self.spelling not in (self.written, _plain(self.written))


@dataclass(frozen=True, slots=True)
class Given:
    """An option with its values."""

    index: int
    """Where its token stands."""
    token: str
    option: Option
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
            option = find(table, token)
            behind = [] if option.value is None else [(place, option.value)]
            after = _after(args, place + 1) if option.value is None else []
            taken = after[: most(option)]
            found.given.append(Given(place, token, option, (*behind, *taken)))
            place += len(taken)
        place += 1
    return Arguments(tuple(found.given), tuple(found.stray), tuple(found.joined))


def find(among: flags.Table, token: str) -> Option:
    """Return which option a token names, spelt in any way that the program's parsers take.

    They are Python's argparse, which takes the beginning of an option for the option, and for vLLM its own
    FlexibleArgumentParser, which takes underscores for dashes and `--a.b` for a key of JSON. Dynamo's parsers
    come first and leave what they do not know to the engine's (dynamo/vllm/args.py, dynamo/sglang/args.py).
    """
    written, equals, behind = token.partition("=")
    value = behind if equals else None
    if among.program == "trtllm" and written.startswith(flags.DYNAMIC):
        key = written.removeprefix(flags.DYNAMIC)
        return Option(written, flags.DYNAMIC, among.keys.get(key, {"type": "any"}), written, value, key)
    level = _LEVEL.fullmatch(token) if among.program == "vllm" and _LEVEL_OPTION in among.flags else None
    if level:
        return Option("-O", _LEVEL_OPTION, among.flags[_LEVEL_OPTION], "-O", level["level"])
    for index, by_spelling in among.read.items():
        flexible = _is_flexible(among, by_spelling)
        head, keys = (_plain(written), written.partition(".")[2]) if flexible else (written, "")
        begun = [head] if head in by_spelling else []
        if not begun and among.beginnings[index : index + 1] != (False,) and head.strip("-"):
            begun = [whole for whole in by_spelling if whole.startswith(head)]
        ends = {(by_spelling[whole], whole in flags.offs(among.flags[by_spelling[whole]])) for whole in begun}
        if len(ends) == 1:
            name = by_spelling[begun[0]]
            return Option(written, name, among.flags[name], begun[0], value, keys)
        if ends:
            return Option(
                written, written, None, written, value, "", tuple(sorted({name for name, _ in ends}))
            )
    return Option(written, written, None, written, value)


def _is_flexible(among: flags.Table, by_spelling: dict[str, str]) -> bool:
    """Return whether these options are read by vLLM's own parser, and not by one of Dynamo's."""
    first = next(iter(by_spelling.values()), "")
    return bool(first) and among.flags[first].get("from") == "vllm"


def _plain(written: str) -> str:
    """Return the option alone, with dashes, as vLLM's parser has it."""
    head = written.partition(".")[0]
    return head.replace("_", "-") if head.startswith("--") else head


def is_option(token: str) -> bool:
    """Return whether argparse takes the token for an option, and not for a value."""
    dashed = token.startswith("-") and token not in ("-", "--") and not _NUMBER.fullmatch(token)
    # A token with a space is a value, unless the space is behind a `=`.
    return dashed and " " not in token.partition("=")[0]


def most(option: Option) -> int | None:
    """Return how many values the option takes at most, or None for any number."""
    return counts(option)[1]


def least(option: Option) -> int:
    """Return how many values the option needs."""
    return counts(option)[0]


def counts(option: Option) -> tuple[int, int | None]:
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
