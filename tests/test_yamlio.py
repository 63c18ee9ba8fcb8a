"""The reader: what it takes, what it refuses and where. The writer: what every reader reads back."""

import io
import math
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clock import cpu_seconds
from recipegen import yamlio
from recipegen.errors import UNSAFE, Problem, RecipeError, RecipegenError, ToolError
from recipegen.yamlio import read, read_file, read_objects, read_value, write
from recipegen.yamlio.scan import MAX_BYTES, MAX_DEPTH, MAX_KEY, MAX_NODES, MAX_PROBLEMS, MAX_SCALAR

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))
RECIPE = RECIPES[0].read_bytes()
LOADERS = [yaml.CSafeLoader, yaml.SafeLoader]


@pytest.fixture(params=LOADERS, ids=["c", "python"])
def _both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamlio.scan, "LOADER", request.param)


pytestmark = pytest.mark.usefixtures("_both_parsers")
one_parser = pytest.mark.parametrize("_both_parsers", [yaml.CSafeLoader], ids=["c"], indirect=True)


def problems(text: bytes | str) -> list[Problem]:
    with pytest.raises(RecipeError) as caught:
        read(text, "r.yaml")
    return list(caught.value.problems)


def codes(text: bytes | str) -> list[str]:
    return [problem.code for problem in problems(text)]


def lines(text: bytes | str) -> list[str]:
    return [problem.text().splitlines()[0] for problem in problems(text)]


# What is read


def test_block_and_flow_style_say_the_same() -> None:
    block = "a:\n  b:\n    - 1\n    - c: x\n  d: null\n"
    flow = "{a: {b: [1, {c: x}], d: }}"

    assert read(block, "r").data == read(flow, "r").data == {"a": {"b": [1, {"c": "x"}], "d": None}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-1", -1),
        ("+7", 7),
        ("1048576", 1048576),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5e-3", -0.0015),
        ("1e5", 100000.0),
        ("text", "text"),
        ("two words", "two words"),
        ("nYes", "nYes"),
        ("1.6.1", "1.6.1"),
        ("20Gi", "20Gi"),
        ("0x", "0x"),
        ("-", None),
        ("--flag", "--flag"),
        ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"),
        ("nvcr.io/nvidia/x:1.6.1", "nvcr.io/nvidia/x:1.6.1"),
        ("a:b", "a:b"),
        ("8000:8000", "8000:8000"),
        ("http://a.b:80/c?d=e", "http://a.b:80/c?d=e"),
        ("nan", "nan"),
        ("'no'", "no"),
        ('"010"', "010"),
        ("'2001-01-01'", "2001-01-01"),
        ('"\\u00e9\\t\\n"', "é\t\n"),
        ("größe 大 😀", "größe 大 😀"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        (">-\n  one\n  line\n", "one line"),
        ("|\n  all:\n  \tmake\n", "all:\n\tmake\n"),
    ],
)
def test_a_value_is_read_by_the_core_schema(text: str, value: object) -> None:
    if text == "-":
        value = [None]
        text = "\n- "
    found = read(f"a: {text}", "r").data["a"]

    assert found == value
    assert type(found) is type(value)


def test_every_key_and_value_has_its_place() -> None:
    found = read("# first\nmodel:\n  engine: {tensorParallel: 2, args: [--x]}\n", "r.yaml")

    assert {place: str(mark) for place, mark in found.keys.items()} == {
        ("model",): "r.yaml:2:1",
        ("model", "engine"): "r.yaml:3:3",
        ("model", "engine", "tensorParallel"): "r.yaml:3:12",
        ("model", "engine", "args"): "r.yaml:3:31",
    }
    assert {place: str(mark) for place, mark in found.values.items()} == {
        (): "r.yaml:2:1",
        ("model",): "r.yaml:3:3",
        ("model", "engine"): "r.yaml:3:11",
        ("model", "engine", "tensorParallel"): "r.yaml:3:28",
        ("model", "engine", "args"): "r.yaml:3:37",
        ("model", "engine", "args", 0): "r.yaml:3:38",
    }


