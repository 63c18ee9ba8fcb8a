"""`recipegen check`: validate, render through Helm, check the objects."""

import argparse
from typing import Any

from recipegen import helm, policy
from recipegen.cli import inputs
from recipegen.cli.printing import note, out, table
from recipegen.compile import Release, compile_plan
from recipegen.errors import Problem, RecipeError
from recipegen.resolve import Plan

Objects = list[tuple[Release, list[dict[str, Any]]]]


def run(args: argparse.Namespace) -> int:
    """Print what would be applied, once all of it was found to be right: one form whole, several in rows."""
    plans = inputs.plans(args)
    found = [_objects(plan) for plan in plans]
    problems: list[Problem] = []
    for releases in found:
        for _, items in releases:
            problems += policy.check(items)
    if problems:
        raise RecipeError(*problems)
    if len(plans) == 1:
        out(_page(plans[0], found[0]))
    else:
        out(_rows(plans, found))
        note(f"{inputs.counted(plans)}: no problem", as_json=args.format == "json")
    return 0


def _objects(plan: Plan) -> Objects:
    """Return each release with the objects that Helm makes of it; none of what is off or fetched."""
    releases = compile_plan(plan).releases
    return [(r, helm.objects(r) if r.installed and not r.version else []) for r in releases]


def _page(plan: Plan, found: Objects) -> str:
    rows = [[f"  {release.name}", release.namespace, _content(release, items)] for release, items in found]
    title = f"{plan.name}, variant {plan.variant}: {plan.gpus_words}"
    return f"{title}\n{table(['  RELEASE', 'NAMESPACE', 'OBJECTS'], rows)}"


def _content(release: Release, items: list[dict[str, Any]]) -> str:
    if not release.installed:
        return "off: removed if it is there"
    if release.version:
        return f"chart {release.chart} {release.version}, not rendered here"
    return ", ".join(_named(item, release.name) for item in items)


def _named(item: dict[str, Any], release: str) -> str:
    """Return an object's kind, and its name where that is not the release's."""
    name = item["metadata"]["name"]
    return str(item["kind"]) if name == release else f"{item['kind']} {name}"


def _rows(plans: list[Plan], found: list[Objects]) -> str:
    """Return a row a recipe, or a row a variant where there is one recipe only."""
    several = len({plan.name for plan in plans}) > 1
    groups: dict[str, list[tuple[Plan, int]]] = {}
    for plan, releases in zip(plans, found, strict=True):
        count = sum(len(items) for _, items in releases)
        groups.setdefault(plan.name if several else plan.variant, []).append((plan, count))
    rows = []
    for name, forms in groups.items():
        backends = dict.fromkeys(str(plan.recipe.model.backend.type) for plan, _ in forms)
        gpus = _range([plan.gpus for plan, _ in forms])
        objects = _range([count for _, count in forms])
        rows.append([name, *([str(len(forms))] if several else []), gpus, objects, ", ".join(backends)])
    head = ["RECIPE", "FORMS"] if several else ["VARIANT"]
    return table([*head, "GPUS", "OBJECTS", "BACKEND"], rows)


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"
