"""The catalog as a whole: what every recipe in it has, and what all of them cover together."""

import re
from collections.abc import Callable
from functools import cache

import pytest
import yaml

import kinds
from conftest import ROOT
from recipegen import catalog, facts, policy
from recipegen.load import load
from recipegen.memory import Setup, fit
from recipegen.modelfacts import ModelFacts
from recipegen.recipe import Recipe
from recipegen.resolve import Plan
from recipegen.roles import engine_of, workers
from recipegen.rules import memory
from recipegen.validate import validate
from samples import FORMS, catalog_plans, objects, releases

PLANS = catalog_plans()

NAMED = [(name, form) for name, form in FORMS if form is not None]
BACKENDS = {"vllm", "sglang", "trtllm"}
# h100 for h100-sxm-80gb, as variants are named.
GPUS = {name.split("-")[0] for name in facts.hardware()}
# Arithmetic of the room for KV cache, and what it holds: that is for `recipegen size`, notes go out of date.
ROOM = re.compile(
    r"Room for KV cache|x \(?[\d.]+ - [\d.]+|[\d.]+ GiB, [\d ]+ tokens|000 tokens[^,.]{0,12}, [\d.]+ x"
    r"|(holds?|held|room for) [\d.]+ (requests|contexts)|\d\.\d (requests|contexts)"
)
# Who asks for a licence to be accepted before a download.
GATED = ("meta-llama/", "mistralai/", "google/gemma-")


@cache
def recipe_of(name: str, form: str | None = None) -> Recipe:
    """Return a recipe of the catalog as it is written."""
    return validate(load(name, form)).recipe


def notes_of(name: str) -> str:
    """Return the notes of a recipe, their lines joined."""
    return " ".join((recipe_of(name).about.notes or "").split())


def known(recipe: Recipe) -> ModelFacts:
    """Return what is known of a recipe's model."""
    model = facts.model(recipe.model.name)
    assert model is not None
    return model


def weights_of(recipe: Recipe) -> int:
    """Return the bytes of a recipe's weights, by the facts of its model."""
    return known(recipe).weights_bytes


def gpu_of(recipe: Recipe) -> str:
    """Return the GPU of a recipe as variants name it, or nothing."""
    return recipe.hardware.gpu.split("-")[0] if recipe.hardware else ""


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_the_model_of_every_recipe_has_facts(name: str, form: str | None) -> None:
    model = recipe_of(name, form).model

    assert facts.model(model.name) is not None, (
        f"add {model.name} to tools/models/list.yaml, then: make models"
    )


@pytest.mark.parametrize("name", catalog.recipes())
def test_every_recipe_says_what_it_is(name: str) -> None:
    about = recipe_of(name).about

    assert about.title
    assert about.description
    assert about.notes
    assert re.match(r"(rendered|simulated|gpu-measured) \d{4}-\d\d-\d\d", about.evidence)


@pytest.mark.parametrize("name", catalog.recipes())
def test_the_licence_of_every_recipe_is_that_of_its_model(name: str) -> None:
    recipe = recipe_of(name)
    file = ROOT / "src/recipegen/facts/models" / f"{recipe.model.name.replace('/', '--')}.yaml"

    assert (recipe.about.license or "unknown") == yaml.safe_load(file.read_text())["license"]


@pytest.mark.parametrize("name", catalog.recipes())
def test_the_notes_have_the_size_of_the_weights(name: str) -> None:
    size = weights_of(recipe_of(name))
    stated = re.findall(r"(\d+(?:\.\d+)?) (GB|GiB)", notes_of(name))
    sizes = [float(number) * {"GB": 10**9, "GiB": 2**30}[unit] for number, unit in stated]

    # Half of the last digit: 1.2 GB may be 1.15.
    assert any(abs(stated / size - 1) < 0.02 or abs(stated - size) < 0.05e9 for stated in sizes), (
        f"{size / 1e9:.1f} GB by the facts of the model"
    )


@pytest.mark.parametrize("name", catalog.recipes())
def test_the_notes_say_why_the_context_is_that_long(name: str) -> None:
    length = recipe_of(name).model.engine.max_model_len

    assert length is None or str(length) in notes_of(name)


@pytest.mark.parametrize("name", catalog.recipes())
def test_the_notes_have_the_kv_cache_of_a_token(name: str) -> None:
    stated = re.findall(
        r"(\d+) (?:(KiB of KV cache|bytes|numbers|values) a token|in TensorRT)", notes_of(name)
    )
    sizes = {int(size) * (1024 if unit.startswith("KiB") else 1) for size, unit in stated}
    # With SGLang a token has its part of the pool for windows, too.
    setups = [
        Setup("h200-sxm-141gb", backend, kv_dtype=dtype)
        for backend in ("vllm", "trtllm")
        for dtype in ("bfloat16", "fp8")
    ]
    reckoned = {round(fit(known(recipe_of(name)), setup).per_token) for setup in setups}

    assert sizes
    assert sizes <= reckoned


