"""How options are read from packages: small made-up programs, and what becomes of them."""

import io
import json
import re
import subprocess
import sys
import zipfile
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from textwrap import dedent
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from tools.flags import fetch, literals, parsers, tables

SPELLED = st.from_regex("[a-z]{2,6}(-[a-z]{2,6}){0,2}", fullmatch=True)
# The smallest of each package that a worker of Dynamo is made of: its helper, an engine that needs what is
# not installed, and the program that asks one parser after the other.
WORKER = {
    "dynamo/common/configuration/utils.py": """
        import argparse, os
        def add_argument(parser, *, flag_name, env_var, default, deprecated=None, **more):
            default = os.environ.get(env_var, default)
            parser.add_argument(flag_name, default=default, help=more.pop("help", ""), **more)
        """,
    "vllm/__init__.py": "",
    "vllm/config.py": """
        import dataclasses
        @dataclasses.dataclass
        class VllmConfig:
            pass
        """,
    "vllm/engine.py": """
        import torch
        from torch.nn import Module
        from absent import LEVELS
        class Layer(Module, total=False):
            dtype: torch.dtype | None = None
        @torch.compile(fast=True)
        def add(parser):
            parser.add_argument("--block-size", type=int, default=16)
            parser.add_argument("--headless", action="store_true")
            parser.add_argument("--model")
        """,
    "vllm/broken.py": """
        first = 1
        import torch
        one, two = torch.sizes()
        second = 2
        """,
    "dynamo/vllm/args.py": """
        import argparse
        from dynamo.common.configuration.utils import add_argument
        from vllm.engine import add
        from vllm import broken, config
        def parse_args(argv):
            assert broken.first == 1 and broken.second != 2
            own = argparse.ArgumentParser(allow_abbrev=False)
            group = own.add_argument_group("own")
            add_argument(group, flag_name="--mode", env_var="DYN_MODE", default="agg", choices=["agg", "pd"])
            add_argument(group, flag_name="--headless", env_var="DYN_HEADLESS", default=False,
                         action=argparse.BooleanOptionalAction)
            engine = argparse.ArgumentParser()
            add(engine)
            known, rest = own.parse_known_args(argv)
            engine.parse_args(rest)
            raise RuntimeError("the engine would start here")
        """,
}


def row(*names: str, **more: Any) -> dict[str, Any]:
    action: Action = ArgumentParser().add_argument(*names, **more)
    found = {**parsers.row(action), "from": "dynamo", "parser": 0, "marked": False}
    return {key: value for key, value in tables.tidy("vllm", found).items() if key != "from"}


def ask(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    reader = ROOT / "tools/flags/parsers.py"
    return subprocess.run(
        [sys.executable, "-I", reader, program, json.dumps(arguments), folder],
        capture_output=True,
        text=True,
        check=False,
    )


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


def known_word(text: str) -> int | None:
    return None if text == "None" else int(text)


def word(text: str) -> str | None:
    return None if text == "None" else text


def loose(text: str) -> str:
    return text.lower().replace("-", "_")


def listed(text: str) -> list[Any]:
    found = json.loads(text)
    if not isinstance(found, list):
        raise ArgumentTypeError(text)
    return found


def thousands(text: str) -> int:
    return int(text[:-1]) * 1000 if text.endswith("k") else int(text)


def dictionary(text: str) -> Any:
    found = json.loads(text)
    if not isinstance(found, dict | int):
        raise ArgumentTypeError(text)
    return found


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"type": "str"}),
        ({"type": int, "default": 1}, {"type": "int", "default": 1}),
        ({"type": float, "default": 0.0}, {"type": "float", "default": 0.0}),
        ({"type": known_word}, {"type": "int", "also": ["None"]}),
        ({"type": thousands}, {"type": "int", "human": True}),
        ({"type": dictionary}, {"type": "json"}),
        ({"choices": ["b", "a"], "default": "a"}, {"type": "str", "choices": ["a", "b"], "default": "a"}),
        ({"type": int, "choices": [8, 1]}, {"type": "int", "choices": [1, 8]}),
        ({"choices": ["a", None], "type": word}, {"type": "str", "choices": ["a"], "also": ["None"]}),
        ({"choices": ["a_b", "c"], "type": loose}, {"type": "str", "choices": ["a_b", "c"], "loose": True}),
        ({"type": listed}, {"type": "json"}),
        ({"nargs": "+", "type": int}, {"type": "int", "nargs": "+"}),
        ({"nargs": 2}, {"type": "str", "nargs": 2}),
        ({"action": "store_true"}, {"type": "bool", "default": False}),
        ({"action": "store_const", "const": "x"}, {"type": "bool"}),
        ({"action": "append"}, {"type": "str", "repeats": True}),
        ({"action": BooleanOptionalAction}, {"type": "bool", "negated": "--no-an-option"}),
        # Hidden from help, but it parses.
        ({"help": SUPPRESS, "default": SUPPRESS}, {"type": "str"}),
        ({"default": ["x"]}, {"type": "str"}),
        ({"default": ""}, {"type": "str"}),
    ],
)
def test_an_option_becomes_a_row(more: dict[str, Any], expected: dict[str, Any]) -> None:
    assert row("--an-option", **more) == expected


def test_other_spellings_are_kept_with_what_turns_them_off() -> None:
    found = row("-o", "--one", "--other", action=BooleanOptionalAction)

    assert (found["aliases"], found["negated"]) == (["-o", "--other"], "--no-one")
    assert found["negatedAliases"] == ["--no-other"]


