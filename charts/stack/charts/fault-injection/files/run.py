# ruff: noqa: INP001 - a script of its own, run in the Job's container
"""Break one part of a graph at a time, undo it, and measure how long the graph takes to recover.

run.py run|undo; `undo` breaks nothing, and undoes what another run has broken.
Exit codes: 0 everything was as expected; 1 something was not; 2 refused, and nothing was broken; 3 something
could not be undone. After SIGTERM, 143, with everything undone.
"""

import json
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import api
import health
import measure
from api import ApiError
from health import UnhealthyError
from measure import Result, Scene
from probes import Probes

# The graph is installed at the same time as the Job, and loads its weights first.
WAIT_SECONDS = float(os.environ.get("WAIT_SECONDS", "7200"))
SETTLE_SECONDS = float(os.environ.get("SETTLE_SECONDS", "300"))
"""How long the graph may take to be healthy again before the next experiment."""
DONE, FAILED, REFUSED, BROKEN = 0, 1, 2, 3

log = logging.getLogger("faults")


class RefusedError(Exception):
    """Nothing may be broken here."""


class StoppedError(BaseException):
    """Somebody stops the Job. No `except Exception` may take it for something else."""


def main(verb: str) -> int:
    """Return the exit code; whatever happens, nothing stays broken."""
    settings = json.loads(os.environ["SETTINGS"])
    table = json.loads(Path(__file__).with_name("experiments.json").read_text())
    experiments: list[Any] = []
    code = FAILED
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        check(settings, table)
        experiments = [_complete(each, table["experiments"]) for each in settings["experiments"]]
        # What a run left behind that was killed before it could undo it.
        undo_all(settings["graph"], experiments)
        code = run(settings, experiments) if verb == "run" else DONE
    except (RefusedError, ApiError) as error:
        log.error("refused: %s", error)  # noqa: TRY400 - a reason, not a fault of the script
        code = REFUSED
    except StoppedError:
        log.warning("stopped")
        code = 128 + signal.SIGTERM
    finally:
        _undisturbed()
        try:
            undo_all(settings["graph"], experiments)
        except ApiError as error:
            log.error("NOT UNDONE, do it by hand: %s", error)  # noqa: TRY400
            code = BROKEN
    return code


def check(settings: Any, table: Any) -> None:
    """Raise unless this very graph in this very namespace may be broken.

    The chart checks the same; but a Job can be copied by hand.
    """
    here = api.namespace()
    target = f"{here}/{settings['graph']}"
    if here in table["refusedNamespaces"]:
        raise RefusedError(f"nothing is broken in namespace {here}, which belongs to the cluster")
    if settings["acknowledge"] != target:
        raise RefusedError(f"acknowledge is {settings['acknowledge']!r}, and the graph here is {target}")
    if here not in settings["allowedNamespaces"]:
        raise RefusedError(f"namespace {here} is not among allowedNamespaces")


def undo_all(graph: str, experiments: list[Any]) -> None:
    """Undo whatever the experiments left broken, in this run or in an earlier one."""
    for experiment in experiments:
        measure.undo(graph, experiment)


def run(settings: Any, experiments: list[Any]) -> int:
    """Run the experiments one after the other, as long as the graph recovers; return the exit code."""
    results: list[Result] = []
    for experiment in experiments:
        result = Result(experiment["name"], experiment["expects"], experiment["maxRecoverySeconds"])
        patience = SETTLE_SECONDS if results else WAIT_SECONDS
        results.append(result)
        try:
            healthy = health.wait(settings["graph"], os.environ["URL"], settings["model"], patience)
            requests = Probes(os.environ["URL"], healthy.model)
            measure.run(Scene(settings["graph"], experiment, healthy, requests), result)
        except UnhealthyError as error:
            result.verdict, result.message = measure.UNHEALTHY, f"nothing was broken: {error}"
        finally:
            measure.report(result)
        # What is broken already tells nothing of another fault, and has enough with one.
        if result.verdict in (measure.NOT_RECOVERED, measure.NOT_UNDONE, measure.UNHEALTHY):
            break
    skipped = [each["name"] for each in experiments[len(results) :]]
    if skipped:
        log.error("not run, for the graph is not healthy again: %s", ", ".join(skipped))
    good = sum(result.verdict == measure.AS_EXPECTED for result in results)
    log.info("%d of %d experiments ended as expected", good, len(experiments))
    if any(result.verdict == measure.NOT_UNDONE for result in results):
        return BROKEN
    if results[0].verdict == measure.UNHEALTHY:
        return REFUSED
    return DONE if good == len(experiments) else FAILED


def _complete(experiment: Any, table: Any) -> Any:
    given = {key: value for key, value in experiment.items() if value is not None}
    return {**table[experiment["name"]], **given}


def _stop(_number: int, _frame: FrameType | None) -> None:
    # A second signal must not break off what the first one made us undo.
    _undisturbed()
    raise StoppedError


def _undisturbed() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    sys.exit(main(sys.argv[1]))
