"""From arguments to plans: which recipe, which variant, which patches."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from recipegen import catalog, pipeline, yamlio
from recipegen.cli.printing import report
from recipegen.components import COMPONENTS
from recipegen.document import Document, from_set, merge
from recipegen.errors import Problem, RecipeError, UsageError, nearest, show
from recipegen.language import knows
from recipegen.load import DEFAULT_VARIANT, Loaded, choose, variants
from recipegen.overview import Form
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate

# What --with and --without take, and the key that each of them sets.
SWITCHES = {component.key: f"{component.key}.enabled" for component in COMPONENTS}
SWITCHES |= {"platform": "platform.install", "model": "model.deployment.create"}


def variants_file(args: argparse.Namespace) -> str | None:
    """Return the variants file that a command was given; some take none."""
    found: str | None = getattr(args, "variants_file", None)
    return found


def chosen_file(args: argparse.Namespace) -> str | None:
    """Return the variants file that a command was given for one of its variants.

    Raises:
        UsageError: when none of its variants is chosen.
    """
    found = variants_file(args)
    if found and not args.variant:
        hint = "`recipegen variants NAME --variants FILE` lists them"
        message = "--variants FILE: say which of its variants with --variant"
        raise UsageError(Problem("usage", (), message, hint))
    return found


def plan(args: argparse.Namespace) -> Plan:
    """Return the plan of the one recipe that a command names, after reporting its warnings.

    Raises:
        UsageError: when there is a variants file and none of its variants is chosen.
    """
    found = pipeline.plan(args.name, args.variant, patches(args), variants=chosen_file(args))
    report(found.warnings, as_json=args.format == "json")
    return found


def forms(args: argparse.Namespace) -> tuple[Form, list[Form]]:
    """Return the form that a command names, after reporting its warnings, and all forms of its recipe.

    A variant that is wrong is not among them; `recipegen validate` says what is wrong with it.
    """
    recipe, documents = pipeline.read(args.name, variants_file(args)), patches(args)
    plan = pipeline.chosen(recipe, args.variant, documents)
    report(plan.warnings, as_json=args.format == "json")
    return Form(plan, recipe), [Form(each, recipe) for each in pipeline.forms(recipe, documents)]


def options(args: argparse.Namespace) -> list[str]:
    """Return the recipe's name and what changes it, as they are typed."""
    given = {"--variants": [variants_file(args)] if variants_file(args) else []}
    given |= {"--variant": [args.variant] if args.variant else [], "-f": args.file, "--set": args.set}
    given |= {"--with": args.with_component, "--without": args.without_component}
    return [args.name, *(word for option, values in given.items() for v in values for word in (option, v))]


def patched(found: Plan, expression: str) -> Plan:
    """Return a plan with one more value set, without reading its recipe again."""
    document = merge(found.loaded.document, from_set(expression))
    return resolve(validate(replace(found.loaded, document=document)))


def plans(args: argparse.Namespace) -> list[Plan]:
    """Return a plan for every recipe named, and for every variant of it unless one was chosen.

    Raises:
        RecipeError: with the problems of all of them, also where one does not keep to a policy, or with
            the patches that changed none of them.
    """
    # Only now: rendering one recipe should not wait for what holds several.
    from recipegen import policyfile
    from recipegen.rules import collisions

    _refuse(args)
    found: list[Plan] = []
    # Each once: a mistake of the recipe itself is one of every variant.
    problems: dict[tuple[object, ...], Problem] = {}
    documents = patches(args)
    policies = [policyfile.read(name) for name in args.policy]
    for name in args.names or catalog.recipes():
        with _gathered(problems):
            recipe = pipeline.read(name, variants_file(args))
            for variant in [args.variant] if args.variant else [None, *variants(recipe.document)]:
                with _gathered(problems), _with_a_way_out(recipe, variant):
                    # The block of the variants itself is checked along with the recipe.
                    alone = not args.variant and variant is not None
                    loaded = choose(recipe, variant, documents, alone=alone)
                    found.append(resolve(validate(loaded)))
                    held = [each for policy in policies for each in policyfile.hold(found[-1], policy)]
                    if held:
                        raise RecipeError(*held)
    for problem in collisions.check(found):
        problems.setdefault(_place(problem), problem)
    if problems:
        raise RecipeError(*problems.values())
    # One cluster profile is meant for many recipes, some of which say already what it says.
    idle = [p for p in (found[0].loaded.idle if found else ()) if all(p in f.loaded.idle for f in found)]
    if idle:
        raise RecipeError(*idle)
    warnings = dict.fromkeys(warning for one in found for warning in one.warnings)
    report([*warnings], as_json=args.format == "json")
    return found


