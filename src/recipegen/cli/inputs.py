"""From arguments to plans: which recipe, which variant, which patches."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from recipegen import catalog, pipeline, yamlio
from recipegen import recipe as language
from recipegen.cli.printing import report
from recipegen.components import COMPONENTS
from recipegen.document import Document, from_set
from recipegen.errors import Problem, RecipeError, UsageError, nearest, show
from recipegen.load import load, variants
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate

# What --with and --without take, and the key that each of them sets.
SWITCHES = {component.key: f"{component.key}.enabled" for component in COMPONENTS}
SWITCHES |= {"platform": "platform.install", "model": "model.deployment.create"}


def plan(args: argparse.Namespace) -> Plan:
    """Return the plan of the one recipe that a command names, after reporting its warnings."""
    found = pipeline.plan(args.name, args.variant, patches(args))
    report(found.warnings, as_json=args.format == "json")
    return found


def plans(args: argparse.Namespace) -> list[Plan]:
    """Return a plan for every recipe named, and for every variant of it unless one was chosen.

    Raises:
        RecipeError: with the problems of all of them, or with the patches that changed none of them.
    """
    if bool(args.names) == args.all:
        raise UsageError("name one or more recipes, or say --all")
    found: list[Plan] = []
    # Each once: a mistake of the recipe itself is one of every variant.
    problems: dict[tuple[object, ...], Problem] = {}
    documents = patches(args)
    for name, variant in _chosen(args):
        try:
            found.append(resolve(validate(load(name, variant, documents))))
        except RecipeError as error:
            problems = {_place(p): p for p in error.problems} | problems
    if problems:
        raise RecipeError(*problems.values())
    # One cluster profile is meant for many recipes, some of which say already what it says.
    idle = [p for p in (found[0].loaded.idle if found else ()) if all(p in f.loaded.idle for f in found)]
    if idle:
        raise RecipeError(*idle)
    warnings = dict.fromkeys(warning for one in found for warning in one.warnings)
    report([*warnings], as_json=args.format == "json")
    return found


def patches(args: argparse.Namespace) -> list[Document]:
    """Return the patches in the order they apply: files, switches, single values.

    Raises:
        UsageError: when no component has the name that a switch gives.
    """
    documents = [yamlio.read_file(Path(file), file) for file in args.file]
    for components, value in ((args.with_component, "true"), (args.without_component, "false")):
        documents += [from_set(f"{_switch(key)}={value}") for key in components]
    return [*documents, *(from_set(expression) for expression in args.set)]


def _switch(component: str) -> str:
    """Return the key that switches a component; the language itself refuses one that is to come."""
    if component in SWITCHES or language.block_at((component,)) is language.Unavailable:
        return SWITCHES.get(component, f"{component}.enabled")
    hint = nearest(component, SWITCHES) or f"the components are {', '.join(SWITCHES)}"
    raise UsageError(Problem("usage", (), f"no component is called {show(component)}", hint))


def _place(problem: Problem) -> tuple[object, ...]:
    """Return what tells problems apart: their place, and where that has no lines, their path."""
    lines = problem.mark is not None and problem.mark.line
    return (problem.code, str(problem.mark), () if lines else problem.path)


def _chosen(args: argparse.Namespace) -> Iterator[tuple[str, str | None]]:
    for name in args.names or catalog.recipes():
        yield name, args.variant
        # Standard input can be read once only.
        if args.variant is None and name != "-":
            yield from ((name, variant) for variant in _variants(name))


def _variants(name: str) -> list[str]:
    try:
        return variants(load(name).document)
    except RecipeError:
        # The plan of the recipe itself has said so.
        return []
