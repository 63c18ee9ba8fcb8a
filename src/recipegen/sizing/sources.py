"""From what a user names to models and setups: a recipe, a known model, a configuration."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipegen import facts
from recipegen.errors import Problem, RecipeError, RecipegenError, UsageError, nearest, show
from recipegen.memory import Setup
from recipegen.modelfacts import ModelFacts
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint import Checkpoint
from recipegen.sizing.checks import checked

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


# ORG/NAME, as on the Hub.
MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class RoleSetup:
    """How the engine of one role is set up."""

    role: str
    replicas: int
    setup: Setup
    unreckoned: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelSetups:
    """A model with the setups that it is sized for."""

    name: str
    model: ModelFacts
    setups: tuple[RoleSetup, ...]
    warnings: tuple[Problem, ...] = ()


def find(
    source: str | PathLike[str] | None,
    config: str | PathLike[str] | None,
    variant: str | None,
    patches: "Sequence[Document]",
    settings: Mapping[str, Any],
    *,
    variants: str | PathLike[str] | None = None,
) -> ModelSetups:
    """Return what a source means; arguments and errors as for `sizing.size`."""
    given = _given(settings)
    # An empty name, as of a variable that is not set, is none.
    source, config = source or None, config or None
    if source is not None and is_recipe(source):
        return of_recipe(recipe_of(source, variant, patches, variants), config, given)
    if source is not None and config is not None:
        raise UsageError(
            f"{show(str(source))} and --config {show(str(config))} both name a model: leave one out"
        )
    named = config if source is None else source
    if named is None:
        hint = "`recipegen list` shows the catalog; --config takes a config.json or the folder of a model"
        raise UsageError(Problem("usage", (), "name a recipe, or a model with --config", hint))
    if variant or patches or variants:
        raise UsageError(f"{show(str(named))} is no recipe: variants and patches are a recipe's")
    found = model_of(named)
    model = found.loaded
    setup = _setup(given)
    odd = checked(model, setup, given)
    return ModelSetups(model.id, model, (RoleSetup("worker", 1, setup),), (*found.warnings, *odd))


def recipe_of(
    source: str | PathLike[str],
    variant: str | None,
    patches: "Sequence[Document]",
    variants: str | PathLike[str] | None,
) -> "Loaded":
    """Return a recipe with a variant of its own or of a variants file, and patches.

    Raises as `load.load` and `variants.expand` do.
    """
    # Only now: a model alone is sized without the recipe language.
    from recipegen.load import choose, load

    if variants is None:
        return load(source, variant, patches)
    from recipegen.variants import expand

    return choose(expand(source, variants).loaded, variant, patches)


def model_of(source: str | PathLike[str]) -> Checkpoint:
    """Return a model by its id, where recipegen knows it, or as a file or folder describes it.

    Raises as `checkpoint.read` does.
    """
    known = facts.known_models().get(str(source).casefold())
    model = facts.model(known) if known else None
    return Checkpoint(model, *facts.configuration(model.id)) if model else checkpoint.read(source)


def is_recipe(source: str | PathLike[str]) -> bool:
    """Return whether a source is a recipe: what is no model that is known, no folder and no JSON.

    Raises:
        UsageError: It is written like the id of a model, and none that is known has it.
    """
    name = str(source)
    if name.casefold() in facts.known_models():
        return False
    try:
        there, folder = Path(source).exists(), Path(source).is_dir()
    except (OSError, ValueError):
        # A name that no file can have.
        there, folder = False, False
    if name.endswith((".json", ".safetensors", ".gguf")) or folder:
        return False
    if MODEL_ID.fullmatch(name) and not name.endswith((".yaml", ".yml")) and not there:
        alike = nearest(name, facts.known_models().values())
        hint = f"{alike or 'no id is like it'}; any other model is read from its config.json"
        raise UsageError(Problem("usage", (), f"no file and no known model is called {show(name)}", hint))
    return True


def _setup(given: dict[str, Any]) -> Setup:
    if "gpu" not in given:
        hint = f"known are {', '.join(facts.hardware())}"
        raise UsageError(Problem("usage", (), "say with --gpu on which type of GPU", hint))
    backend = given.get("backend", "vllm")
    return Setup(**{"backend": backend, "version": facts.newest_engines()[backend]} | given)


def every(settings: Mapping[str, Any]) -> Iterator[ModelSetups]:
    """Yield every form of the catalog whose model is known, each that names a GPU or is given one.

    Raises:
        UsageError: A setting cannot be for one of them; the message begins with its name.
    """
    from recipegen import catalog
    from recipegen.load import choose, read, variants
    from recipegen.recipe import Recipe

    given = _given(settings)
    for name in catalog.recipes():
        written = read(name)
        for variant in [None, *variants(written.document)]:
            loaded = choose(written, variant, (), alone=variant is not None)
            # Tests hold the catalog to the rules, so that it need not be here.
            recipe = Recipe.model_validate(loaded.document.data)
            if recipe.hardware is None and "gpu" not in given:
                continue
            try:
                yield _setups(loaded, recipe, None, given)
            except RecipegenError as error:
                named = (
                    replace(each, message=f"{_called(loaded)}: {each.message}") for each in error.problems
                )
                raise UsageError(*named) from error


def of_recipe(loaded: "Loaded", config: str | PathLike[str] | None, given: dict[str, Any]) -> ModelSetups:
    """Return the roles of a recipe; one whose weights do not fit is sized too."""
    if loaded.idle:
        raise RecipeError(*loaded.idle)
    recipe, warnings = _checked_recipe(loaded)
    if recipe.hardware is None and "gpu" not in given:
        hint = f"give --gpu, or write `hardware: {{gpu: …}}` into it; known are {', '.join(facts.hardware())}"
        raise UsageError(Problem("usage", (), f"recipe {loaded.name} names no GPU type", hint))
    found = _setups(loaded, recipe, config, given)
    return replace(found, warnings=tuple(dict.fromkeys((*warnings, *found.warnings))))


def _setups(
    loaded: "Loaded", recipe: "Recipe", config: str | PathLike[str] | None, given: dict[str, Any]
) -> ModelSetups:
    """Return the roles of a typed recipe with what is given in place of its own."""
    model, odd = _model(recipe, config)
    if recipe.model.mocker:
        message = "the engines are mocked and take no GPU: these are the sizes of what they stand for"
        odd = (*odd, Problem("mocker", ("model", "mocker"), message, warning=True))
    newest = {"version": facts.newest_engines()[given["backend"]]} if "backend" in given else {}
    roles = [
        replace(each, setup=replace(each.setup, **newest | given))
        for each in roles_of(recipe, model, given.get("gpu"))
    ]
    odd = (*odd, *(problem for each in roles for problem in checked(model, each.setup, given)))
    return ModelSetups(_called(loaded), model, tuple(roles), tuple(dict.fromkeys(odd)))


def _called(loaded: "Loaded") -> str:
    return loaded.name if loaded.variant == "default" else f"{loaded.name}, {loaded.variant}"


def roles_of(recipe: "Recipe", model: ModelFacts, gpu: str | None) -> "list[RoleSetup]":
    """Return how the engine of each role is set up.

    Args:
        recipe: A recipe, with `hardware` unless `gpu` is given.
        model: The model that it serves.
        gpu: GPU type in place of the recipe's hardware.
    """
    # Only now: a configuration can be sized without the recipe language.
    from recipegen.recipe import Hardware
    from recipegen.roles import workers
    from recipegen.rules.memory import setup_of
    from recipegen.rules.settings import told
    from recipegen.scaling import replicas

    if gpu is not None:
        recipe = recipe.model_copy(update={"hardware": Hardware(gpu=gpu)})
    extra = {each.role: each for each in told(recipe)}
    found = []
    for role, worker in workers(recipe.model).items():
        setup, unreckoned = setup_of(recipe, role, worker, model, extra.get(role))
        found.append(RoleSetup(role, replicas(recipe)[role].most, setup, tuple(unreckoned)))
    return found


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
    # Not by equality: 0 is given, and refused below.
    absent = (value is None or value is False or value == "" for value in settings.values())
    given = {FIELDS[name]: settings[name] for name, none in zip(settings, absent, strict=True) if not none}
    check_names(given.get("gpu"), given.get("backend"))
    if not 0 < given.get("utilization", 1) <= 1:
        raise UsageError(f"the share of memory is above 0 and at most 1, got {show(given['utilization'])}")
    for name, field in FIELDS.items():
        value = given.get(field)
        if isinstance(value, int) and value < 1 and not isinstance(value, bool):
            raise UsageError(f"{name} is at least 1, got {value}")
    return given
