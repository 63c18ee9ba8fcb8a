"""`recipegen import`: a graph becomes a recipe, with a report of what is not the same."""

import argparse
import json
from pathlib import Path

from recipegen import verbs, writing
from recipegen.cli.printing import note, out, report
from recipegen.errors import DiffersError, UsageError, escape
from recipegen.importers import Import
from recipegen.importers.report import data, lines


def run(args: argparse.Namespace) -> int:
    """Print or write the recipe, and the report beside it; return 3 when a difference has no known reason."""
    target = _target(args)
    found = verbs.import_graph(
        args.file,
        graph=args.graph,
        namespace=args.namespace,
        name=target.stem if target else None,
        lossy=args.lossy,
    )
    as_json = args.format == "json"
    report(found.warnings, as_json=as_json)
    note(json.dumps(data(found.differences)) if as_json else lines(found.differences))
    _hand_over(found, target, force=args.force)
    return DiffersError.exit_code if found.unexplained else 0


def _target(args: argparse.Namespace) -> Path | None:
    """Return the file to write, which is asked about before anything is done."""
    if args.output is None:
        if args.force:
            raise UsageError("--force is for a file that -o names")
        return None
    path = Path(args.output)
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"-o {escape(args.output)}: the name of a recipe's file ends in .yaml")
    writing.refuse(path, force=args.force)
    return path


def _hand_over(found: Import, target: Path | None, *, force: bool) -> None:
    if target is None:
        out(found.recipe.rstrip("\n"))
        return
    writing.write(found.recipe, target, force=force)
