"""The one writer of YAML: block style, every string double-quoted."""

import json
import re
from functools import lru_cache
from json.encoder import encode_basestring
from math import isfinite

from recipegen.errors import UNSAFE
from recipegen.yamlio.scalars import is_text

_PARTS = (dict, list, tuple)
_SAFE_KEY = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")


def write(data: object) -> str:
    """Return the data as YAML: block style, in the order given, every string double-quoted.

    Raises:
        TypeError: The data holds something else than dict, list, str, int, float, bool and None.
        ValueError: A number is not finite, or a text has a surrogate.
    """
    lines: list[str] = []
    _block(lines, data, "")
    return "\n".join([*lines, ""])


def _block(lines: list[str], data: object, indent: str) -> None:
    """Add the lines of the data, each indented."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            name = f"{indent}{written_key(key)}:"
            if isinstance(value, _PARTS) and value:
                lines.append(name)
                _block(lines, value, indent + "  ")
            else:
                lines.append(f"{name} {inline(value)}")
    elif isinstance(data, (list, tuple)) and data:
        for item in data:
            first = len(lines)
            _block(lines, item, indent + "  ")
            lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"
    else:
        lines.append(indent + inline(data))


# The same few keys, over and over.
@lru_cache(1024)
def written_key(key: object) -> str:
    """Return a key as it is written: in quotes where it is not plainly a text."""
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is not a text")
    return key if _SAFE_KEY.fullmatch(key) and is_text(key) else quoted(key)


def inline(value: object) -> str:
    """Return a scalar or an empty collection."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value!r} is not a finite number")
        # With a dot, because to YAML 1.1 a number without one is a text: 1e+16.
        return re.sub(r"^(-?[0-9]+)e", r"\1.0e", repr(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # What JSON writes, an IntEnum included.
        return int.__repr__(value)
    if value is None or isinstance(value, _PARTS):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def quoted(text: str) -> str:
    """Return a text in double quotes, nothing unseen in it left bare."""
    # JSON's escapes are YAML's too; what JSON leaves bare and YAML must not follows.
    return UNSAFE.sub(_escaped, encode_basestring(text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"half a surrogate pair, U+{code:04X}, cannot be written")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
