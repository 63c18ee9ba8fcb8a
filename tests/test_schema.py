"""The JSON Schema says what the recipe language says: same words, same defaults, same verdicts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from pydantic import ValidationError
from referencing import Registry

from conftest import ROOT
from recipegen import language, schema, yamlio
from recipegen import recipe as blocks
from recipegen.recipe import FORMS, Model, Recipe
from samples import MINIMAL, leaves, mutated, plan_of, recipes

SCHEMA = schema.recipe()
CHARTS = ROOT / "charts/stack/charts"
# Those that are a mapping at all.
MISTAKES = [
    path
    for path in sorted((ROOT / "tests/invalid").glob("*.yaml"))
    if path.stem == "not-a-recipe-manifest" or not path.stem.startswith(("yaml-", "not-", "extends-"))
]


def to_the_very_end(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """To all but Python `$` is the very end; to Python it is also the place before a last line break."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError("pattern")


Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": to_the_very_end}
)
# An empty registry, so that nothing is ever fetched.
VALIDATOR = Validator(SCHEMA, registry=Registry())


def verdicts(data: Any) -> tuple[bool, bool]:
    """Whether the JSON Schema and the recipe language take the data."""
    try:
        Recipe.model_validate(data)
    except ValidationError:
        return VALIDATOR.is_valid(data), False
    return VALIDATOR.is_valid(data), True


def definitions() -> dict[str, Any]:
    return {"Recipe": SCHEMA, **SCHEMA["$defs"]}


@pytest.mark.parametrize("name", definitions())
def test_every_key_is_described(name: str) -> None:
    described = {key: entry.get("description") for key, entry in definitions()[name]["properties"].items()}

    assert all(described.values()), described


@pytest.mark.parametrize("name", definitions())
def test_every_block_is_closed(name: str) -> None:
    assert definitions()[name]["additionalProperties"] is False


def test_every_pattern_has_words_for_messages() -> None:
    patterns = {value for path, value in leaves(SCHEMA) if path[-1] == "pattern"}
    keys = {
        path[path.index("patternProperties") + 1] for path, _ in leaves(SCHEMA) if "patternProperties" in path
    }

    assert patterns | keys == FORMS.keys()


@pytest.mark.parametrize("pattern", FORMS)
def test_every_pattern_is_one_that_go_reads_too(pattern: str) -> None:
    assert not re.search(r"\(\?|\\[dwsbzZ1-9]", pattern)


def test_every_default_of_the_schema_is_the_languages() -> None:
    stated = {
        (name, key): entry["default"]
        for name, definition in definitions().items()
        for key, entry in definition["properties"].items()
        if entry.get("default") is not None
    }

    for (name, key), default in stated.items():
        block = getattr(blocks, name)
        field = block.model_fields[language.key_names(block)[key]]
        plain = (
            field.default.model_dump(by_alias=True)
            if isinstance(field.default, blocks.Block)
            else field.default
        )
        assert default == plain, f"{name}.{key}"


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_schema_and_language_agree_on_the_mistakes(path: Path) -> None:
    by_schema, by_language = verdicts(yamlio.read_file(path, path.name).data)

    assert by_schema == by_language


@pytest.mark.parametrize(
    "data",
    [
        {**MINIMAL, "dynamo_namespace": "qwen"},
        {**MINIMAL, "model": {**MINIMAL["model"], "engine": {"max_model_len": 5}}},
        {**MINIMAL, "model": {**MINIMAL["model"], "frontend": {"env": {"1bad": "x"}}}},
        {**MINIMAL, "model": {**MINIMAL["model"], "frontend": {"env": {"A" * 129: "x"}}}},
        {**MINIMAL, "variants": {"Bad Name": {"patch": {}}}},
    ],
    ids=[
        "attribute spelling",
        "attribute spelling below",
        "key pattern",
        "key length",
        "variant",
    ],
)
def test_schema_and_language_refuse_alike(data: Any) -> None:
    assert verdicts(data) == (False, False)


@given(recipes())
@settings(max_examples=60, deadline=None)
def test_schema_and_language_take_what_is_right(data: dict[str, Any]) -> None:
    assert verdicts(data) == (True, True)
    assert verdicts(plan_of(data).tree) == (True, True)


@given(mutated())
@settings(max_examples=400, deadline=None)
def test_schema_and_language_agree_on_recipes_that_were_tampered_with(data: Any) -> None:
    by_schema, by_language = verdicts(data)

    assert by_schema == by_language


# ---- defaults -----------------------------------------------------------------------------------


SWITCHED = (
    *("gateway", "modelExpress", "observability", "benchmark", "troubleshooting", "faultInjection"),
    *("scaling", "batch", "ingestion", "warmup"),
)


def defaults(chart: str) -> dict[str, Any]:
    """The chart's values.yaml without what all charts share."""
    values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    return {key: value for key, value in values.items() if key != "global"}


def test_the_model_charts_defaults_are_the_languages() -> None:
    block = Model.model_validate({"name": "M"}).model_dump(by_alias=True, exclude_none=True, exclude={"name"})
    # One that a recipe does not name is not there, and without an image the chart makes none.
    forwarder = blocks.Forwarder().model_dump(by_alias=True, exclude_none=True)

    assert defaults("model") == {**block, "forwarder": {**forwarder, "targetPort": 8000}}


def test_the_gateway_charts_defaults_are_the_languages() -> None:
    block = {key: value for key, value in plan_of(MINIMAL).tree["gateway"].items() if key != "inferencePool"}

    assert defaults("gateway") == block


def test_the_metrics_charts_defaults_are_the_languages() -> None:
    # The chart does not see the model, so it cannot leave out the dashboards that stay empty.
    dashboards = {"dashboards": list(get_args(blocks.Dashboard))}

    assert defaults("metrics") == {**plan_of(MINIMAL).tree["observability"], **dashboards}


def test_the_benchmark_charts_defaults_are_the_languages() -> None:
    config = blocks.BenchmarkConfig().model_dump(by_alias=True, exclude_none=True)
    block = plan_of({**MINIMAL, "benchmark": {"enabled": True}}).tree["benchmark"]
    # Switched off by default, and plain Helm knows no GPUs.
    block = {**block, "enabled": False, "config": config}

    assert defaults("benchmark") == {key: value for key, value in block.items() if key != "gpus"}


def test_the_model_express_charts_defaults_are_the_languages() -> None:
    assert defaults("model-express") == plan_of(MINIMAL).tree["modelExpress"]


def test_the_fault_injection_charts_defaults_are_the_languages() -> None:
    assert defaults("fault-injection") == plan_of(MINIMAL).tree["faultInjection"]


def test_the_parent_charts_defaults_are_the_languages() -> None:
    values = yaml.safe_load((ROOT / "charts/stack/values.yaml").read_text())
    tree = plan_of(MINIMAL).tree

    assert {path: value for path, value in leaves(values) if path != ("global",)} == {
        path: value
        for path, value in leaves(tree)
        if path in {("model", "deployment", "create"), *((key, "enabled") for key in SWITCHED)}
    }


def test_the_schema_is_json_that_reads_back() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
