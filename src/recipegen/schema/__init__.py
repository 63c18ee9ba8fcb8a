"""The recipe language as JSON Schema: for editors, for the parent chart and for the subcharts.

The docstrings of `recipe/` become the descriptions; they are read from its source only here, so that
rendering does not wait for it.
"""

import ast
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from recipegen import language
from recipegen import recipe as blocks
from recipegen.components import COMPONENTS, Component
from recipegen.recipe import Block, Recipe

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# What the stack and its subcharts get beside their own block: the identity that all components share.
SHARED = {
    "type": "object",
    "description": "Identity that all components share; recipegen fills it in.",
    "properties": {
        "graph": {"type": "string", "description": "Name of the graph. Default: the release's name."},
        "model": {
            "type": "string",
            "description": "Name that clients ask for. Default: unknown to the component.",
        },
        "tokenizer": {
            "type": "string",
            "description": "Model id, where clients ask for another name. Default: `model`.",
        },
        "dynamoNamespace": {
            "type": "string",
            "description": "Dynamo namespace, as the operator computes it.",
        },
        "modelDigest": {
            "type": "string",
            "description": "Digest of the `model` block; another one is measured anew. Default: never anew.",
        },
        "huggingFaceTokenSecret": {
            "type": "string",
            "description": "Secret with the key HF_TOKEN. Default: `hf-token-secret`, where it is there.",
        },
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Labels of every object and pod, those of `endpoint`. Default: none.",
        },
        "annotations": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Annotations of every object, those of `endpoint`. Default: none.",
        },
    },
}


def recipe() -> dict[str, Any]:
    """Return the schema of a recipe file."""
    schema = _described(Recipe)
    # A recipe that extends another takes from it what it does not say.
    model = {"required": schema["$defs"]["Model"].pop("required")}
    hardware = {"required": schema["$defs"]["Hardware"].pop("required")}
    endpoint = {"required": schema["$defs"]["Endpoint"].pop("required")}
    whole = {"model": model, "hardware": hardware, "endpoint": endpoint}
    schema["if"] = {"not": {"required": ["extends"]}}
    schema["then"] = {"required": schema.pop("required"), "properties": whole}
    return {"$schema": DIALECT, **schema, "title": "recipegen recipe"}


def stack_values() -> dict[str, Any]:
    """Return the schema of the parent chart's values: a recipe, complete or not, and `global`."""
    schema = recipe()
    schema["properties"]["global"] = SHARED
    # The chart's own defaults have neither model nor namespace, and Helm reads no other recipe.
    del schema["if"], schema["then"], schema["properties"]["extends"]
    schema["$defs"]["Hardware"]["required"] = ["gpu"]
    schema["$defs"]["Endpoint"]["required"] = ["kind"]
    # Helm copies `global` into the block of every subchart before it checks the parent's values.
    for component in COMPONENTS:
        block = language.block_at((component.key,))
        assert block is not None
        schema["$defs"][block.__name__]["properties"]["global"] = SHARED
    return {**schema, "title": "Values of the stack chart: a recipe"}


def component_values(component: Component) -> dict[str, Any]:
    """Return the schema of a subchart's values: its block, complete or not, and `global`."""
    block = language.block_at((component.key,))
    assert block is not None
    schema = _described(block)
    schema["properties"]["global"] = SHARED
    # A chart's own defaults cannot have what every recipe must say.
    schema.pop("required", None)
    return {"$schema": DIALECT, **schema, "title": f"Values of the {component.chart} chart"}


def describe(path: tuple[str | int, ...]) -> str:
    """Return what the language says about the key at `path`; empty for what is free-form."""
    block = language.block_at(path[:-1])
    name = language.key_names(block).get(str(path[-1])) if block else None
    return _docstrings().get(f"{_owner(block, name)}.{name}", "") if block and name else ""


def _owner(block: type[Block], name: str) -> str:
    return next(c.__name__ for c in block.__mro__ if name in getattr(c, "__annotations__", {}))


def _described(block: type[Block]) -> dict[str, Any]:
    schema = block.model_json_schema(by_alias=True)
    words = _docstrings()
    for definition in (schema, *schema.get("$defs", {}).values()):
        definition_class = getattr(blocks, definition["title"])
        for name in definition_class.model_fields:
            entry = definition["properties"][to_camel(name)]
            entry.pop("title", None)
            entry["description"] = words[f"{_owner(definition_class, name)}.{name}"]
    _close(schema)
    return schema


def _close(schema: Any) -> None:
    """Refuse keys of maps that do not have the form the language wants; pydantic leaves them open."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False
        for inner in schema.values():
            _close(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _close(inner)


def _docstrings() -> dict[str, str]:
    """Return the text below each key of the language's modules, by `Class.attribute`."""
    found: dict[str, str] = {}
    modules = sorted(Path(str(blocks.__file__)).parent.glob("*.py"))
    for node in (node for path in modules for node in ast.parse(path.read_text(encoding="utf-8")).body):
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                assert isinstance(field.target, ast.Name)
                assert isinstance(text.value, ast.Constant)
                found[f"{node.name}.{field.target.id}"] = str(text.value.value)
    return found
