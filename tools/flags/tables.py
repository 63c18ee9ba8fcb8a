"""The tables: what the programs of a release accept, put together from their parsers, and written.

A row's keys are described in CONTRIBUTING.md. What is not so, or not known, is left out.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipegen.twin import runtime
from tools.flags.fetch import Wheel, asked, fetch, lock
from tools.flags.literals import literals

FLAGS = Path(__file__).parents[2] / "src" / "recipegen" / "facts" / "flags"
# Members of a wheel that are read.
WANTED = {
    "ai-dynamo": "",
    "ai-dynamo-runtime": "",
    "vllm": r"^vllm/.*\.py$",
    "sglang": r"^sglang/.*\.py$",
    "aiconfigurator": r"^aiconfigurator/generator/config/backend_templates/trtllm/",
}
DYNAMO = ("ai-dynamo", "ai-dynamo-runtime")
# Command lines that lead to a program's parsers, and the packages that it needs for that.
PROGRAMS: dict[str, list[tuple[list[str], tuple[str, ...]]]] = {
    "vllm": [(["--model", "x"], (*DYNAMO, "vllm"))],
    "sglang": [(["--model-path", "x"], (*DYNAMO, "sglang"))],
    "trtllm": [([], (*DYNAMO, "aiconfigurator"))],
    "frontend": [
        ([], DYNAMO),
        (["--dyn-chat-processor", "vllm"], (*DYNAMO, "vllm")),
        (["--dyn-chat-processor", "sglang"], (*DYNAMO, "sglang")),
    ],
}
# Keys of a row, in the order in which they are written.
KEYS = (
    "from", "parser", "with", "type", "aliases", "negated", "negatedAliases", "choices", "also", "loose",
    "nargs", "human", "repeats", "env", "deprecated", "default",
)  # fmt: skip
# Options that a program takes out of its arguments before its parsers see them: where, which, and the row.
TAKEN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "vllm": ("vllm/utils/argparse_utils.py", "--config", {"from": "vllm", "parser": 2, "type": "str"}),
    "trtllm": (
        "dynamo/trtllm/args.py",
        "--publish-events-and-metrics",
        {"from": "dynamo", "type": "bool", "negated": "--no-publish-events-and-metrics"},
    ),
}
# Keys of an engine's own file, by the file of a package that names them, with their type.
ENGINE_FILE = Path(__file__).with_name("engine_file.json")
# What is written where a package only says that an option is going away.
UNSAID = "deprecated"
CONFIG_REASON = "the engine's own package is not in the package index; these keys are those that others name"


def tables() -> Iterator[tuple[str, str]]:
    """Yield the file name and text of every table."""
    for minor, wheels in lock().items():
        folders = {package: fetch(wheels[package], wanted) for package, wanted in WANTED.items()}
        check_pins(wheels, folders["ai-dynamo"])
        for program in PROGRAMS:
            yield f"{program}-{minor}.json", text(table(program, wheels, folders))


def check_pins(wheels: dict[str, Wheel], dynamo: Path) -> None:
    """Compare the engines of the lock with those that Dynamo's own package asks for.

    Raises:
        SystemExit: when the lock has another version.
    """
    for package, version in asked(dynamo, ("ai-dynamo-runtime", "vllm", "sglang")).items():
        if version != wheels[package].version:
            raise SystemExit(f"{wheels['ai-dynamo'].file} asks for {package} {version}")


def table(program: str, wheels: dict[str, Wheel], folders: dict[str, Path]) -> dict[str, Any]:
    """Return the table of one program of one release."""
    flags: dict[str, Any] = {}
    parsers: list[Any] = []
    suffixes: list[dict[str, int]] = []
    refused: set[str] = set()
    used = dict.fromkeys(package for _, packages in PROGRAMS[program] for package in packages)
    for arguments, packages in PROGRAMS[program]:
        answer = ask(program, arguments, [folders[package] for package in packages])
        parsers = parsers or answer["parsers"]
        # What a program takes anyway needs no mention of the argument that leads to more parsers.
        own = {flag for flag, row in flags.items() if "with" not in row}
        for found in answer["rows"]:
            if found.get("error_message"):
                # Registered to be refused, with a message.
                refused |= {found["flag"], *found["aliases"]}
                continue
            suffixes += filter(None, [found.get("suffixes")])
            row = flags.setdefault(found["flag"], tidy(program, found))
            if own and found["flag"] not in own:
                row["with"] = {arguments[0]: [*row.get("with", {}).get(arguments[0], []), arguments[1]]}
    taken(program, folders, flags)
    second_opinion(program, [folders[package] for package in used], flags, refused)
    return {
        "program": f"dynamo.{program}",
        "dynamo": wheels["ai-dynamo"].version,
        "sources": [wheels[package].source for package in used],
        "partial": False,
        "partialReason": "",
        "configPartial": program == "trtllm",
        "configPartialReason": CONFIG_REASON if program == "trtllm" else "",
        "parsers": parsers,
        "suffixes": one_of(suffixes),
        "flags": flags,
        "configKeys": config_keys(folders) if program == "trtllm" else {},
    }


def one_of(suffixes: list[dict[str, int]]) -> dict[str, int]:
    """Return what numbers of a program may end in, and what each stands for.

    Raises:
        SystemExit: when its options differ, for which the tables have no place.
    """
    if any(each != suffixes[0] for each in suffixes):
        raise SystemExit("options differ in what their numbers may end in")
    return suffixes[0] if suffixes else {}


def taken(program: str, folders: dict[str, Path], flags: dict[str, Any]) -> None:
    """Add the option that a program takes without a parser.

    Raises:
        SystemExit: when the file no longer names the option.
    """
    if program not in TAKEN:
        return
    name, flag, row = TAKEN[program]
    source = next(folder / name for folder in folders.values() if (folder / name).is_file())
    if f'"{flag}"' not in source.read_text():
        raise SystemExit(f"{source} no longer names {flag}")
    if not any(flag in spellings(each, flags[each]) for each in flags):
        flags[flag] = row


def spellings(flag: str, row: dict[str, Any]) -> set[str]:
    """Return everything that stands for an option on a command line."""
    negated = {row["negated"]} if "negated" in row else set()
    return {flag, *row.get("aliases", ()), *negated, *row.get("negatedAliases", ())}


def second_opinion(program: str, folders: list[Path], flags: dict[str, Any], refused: set[str]) -> None:
    """Compare the names of a table with those that stand in the source.

    Raises:
        SystemExit: when one of both has a name that the other has not.
    """
    there = literals(program, folders)
    known = {name for flag, row in flags.items() for name in spellings(flag, row)}
    engine = {
        name
        for flag, row in flags.items()
        if row["from"] != "dynamo" and "with" not in row and flag not in TAKEN.get(program, ())
        for name in {flag, *row.get("aliases", ())} - {"-O"}
    }
    if differ := sorted((there - known - refused) | (engine - there)):
        raise SystemExit(f"{program}: parsers and source differ about {', '.join(differ)}")


def config_keys(folders: dict[str, Path]) -> dict[str, Any]:
    """Return the keys of the engine's own file that the packages of a release name, or a repository does."""
    keys = {}
    for place in json.loads(ENGINE_FILE.read_text())["tensorrt_llm"]:
        # A file of a repository is read by whoever adds its row, at the commit beside it.
        text = (folders[place["package"]] / place["file"]).read_text() if "package" in place else ""
        words = set(re.findall(r"\w+", text))
        for key, kind in place["keys"].items():
            if "package" not in place or key.rpartition(".")[2] in words:
                keys[key] = {"from": "tensorrt_llm", "type": kind}
    return keys


