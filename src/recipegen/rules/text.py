"""What a later tool would execute, leak or change.

helmfile runs Go templates in names, namespaces and labels even of plain YAML, and replaces `ref+…` and
`secretref+…` anywhere in inline values. Inline values also end up readable in the cluster, so no token
may stand in them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from recipegen.document import Document
from recipegen.errors import Path, Problem, redact, show

# JSON may end in }}: without the other pair, Go's templates take that for text.
BRACES = "{{"
EXECUTED = (BRACES, "ref+")
EXACT = 2**53
# The Secret that the charts give to frontend and workers with `envFrom`.
IN_A_SECRET = "put it into the Secret that model.huggingFaceTokenSecret names: its keys become variables"


def check(document: Document) -> Iterator[Problem]:
    """Yield what helmfile would execute, what holds a secret, and whole numbers that Helm would round."""
    yield from _walk(document, document.data, ())


def _walk(document: Document, value: Any, path: Path) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, inner in value.items():
            place = (*path, key)
            yield from (replace(p, mark=document.key_mark(place)) for p in _text(key, place))
            yield from _walk(document, inner, place)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(document, inner, (*path, index))
    elif isinstance(value, str):
        yield from _text(value, path)
    elif isinstance(value, int) and abs(value) > EXACT:
        message = f"Helm rounds whole numbers beyond {EXACT}, got {value}"
        yield Problem("rounded-number", path, message, "put it in quotes, where a text will do")


def _text(text: str, path: Path) -> Iterator[Problem]:
    for token in EXECUTED:
        if token in text:
            message = f"holds {token!r}, which helmfile would execute, got {show(text)}"
            hint = "write it without, or keep it in a ConfigMap of your own"
            if token == BRACES:
                hint = "in JSON, put a space between the braces; else keep it in a ConfigMap of your own"
            yield Problem("executable-text", path, message, hint)
            break
    if redact(text) != text:
        hint = IN_A_SECRET if "env" in path else "put it into a Secret and give that Secret's name"
        yield Problem("secret", path, f"holds what looks like a secret, got {show(text)}", hint)
