"""Dynamo's mocker in place of an engine: an engine's arguments in the mocker's spelling."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from recipegen import facts
from recipegen.errors import Problem, ToolError
from recipegen.recipe import BackendType
from recipegen.twin.graph import Component

MODULE = "dynamo.mocker"


@dataclass(frozen=True)
class Mocker:
    """How the mocker stands in for a worker."""

    argv: tuple[str, ...]
    left_out: tuple[str, ...]
    """Options of the engine that have no meaning without a GPU."""


def table(worker: Component) -> tuple[str, dict[str, Any]]:
    """Return the worker's backend and how it spells its options.

    Raises:
        ToolError: when the worker runs none of the engines that recipegen knows.
    """
    for backend in get_args(BackendType):
        found = facts.engine(backend)
        if found["module"] == worker.module:
            return backend, found
    hint = "leave model.mocker out: `simulate` mocks the engines itself" if worker.module == MODULE else ""
    raise ToolError(Problem("tool", (), f"{worker.name} runs no engine but {worker.module}", hint))


def of(worker: Component) -> Mocker:
    """Return the mocker's arguments for what the worker's engine is told.

    The table `mocker` in the backend's data file says which options have a meaning for the mocker; the model
    chart reads the same table for `model.mocker`.
    """
    backend, found = table(worker)
    options, switches = found["mocker"]["options"], found["mocker"]["switches"]
    argv: list[str] = []
    left_out: list[str] = []
    told = list(_options(worker.argv))
    for name, values in told:
        if name == found["model"] and values[0].startswith("/"):
            # A folder on a volume, which is not here: the mocker goes by the model's id.
            argv += [options[name], worker.model]
        elif name in options:
            argv += [options[name], *values[:1]]
        elif name in switches:
            argv.append(switches[name])
        else:
            left_out.append(name)
    return Mocker((*argv, "--engine-type", backend), tuple(left_out))


def _options(argv: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield each option with the tokens that belong to it; recipegen gives each in its long spelling."""
    name, values = "", list[str]()
    for token in argv:
        if not token.startswith("-"):
            values.append(token)
            continue
        if name:
            yield name, values
        name, _, value = token.partition("=")
        values = [value] if value else []
    if name:
        yield name, values
