"""`recipegen new`: a model's config.json, or its id on the Hub, becomes a recipe."""

import argparse
import json
from dataclasses import fields, replace
from pathlib import Path

from recipegen import creation, writing
from recipegen.cli import asking, written
from recipegen.cli.printing import out, report
from recipegen.creation import given, names
from recipegen.creation.endpoint import neighbours
from recipegen.creation.given import Given


def run(args: argparse.Namespace) -> int:
    """Write the recipe, or print it for `-o -`, and say what is left to do."""
    as_json = args.format == "json"
    wishes = _wishes(args)
    given.check(wishes)
    wishes = _asked(wishes)
    if lacking := given.missing(wishes):
        raise given.refusal(lacking)
    target = _target(args, wishes)
    if target is not None:
        writing.refuse(target, force=args.force)
        if not args.force:
            names.refuse_taken(target.stem)
            neighbours.refuse_second_base(given.model_of(wishes), target)
    created = creation.create(wishes)
    report(created.warnings, as_json=as_json)
    if target is not None:
        writing.write(created.recipe, target, force=args.force)
    if as_json:
        out(json.dumps(_data(created, target)))
        return 0
    written.tell(created.recipe, target, created.notes)
    return 0


def _wishes(args: argparse.Namespace) -> Given:
    """Return what was given; the name of the file is the name of the recipe."""
    wishes = Given(**{field.name: getattr(args, field.name) for field in fields(Given)})
    named = written.stem(args)
    return wishes if named is None else replace(wishes, name=named)


def _target(args: argparse.Namespace, wishes: Given) -> Path | None:
    """Return the file to write, which is asked about before anything is read; None for standard output."""
    if args.output is not None:
        return None if args.output == "-" else Path(args.output)
    called = given.called(wishes)
    return Path(f"{called}.yaml") if called else None


def _asked(wishes: Given) -> Given:
    """Return the wishes with what is missing, which a person at a terminal is asked for."""
    lacking = given.missing(wishes)
    for each, answer in asking.answers(lacking, given.wrong, given.refusal):
        wishes = given.filled(wishes, each, answer)
    return wishes


def _data(created: creation.Created, target: Path | None) -> dict[str, object]:
    found = created.fit
    return {
        "name": created.name,
        "file": None if target is None else str(target),
        "recipe": created.recipe,
        "notes": list(created.notes),
        "gpus": found.setup.gpus,
        "maxModelLen": found.max_model_len,
        "concurrency": round(found.concurrency, 2),
    }