def test_columns_count_characters() -> None:
    assert str(read("{'ä😀': 大, b: 1}", "r").keys[("b",)]) == "r:1:11"


@pytest.mark.parametrize("text", ["\ufeffa: 1\n", "a: 1\r\n", "---\na: 1\n...\n", b"\xef\xbb\xbfa: 1"])
def test_a_byte_order_mark_and_windows_line_ends_and_document_marks_are_fine(text: bytes | str) -> None:
    assert read(text, "r").data == {"a": 1}


def test_windows_line_ends_do_not_move_places() -> None:
    assert str(read("a: 1\r\nb: 2\r\n", "r").keys[("b",)]) == "r:2:1"


def test_a_list_is_read_where_a_list_is_wanted() -> None:
    data: object = read("- a\n- b\n", "r", root=list).data

    assert data == ["a", "b"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_reads_as_any_yaml_reader_reads_it(path: Path) -> None:
    assert read(path.read_bytes(), path.name).data == yaml.safe_load(path.read_bytes())


# What is refused


AMBIGUOUS = [
    *("y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"),
    *(
        "010",
        "08",
        "-01",
        "00",
        "01.5",
        "0x10",
        "0X1F",
        "0o14",
        "0b101",
        "1_000",
        "1_0.5",
        "1__",
        "._5",
        "1_0e5",
    ),
    *("12:30", "12:30:45", "1:30.5", "-190:20:30"),
    *("2001-01-01", "2001-13-45", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43"),
]


@pytest.mark.parametrize("word", AMBIGUOUS)
def test_a_word_that_readers_disagree_about_is_refused(word: str) -> None:
    (problem,) = problems(f"a:\n  b: {word}\n")

    assert (problem.code, problem.path, str(problem.mark)) == ("ambiguous", ("a", "b"), "r.yaml:2:6")
    assert repr(word) in problem.message
    assert "quotes" in problem.hint


@pytest.mark.parametrize("word", [*AMBIGUOUS, "1", "1.5", "true", "null", "~", ".inf"])
def test_a_key_that_is_not_plainly_a_text_is_refused(word: str) -> None:
    (problem,) = problems(f"a:\n  {word}: 1\n")

    assert (problem.code, problem.path, str(problem.mark)) == ("key-type", ("a",), "r.yaml:2:3")
    assert problem.hint == f'put it in quotes: "{word}"'


@pytest.mark.parametrize("word", AMBIGUOUS)
def test_in_quotes_every_word_is_a_text(word: str) -> None:
    assert read(f"'{word}': \"{word}\"", "r").data == {word: word}


@pytest.mark.parametrize(
    "number",
    [
        *("9223372036854775808", "-9223372036854775809", "1" * 21, "1" * 5000),
        *("1e999", "-1e999", ".inf", "-.inf", "+.INF", ".nan", ".NaN"),
    ],
)
def test_a_number_out_of_range_is_refused(number: str) -> None:
    assert codes(f"a: {number}") == ["number"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: &x 1\n", ["r.yaml:1:4: a: anchors (&) are not allowed"]),
        ("a: *x\n", ["r.yaml:1:4: a: aliases (*) are not allowed"]),
        (
            "a: &x [*x]\n",
            ["r.yaml:1:4: a: anchors (&) are not allowed", "r.yaml:1:8: a[0]: aliases (*) are not allowed"],
        ),
        ("&x a: 1\n", ["r.yaml:1:1: anchors (&) are not allowed"]),
        ("a: !!python/object/apply:os.system [x]\n", ["r.yaml:1:4: a: tags (!) are not allowed"]),
        ("a: !!binary aGk=\n", ["r.yaml:1:4: a: tags (!) are not allowed"]),
        ("a: !!set {b}\n", ["r.yaml:1:4: a: tags (!) are not allowed"]),
        ("a: ! b\n", ["r.yaml:1:4: a: tags (!) are not allowed"]),
        ("!!str a: b\n", ["r.yaml:1:1: tags (!) are not allowed"]),
        ("a:\n  <<: {b: 1}\n", ["r.yaml:2:3: a: merge keys (<<) are not allowed"]),
        ("'<<': {b: 1}\n", ["r.yaml:1:1: merge keys (<<) are not allowed"]),
        ("%YAML 1.1\n---\na: b\n", ["r.yaml:1:1: directives (%) are not allowed"]),
        ("%TAG !e! tag:e,2000:\n---\na: b\n", ["r.yaml:1:1: directives (%) are not allowed"]),
        ("a: 1\n---\nb: 1\n", ["r.yaml:2:1: a second document begins; only one is allowed"]),
        ("? [a]\n: b\n", ["r.yaml:1:3: a key has to be a text"]),
        ("a: {{ b }}\n", ["r.yaml:1:5: a: a key has to be a text"]),
        ("a: {b:1}\n", ["r.yaml:1:5: a: the key 'b:1' has no value"]),
        ("'': b\n", ["r.yaml:1:1: a key is empty"]),
        ("? \n: b\n", ["r.yaml:1:2: the key '' is not plainly a text"]),
        ("", ["r.yaml:1:1: the document is empty"]),
        ("# only this", ["r.yaml:1:1: the document is empty"]),
        ("---\n", ["r.yaml:1:1: the document is empty"]),
        ("text", ["r.yaml:1:1: expected a mapping at the top, got 'text'"]),
        ("''", ["r.yaml:1:1: expected a mapping at the top, got ''"]),
        ("null", ["r.yaml:1:1: expected a mapping at the top, got null"]),
        ("- a\n", ["r.yaml:1:1: expected a mapping at the top, got ['a']"]),
    ],
)
def test_what_is_not_plain_data_is_refused_by_name(text: str, found: list[str]) -> None:
    assert lines(text) == found


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1\nb: 2\n'a': 3\n", 3), ('{a: 1, "a": 2}', 1), ("a: 1\n? a\n", 2)]
)
def test_a_key_written_twice_is_refused_with_both_lines(text: str, line: int) -> None:
    (found,) = lines(text)

    assert found.endswith(f": a: the key is written twice, in line 1 and in line {line}")


