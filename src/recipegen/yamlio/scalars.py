"""What a bare word stands for: YAML 1.2's core schema, and a refusal where readers disagree."""

import re
from math import isfinite

from recipegen.errors import show

MAX_INTEGER = 2**63 - 1

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


class UnclearError(Exception):
    """A bare word that is not plainly text, a number, true, false or null."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code, self.message, self.hint = code, message, hint


def plain(text: str) -> str | int | float | bool | None:
    """Return what a bare word stands for, by YAML 1.2's core schema, where all readers agree.

    Raises:
        UnclearError: Readers of YAML 1.1, such as Helm, take it for something else.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text in _SWITCHES:
        message = f"{show(text)} is true or false to some YAML readers, text to others"
        raise UnclearError("ambiguous", message, "write true or false, or put it in quotes")
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        # By length first: Python takes quadratic time for long numbers and refuses longer ones.
        if len(text) > 20 or not -MAX_INTEGER - 1 <= int(text) <= MAX_INTEGER:
            raise UnclearError("number", f"an integer of more than 64 bits, got {show(text)}")
        return int(text)
    if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not isfinite(float(text))):
        raise UnclearError("number", f"not a finite number, got {show(text)}")
    if _FLOAT.fullmatch(text):
        return float(text)
    if _ODD_NUMBER.fullmatch(text):
        message = f"{show(text)} is not the same number to all YAML readers"
        raise UnclearError("ambiguous", message, "write a plain decimal number, or put it in quotes")
    if _TIME_OR_DATE.fullmatch(text):
        message = f"{show(text)} is a time or a number to some YAML readers, text to others"
        raise UnclearError("ambiguous", message, "put it in quotes")
    return text


def is_text(word: str) -> bool:
    """Return whether a bare word is plainly a text to every reader."""
    try:
        return isinstance(plain(word), str)
    except UnclearError:
        return False
