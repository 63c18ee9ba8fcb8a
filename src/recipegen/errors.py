"""Problems and where they are, the exceptions that carry them, and how a message shows a value."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

Path = tuple[str | int, ...]

SHOWN = 80
"""Characters of a user's value that a message may repeat."""

UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"  # invisible
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"  # line breaks, direction, invisible
    "\ud800-\udfff\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff"  # not characters, tags
    "]"
)
"""Characters that cannot be seen, or that move what is around them."""

_SECRET = re.compile(
    r"hf_[A-Za-z0-9]{16,}"
    r"|nvapi-[\w-]{16,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abp]-[\w-]{16,}"
    r"|\bsk-(?:proj-|ant-\w{2,8}-)?\w{32,}"
    r"|-----BEGIN [A-Z0-9 ]*-----(?:.|\n)*?(?:-----END [A-Z0-9 ]*-----|\Z)"
    # Bounded, because each of many starts would otherwise be followed to the end of the text.
    r"|\beyJ[\w-]{8,500}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|://[^/\s:@]*:[^/\s@]+@"
)
_PART = re.compile(r'"(?:[^"\\]|\\.)*"(?:\[[0-9]+\])*|(?:\\\.|[^."])*')
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value was written."""

    source: str
    """The file as the user named it, "-" for standard input, or the `--set` expression."""
    line: int = 0
    """Counted from 1; 0 where there are no lines, as in a `--set`."""
    column: int = 0
    """Counted from 1."""
    label: str = ""
    """Who wrote it, such as "variant disagg"."""

    def __str__(self) -> str:
        """Return FILE:LINE:COLUMN, or the source alone where there are no lines."""
        source = escape(self.source)
        return f"{source}:{self.line}:{self.column}" if self.line else source


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    code: str
    """Short name of the kind of problem, for programs: unknown-key, wrong-type, limit, …"""
    path: Path
    message: str
    hint: str = ""
    mark: Mark | None = None
    warning: bool = False

    def text(self) -> str:
        """Return the problem for people: place, dotted path, message, and the hint below."""
        place = "" if self.mark is None else f"{self.mark}: "
        path = f"{dotted(self.path)}: " if self.path else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{path}{'warning: ' if self.warning else ''}{self.message}{hint}"

    def __str__(self) -> str:
        """Return the problem for people."""
        return self.text()

    def as_dict(self) -> dict[str, str | int]:
        """Return the problem for programs."""
        mark = self.mark or Mark("")
        return {
            "severity": "warning" if self.warning else "error",
            "code": self.code,
            "path": dotted(self.path),
            "file": mark.source,
            "line": mark.line,
            "column": mark.column,
            "message": self.message,
            "hint": self.hint,
        }


class RecipegenError(Exception):
    """Something went wrong; raised as itself only for a fault in recipegen."""

    exit_code = 70
    code = "internal"

    def __init__(self, *problems: Problem | str) -> None:
        """Take at least one problem; a bare text becomes a problem without a place."""
        if not problems:
            raise ValueError(f"{type(self).__name__} without a problem")
        found = (p if isinstance(p, Problem) else Problem(self.code, (), p) for p in problems)
        self.problems = tuple(sorted(found, key=_place))
        super().__init__(*self.problems)

    def __str__(self) -> str:
        """Return the text of all problems."""
        return "\n".join(problem.text() for problem in self.problems)


class RecipeError(RecipegenError):
    """The recipe is wrong; carries every problem of a stage, in order of file and position."""

    exit_code = 1
    code = "invalid"


class UsageError(RecipegenError):
    """The command was called in a wrong way."""

    exit_code = 2
    code = "usage"


class DiffersError(RecipegenError):
    """The result differs from what was there."""

    exit_code = 3
    code = "differs"


class ToolError(RecipegenError):
    """A tool or file is missing, cannot be used, or failed."""

    exit_code = 4
    code = "tool"


class ClusterError(RecipegenError):
    """The cluster refused, or cannot be reached."""

    exit_code = 5
    code = "cluster"


def dotted(path: Path) -> str:
    """Return the path as people write it: `model.worker.args[0]`, odd keys in quotes."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path).removeprefix(
        "."
    )


def segments(text: str) -> list[str]:
    r"""Return the parts of a dotted path; a dot in quotes or behind a backslash divides nothing.

    Raises:
        ValueError: when quotes are not closed, or stand inside a part.
    """
    found: list[str] = []
    place = -1
    while place < len(text):
        part = cast(re.Match[str], _PART.match(text, place + 1))
        found.append(part[0])
        place = part.end()
        if text[place : place + 1] not in ("", "."):
            raise ValueError(f"the quotes in {show(text)} do not surround a key")
    return found


def key_of(segment: str) -> str:
    r"""Return the key that a part of a path means: in quotes as `dotted` writes it, or with `\.` for a dot.

    Raises:
        ValueError: when what is in quotes is no text.
    """
    return str(json.loads(segment)) if segment.startswith('"') else segment.replace(r"\.", ".")


def show(value: object) -> str:
    """Return the value for a message: one line, cut, nothing hidden in it, secrets left out."""
    return _cut(_flow(value))


def brief(text: str) -> str:
    """Return the text for a message: cut, nothing hidden in it, secrets left out."""
    return _cut(escape(redact(text)))


def escape(text: str) -> str:
    """Return the text with every unseen or disturbing character spelled out."""
    return UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def redact(text: str) -> str:
    """Return the text without what looks like a token, a private key or a password."""
    return _SECRET.sub("<redacted>", text)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean …?" for the known name that is most alike, or nothing."""
    # Only wrong recipes need it, and right ones should not wait for the import.
    from difflib import get_close_matches

    # Whoever writes KV or vLLM means the same word.
    folded = {word.casefold(): word for word in known}
    close = get_close_matches(name[:SHOWN].casefold(), folded, n=1)
    return f"did you mean {show(folded[close[0]])}?" if close else ""


def _place(problem: Problem) -> tuple[bool, str, int, int]:
    mark = problem.mark or Mark("")
    return problem.mark is None, mark.source, mark.line, mark.column


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _key(key: str) -> str:
    key = redact(key)
    # ASCII only, so that a letter which merely looks like another one shows what it is.
    return _cut(key if _PLAIN_KEY.fullmatch(key) else json.dumps(key))


def _flow(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case dict():
            return "{" + ", ".join(f"{_key(str(k))}: {_flow(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case _:
            return escape(repr(redact(str(value)[: 10 * SHOWN])))
