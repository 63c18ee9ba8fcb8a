"""`recipegen explain`: where a value comes from, what it means, what it becomes, and what looks at it."""

import argparse
import json

from recipegen.cli import inputs
from recipegen.cli.printing import out
from recipegen.errors import show
from recipegen.explain import Found, explain
from recipegen.origin import parse

# Choices that fit on a line or two.
SHOWN = 12


def run(args: argparse.Namespace) -> int:
    """Print what there is to know of one path, or a map of it for programs."""
    plan = inputs.plan(args)
    found = explain(plan, parse(args.path))
    out(json.dumps(found, indent=2) if args.format == "json" else _text(found))
    return 0


def _text(found: Found) -> str:
    lines = [f"{found['path']} = {show(found['value'])}", f"  from: {found['from']}"]
    for key in ("fact", "what"):
        lines += [f"  {key}: {found[key]}"] if key in found else []
    lines += [f"  option: {_words(found['option'])}"] if "option" in found else []
    lines += [f"  limit: {found['limit']}"] if "limit" in found else []
    lines += [f"  rule: {rule['code']}: {rule['what']}" for rule in found.get("rules", [])]
    return "\n".join(lines)


def _words(option: Found) -> str:
    """Return an option as people read it: spelling, engine, type or choices, default."""
    parts = [f"{option['name'] or ' / '.join(option['tokens'])} of {option['engine']}"]
    choices = option.get("choices")
    if choices:
        more = f", and {len(choices) - SHOWN} more" if len(choices) > SHOWN else ""
        parts.append(f"one of {', '.join(map(str, choices[:SHOWN]))}{more}")
    elif "type" in option:
        parts.append(option["type"])
    parts += [f"{key} {show(option[key])}" for key in ("default", "env", "deprecated") if key in option]
    return "; ".join(parts)
