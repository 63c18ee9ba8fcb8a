"""`recipegen explain`: where a value comes from, and what it means."""

import argparse

from recipegen.cli import inputs
from recipegen.cli.printing import out
from recipegen.errors import dotted, show
from recipegen.origin import origin, parse, value_at
from recipegen.schema import describe


def run(args: argparse.Namespace) -> int:
    """Print value, origin and meaning of one path."""
    plan = inputs.plan(args)
    path = parse(args.path)
    lines = [f"{dotted(path)} = {show(value_at(plan, path))}", f"  from: {origin(plan, path)}"]
    about = describe(path)
    if about:
        lines.append(f"  what: {about}")
    out("\n".join(lines))
    return 0
