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
    """Return the GPU types by name: memory in bytes, GPUs per node, product label."""
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


@cache
def rules() -> dict[str, dict[str, Any]]:
    """Return the rules by section and code: `what`, `why`, `remedy`, and where given `paths` and `source`."""
    return _read(HERE / "rules.yaml")


def newest_dynamo() -> str:
    """Return the newest Dynamo release that recipegen knows, not counting previews."""
    return next(version for version, fact in dynamo().items() if "preview" not in fact)


def order(version: str) -> tuple[int, ...]:
    """Return what versions MAJOR.MINOR.PATCH are compared by."""
    return tuple(int(number) for number in version.split("."))


def arguments(table: dict[str, Any], key: str, release: str) -> list[str]:
    """Return the arguments under a key of an engine's data file; none where the Dynamo release lacks them."""
    first = table["since"].get(key, "0.0.0")
    found: list[str] = table[key] if order(release) >= order(first) else []
    return found


def _read(path: Path) -> dict[str, Any]:
    return yamlio.read_file(path, str(path)).data
