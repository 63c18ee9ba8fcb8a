"""Facts as data: Dynamo releases, GPU types, images, and how each engine spells its options."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipegen import catalog, yamlio
from recipegen.errors import ToolError, nearest

if TYPE_CHECKING:
    from recipegen.modelfacts import ModelFacts

HERE = Path(__file__).parent
_LENT: ContextVar["ModelFacts | None"] = ContextVar("lent", default=None)


@cache
def dynamo() -> dict[str, Any]:
    """Return the Dynamo releases that recipegen knows, newest first, by version."""
    return _read(HERE / "dynamo.yaml")


@cache
def hardware() -> dict[str, Any]:
    """Return the GPU types by name: memory in bytes, architecture, GPUs per node, node labels."""
    return _read(HERE / "hardware.yaml")


def gpu_hint(name: str) -> str:
    """Return which GPU types may have been meant: those that begin with the name, or the one most alike."""
    known = hardware()
    begin = [each for each in known if each.startswith(f"{name.casefold()}-")]
    if begin:
        return f"there is {' and '.join(begin)}"
    return nearest(name, known) or f"known are {', '.join(known)}"


@cache
def nodes() -> dict[str, Any]:
    """Return the node types that clouds rent (`types`), and what their system takes of each (`reserved`)."""
    return _read(HERE / "nodes.yaml")


@cache
def images() -> dict[str, Any]:
    """Return the images that are not Dynamo's own, and the release of aiperf, by what they are for."""
    return _read(HERE / "images.yaml")


@cache
def mistaken_models() -> dict[str, Any]:
    """Return model ids that circulate but do not exist, each with the id that was meant."""
    return _read(HERE / "mistaken-models.yaml")


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


@cache
def _stored(name: str) -> "ModelFacts | None":
    data = _known_model(name)
    if data is None:
        return None
    # Only a recipe whose model is known pays for the reader.
    from recipegen import modelfacts

    try:
        return modelfacts.read(data["id"], data["config"], data.get("quantConfig"))
    except modelfacts.ConfigError as error:
        block = "config" if error.file == "config.json" else "quantConfig"
        raise ToolError(f"{_model_file(name)}: {block}{'.' if error.key else ': '}{error}") from error
    except KeyError as error:
        raise ToolError(f"{_model_file(name)}: {error.args[0]}: is missing") from error


def configuration(name: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the config.json of a model that there are facts of, and its hf_quant_config.json or None."""
    data = _known_model(name)
    assert data is not None
    return data["config"], data.get("quantConfig")


@cache
def known_models() -> dict[str, str]:
    """Return the ids of the models that there are facts of, by the id in lower case."""
    ids = [path.stem.replace("--", "/", 1) for path in (HERE / "models").glob("*.yaml")]
    return {name.casefold(): name for name in ids}


@cache
def quantization() -> dict[str, Any]:
    """Return which number formats of weights an engine runs on which GPU."""
    return _read(HERE / "quantization.yaml")


@cache
def speed() -> dict[str, Any]:
    """Return what tells the speed of an engine from data sheets: shares and overheads, rules of thumb."""
    return _read(HERE / "speed.yaml")


@cache
def attention() -> dict[str, Any]:
    """Return what kernels of attention ask of the KV cache: formats, blocks and pages."""
    return _read(HERE / "attention.yaml")


@cache
def memory() -> dict[str, Any]:
    """Return what engines do with the memory of a GPU, by engine."""
    return _read(HERE / "memory.yaml")


@cache
def families() -> dict[str, Any]:
    """Return the parsers that are made for one family of models, by engine field."""
    return _read(HERE / "families.yaml")


@cache
def printed() -> list[dict[str, Any]]:
    """Return what engines printed of their memory, each with its conditions."""
    found: list[dict[str, Any]] = _read(HERE / "printed.yaml")["rows"]
    return found


@cache
def llm_engine() -> dict[str, Any]:
    """Return LLM Engine's recommended hardware: `parameters`, `tables` and `gpuTypes`."""
    return _read(HERE / "llm-engine.yaml")


@cache
def parsers() -> dict[str, Any]:
    """Return the parsers by `model_type`: engine field to a name, or to names of which the card says one."""
    return _read(HERE / "parsers.yaml")


def model_license(name: str) -> str | None:
    """Return the licence of a model's weights, or None where it is not known; `name` as for `model`."""
    licence = (_known_model(name) or {}).get("license")
    return None if licence in (None, "unknown") else str(licence)


@cache
def _known_model(name: str) -> dict[str, Any] | None:
    path = _model_file(name)
    return _read(path) if path else None


def _model_file(name: str) -> Path | None:
    path = HERE / "models" / f"{name.replace('/', '--')}.yaml"
    return path if "/" in name and path.is_file() else None


@cache
def refused_models() -> dict[str, Any]:
    """Return what is no language model that decodes: rows of what is `refused`, each with its reason."""
    return _read(HERE / "refused-models.yaml")


@cache
def platform() -> dict[str, Any]:
    """Return where the typed keys of the `platform` block go in the upstream chart's values."""
    return _read(HERE / "platform.yaml")


@cache
def engine(backend: str) -> dict[str, Any]:
    """Return how `backend` spells its module, image, options and roles.

    The file belongs to the model chart, whose templates loop over it; Python only checks against it.
    """
    return _read(engine_file(backend))


def engine_file(backend: str) -> Path:
    """Return the file that `engine` reads."""
    return catalog.charts() / "stack/charts/model/backends" / f"{backend}.yaml"


def place(file: Path, at: tuple[str, ...]) -> int:
    """Return the line of a fact in its file, counted from 1."""
    document = yamlio.read_file(file, str(file))
    return (document.keys.get(at) or document.values[at]).line


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


def newest_engines() -> dict[str, str]:
    """Return the engines, each with its version in the newest Dynamo release."""
    engines: dict[str, str] = dynamo()[newest_dynamo()]["engines"]
    return engines


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
