"""`recipegen list`: the catalog, or what of it fits."""

import argparse
import json
from itertools import groupby
from typing import Any

from recipegen import catalog
from recipegen.cli.filters import excluded, filters, known_license
from recipegen.cli.printing import note, out, report, table
from recipegen.errors import Problem, RecipeError, RecipegenError
from recipegen.load import choose, read, variants
from recipegen.overview import ANY_GPU, Form, as_openai, brief, count, tokens
from recipegen.resolve import resolve
from recipegen.validate import validate


def run(args: argparse.Namespace) -> int:
    """Print a row a recipe, or a form; a recipe that is wrong keeps no other one out."""
    as_json = args.format == "json"
    given = filters(args)
    forms, problems = _forms()
    known_license(args.license, forms)
    kept = [form for form in forms if all(each.keeps(form) for each in given)]
    if args.openai:
        out(json.dumps(as_openai(kept), indent=2))
        note("these are recipes; what a cluster serves, its own /v1/models says", as_json=as_json)
    elif args.json or as_json:
        found = _flat(kept) if args.variants else _nested(kept, forms)
        out(json.dumps(found, indent=2))
    elif kept:
        out(_of_forms(kept) if args.variants else _of_recipes(kept, forms))
    if given and not kept:
        note(excluded(given, forms), as_json=as_json)
    unknown = sorted({form.name for form in forms if form.parameters is None})
    if args.size and unknown:
        note(f"of unknown size, so left out: {', '.join(unknown)}", as_json=as_json)
    report(problems, as_json=as_json)
    return RecipeError.exit_code if problems else 0


def _forms() -> tuple[list[Form], list[Problem]]:
    """Return every form of the catalog, and what is wrong with those that are none."""
    forms: list[Form] = []
    # Each once: a mistake of the recipe itself is one of every variant.
    problems: dict[Problem, None] = {}
    for name in catalog.recipes():
        try:
            recipe = read(name)
        except RecipegenError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        for variant in [None, *variants(recipe.document)]:
            try:
                loaded = choose(recipe, variant, (), alone=variant is not None)
                # Titles and descriptions of variants are read from the recipe as written.
                forms.append(Form(resolve(validate(loaded)), recipe))
            except RecipegenError as error:
                problems |= dict.fromkeys(error.problems)
    return forms, list(problems)


def _by_recipe(forms: list[Form]) -> dict[str, list[Form]]:
    return {name: list(of) for name, of in groupby(forms, key=lambda form: form.name)}


def _of_recipes(kept: list[Form], forms: list[Form]) -> str:
    """Return a row a recipe; it speaks of the forms that fit."""
    whole = _by_recipe(forms)
    rows = []
    for name, fit in _by_recipe(kept).items():
        gpus = sorted({form.plan.gpus for form in fit})
        lengths = [form.context for form in fit if form.context]
        there, of = len(fit), len(whole[name])
        rows.append(
            [
                name,
                _size(fit[0]),
                tokens(max(lengths)) if lengths else "?",
                " ".join(dict.fromkeys(form.backend for form in fit)),
                f"{gpus[0]}-{gpus[-1]}" if len(gpus) > 1 else str(gpus[0]),
                " ".join(dict.fromkeys(form.gpu.partition("-")[0] for form in fit)),
                str(of) if there == of else f"{there} of {of}",
                fit[0].plan.recipe.about.evidence.split()[0],
            ]
        )
    return table(["NAME", "SIZE", "CONTEXT", "BACKENDS", "GPUS", "ON", "FORMS", "EVIDENCE"], rows)


def _of_forms(kept: list[Form]) -> str:
    rows = []
    for form in kept:
        modes = brief(form.modes)
        length = tokens(form.context) if form.context else "?"
        gpus = str(form.plan.gpus)
        rows.append([form.name, form.variant, form.backend, modes, gpus, form.gpu, length])
    return table(["NAME", "VARIANT", "BACKEND", "MODE", "GPUS", "ON", "CONTEXT"], rows)


def _size(form: Form) -> str:
    return count(form.parameters) if form.parameters else "?"


def _nested(kept: list[Form], forms: list[Form]) -> list[dict[str, Any]]:
    whole = _by_recipe(forms)
    return [
        {**_summary(whole[name][0]), "forms": [form.as_dict() for form in fit]}
        for name, fit in _by_recipe(kept).items()
    ]


def _flat(kept: list[Form]) -> list[dict[str, Any]]:
    return [{**_summary(form), **form.as_dict()} for form in kept]


def _summary(form: Form) -> dict[str, Any]:
    """Return what a program is told of a recipe; GPUs and engine are those of its default form."""
    about = form.plan.recipe.about
    return {
        "name": form.name,
        "title": about.title or form.name,
        "model": form.plan.recipe.model.name,
        "license": form.license,
        "parameters": form.parameters,
        "context": form.context,
        "backend": form.backend,
        "variants": variants(form.written.document),
        "gpus": form.plan.gpus,
        "gpu": form.plan.recipe.hardware.gpu if form.plan.recipe.hardware else ANY_GPU,
        "evidence": about.evidence,
    }
