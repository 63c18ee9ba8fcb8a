"""The options that frontend and engines have: one table for each program and minor of Dynamo, and how they are spelt.

A table is read when a recipe first needs it, and the others only to say since or until when an option was there.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from recipegen import yamlio

HERE = Path(__file__).parent
PROGRAMS = ("frontend", "sglang", "trtllm", "vllm")
DYNAMIC = "--trtllm."
"""How an option for one key of TensorRT-LLM's configuration file begins (dynamo/trtllm/dynamic_flags.py)."""

Row = dict[str, Any]
# `-O3`, which vLLM's parser takes apart itself (vllm/utils/argparse_utils.py).
_LEVEL = re.compile(r"-O=?(?P<level>[^.=].*)")
_LEVEL_OPTION = "--optimization-level"


@dataclass(frozen=True)
class Table:
    """The options of one program."""

    program: str
    """vllm, sglang, trtllm or frontend."""
    minor: str
    """The Dynamo minor that the program belongs to, such as 1.6."""
    flags: dict[str, Row]
    """Options by their long spelling."""
    keys: dict[str, Row]
    """Keys of the engine's own file where those are not its options, dotted where nested."""
    partial: str
    """Why names may be missing; empty where the table has all."""

    @cached_property
    def spellings(self) -> dict[str, str]:
        """The option by each spelling: its name, other names, and what turns a switch off."""
        found = {name: name for name in self.flags}
        for name, row in self.flags.items():
            for other in (*row.get("aliases", ()), row.get("negated")):
                if other:
                    found.setdefault(other, name)
        return found

    @cached_property
    def variables(self) -> dict[str, str]:
        """The option by the environment variable that Dynamo reads where the option is not given."""
        return {row["env"]: name for name, row in self.flags.items() if "env" in row}


@dataclass(frozen=True, slots=True)
class Option:
    """What a token that begins with a dash says, before any value behind it."""

    written: str
    """The option as it was written, without `=` and what follows."""
    name: str
    """The table's name of it; as written where the table has none."""
    row: Row | None
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


def minor_of(version: str) -> str:
    """Return MAJOR.MINOR of a Dynamo release."""
    return ".".join(version.split(".")[:2])


def table(program: str, version: str) -> Table | None:
    """Return the options of `program` in a Dynamo release, or None where nobody collected them."""
    return _table(program, minor_of(version))


@cache
def _table(program: str, minor: str) -> Table | None:
    path = HERE / f"{program}-{minor}.json"
    if not path.is_file():
        return None
    # Written by recipegen's own tool, so none of the reader's care for recipes is needed, only its speed.
    data = json.loads(path.read_bytes())
    reason = data.get("partialReason", "") or "it is partial" if data.get("partial") else ""
    return Table(program, minor, data["flags"], data.get("configKeys", {}), reason)


def minors(program: str) -> list[str]:
    """Return the Dynamo minors that have a table of `program`, oldest first."""
    found = (path.stem.removeprefix(f"{program}-") for path in HERE.glob(f"{program}-*.json"))
    return sorted(found, key=lambda minor: [int(part) for part in minor.split(".")])


def find(among: Table, token: str) -> Option:
    """Return which option a token names, spelt in any way that the program's parsers take.

    They are Python's argparse, which takes the beginning of an option for the option, and for vLLM its
    FlexibleArgumentParser, which takes underscores for dashes and `--a.b` for a key of JSON. Dynamo's own options of a
    vLLM worker are read by a parser that does neither (dynamo/vllm/args.py).
    """
    written, equals, behind = token.partition("=")
    value = behind if equals else None
    if among.program == "trtllm" and written.startswith(DYNAMIC):
        key = written.removeprefix(DYNAMIC)
        return Option(written, DYNAMIC, among.keys.get(key, {"type": "any"}), written, value, key)
    level = _LEVEL.fullmatch(token) if among.program == "vllm" and _LEVEL_OPTION in among.flags else None
    if level:
        return Option("-O", _LEVEL_OPTION, among.flags[_LEVEL_OPTION], "-O", level["level"])
    if written in among.spellings:
        return _option(among, written, written, value)
    keys = ""
    if among.program == "vllm":
        keys = written.partition(".")[2]
        whole = _plain(written)
        if whole in among.spellings and not _dynamos(among, whole):
            return _option(among, written, whole, value, keys)
    return _beginning(among, written, value, keys)


def _beginning(among: Table, written: str, value: str | None, keys: str) -> Option:
    head = _plain(written) if among.program == "vllm" else written
    begun = [whole for whole in among.spellings if whole.startswith(head) and not _dynamos(among, whole)]
    ends = {
        (among.spellings[whole], whole == among.flags[among.spellings[whole]].get("negated"))
        for whole in begun
    }
    if len(ends) == 1 and head.strip("-"):
        return _option(among, written, begun[0], value, keys)
    several = tuple(sorted({among.spellings[whole] for whole in begun})) if head.strip("-") else ()
    return Option(written, written, None, written, value, keys, several)


def _option(among: Table, written: str, whole: str, value: str | None, keys: str = "") -> Option:
    name = among.spellings[whole]
    return Option(written, name, among.flags[name], whole, value, keys)


def _dynamos(among: Table, whole: str) -> bool:
    """Return whether a vLLM worker's parser wants this spelling to the letter."""
    return among.program == "vllm" and among.flags[among.spellings[whole]].get("from") == "dynamo"


def _plain(written: str) -> str:
    """Return the option alone, with dashes, as vLLM's parser has it."""
    head = written.partition(".")[0]
    return head.replace("_", "-") if head.startswith("--") else head


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where an option is that a release does not have."""

    until: str = ""
    """The last minor that had it."""
    since: str = ""
    """The first minor that has it, of those that are newer."""
    use: str = ""
    """What to write in its place."""


def elsewhere(program: str, name: str, minor: str) -> Elsewhere | None:
    """Return in which other releases the option is, or None where no release is known that has it."""
    for source in (program, "common"):
        found = _gone().get(source, {}).get(name)
        if found is not None and _number(found["last"]) < _number(minor):
            return Elsewhere(until=str(found["last"]), use=found.get("use", ""))
    before, after = [], []
    for other in minors(program):
        each = _table(program, other)
        if each is not None and name in each.spellings:
            (before if _number(other) < _number(minor) else after).append(other)
    if before:
        return Elsewhere(until=before[-1])
    return Elsewhere(since=after[0]) if after else None


def others(program: str, name: str) -> list[str]:
    """Return the other programs of the same release that have the option, engines first."""
    return [
        other
        for other in ("vllm", "sglang", "trtllm", "frontend")
        if other != program and _anywhere(other, name)
    ]


def _anywhere(program: str, name: str) -> bool:
    return any(name in each.spellings for minor in minors(program) if (each := _table(program, minor)))


def bare(names: Iterable[str]) -> Iterator[str]:
    """Yield names without the dashes before them, which would make all of them look alike."""
    yield from (name.lstrip("-") for name in names)


def _number(minor: str) -> list[int]:
    return [int(part) for part in str(minor).split(".")]


@cache
def _gone() -> dict[str, Any]:
    path = HERE / "gone.yaml"
    return yamlio.read_file(path, str(path)).data if path.is_file() else {}
