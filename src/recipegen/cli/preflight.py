"""`recipegen preflight`: whether a recipe fits a cluster, before anything is installed there."""

import argparse
import json
from typing import Any

from recipegen.cli import inputs
from recipegen.cli.doctor import value
from recipegen.cli.printing import out
from recipegen.cluster.preflight import Preflight, examine
from recipegen.cluster.preflight.report import data, headline, report
from recipegen.cluster.preflight.verdict import FITS
from recipegen.errors import DiffersError, show
from recipegen.origin import origin, parse
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print the verdict; return 3 unless the recipe fits as it stands: the cluster is not what it needs."""
    chosen, forms = inputs.forms(args)
    found = examine(chosen.plan, [form.plan for form in forms], args.context)
    out(_data(chosen.plan, found) if args.format == "json" else _text(chosen.plan, found))
    return 0 if found.verdict == FITS else DiffersError.exit_code


def _text(plan: Plan, found: Preflight) -> str:
    def where(path: str) -> str:
        there, place = value(plan, path), origin(plan, parse(path))
        return f"({place})" if there is None else f"{show(there)} ({place})"

    return f"{plan.name}, variant {plan.variant}: {headline(found)}\n\n{report(found, where)}"


def _data(plan: Plan, found: Preflight) -> str:
    def there(path: str) -> dict[str, Any]:
        return {"path": path, "value": value(plan, path), "from": origin(plan, parse(path))}

    return json.dumps({"recipe": plan.name, "variant": plan.variant, **data(found, there)}, indent=2)
