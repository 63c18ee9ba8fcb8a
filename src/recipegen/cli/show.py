"""`recipegen show`: a recipe as written, as resolved, or with where each value comes from."""

import argparse

from recipegen import yamlio
from recipegen.cli import inputs
from recipegen.cli.printing import cut, out, table
from recipegen.errors import dotted, show
from recipegen.origin import leaves, origin


def run(args: argparse.Namespace) -> int:
    """Print the recipe, always checked first: what is shown is right, and holds no token."""
    plan = inputs.plan(args)
    if args.origin:
        rows = [[dotted(path), cut(show(value)), origin(plan, path)] for path, value in leaves(plan.tree)]
        out(table(["KEY", "VALUE", "FROM"], rows))
    else:
        out(yamlio.write(plan.tree if args.resolved else plan.loaded.document.data).rstrip("\n"))
    return 0