def test_everything_wrong_is_said_at_once_and_in_order() -> None:
    found = codes("a: yes\nb: 010\n1: x\nb: &x c\nd: [1, 2\ne: f\n")

    assert found == ["ambiguous", "ambiguous", "key-type", "duplicate-key", "anchor", "syntax"]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a:\n\tb: 1\n", "2:1", "use spaces, or put the text in quotes"),
        ("a: b: c\n", "1:5", "look at the indentation, or quote a text with ': ' in it"),
        ("a: @b\n", "1:4", "put a text that begins like this in quotes"),
        ("a: `b\n", "1:4", "put a text that begins like this in quotes"),
    ],
)
def test_broken_yaml_is_refused_with_place_and_hint(text: str, place: str, hint: str) -> None:
    (problem,) = problems(text)

    assert (problem.code, str(problem.mark), problem.hint) == ("syntax", f"r.yaml:{place}", hint)


@pytest.mark.parametrize(
    "text", ["a: 'b\n", 'a: "b', "a: [b\nc: d\n", "a: {b: c\n", "a:\n  b: 1\n c: 2\n", "a: '\\x'b'\n"]
)
def test_what_is_open_or_out_of_line_is_a_syntax_error(text: str) -> None:
    (problem,) = problems(text)

    assert problem.code == "syntax"
    assert problem.mark is not None
    assert problem.mark.line > 0


def test_a_syntax_error_says_where_the_broken_part_begins() -> None:
    (problem,) = problems("a: 1\nb: 'c\n\nd\n")

    assert problem.message.endswith("while scanning a quoted scalar that begins in line 2")


