"""The tables of options: well formed, without contradiction, and with all that recipegen itself writes."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from recipegen import facts
from recipegen.recipe import BackendType

FLAGS = Path(facts.__file__).parent / "flags"
PROGRAMS = ("frontend", "sglang", "trtllm", "vllm")
MINORS = ("1.5", "1.6", "1.7")
TABLES = [f"{program}-{minor}" for program in PROGRAMS for minor in MINORS]
BACKENDS = get_args(BackendType)
HEAD = {
    "program": str, "dynamo": str, "sources": list, "partial": bool, "partialReason": str,
    "configPartial": bool, "configPartialReason": str, "parsers": list, "suffixes": dict, "flags": dict,
    "configKeys": dict,
}  # fmt: skip
ROW: dict[str, Any] = {
    "from": str, "parser": int, "with": dict, "type": str, "aliases": list, "negated": str,
    "negatedAliases": list, "choices": list, "also": list, "loose": bool, "nargs": (str, int), "human": bool,
    "repeats": bool, "env": str, "deprecated": str, "default": (str, int, float, bool),
}  # fmt: skip
TYPES: dict[str, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool, "json": dict}
OWNERS = {"dynamo", "vllm", "sglang", "tensorrt_llm"}
# What a typed field of the recipe language is given here, to be taken by its option.
VALUES = {
    "maxModelLen": 1048576,
    "gpuMemoryUtilization": 0.85,
    "kvCacheDtype": "fp8_e4m3",
    "toolCallParser": "hermes",
    "reasoningParser": "qwen3",
}


def read(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((FLAGS / f"{name}.json").read_text())
    return table


def spellings(flag: str, row: dict[str, Any]) -> list[str]:
    negated = [row["negated"]] if "negated" in row else []
    return [flag, *row.get("aliases", []), *negated, *row.get("negatedAliases", [])]


def by_spelling(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: row for flag, row in table["flags"].items() for name in spellings(flag, row)}


def test_there_is_a_table_of_every_program_for_every_minor_and_no_other() -> None:
    assert sorted(path.stem for path in FLAGS.glob("*.json")) == sorted(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_well_formed(name: str) -> None:
    table = read(name)
    program, minor = name.rsplit("-", 1)

    assert {key: type(value) for key, value in table.items()} == HEAD
    assert table["program"] == f"dynamo.{program}"
    assert table["dynamo"].startswith(f"{minor}.")
    assert table["partial"] == bool(table["partialReason"])
    assert table["configPartial"] == bool(table["configPartialReason"])
    assert all(re.fullmatch("[0-9a-f]{64}", source["sha256"]) for source in table["sources"])
    assert list(table["flags"]) == sorted(table["flags"])
    assert bool(table["suffixes"]) == any("human" in row for row in table["flags"].values())
    assert all(
        size in (1000**n, 1024**n) for suffix, size in table["suffixes"].items() for n in [power(suffix)]
    )
    for parser in table["parsers"]:
        assert {key: type(value) for key, value in parser.items()} == {"abbreviations": bool}


def power(suffix: str) -> int:
    return "kmgt".index(suffix[0].lower()) + 1


@pytest.mark.parametrize("name", TABLES)
def test_a_row_is_well_formed(name: str) -> None:
    table = read(name)

    for flag, row in table["flags"].items():
        assert re.fullmatch(r"--[a-z0-9][a-z0-9-]*", flag), flag
        assert [key for key in row if key not in ROW] == [], flag
        assert [key for key, value in row.items() if not isinstance(value, ROW[key])] == [], flag
        # What is not so is left out.
        assert [
            key for key, value in row.items() if key != "default" and value in (False, [], "", {})
        ] == [], flag
        assert row["from"] in OWNERS, flag
        assert row["type"] in TYPES, flag
        assert row.get("parser", 0) < len(table["parsers"]) or "with" in row, flag
        assert "human" not in row or row["type"] == "int", flag
        assert "default" not in row or isinstance(row["default"], (*kinds(row), str)), flag
        assert row.get("choices", []) == sorted(set(row.get("choices", []))), flag
        assert all(isinstance(choice, TYPES[row["type"]]) for choice in row.get("choices", [])), flag
        if row["type"] == "bool":
            assert not {"choices", "nargs", "also", "repeats"} & set(row), flag
        else:
            assert not {"negated", "negatedAliases"} & set(row), flag
        if row["from"] == "dynamo" and "env" in row:
            assert re.fullmatch(r"[A-Z][A-Z0-9_]*", row["env"]), flag


def kinds(row: dict[str, Any]) -> tuple[type, ...]:
    kind = TYPES[row["type"]]
    # An option that takes a word may have a number as its default.
    return (*(kind if isinstance(kind, tuple) else (kind,)), *((int,) if row["type"] == "str" else ()))


@pytest.mark.parametrize("name", TABLES)
def test_a_key_of_the_engine_s_file_is_well_formed(name: str) -> None:
    keys = read(name)["configKeys"]

    assert list(keys) == sorted(keys)
    for key, row in keys.items():
        assert re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", key), key
        assert set(row) == {"from", "type"}, key
        assert row["type"] in TYPES, key
        outer = key.rpartition(".")[0]
        assert not outer or keys[outer]["type"] == "json", key


@pytest.mark.parametrize("name", TABLES)
def test_no_two_options_are_spelled_alike(name: str) -> None:
    counted = Counter(each for flag, row in read(name)["flags"].items() for each in spellings(flag, row))

    assert [each for each, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", [name for name in TABLES if not name.startswith("frontend")])
def test_no_parser_takes_an_option_of_a_later_one_for_the_beginning_of_its_own(name: str) -> None:
    table = read(name)
    rows = by_spelling(table)
    taken = [
        f"{later} is taken for {mine}"
        for later, row in rows.items()
        for mine, before in rows.items()
        if before.get("parser", 0) < row.get("parser", 0)
        and table["parsers"][before.get("parser", 0)]["abbreviations"]
        and later.startswith("--")
        and mine.startswith(later)
    ]

    assert taken == []


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_option_that_recipegen_writes_is_in_the_tables(backend: str, minor: str) -> None:
    rows = by_spelling(read(f"{backend}-{minor}"))
    told = facts.engine(backend)
    newer = [key for key, first in told.get("since", {}).items() if first > f"{minor}.x"]
    # An option of `dynamicOptions` is only the beginning of one; each is a key of the engine's file.
    left_out = ("mocker", "dynamicOptions", *newer)
    told = {key: value for key, value in told.items() if key not in left_out}

    assert [option for option in options(told) if option not in rows] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_option_of_a_field_takes_its_values(backend: str) -> None:
    rows = by_spelling(read(f"{backend}-1.6"))

    for field, option in facts.engine(backend)["flags"].items():
        value = VALUES.get(field, 2)
        row = rows[option]
        if row["type"] == "bool":
            continue
        assert isinstance(value, TYPES[row["type"]]), field
        assert value in row.get("choices", [value]), field


@pytest.mark.parametrize("backend", BACKENDS)
def test_arguments_of_roles_have_the_values_that_their_options_take(backend: str) -> None:
    rows = by_spelling(read(f"{backend}-1.6"))
    told = facts.engine(backend)

    for arguments in (
        *told["roles"].values(),
        told["kvEvents"],
        told.get("modelExpress", []),
    ):
        for option, values in grouped(arguments):
            row = rows[option]
            assert len(values) == (0 if row["type"] == "bool" else 1), option
            assert all(value in row.get("choices", [value]) for value in values), option
            assert row["type"] != "int" or all(value.isdigit() for value in values), option


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_gone_is_in_no_table_and_what_stands_in_its_place_is(program: str) -> None:
    gone = yaml.safe_load((FLAGS / "gone.yaml").read_text())[program]
    tables = {minor: by_spelling(read(f"{program}-{minor}")) for minor in MINORS}

    for name, row in gone.items():
        assert [
            minor for minor, rows in tables.items() if "with" not in rows.get(name, {"with": {}})
        ] == [], name
        assert float(row["last"]) < float(MINORS[0]), name
        assert set(row) <= {"last", "use"}, name
        if "use" in row and not row["use"].endswith("of the frontend"):
            named = re.findall(r"--[a-z0-9-]+", row["use"])
            assert [option for option in named if option not in tables["1.6"]] == [], name


def options(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        for value in told.values():
            yield from options(value)
    elif isinstance(told, list):
        for value in told:
            yield from options(value)
    elif isinstance(told, str) and told.startswith("-"):
        yield told


def grouped(arguments: list[str]) -> list[tuple[str, list[str]]]:
    groups: list[tuple[str, list[str]]] = []
    for each in arguments:
        if each.startswith("-"):
            groups.append((each, []))
        else:
            groups[-1][1].append(each)
    return groups
