"""What is to be deployed: a recipe, or a model without one; with the engine's settings and the load."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from recipegen import facts
from recipegen.document import Document
from recipegen.errors import Problem, RecipeError, UsageError, show
from recipegen.load import Loaded
from recipegen.memory import Setup, loading
from recipegen.modelfacts import ModelFacts
from recipegen.recipe import BenchmarkConfig, Recipe
from recipegen.sizing.checkpoint.folder import CONFIG, QUANT
from recipegen.sizing.recommend.load import Load
from recipegen.sizing.sources import check_names, is_recipe, model_of, recipe_of, roles_of
from recipegen.validate import validate

# What the benchmark of a recipe measures where it says nothing: tokens in and out, the largest of its runs.
LOAD = Load(1024, 128, 32)
FILES = (CONFIG, QUANT)


@dataclass(frozen=True)
class Subject:
    """A model with the engine that serves it."""

    name: str
    model: ModelFacts
    base: Setup
    """GPU, engine and its settings; parallel sizes are chosen later."""
    load: Load
    loaded: Loaded | None
    """The recipe with variant and patches; None for a model without one."""
    files: Mapping[str, str]
    """config.json, and hf_quant_config.json where there is one, by name."""
    notes: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def known(self) -> str:
        """Return the id of a model that there are facts of; nothing for a configuration of one's own."""
        return self.model.id if facts.model(self.model.id) is self.model else ""


def subject(
    name: str | PathLike[str],
    variant: str | None,
    patches: Sequence[Document],
    gpu: str | None,
    backend: str | None,
    *,
    variants: str | PathLike[str] | None = None,
) -> Subject:
    """Return what a name stands for: a configuration or a folder of weights by its path, or else a recipe.

    Raises:
        UsageError: A GPU type is missing, or an option makes no sense beside the name.
        RecipeError: The recipe or the configuration is wrong, or nothing is known of its model.
        ToolError: A file cannot be read.
    """
    check_names(gpu, backend)
    found = _found(name, variant, patches, gpu, backend, variants=variants)
    odd = loading(found.model, found.base.backend, found.base.gpu)
    if odd and not odd.warning:
        raise RecipeError(odd)
    # Of the recipe's own GPU its rules have said it.
    others = [each for each in found.warnings if each.code != "weights-format"]
    return replace(found, warnings=(*others, odd) if odd else tuple(others))


def _found(
    name: str | PathLike[str],
    variant: str | None,
    patches: Sequence[Document],
    gpu: str | None,
    backend: str | None,
    *,
    variants: str | PathLike[str] | None,
) -> Subject:
    if is_recipe(name):
        return _of_recipe(recipe_of(name, variant, patches, variants), gpu, backend)
    if variant or patches or variants:
        raise UsageError(f"{show(str(name))} is no recipe: variants and patches are a recipe's")
    if gpu is None:
        raise UsageError(
            Problem("usage", (), "--gpu is missing: a model's configuration says nothing of GPUs", _gpus())
        )
    engine = backend or "vllm"
    base = Setup(gpu=gpu, backend=engine, version=facts.newest_engines()[engine])
    found = model_of(name)
    model, files = found.loaded, _texts(found.config, found.quant)
    return Subject(model.id, model, base, LOAD, None, files, warnings=found.warnings)


def _of_recipe(loaded: Loaded, gpu: str | None, backend: str | None) -> Subject:
    if loaded.idle:
        raise RecipeError(*loaded.idle)
    checked = validate(loaded)
    recipe = checked.recipe
    own = recipe.model.backend.type
    if backend not in (None, own):
        has = [
            each
            for each, block in loaded.document.data.get("variants", {}).items()
            if _backend(block) == backend
        ]
        hint = (
            f"take --variant {' or '.join(has)}"
            if has
            else "give the model's config.json in place of the recipe"
        )
        raise UsageError(
            Problem("usage", (), f"--backend {backend}: this form of the recipe has {own}", hint)
        )
    model = facts.model(recipe.model.name)
    if model is None:
        message = f"nothing is known of {show(recipe.model.name)}"
        hint = "give its config.json in place of the recipe"
        raise RecipeError(
            Problem(
                "unknown-model", ("model", "name"), message, hint, loaded.document.mark(("model", "name"))
            )
        )
    if recipe.hardware and recipe.hardware.mig:
        raise UsageError(
            "the recipe has hardware.mig, and recommend reckons with whole GPUs: --set hardware.mig=null"
        )
    chosen = gpu or (recipe.hardware.gpu if recipe.hardware else None)
    if chosen is None:
        raise UsageError(Problem("usage", (), "--gpu is missing, and the recipe has no hardware", _gpus()))
    # Of a disaggregated recipe, as its decode workers are.
    role = roles_of(recipe, model, chosen)[-1]
    base = replace(role.setup, tensor=1, pipeline=1, data=1, expert=1)
    notes = []
    if role.unreckoned:
        notes.append(f"what {', '.join(role.unreckoned)} does to memory and speed is not reckoned with")
    files = _texts(*facts.configuration(model.id))
    return Subject(loaded.name, model, base, _load(recipe), loaded, files, tuple(notes), checked.warnings)


def _load(recipe: Recipe) -> Load:
    config = recipe.benchmark.config or BenchmarkConfig()
    if config.shapes:
        lengths = max((shape.isl, shape.osl) for shape in config.shapes)
    else:
        lengths = config.isl or LOAD.isl, config.osl or LOAD.osl
    return Load(*lengths, max(config.concurrency))


def _backend(variant: Any) -> str | None:
    try:
        return str(variant["patch"]["model"]["backend"]["type"])
    except (KeyError, TypeError):
        return None


def _gpus() -> str:
    return f"known are {', '.join(facts.hardware())}"


def _texts(config: Mapping[str, Any], quant: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the files of a configuration by name."""
    return {name: json.dumps(data) for name, data in zip(FILES, (config, quant), strict=True) if data}
