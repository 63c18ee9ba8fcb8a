"""`recipegen status`: how far the cluster is with a recipe."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from recipegen.cli import inputs
from recipegen.cli.printing import note, out, table
from recipegen.cluster import states
from recipegen.cluster.states import Load, Status
from recipegen.errors import DiffersError
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print the status; return 0 whatever it is, but 3 where it was waited for in vain."""
    plan = inputs.plan(args)
    as_json = args.format == "json"
    if args.wait is None:
        found = states.status(plan, args.context)
    else:
        found = states.settled(plan, args.context, args.wait, lambda now: note(_line(now), as_json=as_json))
    out(json.dumps(_data(plan, found), indent=2) if as_json else _text(plan, found))
    return 0 if args.wait is None or found.ready else DiffersError.exit_code


def _line(found: Status) -> str:
    words = [f"graph {found.state.word}", *(f"{each.name} {each.state.word}" for each in found.loads)]
    return ", ".join(words)


def _text(plan: Plan, found: Status) -> str:
    where = f"graph {found.graph} in namespace {found.namespace}"
    lines = [
        f"{plan.name}, variant {plan.variant}: {where}",
        "",
        table(["WHAT", "STATE", "WHY"], [*_rows(found)]),
    ]
    lines += [f"could not look at {what}: {why}" for what, why in found.unseen.items()]
    return "\n".join(lines)


def _rows(found: Status) -> Iterator[list[str]]:
    yield ["graph", found.state.word, found.state.reason or "-"]
    for each in found.components:
        yield [f"  {each.name}", f"{each.ready}/{each.wanted}", "replicas ready"]
    for load in found.loads:
        yield [load.name, load.state.word, load.state.reason or "-"]
        yield from _details(load)
    for batch in found.batches:
        yield ["batch", batch.state.word, f"{batch.state.reason}; Job {batch.job}"]


def _details(load: Load) -> Iterator[list[str]]:
    for step, word in (load.steps or {}).items():
        yield [f"  {step}", word, "-"]
    if load.job:
        to = f" into {load.folder} of claim {load.claim}" if load.folder and load.claim else ""
        yield ["", "", f"Job {load.job}{f': {load.source}' if load.source else ''}{to}"]


def _data(plan: Plan, found: Status) -> dict[str, Any]:
    return {"recipe": plan.name, "variant": plan.variant, **found.as_dict()}