@pytest.mark.parametrize("name", catalog.recipes())
def test_the_notes_leave_the_room_for_kv_cache_to_size(name: str) -> None:
    recipe, notes = recipe_of(name), notes_of(name)

    assert not ROOM.search(notes), ROOM.search(notes)
    assert recipe.hardware is None or f"`recipegen size {name}" in notes


@pytest.mark.parametrize(("name", "form"), NAMED)
def test_a_variant_is_named_for_what_differs(name: str, form: str) -> None:
    default, variant, parts = recipe_of(name), recipe_of(name, form), form.split("-")
    changed = {
        variant.model.backend.type: variant.model.backend.type != default.model.backend.type,
        gpu_of(variant): gpu_of(variant) != gpu_of(default),
    }
    mode = [part for part in parts if part not in BACKENDS | GPUS]
    split = variant.model.disaggregation != default.model.disaggregation

    assert {*parts} - {*mode} == {part for part, differs in changed.items() if differs}
    assert split if "disagg" in mode else mode or not split
    # Backend, GPU, mode.
    assert parts == sorted(parts, key=lambda part: 0 if part in BACKENDS else 1 if part in GPUS else 2)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_the_gpus_hold_the_weights_and_a_request_of_the_whole_context(name: str, form: str | None) -> None:
    checked = validate(load(name, form))
    recipe = checked.recipe
    if recipe.hardware is None:
        return
    found = {role: fit for role, _, fit in memory.fits(recipe)}

    # What cannot be reckoned with is no fit.
    assert found.keys() == workers(recipe.model).keys()
    for role, held in found.items():
        assert held.weights_fit, role
        assert held.concurrency >= held.setup.copies, role
        assert not held.tight, role
    assert [problem.code for problem in checked.warnings if problem.code.endswith("-room")] == []


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_weights_that_take_long_to_load_have_a_volume(name: str, form: str | None) -> None:
    recipe = recipe_of(name, form)

    assert recipe.model.cache.enabled or recipe.model_express.enabled or weights_of(recipe) < 30e9


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_gated_models_have_a_token(name: str, form: str | None) -> None:
    model = recipe_of(name, form).model

    assert model.hugging_face_token_secret or not model.name.startswith(GATED)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_form_becomes_a_graph_that_the_api_has_fields_for(plan: Plan) -> None:
    found = objects(releases(plan)["model"])
    (graph,) = (item for item in found if item["kind"] == "DynamoGraphDeployment")

    kinds.check(graph)
    assert policy.check(found) == []


def test_no_model_is_in_the_catalog_twice() -> None:
    models = [recipe_of(name).model.name for name in catalog.recipes()]

    assert len(set(models)) == len(models)


def test_the_catalog_is_large() -> None:
    assert len(catalog.recipes()) >= 24
    assert len(NAMED) >= 60


COVERED: dict[str, Callable[[Recipe, ModelFacts], bool]] = {
    "vLLM": lambda r, _: r.model.backend.type == "vllm",
    "SGLang": lambda r, _: r.model.backend.type == "sglang",
    "TensorRT-LLM": lambda r, _: r.model.backend.type == "trtllm",
    "A100": lambda r, _: gpu_of(r) == "a100",
    "H100": lambda r, _: gpu_of(r) == "h100",
    "H200": lambda r, _: gpu_of(r) == "h200",
    "B200": lambda r, _: gpu_of(r) == "b200",
    "GB200": lambda r, _: gpu_of(r) == "gb200",
    "L40S": lambda r, _: gpu_of(r) == "l40s",
    "aggregated": lambda r, _: not r.model.disaggregation,
    "disaggregated": lambda r, _: r.model.disaggregation,
    "a replica of several nodes": lambda r, _: any(w.nodes > 1 for w in workers(r.model).values()),
    "experts spread over GPUs": lambda r, _: bool(r.model.engine.expert_parallel),
    "experts spread over nodes": lambda r, _: any(
        w.nodes > 1 and (engine_of(r.model, w).expert_parallel or 1) >= 16 for w in workers(r.model).values()
    ),
    "dense": lambda _, m: not m.experts,
    "a mixture of experts": lambda _, m: bool(m.experts),
    "a KV head for each head": lambda _, m: m.attention == "dense",
    "fewer KV heads": lambda _, m: m.attention == "gqa",
    "one latent for all heads": lambda _, m: m.mla,
    "windows": lambda _, m: m.attention == "sliding",
    "states": lambda _, m: m.attention == "hybrid",
    "pictures": lambda _, m: m.multimodal,
    "fp8": lambda _, m: m.quantization.format == "fp8",
    "nvfp4": lambda _, m: m.quantization.format == "nvfp4",
    "mxfp4": lambda _, m: m.quantization.format == "mxfp4",
    "below a billion parameters": lambda _, m: m.parameters.total < 1e9,
    "a trillion and more": lambda _, m: m.parameters.total >= 1e12,
}


@pytest.mark.parametrize("what", COVERED)
def test_the_catalog_covers(what: str) -> None:
    recipes = [recipe_of(name, form) for name, form in FORMS]

    assert any(COVERED[what](recipe, known(recipe)) for recipe in recipes)
