"""`recipegen render`: a recipe as a helmfile document, as values, or as a directory."""

import argparse
import shlex
from pathlib import Path

from recipegen.cli import inputs
from recipegen.cli.printing import note, out, report
from recipegen.compile import compile_plan
from recipegen.errors import DiffersError, Problem, UsageError
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
        return _directory(plan, folder, check=args.check, as_json=args.format == "json")
    charts = args.charts
    if charts and "://" not in charts:
        charts = str(Path(charts).absolute())
    out(TARGETS[args.target](plan, compile_plan(plan, charts)).rstrip("\n"))
    return 0


def _directory(plan: Plan, folder: Path, *, check: bool, as_json: bool) -> int:
    files = directory.files(plan)
    if not check:
        directory.write(files, folder)
        place = shlex.quote(str(folder))
        note(f"wrote {len(files)} files; apply them with: cd {place} && helmfile apply", as_json=as_json)
        left = [
            f"{folder / name} is not recipegen's and was left alone"
            for name in directory.strangers(files, folder)
        ]
        report([Problem("stranger", (), message, warning=True) for message in left], as_json=as_json)
        return 0
    found = directory.differences(files, folder)
    if found:
        out(found.rstrip("\n"))
        raise DiffersError(f"{folder} differs from what {plan.name} renders to")
    return 0
