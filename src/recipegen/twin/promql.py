"""Which series a PromQL expression asks for: enough of the language to find metrics and labels in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*`     # texts
    | \#[^\n]*                                          # comments
    | \$\{[^}]*\} | \$\w+ | \[\[[^]]*\]\]               # variables of a dashboard
    | \[[^]]*\]                                         # ranges
    | [a-zA-Z_:][a-zA-Z0-9_:]* | [0-9][0-9a-zA-Z.]* | [=!]~ | != | \S
    """,
    re.VERBOSE,
)
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# Words before a list of labels; those of `without` and `ignoring` need not be there.
GROUPING = ("by", "on", "without", "ignoring", "group_left", "group_right")
# Words that are no metric, though nothing is called with them where a grouping stands in between.
WORDS = (
    *GROUPING, "and", "atan2", "avg", "bool", "bottomk", "count", "end", "group", "inf", "limitk", "max",
    "min", "nan", "offset", "or", "quantile", "start", "stddev", "stdvar", "sum", "topk", "unless",
)  # fmt: skip


@dataclass(frozen=True)
class Matcher:
    """A condition on one label."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True)
class Selector:
    """The series that an expression asks for."""

    metric: str
    """Name of the metric; empty where a label chooses it."""
    matchers: tuple[Matcher, ...]


def selectors(expression: str) -> list[Selector]:
    """Return every selector in an expression, in its order.

    Raises:
        ValueError: when a brace or a list of labels is not closed.
    """
    tokens = _tokens(expression)
    return [Selector(metric, tuple(_matchers(tokens[i:]))) for metric, i in _starts(tokens)]


def grouping(expression: str) -> set[str]:
    """Return the labels that an expression keeps by `by` or `on`; raises as `selectors` does."""
    tokens = _tokens(expression)
    places = (place for word, place in _groupings(tokens) if word in ("by", "on"))
    return {tokens[i] for place in places for i in place if NAME.fullmatch(tokens[i])}


def _tokens(expression: str) -> list[str]:
    return [token for token in TOKEN.findall(expression) if not token.startswith("#")]


def _starts(tokens: list[str]) -> Iterator[tuple[str, int]]:
    """Yield the metric of each selector, and where its matchers would begin."""
    labels = {i for _, place in _groupings(tokens) for i in place}
    inside = False
    for i, token in enumerate(tokens):
        if token == "{" and not (i and NAME.fullmatch(tokens[i - 1])):
            yield "", i
        inside = token == "{" or (inside and token != "}")
        called = tokens[i + 1 : i + 2] == ["("]
        if NAME.fullmatch(token) and not (inside or called or token.lower() in WORDS or i in labels):
            yield token, i + 1


def _groupings(tokens: list[str]) -> Iterator[tuple[str, range]]:
    """Yield each word that groups, and where its labels stand."""
    for i, token in enumerate(tokens):
        if token.lower() in GROUPING and tokens[i + 1 : i + 2] == ["("]:
            yield token.lower(), range(i + 2, _closing(tokens, ")", i))


def _matchers(following: list[str]) -> Iterator[Matcher]:
    if following[:1] != ["{"]:
        return
    for i in range(1, _closing(following, "}", 0) - 2):
        label, operator, value = following[i : i + 3]
        if NAME.fullmatch(label) and operator in ("=", "!=", "=~", "!~"):
            yield Matcher(label, operator, value[1:-1])


def _closing(tokens: list[str], bracket: str, start: int) -> int:
    if bracket not in tokens[start:]:
        raise ValueError(f"{bracket} is missing")
    return tokens.index(bracket, start)
