"""`recipegen validate`: nothing but the verdict."""

import argparse

from recipegen.cli import inputs
from recipegen.cli.printing import note


def run(args: argparse.Namespace) -> int:
    """Check recipes and their variants, and say which."""
    found: dict[str, list[str]] = {}
    for plan in inputs.plans(args):
        found.setdefault(plan.name, []).append(plan.variant)
    names = "; ".join(f"{name} ({', '.join(variants)})" for name, variants in found.items())
    note(f"{sum(map(len, found.values()))} checked, no problem: {names}", as_json=args.format == "json")
    return 0
