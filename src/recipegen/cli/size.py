"""`recipegen size`: what the memory of the GPUs holds, with its arithmetic."""

import argparse
import json
from typing import Any

from recipegen import sizing
from recipegen.cli.printing import out, report, table
from recipegen.errors import UsageError
from recipegen.memory import gib
from recipegen.sizing.sources import FIELDS

# Options that only a policy reads.
OF_A_POLICY = ("model", "batch", "max_context", "table", "isl", "osl", "concurrency")


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
    patches: list[Any] = []
    if args.file or args.set or args.with_component or args.without_component:
        from recipegen.cli import inputs

        patches = inputs.patches(args)
    found = sizing.size(args.name, config=args.config, variant=args.variant, patches=patches, **settings)
    report(found.warnings, as_json=as_json)
    if as_json:
        out(json.dumps(found.as_dict(), indent=2))
    else:
        from recipegen.sizing.report import lines

        out("\n".join(lines(found, explain=args.explain)))
    return 0


def _all(args: argparse.Namespace, settings: dict[str, Any], *, as_json: bool) -> int:
    """Print a row for each role of every form of the catalog."""
    changes = (args.variant, args.file, args.set, args.with_component, args.without_component)
    if args.name or args.config or any(changes):
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


def _policy(args: argparse.Namespace, *, as_json: bool) -> int:
    """Print what another tool would answer."""
    from recipegen.sizing.policies import opinion

    named = args.config or args.name
    if named is None:
        raise UsageError(
            f"--policy {args.policy} needs a model: --config with its config.json, or a known id"
        )
    found, reasons = opinion(args.policy, named, vars(args))
    if as_json:
        out(json.dumps(found.as_dict(), indent=2))
    else:
        out("\n".join([*found.lines(), *(f"recipegen differs: {reason}" for reason in reasons)]))
    return 0
