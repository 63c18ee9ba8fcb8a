"""`recipegen show`: the page of a recipe; or the recipe as written, as resolved, or with its origins."""

import argparse
import json
from typing import Any

from recipegen import yamlio
from recipegen.cli import inputs
from recipegen.cli.printing import cut, out, table
from recipegen.errors import dotted, show
from recipegen.origin import leaves, origin
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print the recipe, always checked first: what is shown is right, and holds no token."""
    as_json = args.format == "json"
    if args.source or args.resolved or args.origin:
        plan = inputs.plan(args)
        out(_origins(plan, as_json=as_json) if args.origin else _tree(_data(args, plan), as_json=as_json))
        return 0
    # Only now: a recipe as written should not wait for Helm.
    from recipegen.cli import layout
    from recipegen.page import page

    form, others = inputs.forms(args)
    found = page(form, others, inputs.options(args))
    out(json.dumps(found, indent=2) if as_json else layout.text(found))
    return 0


def _data(args: argparse.Namespace, plan: Plan) -> Any:
    return plan.tree if args.resolved else plan.loaded.document.data


def _tree(data: Any, *, as_json: bool) -> str:
    return json.dumps(data, indent=2) if as_json else yamlio.write(data).rstrip("\n")


def _origins(plan: Plan, *, as_json: bool) -> str:
    if as_json:
        found = [
            {"path": dotted(path), "value": value, "from": origin(plan, path)}
            for path, value in leaves(plan.tree)
        ]
        return json.dumps(found, indent=2)
    rows = [[dotted(path), cut(show(value)), origin(plan, path)] for path, value in leaves(plan.tree)]
    return table(["KEY", "VALUE", "FROM"], rows)
