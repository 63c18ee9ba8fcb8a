"""Facts as data: Dynamo releases and parsers, GPU types, images, and how each engine spells its options."""

from functools import cache
from pathlib import Path
from typing import Any

from recipegen import catalog, yamlio

HERE = Path(__file__).parent


@cache
def dynamo() -> dict[str, Any]:
    """Return the Dynamo releases that recipegen knows, newest first, by version."""
    return _read(HERE / "dynamo.yaml")


@cache
def hardware() -> dict[str, Any]:
    """Return the GPU types by name: memory in bytes, architecture, GPUs per node, node labels."""
    return _read(HERE / "hardware.yaml")


@cache
def images() -> dict[str, Any]:
    """Return the images that are not Dynamo's own, and the release of aiperf, by what they are for."""
    return _read(HERE / "images.yaml")


@cache
def mistaken_models() -> dict[str, Any]:
    """Return model ids that circulate but do not exist, each with the id that was meant."""
    return _read(HERE / "mistaken-models.yaml")


@cache
def platform() -> dict[str, Any]:
    """Return where the typed keys of the `platform` block go in the upstream chart's values."""
    return _read(HERE / "platform.yaml")


@cache
def parsers() -> dict[str, Any]:
    """Return the names of Dynamo's parsers by the engine field that takes one."""
    return _read(HERE / "parsers.yaml")


@cache
def engine(backend: str) -> dict[str, Any]:
    """Return how `backend` spells its module, image, options and roles.

    The file belongs to the model chart, whose templates loop over it; Python only checks against it.
    """
    return _read(catalog.charts() / "stack/charts/model/backends" / f"{backend}.yaml")


@cache
def faults() -> dict[str, Any]:
    """Return the fault experiments, and the namespaces in which none is allowed.

    The file belongs to the fault-injection chart and its script.
    """
    return _read(catalog.charts() / "stack/charts/fault-injection/experiments.yaml")


def newest_dynamo() -> str:
    """Return the newest Dynamo release that recipegen knows."""
    return next(iter(dynamo()))


def _read(path: Path) -> dict[str, Any]:
    return yamlio.read_file(path, str(path)).data
