"""`recipegen create`: a new endpoint, as a recipe that extends a base."""

import argparse
import json
import re
from dataclasses import fields, replace
from pathlib import Path

from recipegen import writing
from recipegen.cli import asking, written
from recipegen.cli.printing import out, report
from recipegen.creation import endpoint
from recipegen.creation.endpoint import CreatedEndpoint, Wanted, neighbours, wanted
from recipegen.errors import UsageError, escape
from recipegen.load import Loaded


def run(args: argparse.Namespace) -> int:
    """Write the recipe, or print it for `-o -`, and say what comes next."""
    as_json = args.format == "json"
    wishes = _wishes(args)
    wanted.check(wishes)
    base = endpoint.base(wishes.base)
    wishes = _asked(wishes, base)
    if lacking := wanted.missing(wishes, base):
        raise wanted.refusal(lacking)
    to_file = args.output != "-"
    target = Path(args.output if args.output and to_file else endpoint.file_of(wishes, base.name))
    if to_file:
        writing.refuse(target, force=args.force)
    created = endpoint.create(wishes, target)
    if to_file:
        neighbours.refuse_taken(created.plan, target)
    report(created.warnings, as_json=as_json)
    if to_file:
        writing.write(created.recipe, target, force=args.force)
    return _tell(created, target if to_file else None, as_json=as_json)


def _wishes(args: argparse.Namespace) -> Wanted:
    """Return what was given; the name of the file is the name of the recipe."""
    given = {field.name: getattr(args, field.name) for field in fields(Wanted) if hasattr(args, field.name)}
    clusters = tuple(_cluster(text) for text in args.cluster)
    wishes = replace(Wanted(**given), clusters=clusters, changes=tuple(args.set))
    named = written.stem(args)
    return wishes if named is None else replace(wishes, name=named)


def _cluster(text: str) -> tuple[str, int | None]:
    name, equals, number = text.partition("=")
    if equals and not re.fullmatch("[0-9]{1,4}", number):
        raise UsageError(f"--cluster {escape(text)}: write NAME, or NAME=REPLICAS such as us-east=2")
    return name, int(number) if equals else None


def _asked(wishes: Wanted, base: Loaded) -> Wanted:
    """Return the wishes with what is missing, which a person at a terminal is asked for."""
    # What a kind needs is known once the kind is.
    for _ in range(2):
        lacking = wanted.missing(wishes, base)
        for each, answer in asking.answers(lacking, wanted.wrong, wanted.refusal):
            wishes = wanted.filled(wishes, each, answer)
    return wishes


def _tell(created: CreatedEndpoint, target: Path | None, *, as_json: bool) -> int:
    if as_json:
        data = {
            "name": created.name,
            "file": None if target is None else str(target),
            "recipe": created.recipe,
            "notes": list(created.notes),
            "graph": created.plan.graph,
            "namespace": created.plan.namespace,
            "gpus": created.plan.gpus,
        }
        out(json.dumps(data))
        return 0
    written.tell(created.recipe, target, created.notes)
    return 0
