"""From what a user names to models and setups: a recipe, a known model, a configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipegen import facts
from recipegen.errors import Problem, RecipeError, UsageError, nearest, show
from recipegen.memory import Setup, undivided, unknown
from recipegen.modelfacts import ModelFacts
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint import Checkpoint

if TYPE_CHECKING:
    from recipegen.document import Document
    from recipegen.load import Loaded
    from recipegen.recipe import Recipe

# Settings by their names outside, each with the field of `Setup`.
FIELDS = {
    "gpu": "gpu", "mig": "mig", "backend": "backend", "engine_version": "version",
    "tensor_parallel": "tensor", "pipeline_parallel": "pipeline", "data_parallel": "data",
    "expert_parallel": "expert", "max_model_len": "max_model_len", "gpu_memory_utilization": "utilization",
    "kv_cache_dtype": "kv_dtype", "dtype": "dtype", "quantization": "quantization",
    "block_size": "block_size", "max_num_seqs": "sequences", "max_num_batched_tokens": "batched_tokens",
    "eager": "eager",
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
    source: str | PathLike[str] | None,
    config: str | PathLike[str] | None,
    variant: str | None,
    patches: "Sequence[Document]",
    settings: Mapping[str, Any],
) -> Sized:
    """Return what a source means; arguments and errors as for `sizing.size`."""
    given = _given(settings)
    if source is not None and is_recipe(source):
        from recipegen.load import load

        return of_recipe(load(source, variant, patches), config, given)
    named = config if source is None else source
    if named is None:
        hint = "`recipegen list` shows the catalog; --config takes a config.json or the folder of a model"
        raise UsageError(Problem("usage", (), "name a recipe, or a model with --config", hint))
    if variant or patches:
        raise UsageError(f"{show(str(named))} is no recipe: variants and patches are a recipe's")
    found = model_of(named)
    model = found.loaded
    setup = _setup(given)
    _possible(model, setup)
    return Sized(model.id, model, (One("worker", 1, setup),), (*found.warnings, *_stretched(model, setup)))


def _possible(model: ModelFacts, setup: Setup) -> None:
    """Refuse parallel sizes that the model cannot be divided by, and number formats that nobody knows."""
    wrong = [Problem("usage", (), found.message, found.hint) for found in undivided(model, setup)]
    for what, known in unknown(model, setup):
        wrong.append(Problem("usage", (), f"{what}: its bytes are not known", f"known are {known}"))
    if setup.data > 1 and not setup.adds_data and setup.tensor % setup.data:
        message = f"{setup.data} ranks of data parallelism cannot share {setup.tensor} GPUs evenly"
        wrong.append(Problem("usage", (), message, f"make tensorParallel a multiple of {setup.data}"))
    if wrong:
        raise UsageError(*wrong)


def _stretched(model: ModelFacts, setup: Setup) -> Iterator[Problem]:
    """Yield a context that is longer than the model's own."""
    length = setup.max_model_len or 0
    if model.context and length > model.context:
        message = f"{length} tokens are more than the context of {model.id}, {model.context}"
        hint = f"engines refuse that unless its positions are scaled; take {model.context} or less"
        yield Problem("context-length", (), message, hint, warning=True)


def model_of(source: str | PathLike[str]) -> Checkpoint:
    """Return a model by its id, where recipegen knows it, or as a file or folder describes it.

    Raises as `checkpoint.read` does.
    """
    known = facts.known_models().get(str(source).casefold())
    model = facts.model(known) if known else None
    return Checkpoint(model, *facts.configuration(model.id)) if model else checkpoint.read(source)


def is_recipe(source: str | PathLike[str]) -> bool:
    """Return whether a source is a recipe: what is no model that is known, no folder and no JSON."""
    name = str(source)
    if name.casefold() in facts.known_models():
        return False
    return not name.endswith((".json", ".safetensors")) and not Path(source).is_dir()


def _setup(given: dict[str, Any]) -> Setup:
    if "gpu" not in given:
        hint = f"known are {', '.join(facts.hardware())}"
        raise UsageError(Problem("usage", (), "say with --gpu on which type of GPU", hint))
    given.setdefault("backend", "vllm")
    given.setdefault("version", facts.newest_engines()[given["backend"]])
    return Setup(**given)


def every(settings: Mapping[str, Any]) -> Iterator[Sized]:
    """Yield every form of the catalog whose model is known, each that names a GPU or is given one."""
    from recipegen import catalog
    from recipegen.load import choose, read, variants

    given = _given(settings)
    for name in catalog.recipes():
        recipe = read(name)
        for variant in [None, *variants(recipe.document)]:
            loaded = choose(recipe, variant, (), alone=variant is not None)
            if "gpu" in given or "hardware" in loaded.document.data:
                yield of_recipe(loaded, None, dict(given))


