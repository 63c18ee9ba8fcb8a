"""`recipegen schema`: the recipe language as JSON Schema."""

import argparse
import json

from recipegen import schema
from recipegen.cli.printing import out


def run(_args: argparse.Namespace) -> int:
    """Print the schema."""
    out(json.dumps(schema.recipe(), indent=2))
    return 0