def ask(program: str, arguments: list[str], folders: list[Path]) -> dict[str, Any]:
    """Return what a program's parsers have, asked in the environment of the packages that `simulate` runs."""
    python = runtime.python(runtime.DYNAMO, print)
    reader = Path(__file__).with_name("parsers.py")
    done = subprocess.run(
        [python, "-I", reader, program, json.dumps(arguments), *folders],
        capture_output=True,
        text=True,
        check=False,
        # Options take their defaults from the environment and the home folder; here there is neither.
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.returncode:
        raise SystemExit(f"cannot read the options of {program}:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def tidy(program: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a row as it is written."""
    row = {**found, "deprecated": deprecated(program, found)}
    if row["flag"] == "--optimization-level":
        # vLLM's parser rewrites the short form before argparse sees it.
        row["aliases"] = ["-O"]
    row["default"] = None if row.get("default") == "" else row.get("default")
    kept = {key: row[key] for key in KEYS if row.get(key) not in (None, [], "")}
    return {
        key: value for key, value in kept.items() if key == "default" or (value is not False and value != 0)
    }


def deprecated(program: str, found: dict[str, Any]) -> str:
    """Return, in words of our own, what a package says of an option that goes away; empty when nothing."""
    if found.get("replacement"):
        return f"use {found['replacement']}; goes away in {found['removal']}"
    if found.get("new_flag"):
        return f"use {found['new_flag']}"
    if found["class"].startswith("_Ignored") or found["class"] == "_DeprecatedEnforceDisaggAction":
        return "has no effect"
    said = from_help(program, found)
    # SGLang's action of that name warns and does nothing.
    return "has no effect" if said == UNSAID and found["class"] == "DeprecatedAction" else said


def from_help(program: str, found: dict[str, Any]) -> str:
    """Return what is left to read in the help of an option."""
    said = found["help"]
    elsewhere = "[Deprecated for vLLM]" in said and program != "vllm"
    begins = re.match(rf"\W*(?:{found['flag']} is )?deprecated", said, re.IGNORECASE)
    replaced = re.search(r"has been replaced by (\w+)", said)
    if replaced:
        return f"use --{replaced[1].replace('_', '-')}"
    if elsewhere or not (found["marked"] or begins):
        return ""
    use = re.search(
        r"\b(?:use|alias for):? '?(--[^\s'),;]+(?: (?!instead)\w+(?='|\.?$| instead))?)", said, re.IGNORECASE
    )
    gone = re.search(r"removed in (v?\d[\d.]*\d)", said)
    words = [f"use {use[1].rstrip('.')}" if use else "", f"goes away in {gone[1]}" if gone else ""]
    words += ["has no effect"] if "no effect" in said else []
    return "; ".join(filter(None, words)) or UNSAID


def text(content: dict[str, Any]) -> str:
    """Return a table as text, one line an option, so that a change of one is a change of a line."""
    lines = [
        f"{dump(key)}: " + (rows(value) if key in ("flags", "configKeys") else dump(value))
        for key, value in content.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def rows(content: dict[str, Any]) -> str:
    """Return the rows of a table as text, sorted."""
    lines = [f"{dump(name)}: {dump(row)}" for name, row in sorted(content.items())]
    return "{\n" + ",\n".join(lines) + "\n}" if lines else "{}"


def dump(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False)
