"""From what a user names to the models and setups that are sized: a recipe, a known model, a configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipegen import facts
from recipegen.errors import Problem, RecipeError, UsageError, nearest, show
from recipegen.memory import Setup
from recipegen.modelfacts import ModelFacts
from recipegen.sizing import checkpoint

if TYPE_CHECKING:
    from recipegen.document import Document
    from recipegen.recipe import Recipe

# Settings by their names outside, each with the field of `Setup`.
FIELDS = {
    "gpu": "gpu", "mig": "mig", "backend": "backend", "engine_version": "version",
    "tensor_parallel": "tensor", "pipeline_parallel": "pipeline", "data_parallel": "data",
    "expert_parallel": "expert", "max_model_len": "max_model_len", "gpu_memory_utilization": "utilization",
    "kv_cache_dtype": "kv_dtype", "dtype": "dtype", "quantization": "quantization", "block_size": "block_size",
    "max_num_seqs": "sequences", "max_num_batched_tokens": "batched_tokens", "eager": "eager",
}  # fmt: skip


@dataclass(frozen=True)
class One:
    """One role that is sized."""

    role: str
    replicas: int
    setup: Setup
    unreckoned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sized:
    """A model with the setups that it is sized for."""

    name: str
    model: ModelFacts
    setups: tuple[One, ...]
    warnings: tuple[Problem, ...] = ()


def find(
    source: str | PathLike[str],
    config: str | PathLike[str] | None,
    variant: str | None,
    patches: "Sequence[Mapping[str, Any] | Document]",
    settings: Mapping[str, Any],
) -> Sized:
    """Return what a source means; arguments and errors as for `sizing.size`."""
    unknown = sorted(settings.keys() - FIELDS.keys())
    if unknown:
        raise UsageError(f"there is no setting {unknown[0]!r}; the settings are {', '.join(FIELDS)}")
    given = {FIELDS[name]: value for name, value in settings.items() if value not in (None, "")}
    _checked(given)
    if _is_recipe(source):
        return _recipe(source, config, variant, patches, given)
    if variant or patches:
        raise UsageError(f"{show(str(source))} is no recipe: variants and patches are a recipe's")
    if str(source) in facts.known_models().values():
        model, warnings = facts.model(str(source)), ()
    else:
        found = checkpoint.read(source)
        model, warnings = found.model, found.warnings
    assert model is not None
    return Sized(model.id, model, (One("worker", 1, _setup(given)),), warnings)


def _is_recipe(source: str | PathLike[str]) -> bool:
    """Return whether a source is a recipe: what is no model that is known, no folder and no JSON."""
    name = str(source)
    if name in facts.known_models().values():
        return False
    return not name.endswith((".json", ".safetensors")) and not Path(source).is_dir()


def _setup(given: dict[str, Any]) -> Setup:
    if "gpu" not in given:
        hint = f"known are {', '.join(facts.hardware())}"
        raise UsageError(Problem("usage", (), "say with --gpu on which type of GPU", hint))
    given.setdefault("backend", "vllm")
    given.setdefault("version", _version(given["backend"]))
    return Setup(**given)


def _version(backend: str) -> str:
    """Return the version of an engine in the newest Dynamo release."""
    return str(facts.dynamo()[facts.newest_dynamo()]["engines"][backend])


def _recipe(
    source: str | PathLike[str],
    config: str | PathLike[str] | None,
    variant: str | None,
    patches: "Sequence[Mapping[str, Any] | Document]",
    given: dict[str, Any],
) -> Sized:
    """Return the roles of a recipe; one whose weights do not fit is sized too."""
    # Only now: a configuration can be sized without the recipe language.
    from recipegen.load import load
    from recipegen.recipe import Hardware, Recipe
    from recipegen.roles import workers
    from recipegen.rules.memory import setup_of
    from recipegen.rules.settings import told
    from recipegen.validate import validate

    loaded = load(source, variant, [*patches])  # type: ignore[list-item]
    warnings: tuple[Problem, ...] = ()
    try:
        checked = validate(loaded)
        recipe, warnings = checked.recipe, checked.warnings
    except RecipeError as error:
        if any(problem.code != "weights-room" for problem in error.problems):
            raise
        recipe = Recipe.model_validate(loaded.document.data)
    name = f"{loaded.name}, variant {loaded.variant}" if variant else loaded.name
    model, odd = _model(recipe, config)
    if "gpu" in given:
        recipe = recipe.model_copy(update={"hardware": Hardware(gpu=given["gpu"])})
    if recipe.hardware is None:
        hint = f"give --gpu, or write `hardware: {{gpu: …}}` into it; known are {', '.join(facts.hardware())}"
        raise UsageError(Problem("usage", (), f"recipe {loaded.name} names no GPU type", hint))
    if "backend" in given:
        given.setdefault("version", _version(given["backend"]))
    settings = {each.role: each for each in told(recipe)}
    found = []
    for role, worker in workers(recipe.model).items():
        setup, unreckoned = setup_of(recipe, role, worker, model, settings.get(role))
        found.append(One(role, worker.replicas, replace(setup, **given), tuple(unreckoned)))
    own = [
        problem for problem in warnings if problem.code in ("context-room", "batch-room", "benchmark-room")
    ]
    return Sized(name, model, tuple(found), (*own, *odd))


def _model(recipe: "Recipe", config: str | PathLike[str] | None) -> tuple[ModelFacts, tuple[Problem, ...]]:
    if config is not None:
        found = checkpoint.read(config, recipe.model.name)
        return found.model, found.warnings
    known = facts.model(recipe.model.name)
    if known is None:
        message = f"nothing is known of the model {show(recipe.model.name)}"
        hint = "give its config.json, or the folder with its weights, with --config"
        raise UsageError(Problem("usage", (), message, hint))
    return known, ()


def _checked(given: dict[str, Any]) -> None:
    """Refuse settings that cannot be."""
    gpus = facts.hardware()
    if "gpu" in given and given["gpu"] not in gpus:
        begin = [name for name in gpus if name.startswith(f"{str(given['gpu']).casefold()}-")]
        hint = f"there is {' and '.join(begin)}" if begin else nearest(str(given["gpu"]), gpus)
        message = f"no GPU type is called {show(given['gpu'])}"
        raise UsageError(Problem("usage", (), message, hint or f"known are {', '.join(gpus)}"))
    engines = facts.memory().keys() - {"context"}
    if "backend" in given and given["backend"] not in engines:
        raise UsageError(
            f"no engine is called {show(given['backend'])}; there are {', '.join(sorted(engines))}"
        )
    if not 0 < given.get("utilization", 1) <= 1:
        raise UsageError(f"the share of memory is above 0 and at most 1, got {show(given['utilization'])}")
    for name, field in FIELDS.items():
        value = given.get(field)
        if isinstance(value, int) and value < 1 and not isinstance(value, bool):
            raise UsageError(f"{name} is at least 1, got {value}")
