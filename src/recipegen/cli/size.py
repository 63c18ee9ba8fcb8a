"""`recipegen size`: what the memory of the GPUs holds, with its arithmetic."""

import argparse
import json
from typing import Any

from recipegen import sizing
from recipegen.cli.printing import out, report, table
from recipegen.errors import Problem, UsageError
from recipegen.memory import gib
from recipegen.sizing.sources import FIELDS

# Options that only a policy reads.
OF_A_POLICY = ("model", "batch", "max_context", "table", "isl", "osl", "concurrency")
# Those that each policy reads.
READ = {
    "llm-engine": ("model", "batch", "max_context", "table"),
    "bud": ("gpu", "mig", "isl", "osl", "concurrency"),
}
OPTIONS = {
    "file": "-f",
    "variants_file": "--variants",
    "with_component": "--with",
    "without_component": "--without",
}
OF_RECIPES = (
    "variant",
    "variants_file",
    "file",
    "set",
    "with_component",
    "without_component",
    "all",
    "explain",
)


def run(args: argparse.Namespace) -> int:
    """Print the size; whether it fits is in what is printed."""
    as_json = args.format == "json"
    if args.policy != "recipegen":
        return _policy(args, as_json=as_json)
    given = [name for name in OF_A_POLICY if getattr(args, name)]
    if given:
        option = given[0].replace("_", "-")
        raise UsageError(
            f"--{option} is for --policy llm-engine or bud; here the recipe or the options say it"
        )
    settings = {name: getattr(args, name) for name in FIELDS}
    if args.all:
        return _all(args, settings, as_json=as_json)
    # Only now: a model alone is sized without the recipe language.
    changes: dict[str, Any] = {"variant": args.variant}
    if any(_changes(args)):
        from recipegen.cli import inputs

        changes |= {"patches": inputs.patches(args), "variants": inputs.chosen_file(args)}
    found = sizing.size(args.name, config=args.config, **changes, **settings)
    report(found.warnings, as_json=as_json)
    if as_json:
        out(json.dumps(found.as_dict(), indent=2))
    else:
        from recipegen.sizing.report import lines

        out("\n".join(lines(found, explain=args.explain)))
    return 0


def _all(args: argparse.Namespace, settings: dict[str, Any], *, as_json: bool) -> int:
    """Print a row for each role of every form of the catalog."""
    if args.name or args.config or args.variant or any(_changes(args)):
        raise UsageError(
            "--all is the whole catalog as it stands; leave out what names or changes one recipe"
        )
    sizes = list(sizing.catalog(**settings))
    if as_json:
        out(json.dumps([size.as_dict() for size in sizes], indent=2))
        return 0
    head = ["FORM", "ROLE", "GPUS", "WEIGHTS", "KV CACHE", "CONTEXT", "HELD", "FITS"]
    rows = []
    for size in sizes:
        for role in size.roles:
            fit = role.fit
            gpus = f"{role.replicas} x {fit.setup.gpus} {fit.setup.gpu}"
            held = f"{fit.concurrency:.1f}"
            kept = [gib(fit.weights), gib(max(fit.stage.room, 0)), str(fit.max_model_len), held]
            rows.append([size.name, role.role, gpus, *kept, "yes" if fit.fits else "no"])
    out(table(head, rows))
    return 0


def _changes(args: argparse.Namespace) -> list[Any]:
    """Return what changes a recipe, beside one of its own variants."""
    return [args.file, args.set, args.with_component, args.without_component, args.variants_file]


def _policy(args: argparse.Namespace, *, as_json: bool) -> int:
    """Print what another tool would answer."""
    from recipegen.sizing.policies import opinion
    from recipegen.sizing.sources import is_recipe

    named = args.config or args.name
    if named is None or (args.config and args.name) or is_recipe(named):
        raise UsageError(
            f"--policy {args.policy} needs one model: --config with its config.json, or a known id"
        )
    unread = [name for name in (*FIELDS, *OF_A_POLICY, *OF_RECIPES) if name not in READ[args.policy]]
    options = [OPTIONS.get(name, f"--{name.replace('_', '-')}") for name in unread if getattr(args, name)]
    if options:
        message = f"--policy {args.policy} does not read {', '.join(options)}"
        report([Problem("usage", (), message, warning=True)], as_json=as_json)
    found, reasons = opinion(args.policy, named, vars(args))
    if as_json:
        out(json.dumps(found.as_dict(), indent=2))
    else:
        out("\n".join([*found.lines(), *(f"recipegen differs: {reason}" for reason in reasons)]))
    return 0
