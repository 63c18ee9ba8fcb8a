"""The options of frontend and engines: a table for each program and minor of Dynamo, and their spellings.

A table is read when a recipe first needs it, the others only to say since or until when an option was there.
"""

import json
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from recipegen import yamlio

HERE = Path(__file__).parent
PROGRAMS = ("vllm", "sglang", "trtllm", "frontend")
DYNAMIC = "--trtllm."
"""How an option for one key of TensorRT-LLM's configuration file begins (dynamo/trtllm/dynamic_flags.py)."""

Row = dict[str, Any]


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
    partial: str = ""
    """Why options may be missing; empty where the table has all."""
    partial_keys: str = ""
    """Why keys may be missing."""
    beginnings: tuple[bool, ...] = (True,)
    """The parsers that read the arguments, in order: whether each takes the beginning of an option."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Options that the program has only beside another one, each with that one and its value."""

    @cached_property
    def spellings(self) -> dict[str, str]:
        """The option by each spelling: its name, other names, and what turns a switch off."""
        return {
            spelling: name for by_spelling in self.read.values() for spelling, name in by_spelling.items()
        }

    @cached_property
    def read(self) -> dict[int, dict[str, str]]:
        """The options by spelling, of each parser that reads them."""
        found: dict[int, dict[str, str]] = {index: {} for index in range(len(self.beginnings))}
        for name, row in self.flags.items():
            mine = found.setdefault(row.get("parser", 0), {})
            for spelling in (name, *row.get("aliases", ()), *offs(row)):
                mine[spelling] = name
        return found

    @cached_property
    def variables(self) -> dict[str, str]:
        """The option by the environment variable that Dynamo reads where the option is not given."""
        return {row["env"]: name for name, row in self.flags.items() if "env" in row}


def offs(row: Row) -> tuple[str, ...]:
    """Return the spellings that turn a switch off."""
    return (*((row["negated"],) if "negated" in row else ()), *row.get("negatedAliases", ()))


def minor_of(version: str) -> str:
    """Return MAJOR.MINOR of a Dynamo release."""
    return ".".join(version.split(".")[:2])


def table(program: str, version: str, beside: tuple[tuple[str, str], ...] = ()) -> Table | None:
    """Return the options of `program` in a Dynamo release, or None where nobody collected them.

    Args:
        program: vllm, sglang, trtllm or frontend.
        version: The release, MAJOR.MINOR.PATCH.
        beside: Options that decide which others there are, each with its value.
    """
    return _table(program, minor_of(version), beside)


@cache
def _table(program: str, minor: str, beside: tuple[tuple[str, str], ...] = ()) -> Table | None:
    whole = _whole(program, minor)
    if whole is None or not any("with" in row for row in whole.flags.values()):
        return whole
    here, elsewhere = {}, []
    for name, row in whole.flags.items():
        wanted = [(option, value) for option, values in row.get("with", {}).items() for value in values]
        if not wanted or set(wanted) & set(beside):
            here[name] = row
        else:
            elsewhere.append((name, " ".join(wanted[0])))
    return replace(whole, flags=here, elsewhere=tuple(elsewhere))


@cache
def _whole(program: str, minor: str) -> Table | None:
    path = HERE / f"{program}-{minor}.json"
    if not path.is_file():
        return None
    # Written by a tool of this repository, so the reader's care for recipes would only cost time.
    data = json.loads(path.read_bytes())
    for row in data["flags"].values():
        if "human" in row:
            row["suffixes"] = data.get("suffixes", {})
    return Table(
        program,
        minor,
        data["flags"],
        data.get("configKeys", {}),
        data["partialReason"] if data["partial"] else "",
        data.get("configPartialReason", "") if data.get("configPartial") else "",
        tuple(parser["abbreviations"] for parser in data.get("parsers", [{"abbreviations": True}])),
    )


def minors(program: str) -> list[str]:
    """Return the Dynamo minors that have a table of `program`, oldest first."""
    found = (path.stem.removeprefix(f"{program}-") for path in HERE.glob(f"{program}-*.json"))
    return sorted(found, key=lambda minor: [int(part) for part in minor.split(".")])


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
    found = _gone().get(program, {}).get(name)
    if found is not None:
        return Elsewhere(until=found["last"], use=found.get("use", ""))
    before: list[str] = []
    after: list[str] = []
    for other in minors(program):
        each = _whole(program, other)
        if each is not None and name in each.spellings:
            (before if _number(other) < _number(minor) else after).append(other)
    if before:
        last = _whole(program, before[-1])
        text = last.flags[last.spellings[name]].get("deprecated", "") if last else ""
        return Elsewhere(until=before[-1], use=text.removeprefix("use ") if text.startswith("use ") else "")
    return Elsewhere(since=after[0]) if after else None


def instead(program: str, name: str) -> str:
    """Return what to do in place of an option that no release of these minors has, where that is known."""
    path = HERE / "instead.yaml"
    found: str = yamlio.read_file(path, path.name).data.get(program, {}).get(name, "")
    return found


def others(program: str, name: str) -> list[str]:
    """Return the other programs of the same release that have the option, engines first."""
    return [
        other
        for other in ("vllm", "sglang", "trtllm", "frontend")
        if other != program and _anywhere(other, name)
    ]


def _anywhere(program: str, name: str) -> bool:
    return any(name in each.spellings for minor in minors(program) if (each := _whole(program, minor)))


def _number(minor: str) -> list[int]:
    return [int(part) for part in str(minor).split(".")]


@cache
def _gone() -> dict[str, Any]:
    return yamlio.read_file(HERE / "gone.yaml", "gone.yaml").data


@cache
def pairs() -> dict[str, Any]:
    """Return the options that go together with others, or not, by kind and program."""
    return yamlio.read_file(HERE / "pairs.yaml", "pairs.yaml").data


@cache
def variables() -> dict[str, Any]:
    """Return the environment variables of Dynamo, `names` and the `prefixes` of those made of settings."""
    return yamlio.read_file(HERE / "variables.yaml", "variables.yaml").data


@cache
def json_keys(what: str, minor: str) -> tuple[str, ...]:
    """Return the keys of the JSON that an option of vLLM takes; none where they are not known.

    Args:
        what: The option, or `methods` for the methods of speculative decoding.
        minor: The Dynamo minor, such as 1.6.
    """
    found = yamlio.read_file(HERE / "vllm-json.yaml", "vllm-json.yaml").data.get(what)
    if found is None or minor not in minors("vllm"):
        return ()
    return (*found["always"], *(key for key, in_minors in found["some"].items() if minor in in_minors))
