"""What the reader makes of configurations, against what Transformers builds from the same ones.

Counts are of `python -m tools.oracle`. Most models are in no list of ours.
"""

import json
import sys
from functools import cache
from typing import Any

import pytest
import yaml

from conftest import ROOT
from recipegen import facts, modelfacts
from recipegen.errors import RecipeError
from recipegen.modelfacts import ModelFacts, decoders
from recipegen.sizing import checkpoint

FOLDER = ROOT / "tests/model_oracle"
CONFIGS: dict[str, Any] = yaml.safe_load((FOLDER / "configs.yaml").read_text())
COUNTS: dict[str, Any] = yaml.safe_load((FOLDER / "counts.yaml").read_text())["counts"]
WITHIN = 0.005
"""Of parameters: norms and biases are left out, the smallest models have most of them."""
PART = 0.005
"""Of the whole model: what each of its parts may be off by."""
# Families whose layers cache otherwise than Transformers' classes do.
CACHED_OTHERWISE = {
    "deepseek_v4": "a cache of compressed entries is a kind of its own there",
    "llama4": "engines keep all of what its chunked layers see",
    "minimax_m3_vl": "sparse layers keep everything, in a kind of their own there",
    "minimax_m3_vl_text": "as minimax_m3_vl",
    "mllama": "layers that look at the image keep nothing of the text",
    "step3p7": "Transformers has no windows for it",
}
STORED_OTHERWISE = {
    **CACHED_OTHERWISE,
    "falcon": "Transformers repeats a KV head for each of its query heads",
    "minicpm3": "engines store its heads, not the latent",
}
TOWERS_LEFT_OUT = {
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "stepfun-ai/Step-3.7-Flash",
    "stepfun-ai/Step-3.7-Flash-FP8",
}
"""Their facts have no tower, which their class has nevertheless."""


@cache
def model(name: str) -> ModelFacts:
    """Return a model of the list, or of the facts."""
    if name in CONFIGS:
        return modelfacts.read(name, CONFIGS[name]["config"])
    known = facts.model(name)
    assert known is not None
    return known


def parts(found: ModelFacts) -> dict[str, int]:
    """Return the parameters of a model by part, as the counts have them."""
    sums = dict.fromkeys(("embed", "head", "towers", "experts", "layers"), 0)
    for module in found.modules:
        sums[part(module.name)] += module.parameters
    return sums


def part(name: str) -> str:
    """Return the part that a module belongs to."""
    first = {"lm_head": "head", "vision": "towers", "audio": "towers", "embed": "embed"}
    return first.get(name.split(".", 1)[0]) or ("experts" if name.endswith(".experts") else "layers")


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_parameters_are_those_that_transformers_counts(name: str) -> None:
    found, counted = model(name), COUNTS[name]
    towers = counted["parts"].get("towers", 0) if name in TOWERS_LEFT_OUT else 0
    observed, predicted = counted["parameters"] - towers, found.parameters.total
    line = f"{name:52} {predicted:>16} {observed:>16} {predicted / observed - 1:+.3%}\n"
    sys.stdout.write(line)

    assert predicted == pytest.approx(observed, rel=WITHIN)
    for part, sum_of_part in parts(found).items():
        if part == "towers" and towers:
            continue
        assert abs(sum_of_part - counted["parts"].get(part, 0)) <= PART * observed, part


@pytest.mark.parametrize("name", [name for name in CONFIGS if {"published", "about"} & CONFIGS[name].keys()])
def test_parameters_are_those_that_were_published(name: str) -> None:
    row, found = CONFIGS[name], model(name).parameters.total

    if "published" in row:
        assert found == pytest.approx(row["published"], rel=WITHIN)
    else:
        assert found / 1e9 == pytest.approx(row["about"], rel=0.03)


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_layers_keep_what_transformers_caches(name: str) -> None:
    found, counted = model(name), COUNTS[name]
    kinds = [kept.kind for kept in found.caches]
    full, sliding = counted["cache"].get("full", 0), counted["cache"].get("sliding", 0)
    if set(found.families) & CACHED_OTHERWISE.keys():
        return
    if found.window == 0:
        # A window as long as the context is none.
        full, sliding = full + sliding, 0

    assert (found.full_layers, kinds.count("sliding")) == (full, sliding)


@pytest.mark.parametrize("name", [name for name in sorted(COUNTS) if COUNTS[name]["heads"]])
def test_keys_and_values_have_the_sizes_that_transformers_caches(name: str) -> None:
    found, counted = model(name), {tuple(each) for each in COUNTS[name]["heads"]}
    if set(found.families) & STORED_OTHERWISE.keys():
        return
    if found.mla:
        # There a latent is in place of keys, and its positions in place of values.
        counted = {("latent", heads, key + value, 0) for _, heads, key, value in counted}
    if found.window == 0:
        counted = {("full" if kind == "sliding" else kind, *sizes) for kind, *sizes in counted}

    own = {(kept.kind, kept.heads, kept.key, kept.value) for kept in found.caches}
    assert {each for each in own if each[1]} == counted


@pytest.mark.parametrize("name", [name for name in CONFIGS if COUNTS.get(name, {}).get("context")])
def test_the_context_is_what_the_configuration_says(name: str) -> None:
    stated = CONFIGS[name]["config"].get("model_max_length")

    assert model(name).context == (stated or COUNTS[name]["context"])


def test_enough_models_are_held_against_transformers() -> None:
    families = {model(name).families[0] for name in COUNTS}

    assert len({*CONFIGS} & COUNTS.keys()) >= 100
    assert len(families) >= 70


@pytest.mark.parametrize("family", ["t5", "bert", "whisper", "nonesuch"])
def test_a_family_that_is_not_known_is_refused(family: str) -> None:
    config = {**CONFIGS["Qwen/Qwen3-8B"]["config"], "model_type": family}

    with pytest.raises(modelfacts.ConfigError, match=f"^model_type: '{family}' is a family"):
        modelfacts.read("x", config)


def test_every_spelling_is_of_one_key_alone() -> None:
    spellings = decoders.architecture("llama").spellings  # type: ignore[union-attr]
    others = [each for key, names in spellings.items() for each in names if each != key]

    assert len(others) == len({*others})
    assert not {*others} & spellings.keys()


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_a_configuration_that_is_known_is_sized_without_a_warning(name: str) -> None:
    text = json.dumps(CONFIGS[name]["config"], indent=1)
    if any("Omni" in each or "Audio" in each for each in CONFIGS[name]["config"].get("architectures", ())):
        with pytest.raises(RecipeError, match="hears or speaks"):
            checkpoint.checked(text, "config.json")
        return

    assert checkpoint.checked(text, "config.json").warnings == ()
