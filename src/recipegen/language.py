"""The recipe language seen from outside: what it has at a path, and how its keys are spelt."""

from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from recipegen.recipe import Block, Recipe


def block_at(path: tuple[str | int, ...]) -> type[Block] | None:
    """Return the block that the language has at `path`, or None where it has a value or nothing."""
    found: Any = Recipe
    for segment in path:
        found = _step(found, segment)
        if found is None:
            return None
    return found if isinstance(found, type) and issubclass(found, Block) else None


def knows(path: tuple[str | int, ...]) -> bool:
    """Return whether the language has a key, list item or free-form value at `path`."""
    parent = block_at(path[:-1])
    if parent is not None:
        return path[-1] in key_names(parent)
    return block_at(path) is not None or _is_open(path[:-1])


@cache
def key_names(block: type[Block]) -> dict[str, str]:
    """Return the keys of a block as written in a recipe, each with its attribute's name."""
    return {field.alias or name: name for name, field in block.model_fields.items()}


def setting(block: Block, key: str) -> Any:
    """Return what a block has under a key as written in a recipe."""
    return getattr(block, key_names(type(block))[key])


def _is_open(path: tuple[str | int, ...]) -> bool:
    found: Any = Recipe
    for segment in path:
        found = _step(found, segment)
        if found is None or found is Any:
            return found is Any
    return get_origin(found) is dict or found is Any


def _step(found: Any, segment: str | int) -> Any:
    """Return the type one segment further down, with `Annotated`, `| None` and `| str` taken off."""
    if isinstance(found, type) and issubclass(found, Block):
        name = key_names(found).get(str(segment))
        return None if name is None else _plain(found.model_fields[name].annotation)
    if get_origin(found) in (dict, list):
        return _plain(get_args(found)[-1])
    return Any if found is Any else None


def _plain(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        options = [_plain(option) for option in get_args(annotation) if option is not type(None)]
        blocks = [o for o in options if get_origin(o) in (dict, list) or isinstance(o, type)]
        return blocks[0] if blocks else None
    return annotation
