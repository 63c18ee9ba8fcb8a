"""The one reader of YAML, with limits and positions, and the one writer, which quotes every string.

Only data comes in: text, numbers, true and false, null, lists, maps. What YAML readers disagree
about is refused rather than guessed, because Helm and helmfile may read it differently.
"""

import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from math import isfinite
from pathlib import Path as File
from typing import Any, Literal, NoReturn

import yaml

from recipegen.errors import UNSAFE, Mark, Path, Problem, RecipeError, ToolError, escape, show

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
MAX_NODES = 20_000
MAX_SCALAR = 64 * 1024
MAX_KEY = 256
MAX_INTEGER = 2**63 - 1

# Both give the same events. The one in C is much faster, but not in every build.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_TAB_OR_COMMENT = re.compile(r"#[^\n]*|\t")

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_SWITCHES = {
    spelled(word)
    for word in ("y", "yes", "n", "no", "on", "off")
    for spelled in (str.lower, str.capitalize, str.upper)
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_ODD_NUMBER = re.compile(
    r"[-+]?0(?:[xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)"
    r"|[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\._*[0-9][0-9_]*)(?:[eE][-+]?[0-9_]+)?"
)
_TIME_OR_DATE = re.compile(
    r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?",
    re.DOTALL,
)
_HINTS = (
    ("cannot start any token", "put a text that begins like this in quotes"),
    ("mapping values are not allowed", "look at the indentation, or quote a text with ': ' in it"),
)
_SAFE_KEY = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class Document:
    """Plain data, and where each part of it was written."""

    data: dict[str, Any]
    keys: Mapping[Path, Mark]
    """Where each key was written."""
    values: Mapping[Path, Mark]
    """Where each value and each list item was written."""
    deleted: Mapping[Path, Mark] = field(default_factory=dict)
    """Nulls of patches that found nothing to delete."""

    def mark(self, path: Path) -> Mark | None:
        """Return where the value was written; for what is not there, the nearest key above."""
        if path in self.values:
            return self.values[path]
        above = (path[:length] for length in range(len(path) - 1, -1, -1))
        return next((m for p in above if (m := self.keys.get(p) or self.values.get(p))), None)

    def key_mark(self, path: Path) -> Mark | None:
        """Return where the key at the end of the path was written."""
        return self.keys.get(path)


def read(text: bytes | str, source: str, *, root: type = dict) -> Document:
    """Return the one YAML document in the text.

    Args:
        text: The whole text; bytes are UTF-8.
        source: What messages call it: the file as the user named it.
        root: What the document has to be; list where a list is wanted.

    Raises:
        RecipeError: The text is not YAML, or holds what a recipe cannot; with every problem found.
    """
    scan = _Scan(text, source)
    data = scan.document(root)
    return Document(data, scan.keys, scan.values)


def read_file(path: File | Literal["-"], name: str) -> Document:
    """Return the document in the file, or on standard input for "-"; messages call it by name.

    Raises:
        ToolError: The file is missing, cannot be read, or is not a regular file.
        RecipeError: As `read`.
    """
    try:
        text = sys.stdin.buffer.read(MAX_BYTES + 1) if path == "-" else _contents(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ToolError(f"{escape(name)}: {reason}") from error
    return read(text, name)


def read_value(text: str, source: str = "--set", path: Path = ()) -> Any:
    """Return the value in the text: a scalar, or a list or map in flow style.

    Args:
        text: What stands after the `=` of a `--set`.
        source: What messages call it.
        path: Where the value will be put.

    Raises:
        RecipeError: As `read`, or there is no value.
    """
    return _Scan(text, source, path, lines=False).value()


def read_objects(text: str) -> list[dict[str, Any]]:
    """Return the objects in the output of a tool that is trusted, such as Helm.

    Raises:
        ToolError: The text is not YAML, or holds something else than objects.
    """
    try:
        found = [part for part in yaml.load_all(text, _LOADER) if part is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ToolError(f"the tool's output is not YAML: {error}") from error
    if not all(isinstance(part, dict) for part in found):
        raise ToolError("the tool's output holds something else than objects")
    return found


def write(data: object) -> str:
    """Return the data as YAML: block style, in the order given, every string double-quoted.

    Raises:
        TypeError: The data holds something else than dict, list, str, int, float, bool and None.
        ValueError: A number is not finite, or a text has a surrogate.
    """
    return "".join(f"{line}\n" for line in _block(data, ""))


def _contents(path: File) -> bytes:
    """Return at most one byte more than is allowed of a regular file."""
    # Without O_NONBLOCK, opening a FIFO would wait for its writer. What was opened is checked, not
    # the path, which may be another file by now.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


class _UnclearError(Exception):
    """A bare word that is not plainly text, a number, true, false or null."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code, self.message, self.hint = code, message, hint


class _Scan:
    """One pass over the parser's events that builds data and marks and keeps to the limits.

    Nothing is composed by the YAML library, which would recurse and expand before anyone counts.
    """

    def __init__(self, text: bytes | str, source: str, path: Path = (), *, lines: bool = True) -> None:
        self.source, self.path, self.lines = source, path, lines
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.problems: list[Problem] = []
        self.nodes = 0
        # A str may hold half a surrogate pair; as bytes it meets the same check as a file.
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        self.text = self._decoded(raw)
        self.events = self._events()

    def document(self, root: type) -> Any:
        """Return the data of the one document, or raise with every problem."""
        node = self._first("the document is empty")
        data = self._node(node, ())
        if not isinstance(data, root):
            wanted = "a list" if root is list else "a mapping"
            self._add("wrong-type", (), f"expected {wanted} at the top, got {show(data)}", node)
        self._end()
        return data

    def value(self) -> Any:
        """Return the one value, or raise with every problem."""
        node = self._first("there is no value", 'write null to delete the key, "" for an empty text')
        if isinstance(node, yaml.CollectionStartEvent) and not node.flow_style:
            hint = "put a text in quotes; write a list as [a, b] and a map as {a: b}"
            self._stop("syntax", self.path, "looks like a list or map, but has no brackets", node, hint)
        data = self._node(node, self.path)
        self._end()
        return data

    def _first(self, empty: str, hint: str = "") -> Any:
        """Return the event that begins the value, or raise when there is none."""
        start = next(self.events)
        node = start if isinstance(start, yaml.StreamEndEvent) else next(self.events)
        if node is start or (isinstance(node, yaml.ScalarEvent) and not node.value and not node.style):
            raise RecipeError(*self.problems, self._problem("empty", empty, self._mark_after(""), hint))
        if self.text.startswith("%", start.start_mark.index):
            self._add("directive", self.path, "directives (%) are not allowed", start)
        return node

    def _end(self) -> None:
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._stop("documents", self.path, "a second document begins; only one is allowed", after)
        if self.problems:
            raise RecipeError(*self.problems)

    def _decoded(self, raw: bytes) -> str:
        """Return the text; raise when it is too long, not UTF-8, or hides characters."""
        if len(raw) > MAX_BYTES:
            message = f"longer than {MAX_BYTES:,} bytes ({MAX_BYTES // 1024} KiB)"
            raise RecipeError(self._problem("limit", message))
        if raw.startswith(_OTHER_ENCODINGS) or b"\0" in raw[:4]:
            raise RecipeError(self._problem("encoding", "not UTF-8 but UTF-16, UTF-32 or binary"))
        raw = raw.removeprefix(_BOM)
        try:
            text = raw.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            mark = self._mark_after(raw[: error.start].decode())
            message = f"not UTF-8: byte 0x{raw[error.start]:02x}"
            raise RecipeError(self._problem("encoding", message, mark)) from error
        for character, index in _hidden(text).items():
            message = f"holds {_named(character)}"
            problem = self._problem("character", message, self._mark_after(text[:index]))
            self.problems.append(problem)
        if self.problems:
            raise RecipeError(*self.problems)
        return text

    def _events(self) -> Iterator[Any]:
        """Yield the events that matter, and report tabs between them."""
        tabs = "\t" in self.text
        end = 0
        try:
            for event in yaml.parse(self.text, _LOADER):
                if tabs and isinstance(event, yaml.ScalarEvent | yaml.StreamEndEvent):
                    end = self._tabs(end, event)
                if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent):
                    yield event
        # The parser in Python lets the errors of int and chr through.
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise RecipeError(*self.problems, self._syntax(error)) from error

    def _node(self, event: Any, path: Path) -> Any:
        """Return the value that begins with the event."""
        self._count(event, path)
        self.values[path] = self._mark(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        return self._sequence(path) if isinstance(event, yaml.SequenceStartEvent) else None

    def _count(self, event: Any, path: Path) -> None:
        """Hold a node against the limits, and refuse what data has no use for."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop("limit", path, f"more than {MAX_NODES:,} keys and values", event)
        if len(path) >= MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            self._stop("limit", path, f"nesting deeper than {MAX_DEPTH}", event)
        if isinstance(event, yaml.AliasEvent):
            self._add("alias", path, "aliases (*) are not allowed", event, "repeat the value")
        elif event.anchor is not None:
            self._add("anchor", path, "anchors (&) are not allowed", event, "take it out")
        if getattr(event, "tag", None) is not None:
            self._add("tag", path, "tags (!) are not allowed", event, "take it out, or use quotes")

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, path)
            place = (*path, key)
            mark = self._mark(event.start_mark)
            if key in result:
                first = self.keys[place]
                lines = f", in line {first.line} and in line {mark.line}" if mark.line else ""
                self._add("duplicate-key", place, f"the key is written twice{lines}", event)
            else:
                self.keys[place] = mark
            result[key] = self._node(next(self.events), place)
        return result

    def _sequence(self, path: Path) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            result.append(self._node(event, (*path, len(result))))
        return result

    def _key(self, event: Any, path: Path) -> str:
        """Return the key; where it cannot be one, report that and return what stands for it."""
        if not isinstance(event, yaml.ScalarEvent):
            self._node(event, (*path, "?"))
            hint = "put a text with braces or brackets in quotes"
            self._add("key-type", path, "a key has to be a text", event, hint)
            return "?"
        self._count(event, path)
        key = event.value
        if key == "<<":
            self._add("merge-key", path, "merge keys (<<) are not allowed", event)
        elif len(key) > MAX_KEY:
            self._add("limit", path, f"a key of more than {MAX_KEY} characters", event)
        elif hidden := UNSAFE.search(key):
            self._add("character", path, f"a key holds {_named(hidden[0])}", event)
        elif not key and event.style:
            self._add("key-type", path, "a key is empty", event)
        elif not event.style and not _is_text(key):
            hint = f"put it in quotes: {_quoted(key)}"
            self._add("key-type", path, f"the key {show(key)} is not plainly a text", event, hint)
        return key

    def _scalar(self, event: Any, path: Path) -> Any:
        text = event.value
        if len(text) > MAX_SCALAR:
            message = f"a text of {len(text):,} characters; {MAX_SCALAR:,} are allowed"
            self._add("limit", path, message, event)
        elif hidden := _hidden(text):
            message = f"holds {_named(next(iter(hidden)))}"
            self._add("character", path, message, event)
        elif not event.style:
            try:
                return _plain(text)
            except _UnclearError as unclear:
                self._add(unclear.code, path, unclear.message, event, unclear.hint)
        return text

    def _tabs(self, begin: int, event: Any) -> int:
        """Report the first tab before or in a bare scalar; return where the scalar ends.

        Only quotes and block scalars may hold tabs: about others the two parsers disagree.
        """
        start, end = event.start_mark.index, event.end_mark.index
        found = (m.start() for m in _TAB_OR_COMMENT.finditer(self.text, begin, start) if m[0] == "\t")
        bare = isinstance(event, yaml.ScalarEvent) and not event.style
        index = next(found, self.text.find("\t", start, end) if bare else -1)
        if index >= 0:
            mark = self._mark_after(self.text[:index])
            hint = "use spaces, or put the text in quotes"
            self.problems.append(self._problem("tab", "a tab outside quotes", mark, hint))
        return int(end)

    def _syntax(self, error: Exception) -> Problem:
        begin, where = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
        context, reason = getattr(error, "context", None), getattr(error, "problem", None)
        message = f"not YAML: {reason or escape(str(error))}"
        if context:
            message += f", {context}"
        if begin and where and begin.line != where.line:
            message += f" that begins in line {begin.line + 1}"
        where = where or begin
        hint = next((hint for words, hint in _HINTS if words in message), "")
        if where and self.text.startswith("\t", where.index):
            hint = "use spaces, or put the text in quotes"
        return self._problem("syntax", message, self._mark(where) if where else None, hint)

    def _problem(self, code: str, message: str, mark: Mark | None = None, hint: str = "") -> Problem:
        return Problem(code, self.path, message, hint, mark or Mark(self.source))

    def _mark_after(self, text: str) -> Mark:
        """Return the mark of the character that follows the text."""
        line = text.count("\n") + 1
        return self._marked(line, len(text) - text.rfind("\n"))

    def _mark(self, mark: Any) -> Mark:
        return self._marked(mark.line + 1, mark.column + 1)

    def _marked(self, line: int, column: int) -> Mark:
        return Mark(self.source, line, column) if self.lines else Mark(self.source)

    def _add(self, code: str, path: Path, message: str, event: Any, hint: str = "") -> None:
        self.problems.append(Problem(code, path, message, hint, self._mark(event.start_mark)))

    def _stop(self, code: str, path: Path, message: str, event: Any, hint: str = "") -> NoReturn:
        """Raise with this problem as the last one, because reading on makes no sense."""
        self._add(code, path, message, event, hint)
        raise RecipeError(*self.problems)


def _plain(text: str) -> str | int | float | bool | None:
    """Return what a bare word stands for, by YAML 1.2's core schema, where all readers agree.

    Raises:
        _UnclearError: Readers of YAML 1.1, such as Helm, take it for something else.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text in _SWITCHES:
        message = f"{show(text)} is true or false to some YAML readers, text to others"
        raise _UnclearError("ambiguous", message, "write true or false, or put it in quotes")
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        # By length first: Python takes quadratic time for long numbers and refuses longer ones.
        if len(text) > 20 or not -MAX_INTEGER - 1 <= int(text) <= MAX_INTEGER:
            raise _UnclearError("number", f"an integer of more than 64 bits, got {show(text)}")
        return int(text)
    if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not isfinite(float(text))):
        raise _UnclearError("number", f"not a finite number, got {show(text)}")
    if _FLOAT.fullmatch(text):
        return float(text)
    if _ODD_NUMBER.fullmatch(text):
        message = f"{show(text)} is not the same number to all YAML readers"
        raise _UnclearError("ambiguous", message, "write a plain decimal number, or put it in quotes")
    if _TIME_OR_DATE.fullmatch(text):
        message = f"{show(text)} is a time or a number to some YAML readers, text to others"
        raise _UnclearError("ambiguous", message, "put it in quotes")
    return text


def _is_text(word: str) -> bool:
    try:
        return isinstance(_plain(word), str)
    except _UnclearError:
        return False


def _hidden(text: str) -> dict[str, int]:
    """Return each character that a text may not hold, with its first place."""
    found: dict[str, int] = {}
    for match in UNSAFE.finditer(text):
        if match[0] not in "\t\n":
            found.setdefault(match[0], match.start())
    return found


def _named(character: str) -> str:
    return f"U+{ord(character):04X}, a character that cannot be seen"


def _block(data: object, indent: str) -> Iterator[str]:
    """Yield the lines of the data, each indented."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            name = f"{indent}{_written_key(key)}:"
            if isinstance(value, dict | list | tuple) and value:
                yield name
                yield from _block(value, indent + "  ")
            else:
                yield f"{name} {_inline(value)}"
    elif isinstance(data, list | tuple) and data:
        for item in data:
            first, *rest = _block(item, indent + "  ")
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from rest
    else:
        yield indent + _inline(data)


def _written_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is not a text")
    return key if _SAFE_KEY.fullmatch(key) and _is_text(key) else _quoted(key)


def _inline(value: object) -> str:
    """Return a scalar or an empty collection."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value!r} is not a finite number")
        # With a dot, because to YAML 1.1 a number without one is a text: 1e+16.
        return re.sub(r"^(-?[0-9]+)e", r"\1.0e", repr(value))
    if value is None or isinstance(value, int | dict | list | tuple):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def _quoted(text: str) -> str:
    # JSON's escapes are YAML's too; what JSON leaves bare and YAML must not follows.
    return UNSAFE.sub(_escaped, encode_basestring(text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"half a surrogate pair, U+{code:04X}, cannot be written")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
