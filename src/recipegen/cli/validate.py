"""`recipegen validate`: nothing but the verdict."""

import argparse

from recipegen.cli import inputs
from recipegen.cli.printing import note


def run(args: argparse.Namespace) -> int:
    """Check recipes and their variants, and say how many; of one recipe also which."""
    plans = inputs.plans(args)
    names = {plan.name for plan in plans}
    which = f" ({', '.join(plan.variant for plan in plans)})" if len(names) == 1 else ""
    note(f"{inputs.counted(plans)}{which}: no problem", as_json=args.format == "json")
    return 0
