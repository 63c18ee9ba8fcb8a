"""Models that there are facts of, each in a file of `models/`: its configuration and its licence."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipegen import yamlio
from recipegen.errors import ToolError

if TYPE_CHECKING:
    from recipegen.modelfacts import ModelFacts

FOLDER = Path(__file__).parent / "models"
_LENT: ContextVar["ModelFacts | None"] = ContextVar("lent", default=None)


@cache
def known_models() -> dict[str, str]:
    """Return the ids of the models that there are facts of, by the id in lower case."""
    ids = [path.stem.replace("--", "/", 1) for path in FOLDER.glob("*.yaml")]
    return {name.casefold(): name for name in ids}


def model(name: str) -> "ModelFacts | None":
    """Return what is known of a model, or None where there are no facts of it.

    Args:
        name: Its id, as recipes write it: `Qwen/Qwen3-0.6B`.

    Raises:
        ToolError: Its file lacks a key, or says what cannot be.
    """
    lent = _LENT.get()
    return lent if lent is not None and lent.id == name else _stored(name)


@contextmanager
def lent(model: "ModelFacts") -> Iterator[None]:
    """Have the facts of one more model inside the block, in place of those of its id that there may be."""
    token = _LENT.set(model)
    try:
        yield
    finally:
        _LENT.reset(token)


def configuration(name: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the config.json of a model that there are facts of, and its hf_quant_config.json or None."""
    data = _read(name)
    assert data is not None
    return data["config"], data.get("quantConfig")


def model_license(name: str) -> str | None:
    """Return the licence of a model's weights, or None where it is not known; `name` as for `model`."""
    licence = (_read(name) or {}).get("license")
    return None if licence in (None, "unknown") else str(licence)


@cache
def _stored(name: str) -> "ModelFacts | None":
    data = _read(name)
    if data is None:
        return None
    # Only a recipe whose model is known pays for the reader.
    from recipegen import modelfacts

    try:
        return modelfacts.read(data["id"], data["config"], data.get("quantConfig"))
    except modelfacts.ConfigError as error:
        block = "config" if error.file == "config.json" else "quantConfig"
        raise ToolError(f"{_file(name)}: {block}{'.' if error.key else ': '}{error}") from error
    except KeyError as error:
        raise ToolError(f"{_file(name)}: {error.args[0]}: is missing") from error


@cache
def _read(name: str) -> dict[str, Any] | None:
    path = _file(name)
    return yamlio.read_file(path, str(path)).data if path else None


def _file(name: str) -> Path | None:
    path = FOLDER / f"{name.replace('/', '--')}.yaml"
    return path if "/" in name and path.is_file() else None