@contextmanager
def _with_a_way_out(recipe: Loaded, variant: str | None) -> Iterator[None]:
    """Say of what is wrong with a variant that the recipe may have from another how to be rid of it."""
    try:
        yield
    except RecipeError as error:
        # A variant that the file has itself is mended there.
        if variant in (None, DEFAULT_VARIANT) or not _inherited(recipe, variant):
            raise
        out = f"or take the variant {variant} out here: `variants: {{{variant}: null}}`"
        problems = (replace(p, hint=f"{p.hint}; {out}" if p.hint else out) for p in error.problems)
        raise RecipeError(*problems) from error


def _inherited(recipe: Loaded, variant: str) -> bool:
    """Return whether a variant begins in a recipe that this one extends."""
    mark = recipe.document.key_mark(("variants", variant))
    return mark is not None and mark.source in recipe.bases


def _refuse(args: argparse.Namespace) -> None:
    """Refuse names that say nothing, or that cannot be read together."""
    if bool(args.names) == args.all:
        hint = (
            "a recipe's file is named without an option; -f and --file are for patches" if args.file else ""
        )
        raise UsageError(Problem("usage", (), "name one or more recipes, or say --all", hint))
    if args.names.count("-") > 1:
        raise UsageError("standard input, -, can be read once only")
    if variants_file(args) and len(args.names) != 1:
        raise UsageError("--variants is for one recipe: name that one")


def counted(found: list[Plan]) -> str:
    """Return how many recipes there are, and how many forms: each as it stands, and each of its variants."""
    recipes = len({plan.name for plan in found})
    words = [(recipes, "recipe"), (len(found), "form")]
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in words)


def patches(args: argparse.Namespace) -> list[Document]:
    """Return the patches in the order they apply: files, switches, single values.

    Raises:
        UsageError: when no component has the name that a switch gives.
    """
    documents = [yamlio.read_file(Path(file), file) for file in args.file]
    for components, value in ((args.with_component, "true"), (args.without_component, "false")):
        documents += [from_set(f"{_switch(key)}={value}") for key in components]
    if getattr(args, "twin", False):
        documents.append(from_set("model.mocker=true"))
    return [*documents, *(from_set(expression) for expression in args.set)]


def _switch(component: str) -> str:
    """Return the key that switches a component."""
    if component in SWITCHES:
        return SWITCHES[component]
    charts = {each.chart: each.key for each in COMPONENTS}
    if component in charts:
        hint = f"did you mean {show(charts[component])}?"
    elif "," in component:
        hint = "give the option once for each"
    elif "." in component and knows((*component.split("."), "enabled")):
        hint = f"that is no component: write --set {component}.enabled=true, or false"
    else:
        hint = nearest(component, SWITCHES) or f"the components are {', '.join(SWITCHES)}"
    raise UsageError(Problem("usage", (), f"no component is called {show(component)}", hint))


@contextmanager
def _gathered(problems: dict[tuple[object, ...], Problem]) -> Iterator[None]:
    """Add the problems of what is done inside to those that were found before."""
    try:
        yield
    except RecipeError as error:
        for problem in error.problems:
            problems.setdefault(_place(problem), problem)


def _place(problem: Problem) -> tuple[object, ...]:
    """Return what tells problems apart: their place, and where that has no lines, their path.

    Keys of a file that stands in the recipe as one text have the text's place.
    """
    lines = problem.mark is not None and problem.mark.line
    return (problem.code, str(problem.mark), problem.path[-1:] if lines else problem.path)
