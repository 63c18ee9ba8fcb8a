"""`recipegen render`: a recipe as a helmfile document, as values, or as a directory."""

import argparse
import shlex
from pathlib import Path

from recipegen.cli import inputs
from recipegen.cli.printing import note, out
from recipegen.compile import compile_plan
from recipegen.errors import DiffersError, UsageError
from recipegen.resolve import Plan
from recipegen.targets import TARGETS, directory


def run(args: argparse.Namespace) -> int:
    """Print the document in one piece, or write or compare the directory."""
    folder = None if args.output is None else Path(args.output)
    if args.output == "":
        raise UsageError("-o needs a directory")
    if folder and (args.target != "helmfile" or args.charts):
        raise UsageError(
            "-o writes a helmfile directory with its own charts: leave out --target and --charts"
        )
    if args.check and not folder:
        raise UsageError("--check compares with a directory: say which with -o")
    plan = inputs.plan(args)
    if folder:
        return _directory(plan, folder, check=args.check)
    charts = args.charts
    if charts and "://" not in charts:
        charts = str(Path(charts).absolute())
    out(TARGETS[args.target](plan, compile_plan(plan, charts)).rstrip("\n"))
    return 0


def _directory(plan: Plan, folder: Path, *, check: bool) -> int:
    files = directory.files(plan)
    if not check:
        directory.write(files, folder)
        note(f"wrote {len(files)} files; apply them with: cd {shlex.quote(str(folder))} && helmfile apply")
        for name in directory.strangers(files, folder):
            note(f"{folder / name} is not recipegen's and was left alone")
        return 0
    found = directory.differences(files, folder)
    if found:
        out(found.rstrip("\n"))
        raise DiffersError(f"{folder} differs from what {plan.name} renders to")
    return 0
