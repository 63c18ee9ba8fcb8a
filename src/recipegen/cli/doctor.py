"""`recipegen doctor`: what is wrong with a recipe's graph in a cluster, and which line to change."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from recipegen import cluster
from recipegen.cli import inputs
from recipegen.cli.printing import note, out
from recipegen.cluster import Diagnosis
from recipegen.cluster.report import headline, report
from recipegen.errors import DiffersError, show
from recipegen.origin import origin, parse, value_at
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 3 when one is an error: the cluster is not what the recipe describes."""
    plan = inputs.plan(args)
    bundle = cluster.seen(plan, args.context, args.bundle)
    diagnosis = cluster.examine(plan, bundle)
    if args.save:
        cluster.save(bundle, args.save)
        note(f"saved what was seen to {args.save}: names of your cluster, no values of Secrets or variables")
    as_json = args.format == "json"
    out(json.dumps(_data(plan, diagnosis), indent=2) if as_json else _text(plan, diagnosis))
    return DiffersError.exit_code if diagnosis.errors else 0


def _text(plan: Plan, diagnosis: Diagnosis) -> str:
    def where(path: str) -> str:
        found, place = value(plan, path), origin(plan, parse(path))
        return f"({place})" if found is None else f"= {show(found)} ({place})"

    return f"{plan.name}, variant {plan.variant}: {headline(diagnosis)}\n\n{report(diagnosis, where)}"


def _data(plan: Plan, diagnosis: Diagnosis) -> dict[str, Any]:
    findings = [
        {
            **{key: value for key, value in asdict(finding).items() if key != "paths"},
            "recipe": [
                {"path": path, "value": value(plan, path), "from": origin(plan, parse(path))}
                for path in finding.paths
            ],
        }
        for finding in diagnosis.findings
    ]
    return {
        "recipe": plan.name,
        "variant": plan.variant,
        "namespace": diagnosis.namespace,
        "graph": diagnosis.graph,
        "ready": diagnosis.ready,
        "findings": findings,
        "lookedAt": list(diagnosis.seen),
        "couldNotLook": [asdict(unseen) for unseen in diagnosis.unseen],
    }


def value(plan: Plan, path: str) -> Any:
    """Return what the recipe has there; nothing for a block, which may hold variables that are secret."""
    value = value_at(plan, parse(path))
    return None if isinstance(value, dict) else value
