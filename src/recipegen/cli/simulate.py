"""`recipegen simulate`: the graph on this machine, with Dynamo's real frontend and its mocker, no GPU."""

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from recipegen import twin
from recipegen.cli import inputs
from recipegen.cli.printing import cut, note, out, table
from recipegen.compile import compile_plan
from recipegen.errors import RecipeError
from recipegen.twin import Verdict

CLEAR = "\r\x1b[K"
MEANING = {
    True: "Dynamo {release}'s own frontend and router take this graph and serve it.",
    False: "the graph does not work as the recipe has it.",
}
LIMITS = "Its engines are mocked: this says nothing of speed, of GPU memory, or of what an engine accepts."


def run(args: argparse.Namespace) -> int:
    """Print the verdict; return 0 when every check holds, 1 when one does not."""
    plan = inputs.plan(args)
    if args.bench and not plan.recipe.benchmark.enabled:
        plan = inputs.patched(plan, "benchmark.enabled=true")
    as_json = args.format == "json"

    def tell(text: str) -> None:
        _status("")
        note(text, as_json=as_json)

    def while_up(verdict: Verdict) -> None:
        tell("")
        out(json.dumps(verdict.as_dict(), indent=2) if as_json else _text(verdict))
        if args.keep:
            tell(f"it answers at {verdict.url} until Ctrl-C")

    with _stoppable():
        verdict = twin.simulate(
            compile_plan(plan),
            port=args.port,
            requests=args.requests,
            max_replicas=args.max_replicas,
            bench=args.bench,
            keep=args.keep,
            tell=tell,
            status=_status,
            while_up=while_up,
        )
    return 0 if verdict.green else RecipeError.exit_code


def _text(verdict: Verdict) -> str:
    rows = [["  ok" if check.holds else "  RED", check.name, check.detail] for check in verdict.checks]
    lines = [
        f"{verdict.recipe}, variant {verdict.variant}: {verdict.model} without a GPU, at {verdict.url}",
        "",
        table(["  ", "CHECK", "WHAT WAS SEEN"], rows),
        "",
    ]
    if any(check.name == "chat" for check in verdict.checks):
        lines.append(f"asked: POST {verdict.url}/v1/chat/completions {json.dumps(verdict.request)}")
    for component, replicas in verdict.capped.items():
        lines.append(
            f"fewer: {component} has {replicas} replicas in the recipe, --max-replicas says how many run here"
        )
    if verdict.not_run:
        absent = ", ".join(verdict.not_run)
        lines.append(
            f"not run: {absent}; only Dynamo's image has the picker, so requests take the frontend here"
        )
    # Workers of all roles are told much the same, so each option is named once.
    left_out = dict.fromkeys(option for options in verdict.left_out.values() for option in options)
    if left_out:
        lines.append(f"not looked into, for there is no engine: {', '.join(left_out)}")
    peaks = [replica.peak_mib for replica in verdict.replicas if replica.peak_mib]
    if peaks:
        lines.append(f"memory: {sum(peaks)} MiB in all, {max(peaks)} MiB the largest process")
    if verdict.wanted != verdict.release:
        lines.append(
            f"another release: the recipe names Dynamo {verdict.wanted}, run here was {verdict.release}"
        )
    colour = "green" if verdict.green else "RED"
    meaning = MEANING[verdict.green].format(release=verdict.release)
    return "\n".join([*lines, "", f"{colour}: {meaning} {LIMITS}"])


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let what stops a service elsewhere stop this one as Ctrl-C does, so that it leaves as little behind."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        _status("")


def _status(text: str) -> None:
    """Show what is awaited on the last line of a terminal; say nothing elsewhere."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(CLEAR + cut(text, shutil.get_terminal_size().columns - 1))
        sys.stderr.flush()


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