def of_recipe(loaded: "Loaded", config: str | PathLike[str] | None, given: dict[str, Any]) -> Sized:
    """Return the roles of a recipe; one whose weights do not fit is sized too."""
    # Only now: a configuration can be sized without the recipe language.
    from recipegen.recipe import Hardware
    from recipegen.roles import workers
    from recipegen.rules.memory import setup_of
    from recipegen.rules.settings import told

    recipe, warnings = _checked_recipe(loaded)
    model, odd = _model(recipe, config)
    if "gpu" in given:
        recipe = recipe.model_copy(update={"hardware": Hardware(gpu=given["gpu"])})
    if recipe.hardware is None:
        hint = f"give --gpu, or write `hardware: {{gpu: …}}` into it; known are {', '.join(facts.hardware())}"
        raise UsageError(Problem("usage", (), f"recipe {loaded.name} names no GPU type", hint))
    if "backend" in given:
        given.setdefault("version", facts.newest_engines()[given["backend"]])
    extra = {each.role: each for each in told(recipe)}
    found = []
    for role, worker in workers(recipe.model).items():
        setup, unreckoned = setup_of(recipe, role, worker, model, extra.get(role))
        setup = replace(setup, **given)
        _possible(model, setup)
        found.append(One(role, worker.replicas, setup, tuple(unreckoned)))
    variant = "" if loaded.variant == "default" else f", {loaded.variant}"
    return Sized(f"{loaded.name}{variant}", model, tuple(found), (*warnings, *odd))


def _checked_recipe(loaded: "Loaded") -> "tuple[Recipe, tuple[Problem, ...]]":
    """Return a typed recipe with what is odd about its memory."""
    from recipegen.recipe import Recipe
    from recipegen.validate import validate

    try:
        checked = validate(loaded)
    except RecipeError as error:
        if any(problem.code != "weights-room" for problem in error.problems):
            raise
        return Recipe.model_validate(loaded.document.data), ()
    about = ("context-room", "batch-room", "benchmark-room")
    return checked.recipe, tuple(problem for problem in checked.warnings if problem.code in about)


def _model(recipe: "Recipe", config: str | PathLike[str] | None) -> tuple[ModelFacts, tuple[Problem, ...]]:
    if config is not None:
        found = checkpoint.read(config, recipe.model.name)
        return found.loaded, found.warnings
    known = facts.model(recipe.model.name)
    if known is None:
        message = f"nothing is known of the model {show(recipe.model.name)}"
        hint = "give its config.json, or the folder with its weights, with --config"
        raise UsageError(Problem("usage", (), message, hint))
    return known, ()


def check_names(gpu: str | None, backend: str | None) -> None:
    """Refuse a GPU type or an engine that is not known, with what may have been meant.

    Raises:
        UsageError: There is none of that name.
    """
    if gpu is not None and gpu not in facts.hardware():
        message = f"no GPU type is called {show(gpu)}"
        raise UsageError(Problem("usage", (), message, facts.gpu_hint(gpu)))
    engines = facts.newest_engines()
    if backend is not None and backend not in engines:
        message = f"no engine is called {show(backend)}"
        hint = nearest(backend, engines) or f"there are {', '.join(engines)}"
        raise UsageError(Problem("usage", (), message, hint))


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by the fields of `Setup`, without those that are not given; refuse what cannot be."""
    unknown = sorted(settings.keys() - FIELDS.keys())
    if unknown:
        raise UsageError(f"there is no setting {unknown[0]!r}; the settings are {', '.join(FIELDS)}")
    given = {FIELDS[name]: value for name, value in settings.items() if value not in (None, "", False)}
    check_names(given.get("gpu"), given.get("backend"))
    profiles = facts.hardware().get(given.get("gpu", ""), {}).get("mig", {})
    if "mig" in given and given["mig"] not in profiles:
        known = f"its profiles are {', '.join(profiles)}" if profiles else "it cannot be cut into instances"
        problem = (
            f"no MIG profile of {given.get('gpu', 'a GPU without --gpu')} is called {show(given['mig'])}"
        )
        raise UsageError(Problem("usage", (), problem, known))
    if not 0 < given.get("utilization", 1) <= 1:
        raise UsageError(f"the share of memory is above 0 and at most 1, got {show(given['utilization'])}")
    for name, field in FIELDS.items():
        value = given.get(field)
        if isinstance(value, int) and value < 1 and not isinstance(value, bool):
            raise UsageError(f"{name} is at least 1, got {value}")
    return given