@pytest.mark.parametrize(
    "text",
    [
        "a:\t1\n",
        "{a: 1,\tb: 2}\n",
        "a: b\t\n",
        "a: 1 \t # c\n",
        "a:\n  - b\n  -\tc\n",
        "a: b\tc\n",
        "a: b#\tc\n",
        "a: b\n\tc\n",
    ],
)
def test_a_tab_between_values_is_refused(text: str) -> None:
    (problem, *_) = problems(text)

    assert problem.code in {"tab", "syntax"}
    assert problem.hint == "use spaces, or put the text in quotes"
    assert problem.mark is not None
    assert text.splitlines()[problem.mark.line - 1][problem.mark.column - 1] == "\t"


def test_tabs_in_texts_and_comments_are_fine() -> None:
    text = "#\tx\na: 'b\tc' #\ty\nd: |\n  e\tf\n  \tg\nh: i\n#\tz"

    assert read(text, "r").data == {"a": "b\tc", "d": "e\tf\n\tg\n", "h": "i"}


HIDDEN = [
    "\x00",
    "\x07",
    "\x1b",
    "\x7f",
    "\x85",
    "\x9f",
    "\xad",
    "\u200b",
    "\u200d",
    "\u202e",
    "\u2028",
    "\u2066",
]
HIDDEN += ["\ufeff", "\uffff", "\U000e0041"]


@pytest.mark.parametrize("character", HIDDEN, ids=lambda c: f"U+{ord(c):04X}")
def test_a_hidden_character_is_refused_where_it_stands(character: str) -> None:
    (problem,) = problems(f"abcd: 1\nb: x{character}y{character}\n")

    assert (problem.code, str(problem.mark)) == ("character", "r.yaml:2:5")
    assert f"U+{ord(character):04X}" in problem.message


@pytest.mark.parametrize("character", HIDDEN, ids=lambda c: f"U+{ord(c):04X}")
@pytest.mark.parametrize("text", ['a: "x{}"', '"x{}": 1'])
def test_a_hidden_character_is_refused_when_it_is_spelled_out(character: str, text: str) -> None:
    (problem,) = problems(text.format(f"\\U{ord(character):08x}"))

    assert problem.code == "character"
    assert f"U+{ord(character):04X}" in problem.message


@pytest.mark.parametrize(
    "text", ['a: "\\ud800"', '"\\udfff": 1', "a: \ud800", "a: \ud83d\ude00", 'a: "\\UFFFFFFFF"']
)
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    (problem,) = problems(text)

    assert problem.code in {"character", "encoding", "syntax"}


@pytest.mark.parametrize("escape", ["\\n", "\\t"])
def test_a_key_stays_on_one_line(escape: str) -> None:
    assert codes(f'"a{escape}b": 1') == ["character"]


def test_a_lone_carriage_return_is_refused() -> None:
    assert lines("a: 1\rb: 2\r") == ["r.yaml:1:5: holds U+000D, a character that cannot be seen"]


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "a: b\n".encode(name)
            for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
        ),
        b"\x1f\x8b\x08\x00\x00",
    ],
)
def test_another_encoding_is_refused_by_name(raw: bytes) -> None:
    assert lines(raw) == ["r.yaml: not UTF-8 but UTF-16, UTF-32 or binary"]


def test_a_byte_that_is_not_utf_8_is_refused_where_it_stands() -> None:
    assert lines("a: ä\n".encode() + "b: xé\n".encode("latin-1")) == ["r.yaml:2:5: not UTF-8: byte 0xe9"]


def _nested(depth: int) -> str:
    return "a: " + "[" * (depth - 1) + "]" * (depth - 1)


LIMITS: list[tuple[str, str, str]] = [
    ("bytes", "a: b\n".ljust(MAX_BYTES, "#").replace("b#", "b #"), "a: b\n".ljust(MAX_BYTES + 1, "#")),
    ("depth", _nested(MAX_DEPTH), _nested(MAX_DEPTH + 1)),
    ("nodes", f"a: [{'1,' * (MAX_NODES - 3)}]", f"a: [{'1,' * (MAX_NODES - 2)}]"),
    ("scalar", f"a: {'x' * MAX_SCALAR}", f"a: {'x' * (MAX_SCALAR + 1)}"),
    ("key", f"{'k' * MAX_KEY}: 1", f"{'k' * (MAX_KEY + 1)}: 1"),
]


