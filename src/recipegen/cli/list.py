"""`recipegen list`: the catalog."""

import argparse
import json
from typing import Any

from recipegen import catalog, pipeline
from recipegen.cli.printing import out, table
from recipegen.load import variants
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print a row a recipe, or a list of maps with --json."""
    plans = [pipeline.plan(name) for name in catalog.recipes()]
    if args.json:
        out(json.dumps([_summary(plan) for plan in plans], indent=2))
        return 0
    rows = []
    for plan in plans:
        row = _summary(plan)
        gpus, names = f"{row['gpus']} {row['gpu']}", ", ".join(row["variants"])
        rows.append([row["name"], row["title"], row["backend"], gpus, row["evidence"].split()[0], names])
    out(table(["NAME", "TITLE", "BACKEND", "GPUS", "EVIDENCE", "VARIANTS"], rows))
    return 0


def _summary(plan: Plan) -> dict[str, Any]:
    about, hardware = plan.recipe.about, plan.recipe.hardware
    return {
        "name": plan.name,
        "title": about.title or plan.name,
        "model": plan.recipe.model.name,
        "backend": plan.recipe.model.backend.type,
        "variants": variants(plan.loaded.document),
        "gpus": plan.gpus,
        "gpu": hardware.gpu if hardware else "any",
        "evidence": about.evidence,
    }
