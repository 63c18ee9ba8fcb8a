"""`recipegen preflight`: whether a recipe fits a cluster, before anything is installed there."""

import argparse
import json
from typing import Any

from recipegen.cli import inputs
from recipegen.cli.doctor import value
from recipegen.cli.printing import out, report, table
from recipegen.cluster.preflight import Preflight, examine
from recipegen.cluster.preflight.report import data, free, headline, verdict
from recipegen.cluster.preflight.report import report as page
from recipegen.cluster.preflight.verdict import FITS
from recipegen.errors import ClusterError, DiffersError, UsageError, show
from recipegen.origin import origin, parse
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print the verdict; return 3 unless the recipe fits as it stands: no cluster asked is what it needs."""
    chosen, forms = inputs.forms(args)
    plan, others = chosen.plan, [form.plan for form in forms]
    as_json = args.format == "json"
    if len(set(args.context)) < len(args.context):
        raise UsageError("a context is named twice")
    if len(args.context) > 1:
        return _several(args.context, plan, as_json=as_json)
    found = examine(plan, others, next(iter(args.context), None))
    out(json.dumps(_data(plan, found), indent=2) if as_json else _text(plan, found))
    return 0 if found.verdict == FITS else DiffersError.exit_code


def _several(contexts: list[str], plan: Plan, *, as_json: bool) -> int:
    """Print a row for each cluster; return 0 when one of them fits, 5 when none answers."""
    answers: dict[str, Preflight] = {}
    silent: dict[str, ClusterError] = {}
    for context in contexts:
        try:
            answers[context] = examine(plan, (), context)
        except ClusterError as error:
            silent[context] = error
    report([problem for error in silent.values() for problem in error.problems], as_json=as_json)
    if not answers:
        return ClusterError.exit_code
    if as_json:
        out(json.dumps([_data(plan, found) for found in answers.values()], indent=2))
    else:
        rows = [[c, verdict(f.outcome), free(f)] for c, f in answers.items()]
        rows += [[context, "does not answer", ""] for context in silent]
        out(table(["CONTEXT", "VERDICT", "FREE NOW"], rows))
    fits = any(found.verdict == FITS for found in answers.values())
    return 0 if fits else DiffersError.exit_code


def _text(plan: Plan, found: Preflight) -> str:
    def where(path: str) -> str:
        there, place = value(plan, path), origin(plan, parse(path))
        return f"({place})" if there is None else f"{show(there)} ({place})"

    return f"{plan.name}, variant {plan.variant}: {headline(found)}\n\n{page(found, where)}"


def _data(plan: Plan, found: Preflight) -> dict[str, Any]:
    def there(path: str) -> dict[str, Any]:
        return {"path": path, "value": value(plan, path), "from": origin(plan, parse(path))}

    return {"recipe": plan.name, "variant": plan.variant, **data(found, there)}
