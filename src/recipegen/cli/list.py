"""`recipegen list`: the catalog."""

import argparse
import json
from typing import Any

from recipegen import catalog, pipeline
from recipegen.cli.printing import out, report, table
from recipegen.errors import Problem, RecipeError, RecipegenError
from recipegen.load import variants
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print a row a recipe, or a list of maps with --json; a recipe that is wrong keeps no other one out."""
    as_json = args.format == "json"
    plans: list[Plan] = []
    problems: list[Problem] = []
    for name in catalog.recipes():
        try:
            plans.append(pipeline.plan(name))
        except RecipegenError as error:
            problems += error.problems
    out(_json(plans) if args.json or as_json else _table(plans))
    report(problems, as_json=as_json)
    return RecipeError.exit_code if problems else 0


def _json(plans: list[Plan]) -> str:
    return json.dumps([_summary(plan) for plan in plans], indent=2)


def _table(plans: list[Plan]) -> str:
    rows = []
    for plan in plans:
        row = _summary(plan)
        gpus, names = f"{row['gpus']} {row['gpu']}", ", ".join(row["variants"])
        rows.append([row["name"], row["title"], row["backend"], gpus, row["evidence"].split()[0], names])
    return table(["NAME", "TITLE", "BACKEND", "GPUS", "EVIDENCE", "VARIANTS"], rows)


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
