"""Nonsense of every kind is refused, with a message that a person can act on."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest

from recipegen import yamlio
from recipegen.errors import RecipeError
from recipegen.language import block_at, key_names
from recipegen.load import Loaded
from recipegen.recipe import Block, Recipe
from recipegen.validate import validate
from samples import MINIMAL

Path = tuple[str | int, ...]


def blocks(path: Path = ()) -> Iterator[Path]:
    """Yield where each block of the language stands, with a key or place made up for maps and lists."""
    yield path
    block = block_at(path)
    assert block is not None
    for key, name in key_names(block).items():
        for step in steps(block.model_fields[name].annotation):
            place = (*path, key, *step)
            if block_at(place):
                yield from blocks(place)


def steps(annotation: Any) -> Iterator[Path]:
    """Yield the ways from a key to a block below it."""
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield ()
    for inner in get_args(annotation):
        for below in steps(inner):
            container = get_origin(annotation)
            yield ("a", *below) if container is dict else (0, *below) if container is list else below


KEYS = [(*path, key) for path in blocks() for key in key_names(block_at(path) or Recipe)]


def written(path: Path, value: Any) -> Any:
    """Return data with the value at the path."""
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def test_the_language_is_walked_to_its_end() -> None:
    assert len(KEYS) > 200
    assert ("variants", "a", "patch") in KEYS
    assert ("gateway", "externalBackends", "a", "backendRef", "kind") in KEYS


@pytest.mark.parametrize("path", KEYS, ids=lambda path: ".".join(map(str, path)))
def test_a_typo_in_any_key_is_refused_with_what_was_meant(path: Path) -> None:
    key = str(path[-1])
    typo = key[:1] + key[2:] if len(key) > 3 else key + key[-1]
    data = {**MINIMAL, **written((*path[:-1], typo), 1)}
    with pytest.raises(RecipeError) as raised:
        validate(Loaded("qwen", "default", yamlio.read(yamlio.write(data), "qwen.yaml")))
    found = {problem.path: problem for problem in raised.value.problems}
    problem = found[(*path[:-1], typo)]

    assert problem.code == "unknown-key"
    assert problem.mark is not None
    assert key in problem.hint
