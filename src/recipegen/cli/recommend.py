"""`recipegen recommend`: which GPUs, how many, and which parallel sizes meet targets best."""

import argparse
import json
from pathlib import Path

from recipegen import writing
from recipegen.cli import inputs
from recipegen.cli.printing import note, out, report, table
from recipegen.errors import RecipeError, UsageError
from recipegen.sizing.recommend import Recommendation, patch, recommend
from recipegen.sizing.recommend import report as words


def run(args: argparse.Namespace) -> int:
    """Print what wins and why the others do not; return 1 where nothing meets the targets."""
    as_json = args.format == "json"
    if args.pick is not None and args.output is None:
        raise UsageError("--pick is for the patch that -o writes")
    target = None if args.output in (None, "-") else Path(args.output)
    if target is not None:
        writing.refuse(target, force=args.force)
    found = recommend(
        args.name,
        args.variant,
        inputs.patches(args),
        variants=inputs.chosen_file(args),
        gpu=args.gpu,
        gpu_count=args.gpu_count,
        backend=args.backend,
        isl=args.isl,
        osl=args.osl,
        concurrency=args.concurrency,
        ttft=args.ttft,
        itl=args.itl,
        throughput=args.throughput,
        budget=args.budget,
        gpu_price=args.gpu_price,
        source=args.source,
    )
    report(found.subject.warnings, as_json=as_json)
    problem = found.problem()
    if problem is not None:
        raise RecipeError(problem)
    view = args.pick or next(iter(found.winners))
    if args.output is not None:
        text = patch.text(found, view)
        if target is None:
            out(text.rstrip("\n"))
            return 0
        writing.write(text, target, force=args.force)
        form = ["recipegen", "render", *inputs.options(args), "-f", args.output]
        note(f"wrote {view} to {args.output}: {' '.join(form)}", as_json=as_json)
    out(json.dumps(words.data(found), indent=2) if as_json else _text(found))
    return 0


def _text(found: Recommendation) -> str:
    head, rows = words.table(found)
    lines = [
        words.title(found),
        "",
        table(head, rows),
        "",
        *words.views(),
        "",
        *words.origins(found),
        words.NOT_RUN,
    ]
    others = [*words.groups(found)]
    return "\n".join([*lines, "", f"{len(found.losers)} others:", *others] if others else lines)
