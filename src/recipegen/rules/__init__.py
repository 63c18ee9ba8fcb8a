"""Rules that look at several keys at once. One module per concern, each a function that yields problems."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recipegen.document import Document
from recipegen.errors import Problem
from recipegen.recipe import Recipe
from recipegen.rules import (
    arguments,
    batch,
    benchmark,
    blocks,
    configs,
    endpoint,
    engine,
    express,
    faults,
    files,
    gateway,
    hardware,
    images,
    ingestion,
    lifecycle,
    lora,
    memory,
    names,
    nested,
    observability,
    options,
    pairs,
    picker,
    placement,
    platform,
    precision,
    prompts,
    releases,
    reserved,
    resources,
    roles,
    scaling,
    shapes,
    speculation,
    text,
    transfer,
    variables,
    warmup,
    weights,
)
from recipegen.rules.settings import told

if TYPE_CHECKING:
    from recipegen.resolve import Plan

RECIPE_RULES = (
    roles.check,
    scaling.check,
    hardware.check,
    hardware.node_limits,
    hardware.shared_memory,
    hardware.shared_memory_limit,
    blocks.check,
    endpoint.check,
    engine.check,
    engine.batches,
    shapes.division,
    shapes.context,
    prompts.check,
    transfer.states,
    precision.weights,
    precision.quantization,
    precision.cache_format,
    precision.parsers,
    memory.check,
    arguments.check,
    options.check,
    variables.check,
    images.check,
    releases.check,
    configs.check,
    names.variants,
    resources.check,
    placement.check,
    files.check,
    benchmark.check,
    batch.check,
    observability.check,
    platform.check,
    picker.check,
    gateway.check,
    weights.check,
    lifecycle.check,
    reserved.check,
    warmup.check,
    express.check,
    ingestion.check,
    faults.check,
)
# What one program is told, from wherever it is told it.
PROGRAM_RULES = (pairs.check, nested.check, speculation.check, lora.check, transfer.check)
COMPLETE_RULES = (engine.block_sizes, precision.latent_blocks, precision.pages)


def of_text(document: Document) -> Iterator[Problem]:
    """Yield what must not stand in any string of a recipe, typed or not."""
    yield from text.check(document)


def of_recipe(recipe: Recipe) -> Iterator[Problem]:
    """Yield what is wrong or odd between the keys of a recipe, once where two roles share the key."""
    yield from dict.fromkeys(problem for rule in RECIPE_RULES for problem in rule(recipe))
    yield from dict.fromkeys(p for each in told(recipe) for rule in PROGRAM_RULES for p in rule(each))


def of_plan(plan: "Plan") -> Iterator[Problem]:
    """Yield what is wrong with names and values that only the plan knows."""
    yield from names.check(plan)
    yield from express.one_server(plan.recipe, plan.graph)
    yield from faults.allowed(plan)
    for rule in COMPLETE_RULES:
        yield from rule(plan.recipe)
