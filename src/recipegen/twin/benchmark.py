"""The recipe's own benchmark, against the twin: its script and its settings, as rendered."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recipegen.errors import Problem, ToolError
from recipegen.twin.processes import Processes
from recipegen.twin.scene import Check, Scene
from recipegen.twin.start import Tell

SECONDS = 1800.0
POLL_SECONDS = 0.2
NAME = "benchmark"
MISSED = 3
"""Exit code of the script when every request was answered and a target was missed."""


def run(
    objects: Iterable[dict[str, Any]],
    scene: Scene,
    processes: Processes,
    aiperf: Path,
    status: Tell,
) -> Check:
    """Return whether the benchmark ran through, with no more failed requests than the recipe lets pass.

    The Job's container says what runs; only places differ: where the graph listens, where aiperf lies, where
    the results go. The speed that is measured is the mocker's, so a target that it misses is no fault.

    Raises:
        ToolError: when the objects have no Job, or one whose requests lie in a cluster.
    """
    items = {item["kind"]: item for item in objects}
    if "Job" not in items:
        raise ToolError("the recipe renders no benchmark: benchmark.enabled is false")
    env = _environment(items["Job"], items["ConfigMap"]["data"], scene, processes.folder, aiperf)
    process = processes.start(aiperf, NAME, (_script(items["Job"]).stem,), env)
    began = time.monotonic()
    while process.code is None and time.monotonic() - began < SECONDS:
        status(f"running the recipe's benchmark, {time.monotonic() - began:.0f} s: {process.last_words()}")
        time.sleep(POLL_SECONDS)
    if process.code is None:
        return Check(NAME, holds=False, detail=f"not done after {SECONDS:.0f} s: {process.last_words()}")
    file = Path(env["RESULTS"], env["RUN"], "run.json")
    record = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"runs": []}
    if process.code not in (0, MISSED) or not record["runs"]:
        why = "; ".join(filter(None, map(_problem, record["runs"]))) or process.last_words()
        return Check(NAME, holds=False, detail=f"ended with code {process.code}: {why}")
    return Check(NAME, holds=True, detail=_detail(record["runs"], missed=process.code == MISSED))


def _environment(
    job: dict[str, Any], files: dict[str, str], scene: Scene, folder: Path, aiperf: Path
) -> dict[str, str]:
    """Lay the Job's files out, and return its variables with the places of this machine in them."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    container = job["spec"]["template"]["spec"]["containers"][0]
    env = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    if "TRACE" in env:
        trace = folder / Path(env["TRACE"]).name
        if not trace.is_file():
            hint = "write its lines into benchmark.config.trace.content, or leave the trace out"
            raise ToolError(
                Problem("tool", (), "the benchmark's trace lies in a ConfigMap of a cluster", hint)
            )
        env["TRACE"] = str(trace)
    return env | {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(folder),
        "URL": scene.url,
        "AIPERF": str(aiperf.with_name("aiperf")),
        "RESULTS": str(folder / NAME),
        "RUN": "twin",
        "WAIT_SECONDS": "30",
        "POLL_SECONDS": "1",
    }


def _script(job: dict[str, Any]) -> Path:
    return Path(job["spec"]["template"]["spec"]["containers"][0]["command"][-1])


def _problem(run: dict[str, Any]) -> str:
    """Return what is wrong with one run; empty when no more failed than may."""
    if run["problem"]:
        return f"{run['words']}: {run['problem']}"
    failures = run["verdicts"][0] if run["verdicts"] else {"held": True}
    return "" if failures["held"] else f"{run['words']}: {failures['measured']} requests failed"


def _detail(runs: list[dict[str, Any]], *, missed: bool) -> str:
    total, failed = (sum(run[key] for run in runs) for key in ("requests", "failed"))
    each = "; ".join(run["words"] for run in runs)
    passed = "none failed" if not failed else f"{failed} failed, which the recipe lets pass"
    note = "; its targets are missed, by the mocker, which says nothing of an engine" if missed else ""
    return f"{total} requests, {passed}: {each}{note}"
