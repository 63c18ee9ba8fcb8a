"""The one reader of JSON that a user names: limits, positions, and what is wrong in plain words.

The standard library reads it. Positions are looked for only when something is wrong, by skipping over the
values before, so that a right file costs nothing.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from recipegen.errors import Mark, Path, Problem, RecipeError, escape, show
from recipegen.sizing.checkpoint.jsonplaces import position, space, steps

MAX_DEPTH = 64
MAX_DIGITS = 400
MAX_PROBLEMS = 20

_ENCODINGS = (
    (b"\x00\x00\xfe\xff", "UTF-32"), (b"\xff\xfe\x00\x00", "UTF-32"), (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"), (b"{\x00", "UTF-16"), (b"\x00{", "UTF-16"),
)  # fmt: skip
_BOM = b"\xef\xbb\xbf"
# What a file is that begins like this; whoever downloads by hand gets them under the name of a config.json.
_BEGINNINGS = (
    (b"GGUF", "a GGUF file", "give the config.json of the model that it was made from"),
    (b"PK\x03\x04", "a zip archive, as PyTorch's .bin and .pth are", "give the model's config.json"),
    (b"\x80\x02", "a Python pickle", "give the model's config.json"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file", "fetch the file with `git lfs pull`"),
    (b"<", "a web page, not the file", "download the raw file; gated models need a token for it"),
    (b"Entry not found", "a hub's answer that there is no such file", "look for its name in the model"),
    (b"Access to model", "a hub's answer that access is restricted", "use a token that has access"),
    (b"Invalid username", "a hub's answer that the token is wrong", "use a token that has access"),
)  # fmt: skip
_STEPS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
_WORD = re.compile(r"[A-Za-z_]+")
_WORDS = {
    "None": "null",
    "True": "true",
    "False": "false",
    "undefined": "null",
    "inf": "Infinity",
    "nan": "NaN",
}


@dataclass(frozen=True)
class Json:
    """Data, and the text that it was written in."""

    data: dict[str, Any]
    text: str
    source: str
    """What messages call it."""

    def mark(self, path: Path = ()) -> Mark:
        """Return where the last key of a path was written; where it is not there, of what it would be in."""
        return _mark(self.source, self.text, position(self.text, path))

    def problem(self, code: str, path: Path, message: str, hint: str = "") -> Problem:
        """Return a problem at a path."""
        return Problem(code, path, message, hint, self.mark(path))

    def path(self, key: str) -> Path:
        """Return the path that a reader of plain data means by `text_config.layers[3].kind`."""
        return steps(self.data, key)


def read(raw: bytes | str, source: str, most: int) -> Json:
    """Return the JSON object in a text.

    Args:
        raw: The whole text; bytes are UTF-8.
        source: What messages call it.
        most: Bytes that are allowed.

    Raises:
        RecipeError: It is no JSON object; with the place where that shows.
    """
    raw = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if len(raw) > most:
        message = f"is larger than {_size(most)}, which no file of this kind is"
        raise _refused("limit", message, "look at what the file is", Mark(source))
    text = _decoded(raw, source)
    data = _loaded(text, source)
    if not isinstance(data, dict):
        message = f"must be a JSON object, got {_kind(data)}"
        raise _refused("not-json", message, "", _mark(source, text, space(text, 0)))
    return Json(data, text, source)


class _Map(dict[str, Any]):
    """An object in which a key stands twice."""

    twice: str = ""


def _loaded(text: str, source: str) -> Any:
    doubled: list[_Map] = []

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        marked = _Map(pairs)
        seen: set[str] = set()
        for key, _ in pairs:
            marked.twice = marked.twice or (key if key in seen else "")
            seen.add(key)
        # An empty key cannot be told from none.
        marked.twice = marked.twice or "\0"
        doubled.append(marked)
        return marked

    try:
        data = json.loads(text, object_pairs_hook=made, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise RecipeError(_syntax(text, source, error)) from error
    except RecursionError as error:
        raise _too_deep(text, source) from error
    if _levels(data) > MAX_DEPTH:
        raise _too_deep(text, source)
    if doubled:
        raise RecipeError(*_twice(Json(data if isinstance(data, dict) else {}, text, source)))
    return data


def _levels(data: Any) -> int:
    """Return how deep the data is nested, as far as that is of interest."""
    level, depth = [data], 0
    while level and depth <= MAX_DEPTH:
        inner = (
            each.values() if isinstance(each, dict) else each
            for each in level
            if isinstance(each, dict | list)
        )
        level = [below for each in inner for below in each if isinstance(below, dict | list)]
        depth += 1
    return depth


def _too_deep(text: str, source: str) -> RecipeError:
    """Return the error with the place where the nesting is too deep."""
    depth = place = 0
    for step in _STEPS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(step[0], 0)
        if depth > MAX_DEPTH:
            place = step.start()
            break
    message = f"is nested more than {MAX_DEPTH} levels deep"
    return _refused("limit", message, "look at what the file is", _mark(source, text, place))


def _integer(digits: str) -> int | float:
    """Return a whole number; one of thousands of digits as infinite, which no size may be."""
    return int(digits) if len(digits) <= MAX_DIGITS else float("inf")


def _decoded(raw: bytes, source: str) -> str:
    begin = raw[:64]
    encoding = next((name for mark, name in _ENCODINGS if begin.startswith(mark)), "")
    if encoding:
        raise _refused("encoding", f"is {encoding}, not UTF-8", "save it as UTF-8", Mark(source))
    if begin.startswith(_BOM):
        message = "begins with a byte order mark, which readers of JSON refuse"
        raise _refused("encoding", message, "save it as UTF-8 without one", Mark(source, 1, 1))
    for start, what, hint in _BEGINNINGS:
        if begin.lstrip().startswith(start):
            raise _refused("not-json", f"is {what}", hint, Mark(source))
    if raw[8:9] == b"{" and int.from_bytes(raw[:8], "little") < 2**32:
        hint = "give the folder that it is in, or call it NAME.safetensors"
        raise _refused("not-json", "is a safetensors file", hint, Mark(source))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        message = f"is not text: byte 0x{raw[error.start]:02x} is not UTF-8"
        mark = _mark(source, before, len(before))
        raise _refused("encoding", message, "give the model's config.json", mark) from error


def _syntax(text: str, source: str, error: json.JSONDecodeError) -> Problem:
    """Return what is wrong with the text, in words that no Python release changes."""
    whole = text.rstrip(" \t\n\r")
    if not whole:
        return Problem(
            "not-json", (), "is empty", "look at the download or the command before the pipe", Mark(source)
        )
    at = min(error.pos, len(whole))
    if at >= len(whole) or error.msg.startswith("Unterminated string"):
        message = "ends before the JSON does: it was cut short"
        return Problem("truncated", (), message, "download it again", _mark(source, text, len(whole)))
    before = text[:at].rstrip(" \t\n\r")
    if text[at] in "]}" and before.endswith(","):
        at = len(before) - 1
    mark = _mark(source, text, at)
    if error.msg.startswith("Invalid control character"):
        message = f"a control character, {text[at]!a}, inside a string"
        return Problem("not-json", (), message, "a string has to end on its line", mark)
    if error.msg == "Extra data":
        message = f"goes on after the JSON has ended, with {show(text[at : at + 20])}"
        return Problem("not-json", (), message, "one JSON object a file", mark)
    return Problem(
        "not-json", (), f"is no JSON: unexpected {show(_token(text, at))}", _advice(text, at), mark
    )


def _token(text: str, at: int) -> str:
    word = _WORD.match(text, at)
    return word[0] if word else text[at]


def _advice(text: str, at: int) -> str:
    token = _token(text, at)
    rest = text[at:].lstrip(", \t\n\r")
    if text[at] == "," and rest[:1] in ("]", "}"):
        return "no comma behind the last entry"
    if token in _WORDS:
        return f"write {_WORDS[token]}"
    if token == "'":
        return "strings and keys stand in double quotes"
    if token in "/#":
        return "JSON has no comments"
    if at == space(text, 0) and _WORD.match(text, at):
        return "this may be YAML; a model's config.json is JSON"
    return ""


def _twice(found: Json) -> list[Problem]:
    """Return a problem for each object that has a key twice."""
    problems: list[Problem] = []
    waiting: list[tuple[Path, Any]] = [((), found.data)]
    while waiting and len(problems) < MAX_PROBLEMS:
        path, data = waiting.pop()
        if isinstance(data, _Map):
            key = "" if data.twice == "\0" else data.twice
            problems.append(
                found.problem("duplicate-key", (*path, key), "stands twice", "keep one of the two")
            )
        if isinstance(data, dict):
            waiting += [((*path, key), below) for key, below in data.items()]
        elif isinstance(data, list):
            waiting += [((*path, index), below) for index, below in enumerate(data)]
    # Inside of a value that a later one has replaced, or not in an object.
    message = "a key stands twice in one object"
    return problems or [Problem("duplicate-key", (), message, "keep one of the two", Mark(found.source))]


def _mark(source: str, text: str, at: int) -> Mark:
    return Mark(source, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def _refused(code: str, message: str, hint: str, mark: Mark) -> RecipeError:
    return RecipeError(Problem(code, (), message, hint, mark))


def _kind(data: Any) -> str:
    if isinstance(data, list):
        return f"a list of {len(data)}"
    return escape(show(data))


def _size(count: int) -> str:
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count} bytes"
