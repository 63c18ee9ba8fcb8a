# Written by `make regen` from src/recipegen/cluster/scrub.py.
"""Texts without secrets: nothing that a cluster says is kept or shown before it went through here."""

import re
from typing import Any

from recipegen.errors import redact

LONGEST_TEXT = 1500
"""Characters of one text that are kept."""

# A name that promises a secret, and its value; `redact` knows tokens by their own form.
_NAME = (
    r"(?:password|passwd|passphrase|\bpwd|secret|credential|token(?!s(?![a-z])|iz)|(?:api|access|private)[_-]?key"
    r"|signature|\bsig(?==)|\bauthorization|(?:\b|_)auth(?=[\"']?\s?[=:])|cookie|dockerconfigjson)[\w-]{0,40}"
)
_QUOTE = r"\\{0,2}[\"']?"
# Words with which a sentence goes on instead.
_VALUE = (
    r"(?!not\b|failed\b|expected\b|unexpected\b|server\b|\d{3}\b|<redacted>)"
    r"(?:(?<=\")[^\"]+|(?<=')[^']+|(?:(?:bearer|basic|token|digest)\s+)?[^\s\"',;&\[({\\][^\s\"',;&]*)"
)
_ASSIGNED = re.compile(rf"(?i)({_NAME}{_QUOTE}(?:\s{{0,4}}=|:)\s{{0,4}}[\[({{]?{_QUOTE}){_VALUE}")
# As the command line has it, also where Python prints that as a list.
_OPTION = re.compile(rf"(?i)((?<![\w-])--?[\w-]{{0,40}}?{_NAME}{_QUOTE},?\s{{1,4}}{_QUOTE})(?!-){_VALUE}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")


def clean(value: Any) -> Any:
    """Return plain data without secrets in its texts, which are cut to a bearable length."""
    if isinstance(value, dict):
        return {scrub(str(key)): clean(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean(inner) for inner in value]
    return scrub(value) if isinstance(value, str) else value


def scrub(words: str) -> str:
    """Return the text without tokens, and without what is assigned to a name that promises a secret."""
    words = redact(words[: 4 * LONGEST_TEXT])
    words = _BEARER.sub(r"\1 <redacted>", words)
    for pattern in (_ASSIGNED, _OPTION):
        words = pattern.sub(r"\1<redacted>", words)
    return words if len(words) <= LONGEST_TEXT else words[: LONGEST_TEXT - 1] + "…"
