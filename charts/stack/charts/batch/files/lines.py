# ruff: noqa: INP001 - part of the batch's script, run in its container
"""The lines of a batch: what each asks, or why it asks nothing."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What a batch of OpenAI's may ask, as far as Dynamo's frontend answers it.
URLS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses")


@dataclass(frozen=True)
class Line:
    """One line of the input."""

    number: int
    """Its place in the file; the first is 1."""
    id: str
    """Made from what it says, so that a later run knows it again; another request has another one."""
    custom_id: str | None
    url: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    """What is wrong with it, in a word; empty when it can be sent."""
    message: str = ""
    """The same for people."""


def read(path: Path, model: str) -> Iterator[Line]:
    """Yield the lines of a file that are not blank.

    Args:
        path: the file: JSON lines with `custom_id`, `method`, `url` and `body`.
        model: name that is asked for where a body names none.
    """
    seen: dict[str, int] = {}
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if raw.strip():
                yield _line(number, raw, model, seen)


def share(lines: Iterator[Line], index: int, count: int) -> Iterator[Line]:
    """Yield the lines of one index: those whose place, counted from 0, is its own modulo `count`."""
    return (line for line in lines if (line.number - 1) % count == index)


def _line(number: int, raw: bytes, model: str, seen: dict[str, int]) -> Line:
    """Return a line as far as it can be read; note its custom_id among those that were seen."""
    try:
        asked = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return _wrong(number, raw, None, "invalid_json_line", f"is no JSON: {error}")
    if not isinstance(asked, dict):
        return _wrong(number, raw, None, "invalid_json_line", "is no JSON object")
    name = asked.get("custom_id")
    if not isinstance(name, str) or not name:
        return _wrong(number, raw, None, "missing_custom_id", "has no custom_id")
    first = seen.setdefault(name, number)
    if first != number:
        said = f"has the custom_id of line {first}, {name!r}"
        return _wrong(number, raw, name, "duplicate_custom_id", said)
    problem = _problem(asked)
    if problem:
        return _wrong(number, raw, name, "invalid_request", problem)
    body = {"model": model, **asked["body"]}
    said = json.dumps([name, asked["url"], body], sort_keys=True)
    return Line(number, _id(said.encode()), name, asked["url"], body)


def _problem(asked: dict[str, Any]) -> str:
    """Return why a line cannot be sent; nothing when it can."""
    body = asked.get("body")
    if asked.get("method", "POST") != "POST":
        return f"has the method {asked['method']!r}, and a batch has only POST"
    if asked.get("url") not in URLS:
        return f"has the url {asked.get('url')!r}, which is none of {', '.join(URLS)}"
    if not isinstance(body, dict):
        return "has no body that is an object"
    if body.get("stream"):
        return "asks for a stream, which a batch has no place for"
    return ""


def _wrong(number: int, raw: bytes, name: str | None, code: str, said: str) -> Line:
    # A wrong line may stand there twice; its place tells one from the other.
    made = _id(b"%d %s" % (number, raw.strip()))
    return Line(number, made, name, code=code, message=f"line {number} {said}")


def _id(said: bytes) -> str:
    return f"batch_req_{hashlib.sha256(said).hexdigest()[:24]}"
