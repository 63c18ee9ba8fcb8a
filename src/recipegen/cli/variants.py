"""`recipegen variants`: what a variants file makes of a recipe, or which variants that has itself."""

import argparse
import json
from collections.abc import Sequence

from recipegen.cli.printing import cut, note, out, table
from recipegen.errors import show
from recipegen.load import read
from recipegen.resolve import Plan
from recipegen.variants import NOT_UPLOADED, Variant, config_id, expand, listed, selection

SHORT = len("sha256:") + 12
SAME = "nothing: GPUs of the recipe itself"


def run(args: argparse.Namespace) -> int:
    """Print a row a variant, and the digest over all of them, by which a set of them is told from another."""
    file = args.variants_file
    found = listed(read(args.name)) if file is None else expand(args.name, file).variants
    as_json = args.format == "json"
    if as_json:
        data = {
            "configId": config_id(found),
            "uploaded": False,
            "note": NOT_UPLOADED,
            "variants": [_data(each) for each in found],
        }
        out(json.dumps(data, indent=2))
        return 0
    if not found:
        note("the recipe has no variants; --variants FILE expands a variants file")
        return 0
    out(_text(found))
    return 0


def _text(found: Sequence[Variant]) -> str:
    rows = [[each.name, *_hardware(each.plan), each.config_id[:SHORT], _changes(each)] for each in found]
    return "\n".join(
        [
            table(["VARIANT", "GPUS", "OF A REPLICA", "ON", "CONFIG ID", "CHANGES"], rows),
            "",
            f"config id of all {len(found)}: {config_id(found)}",
            NOT_UPLOADED,
        ]
    )


def _hardware(plan: Plan) -> list[str]:
    gpu = plan.recipe.hardware.gpu if plan.recipe.hardware else "any"
    return [str(plan.gpus), str(selection.gpus(plan.recipe)), gpu]


def _changes(variant: Variant) -> str:
    return cut(", ".join(f"{path}={show(value)}" for path, value in variant.changes.items()) or SAME, 100)


def _data(variant: Variant) -> dict[str, object]:
    recipe = variant.plan.recipe
    return {
        "name": variant.name,
        "configId": variant.config_id,
        "gpus": variant.plan.gpus,
        "gpusOfReplica": selection.gpus(recipe),
        "gpu": recipe.hardware.gpu if recipe.hardware else None,
        "changes": variant.changes,
    }