@pytest.mark.parametrize("text", [text for _, text, _ in LIMITS], ids=[name for name, _, _ in LIMITS])
def test_what_reaches_a_limit_is_read(text: str) -> None:
    assert read(text, "r").data


@pytest.mark.parametrize("text", [text for _, _, text in LIMITS], ids=[name for name, _, _ in LIMITS])
def test_what_passes_a_limit_is_refused(text: str) -> None:
    (problem,) = problems(text)

    assert problem.code == "limit"
    assert re.search(r"[0-9]", problem.message)


def test_a_document_full_of_mistakes_is_not_read_to_its_end() -> None:
    assert len(problems("a: no\n" * 2 * MAX_PROBLEMS)) == MAX_PROBLEMS


def test_nesting_is_refused_where_the_first_level_too_many_begins() -> None:
    (problem,) = problems(_nested(MAX_DEPTH + 10))

    assert str(problem.mark) == f"r.yaml:1:{3 + MAX_DEPTH}"


HOSTILE = {
    "alias bomb": "a0: &a0 [x]\n"
    + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)),
    "merge chain": "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i}\n  <<: *a{i - 1}\n" for i in range(1, 8000)),
    "lists": "[" * 100_000,
    "maps": "{a: " * 50_000,
    "dashes": "- " * 100_000,
    "question marks": "? " * 100_000,
    "stairs": "".join(" " * depth + "a:\n" for depth in range(700)),
    "tags": "a: [" + "!a b," * 40_000,
    "quotes": "a: '" + "''" * 100_000,
    "open quote": 'a: "' + "\\n" * 100_000,
    "long integer": "a: " + "1" * 60_000,
    "long float": "a: 0." + "1" * 60_000,
    "long underscores": "a: 1" + "_" * 60_000 + "x",
    "long time": "a: " + "1:" * 30_000 + "x",
    "switches": "".join(f"k{i}: no\n" for i in range(9_000)),
    "same key": "a: 1\n" * 9_000,
    "hidden characters": "a: " + "\u200b" * 80_000,
    "many hidden characters": "a: " + "b" * 220_000 + "".join(map(chr, range(0xE0000, 0xE1000))),
    "line ends": "\n" * MAX_BYTES,
    "tabs": "a: 1" + "\t" * 200_000,
    "comments": "#\n" * 100_000,
    "colons": ":" * 200_000,
    "colons and spaces": ": " * 100_000,
    "anchors": "a: [" + "&a b," * 40_000,
    "spaces": "a:" + " " * 200_000 + "b",
}


@one_parser
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_is_answered_within_half_a_second(text: str) -> None:
    def answer() -> None:
        try:
            read(text, "r")
        except RecipeError as error:
            str(error)

    assert cpu_seconds(answer) < 0.5


def _mutations() -> st.SearchStrategy[bytes]:
    """Recipes with one to eight edits of a byte."""
    edits = st.lists(
        st.tuples(
            st.integers(0, len(RECIPE) - 1),
            st.binary(max_size=2) | st.sampled_from([b"\t", b"- ", b": ", b"&a "]),
        ),
        min_size=1,
        max_size=8,
    )
    return edits.map(_edited)


def _edited(edits: list[tuple[int, bytes]]) -> bytes:
    raw = RECIPE
    for place, new in edits:
        raw = raw[:place] + new + raw[place + 1 :]
    return raw


