"""Facts as data: Dynamo releases, GPU types, models, engines, and what the charts own of them.

Each table says in its head what its keys are and where its numbers come from. `modelfacts` reads
decoders.yaml itself: it lies below, and reads configurations without any other fact.
"""

from functools import cache
from pathlib import Path
from typing import Any

from recipegen import catalog, yamlio
from recipegen.errors import nearest
from recipegen.facts.known import configuration, known_models, lent, model, model_license

__all__ = [
    "HERE", "arguments", "attention", "brokers", "configuration", "dynamo", "engine", "engine_file",
    "families", "faults", "gpu_hint", "hardware", "images", "ingestion", "known_models", "lent",
    "llm_endpoints", "llm_engine", "memory", "mistaken_models", "model", "model_license", "neighbours",
    "newest_dynamo", "newest_engines", "nodes", "order", "parsers", "place", "platform", "policies",
    "printed", "quantization", "refused_models", "rules", "scaling", "speed",
]  # fmt: skip

HERE = Path(__file__).parent

# Releases.


@cache
def dynamo() -> dict[str, Any]:
    """Return the Dynamo releases that recipegen knows, newest first, by version."""
    return _read(HERE / "dynamo.yaml")


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


@cache
def images() -> dict[str, Any]:
    """Return the images that are not Dynamo's own, and the release of aiperf, by what they are for."""
    return _read(HERE / "images.yaml")


@cache
def platform() -> dict[str, Any]:
    """Return where the typed keys of the `platform` block go in the upstream chart's values."""
    return _read(HERE / "platform.yaml")


@cache
def ingestion() -> dict[str, Any]:
    """Return what files say of a model's format, which engine takes which, and what ids give away."""
    return _read(HERE / "ingestion.yaml")


# GPUs and nodes.


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


# Models and their families; models one by one are in `known`.


@cache
def mistaken_models() -> dict[str, Any]:
    """Return model ids that circulate but do not exist, each with the id that was meant."""
    return _read(HERE / "mistaken-models.yaml")


@cache
def refused_models() -> dict[str, Any]:
    """Return what is no language model that decodes: rows of what is `refused`, each with its reason."""
    return _read(HERE / "refused-models.yaml")


@cache
def families() -> dict[str, Any]:
    """Return the parsers that are made for one family of models, by engine field."""
    return _read(HERE / "families.yaml")


@cache
def parsers() -> dict[str, Any]:
    """Return the parsers by `model_type`: engine field to a name, or to names of which the card says one."""
    return _read(HERE / "parsers.yaml")


# What engines take, and how fast they are.


@cache
def quantization() -> dict[str, Any]:
    """Return which number formats of weights an engine runs on which GPU."""
    return _read(HERE / "quantization.yaml")


@cache
def attention() -> dict[str, Any]:
    """Return what kernels of attention ask of the KV cache: formats, blocks and pages."""
    return _read(HERE / "attention.yaml")


@cache
def memory() -> dict[str, Any]:
    """Return what engines do with the memory of a GPU, by engine."""
    return _read(HERE / "memory.yaml")


@cache
def speed() -> dict[str, Any]:
    """Return what tells the speed of an engine from data sheets: shares and overheads, rules of thumb."""
    return _read(HERE / "speed.yaml")


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
def llm_endpoints() -> dict[str, Any]:
    """Return what LLM Engine gives each endpoint: `rollout`, and its `gpuTypes` by node label."""
    return _read(HERE / "llm-endpoints.yaml")


@cache
def policies() -> dict[str, Path]:
    """Return the policies that came along, by name: what `--policy NAME` reads."""
    return {path.stem: path for path in sorted((HERE / "policies").glob("*.yaml"))}


# What the rules say, and what belongs to charts: their templates loop over it, Python only checks against it.


@cache
def rules() -> dict[str, dict[str, Any]]:
    """Return the rules by section and code: `what`, `why`, `remedy`, and where given `paths` and `source`."""
    return _read(HERE / "rules.yaml")


@cache
def neighbours() -> dict[str, Any]:
    """Return the systems beside recipegen (`neighbours`), and what none of its commands performs (`acts`)."""
    return _read(HERE / "neighbours.yaml")


@cache
def engine(backend: str) -> dict[str, Any]:
    """Return how `backend` spells its module, image, options and roles; the model chart's."""
    return _read(engine_file(backend))


def engine_file(backend: str) -> Path:
    """Return the file that `engine` reads."""
    return catalog.charts() / "stack/charts/model/backends" / f"{backend}.yaml"


def arguments(table: dict[str, Any], key: str, release: str) -> list[str]:
    """Return the arguments under a key of an engine's data file; none where the Dynamo release lacks them."""
    first = table["since"].get(key, "0.0.0")
    found: list[str] = table[key] if order(release) >= order(first) else []
    return found


@cache
def faults() -> dict[str, Any]:
    """Return the fault experiments, and the namespaces in which none is allowed; the fault chart's."""
    return _read(catalog.charts() / "stack/charts/fault-injection/experiments.yaml")


@cache
def scaling() -> dict[str, Any]:
    """Return the numbers of the `scaling` block that follow from other keys."""
    return _read(HERE / "scaling.yaml")


@cache
def brokers() -> dict[str, Any]:
    """Return the queues that the scaling chart has triggers for, each with its keys; the scaling chart's."""
    return _read(catalog.charts() / "stack/charts/scaling/brokers.yaml")


def place(file: Path, at: tuple[str, ...]) -> int:
    """Return the line of a fact in its file, counted from 1."""
    document = yamlio.read_file(file, str(file))
    return (document.keys.get(at) or document.values[at]).line


def _read(path: Path) -> dict[str, Any]:
    return yamlio.read_file(path, str(path)).data
