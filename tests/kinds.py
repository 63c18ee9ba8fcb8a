"""The CRDs of `tests/crds` as JSON Schema, with unknown fields refused as the API server can do it."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

CRDS = Path(__file__).parent / "crds"


@cache
def definitions() -> dict[tuple[str, str], Any]:
    """The schema of every version of every kind, by `apiVersion` and `kind`."""
    specs = [yaml.safe_load(path.read_text())["spec"] for path in sorted(CRDS.glob("*.yaml"))]
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): version["schema"]["openAPIV3Schema"]
        for spec in specs
        for version in spec["versions"]
    }


def check(item: dict[str, Any]) -> None:
    """Raise for an object that the API server would refuse for its schema; the kind has to be one of ours."""
    schema = strict(definitions()[item["apiVersion"], item["kind"]])
    jsonschema.Draft202012Validator(schema).validate(item)


def strict(schema: Any) -> Any:
    """A CRD's schema as JSON Schema."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return {}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made