@given(SPELLED, st.sampled_from(["store", "store_true", "append"]))
def test_an_option_of_any_name_is_spelled_as_argparse_has_it(name: str, action: str) -> None:
    found = parsers.row(
        ArgumentParser(add_help=False).add_argument(f"--{name}", f"-{name[0]}", action=action)
    )

    assert tables.spellings(found["flag"], {"aliases": found["aliases"]}) == {f"--{name}", f"-{name[0]}"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", ""),
        ("Allow deprecated things.", ""),
        ("[Deprecated] Use --new instead.", "use --new"),
        ("(Deprecated, use --new) Do it.", "use --new"),
        (
            "--an-option is deprecated and will be removed in v1.2. Use --new.key instead.",
            "use --new.key; goes away in v1.2",
        ),
        ("[Deprecated] Alias for --new-mode fast.", "use --new-mode fast"),
        ("DEPRECATED: taken for old manifests.", "deprecated"),
        ("Size of it. an_option has been replaced by new_option, and will go.", "use --new-option"),
    ],
)
def test_what_help_says_of_an_end_is_said_shortly(said: str, expected: str) -> None:
    assert row("--an-option", help=said).get("deprecated", "") == expected


def test_a_program_is_asked_with_stand_ins_for_what_is_not_there(tmp_path: Path) -> None:
    done = ask(written(tmp_path, WORKER), "vllm", "--model", "x")

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["parsers"] == [{"abbreviations": False}, {"abbreviations": True}]
    assert [(each["parser"], each["from"], each["flag"], each.get("env")) for each in answer["rows"]] == [
        (0, "dynamo", "--mode", "DYN_MODE"),
        (0, "dynamo", "--headless", "DYN_HEADLESS"),
        (1, "vllm", "--block-size", None),
        (1, "vllm", "--headless", None),
        (1, "vllm", "--model", None),
    ]
    assert done.stderr.startswith("vllm.broken: ValueError")


@pytest.mark.parametrize(
    "more",
    [
        "type=LEVELS",
        "choices=[LEVELS]",
        "type=lambda text: LEVELS",
        "choices=['x'], type=lambda text: LEVELS",
    ],
)
def test_an_option_that_depends_on_a_stand_in_is_an_error(tmp_path: Path, more: str) -> None:
    engine = WORKER["vllm/engine.py"].replace('"--model"', f'"--model", {more}')
    done = ask(written(tmp_path, {**WORKER, "vllm/engine.py": engine}), "vllm")

    assert done.returncode == 1
    assert done.stderr.strip().endswith("depends on a stand-in")


class Ranges(BaseHTTPRequestHandler):
    """Serves one archive, by ranges only."""

    archive = b""

    def do_GET(self) -> None:
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        size = len(self.archive)
        start, end = (int(first), int(last) + 1) if first else (max(0, size - int(last)), size)
        self.send_response(206)
        self.end_headers()
        self.wfile.write(self.archive[start:end])

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def served() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Ranges) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/x.whl"
        server.shutdown()


def test_only_the_wanted_members_of_a_remote_wheel_are_read(served: str, tmp_path: Path) -> None:
    random = Random(1)
    members = {f"pack/m{number}.py": random.randbytes(3000) for number in range(5)}
    # Wider than what is read over, so that there are two ranges.
    members |= {"pack/z.so": random.randbytes(2 * fetch.GAP), "pack/zz.py": b"last = 1\n" * 100}
    sums = {
        name: fetch.checksum(written_bytes(tmp_path / "in" / name, data)) for name, data in members.items()
    }
    record = "".join(f"{name},{value},1\n" for name, value in sums.items()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**members, "x.dist-info/METADATA": b"", "x.dist-info/RECORD": record}.items():
            archive.writestr(name, data)
    Ranges.archive = buffer.getvalue()
    wheel = fetch.Wheel("x", "1", "x.whl", "", sha256(record).hexdigest())
    wanted = re.compile(r"\.py$")

    fetch.read(served, wanted, tmp_path / "out")

    found = {
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == {*members, "x.dist-info/METADATA", "x.dist-info/RECORD"} - {"pack/z.so"}
    fetch.check(wheel, wanted, tmp_path / "out")
    (tmp_path / "out/pack/m1.py").write_bytes(b"")
    with pytest.raises(SystemExit, match="not as published"):
        fetch.check(wheel, wanted, tmp_path / "out")
    (tmp_path / "out/pack/m1.py").unlink()
    with pytest.raises(SystemExit, match="not as published"):
        fetch.check(wheel, wanted, tmp_path / "out")


def written_bytes(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('group.add_argument("--one", "-o", type=int)', {"--one", "-o"}),
        ('add_argument(g, flag_name="--one", obsolete_flag="--old", env_var="ONE")', {"--one", "--old"}),
        ('parser.add_argument("model")', set()),
        ('class Args:\n    block_size: A[int, "Size."] = 1', {"--block-size"}),
        (
            'class Args:\n    size: A[int, Arg(help="", cli_name="--block", aliases=["--b"])] = 1',
            {"--block", "--b"},
        ),
        ("class Args:\n    size: A[int, Arg(no_cli=True)] = 1", set()),
        ("class Args:\n    size: A[int, Derived()] = 1", set()),
        ("class Args:\n    size: int = 1", set()),
    ],
)
def test_the_names_that_stand_in_a_source_are_found(source: str, expected: set[str]) -> None:
    assert set(literals.names(source)) == expected


def test_a_table_is_text_with_a_line_for_each_option() -> None:
    text = tables.text({"program": "x", "flags": {"--b": {"type": "int"}, "--a": {}}, "configKeys": {}})

    assert (
        text
        == '{\n"program": "x",\n"flags": {\n"--a": {},\n"--b": {"type": "int"}\n},\n"configKeys": {}\n}\n'
    )
    assert json.loads(text)["flags"] == {"--a": {}, "--b": {"type": "int"}}
