"""One pass over a YAML parser's events, with limits and positions."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn, cast

import yaml

from recipegen.errors import UNSAFE, Mark, Path, Problem, RecipeError, escape, show
from recipegen.yamlio.scalars import UnclearError, is_text, plain
from recipegen.yamlio.writer import quoted

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
MAX_NODES = 20_000
MAX_SCALAR = 64 * 1024
MAX_KEY = 256
MAX_PROBLEMS = 1000

# Both give the same events. The one in C is much faster, but not in every build.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_BLOCKS = ("|", ">")
_ENDING = (yaml.ScalarEvent, yaml.CollectionEndEvent)
_SILENT = (yaml.StreamStartEvent, yaml.DocumentEndEvent)
_TAB_OR_COMMENT = re.compile(r"#[^\n]*|\t")
_HINTS = (
    ("cannot start any token", "put a text that begins like this in quotes"),
    ("mapping values are not allowed", "look at the indentation, or quote a text with ': ' in it"),
)


class Scan:
    """One pass over the parser's events that builds data and marks and keeps to the limits.

    Nothing is composed by the YAML library, which would recurse and expand before anyone counts.
    """

    def __init__(self, text: bytes | str, source: str, path: Path = (), *, lines: bool = True) -> None:
        self.source, self.path, self.lines = source, path, lines
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.problems: list[Problem] = []
        self.nodes = 0
        self.end = 0
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

    def documents(self, *, blank: bool = False) -> Iterator[Any]:
        """Yield the mapping of each document; marks are those of that one, problems are raised."""
        for event in self.events:
            if isinstance(event, yaml.StreamEndEvent):
                return
            if isinstance(event, yaml.DocumentStartEvent):
                if self.text.startswith("%", cast(Any, event.start_mark).index):
                    self._add("directive", (), "directives (%) are not allowed", event)
                continue
            self.keys, self.values = {}, {}
            data = self._node(event, ())
            if data is not None and not isinstance(data, dict):
                self._add("wrong-type", (), f"expected a mapping at the top, got {show(data)}", event)
            if self.problems:
                raise RecipeError(*self.problems)
            if data is not None or blank:
                yield data or {}

    def value(self) -> Any:
        """Return the one value, or raise with every problem."""
        node = self._first("there is no value", 'write null to delete the key, "" for an empty text')
        if "\n" in self.text:
            hint = r'write \n for it in double quotes, as in "a\nb", or use a patch file'
            self._stop("syntax", self.path, "holds a line break, which YAML would fold or drop", node, hint)
        if isinstance(node, yaml.ScalarEvent) and node.style in _BLOCKS:
            self._stop("syntax", self.path, "begins a block of lines", node, "put the text in quotes")
        if isinstance(node, yaml.CollectionStartEvent) and not node.flow_style:
            hint = "put a text in quotes; write a list as [a, b] and a map as {a: b}"
            self._stop("syntax", self.path, "looks like a list or map, but has no brackets", node, hint)
        data = self._node(node, self.path)
        self._end()
        if comment := self.text[self.end :].strip():
            hint = "put the whole value in quotes, or leave the comment out"
            self._stop("syntax", self.path, f"ends in a comment, {show(comment)}", node, hint)
        return data

    def _first(self, empty: str, hint: str = "") -> Any:
        """Return the event that begins the value, or raise when there is none."""
        start = next(self.events)
        node = start if isinstance(start, yaml.StreamEndEvent) else next(self.events)
        if node is start or (isinstance(node, yaml.ScalarEvent) and not node.value and not node.style):
            raise RecipeError(*self.problems, self._problem("empty", empty, self._mark_at("", 0), hint))
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
            before = raw[: error.start].decode()
            mark = self._mark_at(before, len(before))
            message = f"not UTF-8: byte 0x{raw[error.start]:02x}"
            raise RecipeError(self._problem("encoding", message, mark)) from error
        for character, index in _hidden(text).items():
            mark = self._mark_at(text, index)
            self._report(self._problem("character", f"holds {_named(character)}", mark))
        if self.problems:
            raise RecipeError(*self.problems)
        return text

    def _events(self) -> Iterator[Any]:
        """Yield the events that matter, and report tabs between them."""
        tabs = "\t" in self.text
        end = 0
        try:
            for event in yaml.parse(self.text, LOADER):
                if tabs and isinstance(event, yaml.ScalarEvent | yaml.StreamEndEvent):
                    end = self._tabs(end, event)
                if isinstance(event, _ENDING):
                    self.end = cast(Any, event.end_mark).index
                if not isinstance(event, _SILENT):
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
            result[key] = value = self._node(next(self.events), place)
            # In braces, `{a:1}` is a key without a value to YAML, and a slip to people.
            if ":" in key and value is None and not event.style:
                hint = "put a space after the colon, or the key in quotes"
                self._add("syntax", path, f"the key {show(key)} has no value", event, hint)
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
        elif not event.style and not is_text(key):
            hint = f"put it in quotes: {quoted(key)}"
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
                return plain(text)
            except UnclearError as unclear:
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
            mark = self._mark_at(self.text, index)
            hint = "use spaces, or put the text in quotes"
            self._report(self._problem("tab", "a tab outside quotes", mark, hint))
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

    def _mark_at(self, text: str, index: int) -> Mark:
        return self._marked(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))

    def _mark(self, mark: Any) -> Mark:
        return self._marked(mark.line + 1, mark.column + 1)

    def _marked(self, line: int, column: int) -> Mark:
        return Mark(self.source, line, column) if self.lines else Mark(self.source)

    def _add(self, code: str, path: Path, message: str, event: Any, hint: str = "") -> None:
        self._report(Problem(code, path, message, hint, self._mark(event.start_mark)))

    def _report(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise RecipeError(*self.problems)

    def _stop(self, code: str, path: Path, message: str, event: Any, hint: str = "") -> NoReturn:
        """Raise with this problem as the last one, because reading on makes no sense."""
        self._add(code, path, message, event, hint)
        raise RecipeError(*self.problems)


def _hidden(text: str) -> dict[str, int]:
    """Return each character that a text may not hold, with its first place."""
    found: dict[str, int] = {}
    for match in UNSAFE.finditer(text):
        if match[0] not in "\t\n":
            found.setdefault(match[0], match.start())
    return found


def _named(character: str) -> str:
    return f"U+{ord(character):04X}, a character that cannot be seen"
