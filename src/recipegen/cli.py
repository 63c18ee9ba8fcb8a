"""The command line: arguments, exit codes, and everything that is printed."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from recipegen.errors import DiffersError, Problem, RecipegenError, UsageError
from recipegen.version import __version__

if TYPE_CHECKING:
    from recipegen.document import Document
    from recipegen.resolve import Plan

PROGRAM = "recipegen"
SHOWN_PROBLEMS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 1 the recipe is wrong, 2 wrong usage, 3 the result differs, 4 a tool or file failed,
    5 the cluster refused, 70 a fault in recipegen, 130 interrupted.
    """
    as_json = False
    # pydantic would look through every installed package for plugins, which takes longer than a recipe.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        args = _parser().parse_args(arguments)
        as_json = args.format == "json"
        code = args.run(args)
        sys.stdout.flush()
    except RecipegenError as error:
        _report(error.problems, as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        # The reader went away; nothing more can be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 4
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the last net
        if os.environ.get("RECIPEGEN_DEBUG"):
            raise
        message = f"a fault in recipegen: {type(error).__name__}"
        hint = "run it again with RECIPEGEN_DEBUG=1 and report what it prints"
        _report([Problem("internal", (), message, hint)], as_json=as_json)
        return 70
    return int(code)


# ---- commands -----------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    from recipegen import catalog, pipeline
    from recipegen.load import variants

    plans = [pipeline.plan(name) for name in catalog.recipes()]
    if args.json:
        print(json.dumps([_summary(plan, variants(plan.loaded.document)) for plan in plans], indent=2))
        return 0
    rows = []
    for plan in plans:
        row = _summary(plan, variants(plan.loaded.document))
        evidence = plan.recipe.about.evidence.split()[0]
        gpus = f"{plan.gpus} {row['gpu']}"
        names = ", ".join(row["variants"])
        rows.append([plan.name, row["title"], row["backend"], gpus, evidence, names])
    _table(["NAME", "TITLE", "BACKEND", "GPUS", "EVIDENCE", "VARIANTS"], rows)
    return 0


def _summary(plan: "Plan", variants: list[str]) -> dict[str, Any]:
    about, hardware = plan.recipe.about, plan.recipe.hardware
    return {
        "name": plan.name,
        "title": about.title or plan.name,
        "model": plan.recipe.model.name,
        "backend": plan.recipe.model.backend.type,
        "variants": variants,
        "gpus": plan.gpus,
        "gpu": hardware.gpu if hardware else "any",
        "evidence": about.evidence,
    }


def _show(args: argparse.Namespace) -> int:
    from recipegen import yamlio
    from recipegen.load import load
    from recipegen.origin import leaves, origin

    if not (args.resolved or args.origin):
        loaded = load(args.name, args.variant, _patches(args))
        print(yamlio.write(loaded.document.data), end="")
        return 0
    plan = _plan(args)
    if args.origin:
        rows = [[_dotted(path), _cut(_flat(value)), origin(plan, path)] for path, value in leaves(plan.tree)]
        _table(["KEY", "VALUE", "FROM"], rows)
    else:
        print(yamlio.write(plan.tree), end="")
    return 0


def _render(args: argparse.Namespace) -> int:
    from recipegen.compile import compile as compile_plan
    from recipegen.targets import TARGETS, directory

    if args.output and (args.target != "helmfile" or args.charts):
        raise UsageError(
            "-o writes a helmfile directory with its own charts: leave out --target and --charts"
        )
    if args.check and not args.output:
        raise UsageError("--check compares with a directory: say which with -o")
    plan = _plan(args)
    if not args.output:
        charts = args.charts
        if charts and "://" not in charts:
            charts = str(Path(charts).absolute())
        sys.stdout.write(TARGETS[args.target](plan, compile_plan(plan, charts)))
        return 0
    files = directory.files(plan)
    if args.check:
        found = directory.differences(files, Path(args.output))
        if found:
            print(found, end="")
            raise DiffersError(f"{args.output} differs from what {plan.name} renders to")
        return 0
    directory.write(files, Path(args.output))
    _note(f"wrote {len(files)} files; apply them with: cd {args.output} && helmfile apply")
    return 0


def _validate(args: argparse.Namespace) -> int:
    plans = _all_plans(args)
    _note(f"{len(plans)} checked, no problem: {_names(plans)}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from recipegen import helm, policy
    from recipegen.compile import compile as compile_plan
    from recipegen.errors import RecipeError

    problems: list[Problem] = []
    for plan in _all_plans(args):
        rows = []
        for release in compile_plan(plan).releases:
            if not release.installed:
                rows.append([release.name, release.namespace, "off: removed if it is there"])
            elif release.version:
                rows.append(
                    [
                        release.name,
                        release.namespace,
                        f"chart {release.chart} {release.version}, not rendered here",
                    ]
                )
            else:
                items = helm.objects(release)
                problems += policy.check(items)
                names = ", ".join(f"{i['kind']} {i['metadata']['name']}" for i in items)
                rows.append([release.name, release.namespace, names])
        print(f"{plan.name}, variant {plan.variant}: {plan.gpus} GPUs")
        _table(["  RELEASE", "NAMESPACE", "OBJECTS"], [[f"  {a}", b, c] for a, b, c in rows])
    if problems:
        raise RecipeError(*problems)
    return 0


def _explain(args: argparse.Namespace) -> int:
    from recipegen.origin import origin, parse, value_at
    from recipegen.schema import describe

    plan = _plan(args)
    path = parse(args.path)
    print(f"{_dotted(path)} = {_flat(value_at(plan, path))}")
    print(f"  from: {origin(plan, path)}")
    about = describe(path)
    if about:
        print(f"  what: {about}")
    return 0


def _schema(_args: argparse.Namespace) -> int:
    from recipegen import schema

    print(json.dumps(schema.recipe(), indent=2))
    return 0


# ---- what commands share ------------------------------------------------------------------------


def _plan(args: argparse.Namespace) -> "Plan":
    from recipegen import pipeline

    plan = pipeline.plan(args.name, args.variant, _patches(args))
    _report(plan.warnings, as_json=args.format == "json")
    return plan


def _all_plans(args: argparse.Namespace) -> "list[Plan]":
    """Return a plan for every recipe named, and for every variant of it unless one was chosen."""
    from recipegen import catalog, pipeline
    from recipegen.errors import RecipeError
    from recipegen.load import load, variants

    if bool(args.names) == args.all:
        raise UsageError("name one or more recipes, or say --all")
    plans, problems = [], []
    for name in args.names or catalog.recipes():
        chosen = [args.variant]
        try:
            if args.variant is None:
                base = load(name, None, _patches(args))
                # Standard input can be read once only.
                chosen += variants(base.document) if name != "-" else []
            for variant in chosen:
                plans.append(pipeline.plan(name, variant, _patches(args)))
                _report(plans[-1].warnings, as_json=args.format == "json")
        except RecipeError as error:
            problems += [p for p in error.problems if p not in problems]
    if problems:
        raise RecipeError(*problems)
    return plans


def _patches(args: argparse.Namespace) -> "list[Document]":
    from recipegen import yamlio
    from recipegen.document import from_set

    documents = [yamlio.read_file(Path(file), file) for file in args.file]
    documents += [from_set(f"{_switch(key)}=true") for key in args.with_component]
    documents += [from_set(f"{_switch(key)}=false") for key in args.without_component]
    return [*documents, *(from_set(expression) for expression in args.set)]


def _switch(component: str) -> str:
    return {"platform": "platform.install", "model": "model.deployment.create"}.get(
        component, f"{component}.enabled"
    )


def _names(plans: "Sequence[Plan]") -> str:
    names: dict[str, list[str]] = {}
    for plan in plans:
        names.setdefault(plan.name, []).append(plan.variant)
    return "; ".join(f"{name} ({', '.join(found)})" for name, found in names.items())


def _dotted(path: tuple[str | int, ...]) -> str:
    from recipegen.errors import dotted

    return dotted(path)


def _flat(value: object) -> str:
    from recipegen.errors import show

    return show(value)


def _cut(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head) - 1)]
    for row in [head, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _report(problems: Sequence[Problem], *, as_json: bool) -> None:
    if as_json and problems:
        print(json.dumps([problem.as_dict() for problem in problems]), file=sys.stderr)
        return
    for problem in problems[:SHOWN_PROBLEMS]:
        _note(problem.text())
    if len(problems) > SHOWN_PROBLEMS:
        _note(f"and {len(problems) - SHOWN_PROBLEMS} more problems")


# ---- arguments ----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage the way every other problem is reported."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(Problem("usage", (), message, f"`{self.prog} --help` shows the usage"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM, description="Recipes for NVIDIA Dynamo on Kubernetes, as Helm and helmfile."
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        command.add_argument(
            "--format", choices=["text", "json"], default="text", help="form of the error messages"
        )
        return command

    listing = add("list", _list, "Show the catalog.")
    listing.add_argument("--json", action="store_true", help="as JSON")

    show = add("show", _show, "Show a recipe, with variant and patches in it.")
    show.add_argument("--resolved", action="store_true", help="with every default and derived value")
    show.add_argument("--origin", action="store_true", help="each value with where it comes from")

    render = add("render", _render, "Render a recipe; pipe it into `helmfile -f - apply`.")
    render.add_argument(
        "--target", choices=["helmfile", "values"], default="helmfile", help="what to render to"
    )
    render.add_argument("-o", "--output", metavar="DIR", help="write a self-contained helmfile directory")
    render.add_argument(
        "--check", action="store_true", help="compare with DIR instead of writing it; exit 3 when it differs"
    )
    render.add_argument(
        "--charts",
        metavar="REF",
        help="folder or oci:// address of the charts; default: those that came along",
    )

    explain = add("explain", _explain, "Say where a value comes from, and what it means.")
    for command in (show, render, explain):
        command.add_argument(
            "name", metavar="NAME", help="recipe of the catalog, path of a recipe file, or -"
        )
    explain.add_argument("path", metavar="PATH", help="such as model.worker.replicas")

    validate = add("validate", _validate, "Check recipes and all their variants.")
    check = add("check", _check, "Check recipes, render them through Helm, check the objects.")
    for command in (validate, check):
        command.add_argument("names", metavar="NAME", nargs="*", help="recipes of the catalog, paths, or -")
        command.add_argument("--all", action="store_true", help="the whole catalog")

    for command in (show, render, explain, validate, check):
        command.add_argument("--variant", metavar="V", help="variant of the recipe")
        command.add_argument(
            "-f",
            "--file",
            metavar="FILE",
            action="append",
            default=[],
            help="patch file, such as a cluster profile",
        )
        command.add_argument("--set", metavar="K=V", action="append", default=[], help="set one value")
        command.add_argument(
            "--with",
            dest="with_component",
            metavar="C",
            action="append",
            default=[],
            help="switch a component on",
        )
        command.add_argument(
            "--without",
            dest="without_component",
            metavar="C",
            action="append",
            default=[],
            help="switch a component off",
        )

    add("schema", _schema, "Print the recipe language as JSON Schema.")
    return parser
