"""What to write in place of a value of the wrong type or form; nothing where that would be a guess."""

import re
from typing import Any

from recipegen import language
from recipegen.errors import Path, brief, nearest, redact, show
from recipegen.recipe import LABEL, OBJECT_NAME, QUANTITY, Block, Cache, Resources, Worker
from recipegen.yamlio.scalars import UnclearError, plain

UNQUOTED: dict[str, tuple[type, ...]] = {"int_type": (int,), "float_type": (int, float), "bool_type": (bool,)}
# By which a block is switched, the first that it has.
SWITCHES = ("enabled", "create", "install")
# Kubernetes' own short names, which no one writes out by a slip of the finger.
SHORT = {"rwx": "ReadWriteMany", "rwo": "ReadWriteOnce"}
MEMORY = ("memory", "ephemeral-storage")
SIZES = ((Worker, "sharedMemory"), (Cache, "size"))
# What may not stand in a name of each form.
FOREIGN = {LABEL: r"[^a-z0-9-]+", OBJECT_NAME: r"[^a-z0-9.-]+"}

_WORDS = re.compile(r"[\w./=:@+-]+( +[\w./=:@+-]+)*")
_THOUSANDS = re.compile(r"([0-9]{1,5}) *[kK]")
_SIZE = re.compile(r"([0-9.]+) *([kmgtp])(i?)b?", re.IGNORECASE)


def of_type(kind: str, path: Path, value: Any) -> str:
    """Return the hint for a value of the wrong type; `kind` is pydantic's name of the mistake."""
    if kind == "int_type" and isinstance(value, str) and (found := _THOUSANDS.fullmatch(value)):
        return f"write {int(found[1]) * 1024}, or {int(found[1]) * 1000}"
    if kind in UNQUOTED and isinstance(value, str):
        return "write it without quotes" if type(_unquoted(value)) in UNQUOTED[kind] else ""
    if kind == "string_type" and isinstance(value, int | float):
        size = _is_size(path) and not isinstance(value, bool)
        return f"write it with its unit, such as {value}Gi" if size else "put it in quotes"
    if kind == "list_type" and isinstance(value, str | int | float):
        item = language.block_at((*path, 0))
        return _as_blocks(item) if item else _as_list(value)
    if kind in ("model_type", "dict_type") and isinstance(value, bool):
        keys = language.key_names(language.block_at(path) or Block)
        switch = next((name for name in SWITCHES if name in keys), "")
        return f"write {{{switch}: {show(value)}}}" if switch else ""
    return ""


def of_choice(value: Any, known: list[str]) -> str:
    """Return the hint for a word that is none of those known."""
    meant = SHORT.get(str(value).lower(), "")
    return nearest(meant if meant in known else str(value), known)


def of_form(pattern: str, text: str) -> str:
    """Return the hint for a text without the form that the language wants."""
    if pattern == QUANTITY:
        return _quantity(text)
    return _name(FOREIGN[pattern], text) if pattern in FOREIGN else ""


def _name(foreign: str, text: str) -> str:
    # A token that became a name would not look like a token any more.
    name = re.sub(foreign, "-", text.lower()).strip("-.") if redact(text) == text else ""
    return f"did you mean {show(name)}?" if name else ""


def _quantity(text: str) -> str:
    found = _SIZE.fullmatch(text)
    if found is None:
        return ""
    number, unit, binary = found[1], found[2].upper(), found[3]
    decimal = f"{number}{'k' if unit == 'K' else unit}"
    forms = [f"{number}{unit}i"] if binary else [decimal, f"{number}{unit}i"]
    return f"write {' or '.join(forms)}" if all(re.match(QUANTITY, form) for form in forms) else ""


def _as_blocks(item: type[Block]) -> str:
    return f"write a list of blocks, such as [{{{next(iter(language.key_names(item)))}: …}}]"


def _as_list(value: Any) -> str:
    text = value if isinstance(value, str) else show(value)
    if not _WORDS.fullmatch(text):
        return "write it as a list, such as [a, b]"
    items = ", ".join(text.split())
    return f"write {brief(f'[{items}]')}"


def _unquoted(text: str) -> Any:
    try:
        return plain(text)
    except UnclearError:
        return text


def _is_size(path: Path) -> bool:
    """Return whether the language has a size in bytes at the path."""
    if language.block_at(path[:-2]) is Resources:
        return path[-1] in MEMORY
    return (language.block_at(path[:-1]), path[-1]) in SIZES
