"""`recipegen check`: validate, render through Helm, check the objects."""

import argparse
from typing import Any

from recipegen import helm, policy
from recipegen.cli import inputs
from recipegen.cli.printing import out, table
from recipegen.compile import Release, compile_plan
from recipegen.errors import Problem, RecipeError
from recipegen.resolve import Plan


def run(args: argparse.Namespace) -> int:
    """Print what each recipe would apply, once all of it was found to be right."""
    problems: list[Problem] = []
    pages = [_page(plan, problems) for plan in inputs.plans(args)]
    if problems:
        raise RecipeError(*problems)
    out("\n".join(pages))
    return 0


def _page(plan: Plan, problems: list[Problem]) -> str:
    rows = [
        [f"  {release.name}", release.namespace, _content(release, problems)]
        for release in compile_plan(plan).releases
    ]
    title = f"{plan.name}, variant {plan.variant}: {plan.gpus} GPU{'' if plan.gpus == 1 else 's'}"
    return f"{title}\n{table(['  RELEASE', 'NAMESPACE', 'OBJECTS'], rows)}"


def _content(release: Release, problems: list[Problem]) -> str:
    if not release.installed:
        return "off: removed if it is there"
    if release.version:
        return f"chart {release.chart} {release.version}, not rendered here"
    items = helm.objects(release)
    problems += policy.check(items)
    return ", ".join(_named(item, release.name) for item in items)


def _named(item: dict[str, Any], release: str) -> str:
    """Return an object's kind, and its name where that is not the release's."""
    name = item["metadata"]["name"]
    return str(item["kind"]) if name == release else f"{item['kind']} {name}"