def _read(raw: bytes | str, loader: type) -> Any:
    """Return the data, or the kind of failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yamlio.scan, "LOADER", loader)
        try:
            return read(raw, "r").data
        except RecipegenError:
            return RecipegenError


YAML_TEXT = st.text("ab01.:-,[]{}&*!|>'\"%@`#?~\\ \t\n_xeyno<é\u200b", max_size=40)


@one_parser
@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | _mutations() | YAML_TEXT)
@example(b"%YAML 1." + b"1" * 5000 + b"\n---\na: b\n")
@example(b'a: "\\UFFFFFFFF"')
@example(b"a: !%ff b")
@example(b"a: !<%00> b")
def test_what_both_parsers_read_is_the_same(raw: bytes | str) -> None:
    found = [repr(data) for loader in LOADERS if (data := _read(raw, loader)) is not RecipegenError]

    assert len(set(found)) <= 1


@one_parser
def test_a_recipe_cut_anywhere_is_read_or_refused() -> None:
    for end in range(len(RECIPE)):
        found = _read(RECIPE[:end], yaml.CSafeLoader)

        assert found is RecipegenError or isinstance(found, dict)


# Files, and single values


def test_a_file_is_read_under_the_name_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("a: 1\n", encoding="utf-8")

    assert str(read_file(path, "mine.yaml").mark(("a",))) == "mine.yaml:1:4"


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\n")))

    assert read_file("-", "-").data == {"a": 1}


def test_a_long_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    with path.open("wb") as file:
        file.truncate(10**12)

    with pytest.raises(RecipeError, match=r"r\.yaml: longer than 262,144 bytes"):
        read_file(path, "r.yaml")


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def _socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
    return folder / "socket"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


UNREADABLE = {
    "missing": lambda folder: folder / "missing.yaml",
    "directory": lambda folder: folder,
    "fifo": _fifo,
    "socket": _socket,
    "device": lambda _: Path("/dev/zero"),
    "memory": lambda _: Path("/proc/self/mem"),
    "loop": _loop,
    "nul": lambda _: Path("a\0b"),
    "long name": lambda folder: folder / ("x" * 300),
}


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_readable_file_is_refused_at_once(make: Any, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^the recipe: ."):
        read_file(make(tmp_path), "the recipe")


def test_refusing_a_file_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(ToolError):
            read_file(tmp_path, "r")

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("[a, b]", ["a", "b"]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ('""', ""),
        ("null", None),
        (" x ", "x"),
    ],
)
def test_a_single_value_is_a_scalar_or_in_flow_style(text: str, value: object) -> None:
    assert read_value(text) == value


@pytest.mark.parametrize(
    "text", ["", " ", "# x", "a: b", "- a", "? a", "yes", "[a", "*a", "a\n---\nb", "--- a\n... b"]
)
def test_a_single_value_can_be_refused(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_value(text, "--set x", ("k",))
    (problem,) = caught.value.problems

    assert (str(problem.mark), problem.path) == ("--set x", ("k",))


def test_objects_of_a_tool_are_read_from_many_documents() -> None:
    assert read_objects("---\n# Source: a\na: 1\n---\n---\nb: [&x 1, *x]\n") == [{"a": 1}, {"b": [1, 1]}]


@one_parser
@pytest.mark.parametrize("text", ["a: [", "- a\n", "text", "a: 2001-13-45", "a: =", "[" * 2_000])
def test_output_that_is_no_objects_is_the_tools_fault(text: str) -> None:
    with pytest.raises(ToolError, match=r"^the tool's output"):
        read_objects(text)


# What is written


@one_parser
def test_the_writer_uses_block_style_and_quotes_every_text() -> None:
    data = {
        "name": "a",
        "count": 2,
        "share": 0.5,
        "on": True,
        "nothing": None,
        "empty": {"map": {}, "list": [], "text": ""},
        "list": ["x", 1, {"b": 1, "a": [True, [], {}]}, ["y", ["z"]]],
        "app.kubernetes.io/name": "n",
        "two words": "line\nline",
    }

    assert write(data) == (
        'name: "a"\n'
        "count: 2\n"
        "share: 0.5\n"
        '"on": true\n'
        "nothing: null\n"
        "empty:\n"
        "  map: {}\n"
        "  list: []\n"
        '  text: ""\n'
        "list:\n"
        '  - "x"\n'
        "  - 1\n"
        "  - b: 1\n"
        "    a:\n"
        "      - true\n"
        "      - []\n"
        "      - {}\n"
        '  - - "y"\n'
        '    - - "z"\n'
        'app.kubernetes.io/name: "n"\n'
        '"two words": "line\\nline"\n'
    )


READ_OTHERWISE_ELSEWHERE = [
    *(
        "1e5",
        "0o14",
        "08",
        "y",
        "no",
        "12:30",
        "~",
        "",
        "true",
        "null",
        "0x10",
        "1_000",
        ".inf",
        "2001-01-01",
        "=",
    ),
    *(
        "<<",
        "- a",
        "a: b",
        "# a",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        " a ",
        "\ta",
        "a\n",
        "'",
    ),
    *('"', "\\", "\x7f", "\x85", "\u2028", "\ufeff", "\u200b", "😀", "\U000e0041", "\x00", "---", "..."),
]


@one_parser
@pytest.mark.parametrize("text", READ_OTHERWISE_ELSEWHERE, ids=ascii)
def test_a_text_that_other_readers_take_for_something_else_is_quoted(text: str) -> None:
    key, value = (
        write({text: text}).removesuffix("\n").rsplit(": ", 1)
        if ": " not in text
        else (f'"{text}"', f'"{text}"')
    )

    assert key[0] == key[-1] == value[0] == value[-1] == '"'


@one_parser
def test_shared_parts_are_written_out_each_time() -> None:
    shared = ["x"]

    assert write({"a": shared, "b": shared}) == 'a:\n  - "x"\nb:\n  - "x"\n'


@one_parser
def test_long_texts_are_not_wrapped() -> None:
    assert write({"a": "word " * 200}).count("\n") == 1


@one_parser
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e16, "1.0e+16"),
        (1e-7, "1.0e-07"),
        (-2.5e300, "-2.5e+300"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (2**63 - 1, str(2**63 - 1)),
    ],
)
def test_a_number_is_written_as_all_readers_read_it(number: float, text: str) -> None:
    assert write([number]) == f"- {text}\n"
    assert yaml.safe_load(text) == number


@one_parser
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "\ud800", {"\udfff": 1}])
def test_what_yaml_cannot_hold_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"finite|surrogate"):
        write({"a": value})


@one_parser
@pytest.mark.parametrize("value", [b"x", {1: 2}, {None: 1}, {1, 2}, object()])
def test_what_is_no_plain_data_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        write({"a": value})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def _trees(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    keys = texts.filter(lambda key: 0 < len(key) <= MAX_KEY and not UNSAFE.search(key) and key != "<<")
    keys |= st.sampled_from(
        [text for text in READ_OTHERWISE_ELSEWHERE if text not in {"", "<<"} and not UNSAFE.search(text)]
    )
    scalars = texts | NUMBERS | st.booleans() | st.none() | st.sampled_from(["", "no", "1e5"])
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=15,
    )
    return st.dictionaries(keys, values, max_size=4)


def _typed(value: Any) -> Any:
    """Return the value with its types beside it, since to Python 1 equals true and 1.0."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return type(value), repr(value)


@one_parser
@settings(deadline=None)
@given(_trees(TEXTS.filter(lambda text: not any(c not in "\t\n" for c in UNSAFE.findall(text)))))
def test_what_is_written_is_read_back_the_same(data: dict[str, Any]) -> None:
    assert _typed(read(write(data), "r").data) == _typed(data)


@one_parser
@settings(deadline=None)
@given(_trees(TEXTS))
def test_what_is_written_any_python_reader_reads_back_the_same(data: dict[str, Any]) -> None:
    assert _typed(yaml.safe_load(write(data))) == _typed(data)


@one_parser
@settings(deadline=None)
@given(st.dictionaries(TEXTS.filter(bool), TEXTS | st.sampled_from(READ_OTHERWISE_ELSEWHERE), max_size=5))
def test_what_is_written_helm_reads_back_the_same(data: dict[str, str]) -> None:
    assert helm_python.values_from_yaml(write(data)) == data


@one_parser
def test_every_word_other_readers_mistake_comes_back_from_helm_as_it_was() -> None:
    data = {"list": READ_OTHERWISE_ELSEWHERE, **{f"k{text}": text for text in READ_OTHERWISE_ELSEWHERE}}

    assert helm_python.values_from_yaml(write(data)) == data
