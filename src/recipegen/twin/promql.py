"""Which series a PromQL expression asks for: enough of the language to find metrics and labels in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^]]*]|[a-zA-Z_:][a-zA-Z0-9_:]*|[0-9][0-9a-z.]*|[=!]~|!=|\S')
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# Words before a list of labels.
GROUPING = ("by", "without", "on", "ignoring", "group_left", "group_right")
# Words that are no metric, though nothing is called with them where a grouping stands in between.
WORDS = (
    "and", "avg", "bool", "bottomk", "count", "group", "inf", "max", "min", "nan", "offset", "or", "quantile",
    "stddev", "stdvar", "sum", "topk", "unless",
)  # fmt: skip


@dataclass(frozen=True)
class Matcher:
    """A condition on one label."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True)
class Selector:
    """The series of one metric that an expression asks for."""

    metric: str
    matchers: tuple[Matcher, ...]


def selectors(expression: str) -> list[Selector]:
    """Return every selector in an expression, in its order."""
    tokens = TOKEN.findall(expression)
    return [Selector(tokens[i], tuple(_matchers(tokens[i + 1 :]))) for i in _metrics(tokens)]


def grouping(expression: str) -> set[str]:
    """Return the labels that an expression groups by."""
    tokens = TOKEN.findall(expression)
    return {tokens[i] for start in _groupings(tokens) for i in start}


def _metrics(tokens: list[str]) -> Iterator[int]:
    labels = {i for group in _groupings(tokens) for i in group}
    braces = 0
    for i, token in enumerate(tokens):
        braces += (token == "{") - (token == "}")
        called = tokens[i + 1 : i + 2] == ["("]
        word = token.lower() in WORDS or token in GROUPING
        if NAME.fullmatch(token) and not (braces or called or word or i in labels):
            yield i


def _groupings(tokens: list[str]) -> Iterator[range]:
    for i, token in enumerate(tokens):
        if token in GROUPING and tokens[i + 1 : i + 2] == ["("]:
            end = tokens.index(")", i)
            yield range(i + 2, end, 2)


def _matchers(following: list[str]) -> Iterator[Matcher]:
    if following[:1] != ["{"]:
        return
    inside = following[1 : following.index("}")]
    # LABEL OPERATOR "VALUE" and a comma.
    for i in range(0, len(inside) - 2, 4):
        yield Matcher(inside[i], inside[i + 1], inside[i + 2][1:-1])
