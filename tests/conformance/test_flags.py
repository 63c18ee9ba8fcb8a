"""Dynamo's own options in the tables are those of its parsers, asked where its wheels are installed."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from recipegen import facts
from recipegen.twin import runtime

HERE = Path(__file__).parent
FLAGS = Path(facts.__file__).parent / "flags"
# What a program takes without a parser of Dynamo's: out of its arguments, or in the engine's parser.
OUTSIDE = {"--publish-events-and-metrics", "--disable-piecewise-cuda-graph"}
LEAVES = {"--help", "--version"}

pytestmark = pytest.mark.usefixtures("dynamo")


@cache
def asked() -> dict[str, list[list[dict[str, Any]]]]:
    """Return the options of each program's parsers."""
    done = subprocess.run(
        [runtime.python(runtime.DYNAMO, print), HERE / "options.py"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[list[dict[str, Any]]]] = json.loads(done.stdout)
    return answer


def table(program: str) -> dict[str, Any]:
    """Return the table of a program in the release that is installed."""
    minor = ".".join(runtime.release().split(".")[:2])
    found: dict[str, Any] = json.loads(
        (FLAGS / f"{program.removeprefix('dynamo.')}-{minor}.json").read_text()
    )
    assert found["dynamo"] == runtime.release()
    return found


@pytest.mark.parametrize("program", ["dynamo.frontend", "dynamo.sglang", "dynamo.trtllm", "dynamo.vllm"])
def test_dynamo_s_options_are_those_of_its_parsers(program: str) -> None:
    flags = {
        flag: row
        for flag, row in table(program)["flags"].items()
        if row["from"] == "dynamo" and flag not in OUTSIDE
    }
    real = {
        next(name for name in option["spellings"] if name in flags): (number, option)
        for number, options in enumerate(asked()[program])
        for option in options
        if not LEAVES & set(option["spellings"])
    }

    assert sorted(real) == sorted(flags)
    for flag, (number, option) in real.items():
        row = flags[flag]
        negated = [row["negated"]] if "negated" in row else []
        spelled = [flag, *row.get("aliases", []), *negated, *row.get("negatedAliases", [])]
        assert sorted(spelled) == option["spellings"], flag
        assert row.get("parser", 0) == number, flag
        assert (row["type"] == "bool") == option["switch"], flag
        assert option["number"] in (None, row["type"]), flag
        assert (row.get("nargs") or None) == option["nargs"], flag
        assert [str(choice) for choice in row.get("choices", [])] == option["choices"], flag
        assert option["env"] in (None, row.get("env")), flag
