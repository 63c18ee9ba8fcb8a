"""How an API server is asked, and what its answers mean before anything in them is looked at."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from recipegen.cluster.plain import rows, text
from recipegen.cluster.scrub import scrub

Get = Callable[[str, str], tuple[int, bytes]]
"""Asks the API server: path with query and the Accept header; gives status and body, raises NoAnswerError."""

JSON = "application/json"
# The API server answers with the metadata alone; `kubectl apply` writes a Secret's data into an annotation.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
TEXT = "*/*"

MOST_OBJECTS = 5000
"""Objects of one kind that are read."""
PAGE = 500
OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, BAD_REQUEST = 200, 401, 403, 404, 400


class NoAnswerError(Exception):
    """The cluster cannot be reached, or does not know who asks."""


class UnknownCallerError(NoAnswerError):
    """The cluster does not know who asks."""

    def __init__(self) -> None:
        super().__init__("the cluster does not know who asks: 401 Unauthorized")


def known(answer: tuple[int, bytes]) -> tuple[int, bytes]:
    """Return status and body of an answer.

    Raises:
        UnknownCallerError: when it is that the cluster does not know who asks.
    """
    if answer[0] == UNAUTHORIZED:
        raise UnknownCallerError
    return answer


def listed(ask: Callable[[str], Any], path: str, query: dict[str, str]) -> tuple[list[dict[str, Any]], bool]:
    """Return the objects of a collection, asked for page by page, and whether those are all."""
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while len(found) < MOST_OBJECTS:
        answer = ask(f"{path}?{urlencode({**query, **more, 'limit': str(PAGE)})}")
        page = rows(answer, "items")
        found += page
        more = {"continue": text(answer, "metadata", "continue")}
        if not more["continue"] or not page:
            return found, True
    return found, False


def reason(status: int, body: bytes) -> str:
    """Return why the API server gave no answer, in its own words without secrets."""
    try:
        message = text(json.loads(body), "message")
    except ValueError:
        message = ""
    words = "not allowed to look" if status == FORBIDDEN else f"the API server answered {status}"
    return f"{words}: {scrub(message)[:300]}" if message else words
