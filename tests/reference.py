"""Writes docs/recipe.md, the reference of the recipe language, and the tables of values of charts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from recipegen import schema

HEAD = """# The recipe language

Generated from `src/recipegen/recipe/` by `make regen`. A recipe is one YAML file; required keys are
**bold**. Unknown keys are refused, and so is a block or an argument that would have no effect. A variant or
patch is refused when it changes nothing of what was written (not of what comes out: a default that it
writes down is a change); a patch for several recipes, when it changes none of them.
`recipegen explain NAME PATH` says what a key means, with its value and where that comes from.
"""


def markdown() -> str:
    """Return the page: one table a block, the recipe itself first."""
    language = schema.recipe()
    blocks = {"Recipe": language, **language["$defs"]}
    order = list(dict.fromkeys(["Recipe", *_reachable(language, blocks)]))
    return HEAD + "".join(_table(name, blocks[name]) for name in order)


VALUES = "## Values\n"


def readme(folder: Path) -> str:
    """Return a chart's README: what was written above its values, and a table of them from its schema."""
    path = folder / "README.md"
    chart = yaml.safe_load((folder / "Chart.yaml").read_text())
    written = (
        path.read_text() if path.is_file() else f"# {chart['name']}\n\n{chart['description']}\n\n{VALUES}"
    )
    values = yaml.safe_load((folder / "values.yaml").read_text())
    language = json.loads((folder / "values.schema.json").read_text())
    blocks = language.get("$defs", {})
    head = "\nWritten by `make regen` from `values.schema.json` and `values.yaml`.\n"
    text = head + _values(language, values)
    for name in dict.fromkeys(_reachable(language, blocks)):
        text += _table(name, blocks[name], "###")
    return written.partition(VALUES)[0] + VALUES + text


def _values(block: dict[str, Any], values: dict[str, Any]) -> str:
    rows = [
        f"| {key} | {_type(value)} | {_default(key, value, values)} | {_cell(value['description'])} |\n"
        for key, value in block["properties"].items()
    ]
    return f"\n| key | type | default | meaning |\n|---|---|---|---|\n{''.join(rows)}"


def _default(key: str, value: Any, values: dict[str, Any]) -> str:
    # A block has a table of its own, which says its defaults.
    return f"`{json.dumps(values[key])}`" if key in values and not [*_names(value)] else ""


def _reachable(block: dict[str, Any], blocks: dict[str, Any]) -> Iterator[str]:
    for value in block["properties"].values():
        for name in _names(value):
            yield name
            yield from _reachable(blocks[name], blocks)


def _table(name: str, block: dict[str, Any], level: str = "##") -> str:
    rows = []
    for key, value in block["properties"].items():
        name_cell = f"**{key}**" if key in block.get("required", []) else key
        rows.append(f"| {name_cell} | {_type(value)} | {_cell(value['description'])} |\n")
    head = "| key | type | meaning |\n|---|---|---|\n"
    return f"\n{level} {name}\n\n{block['description']}\n\n{head}{''.join(rows)}"


def _type(value: dict[str, Any]) -> str:  # noqa: PLR0911 - one return a kind of type
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(_type(option) for option in value["anyOf"] if option.get("type") != "null")
    if "enum" in value:
        return ", ".join(f"`{option}`" for option in value["enum"])
    if "const" in value:
        return f"`{str(value['const']).lower()}`"
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}"
    if value.get("type") == "object":
        inner: Any = value.get("additionalProperties") or next(
            iter(value.get("patternProperties", {}).values()), {}
        )
        return f"map to {_type(inner)}" if isinstance(inner, dict) and inner else "map"
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return names.get(value.get("type", ""), "anything")


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
