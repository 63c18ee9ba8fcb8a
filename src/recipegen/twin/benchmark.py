"""The recipe's own benchmark, against the twin: its script and its settings, as rendered."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recipegen.errors import ToolError
from recipegen.twin.processes import Processes
from recipegen.twin.scene import Check, Scene
from recipegen.twin.start import Tell

SECONDS = 1800.0
POLL_SECONDS = 0.2
NAME = "benchmark"
RESULT = "profile_export_aiperf.json"


def run(
    objects: Iterable[dict[str, Any]],
    scene: Scene,
    processes: Processes,
    aiperf: Path,
    status: Tell,
) -> Check:
    """Return whether the benchmark ran through, and left a result without a failed request for each run.

    The Job's container says what runs; only places differ: where the graph listens, where aiperf lies, where
    the results go. The speed that is measured is the mocker's.

    Raises:
        ToolError: when the objects have no Job.
    """
    items = {item["kind"]: item for item in objects}
    if "Job" not in items:
        raise ToolError("the recipe renders no benchmark: benchmark.enabled is false")
    container = items["Job"]["spec"]["template"]["spec"]["containers"][0]
    folder = processes.folder
    script = Path(container["command"][-1]).name
    (folder / script).write_text(items["ConfigMap"]["data"][script], encoding="utf-8")
    env = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    concurrencies = [int(number) for number in env["CONCURRENCY"].split()]
    env |= {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(folder),
        "URL": scene.url,
        "AIPERF": str(aiperf.with_name("aiperf")),
        "RESULTS": str(folder / NAME),
        "WAIT_SECONDS": "30",
        "POLL_SECONDS": "1",
    }
    process = processes.start(aiperf, NAME, (script.removesuffix(".py"),), env)
    began = time.monotonic()
    while process.code is None and time.monotonic() - began < SECONDS:
        status(f"running the recipe's benchmark, {time.monotonic() - began:.0f} s: {process.last_words()}")
        time.sleep(POLL_SECONDS)
    if process.code is None:
        return Check(NAME, holds=False, detail=f"not done after {SECONDS:.0f} s: {process.last_words()}")
    if process.code:
        return Check(NAME, holds=False, detail=f"ended with code {process.code}: {process.last_words()}")
    each = int(env["REQUESTS_PER_CONCURRENCY"])
    problems = [_problem(folder / NAME, number, each) for number in concurrencies]
    if any(problems):
        return Check(NAME, holds=False, detail="; ".join(filter(None, problems)))
    total = sum(concurrencies) * each
    shown = ", ".join(map(str, concurrencies))
    lengths = f"{env['ISL']} tokens in, {env['OSL']} out"
    return Check(NAME, holds=True, detail=f"{total} requests at concurrency {shown}, none failed; {lengths}")


def _problem(results: Path, concurrency: int, each: int) -> str | None:
    """Return what is wrong with the result of one run; None when nothing is."""
    file = results / f"concurrency-{concurrency}" / RESULT
    if not file.is_file():
        return f"the run at concurrency {concurrency} left no {RESULT}"
    found = json.loads(file.read_text(encoding="utf-8"))
    done = found.get("completed_request_count", {}).get("avg", 0)
    errors = found.get("request_error_rate", {}).get("avg", 0)
    if errors or done != concurrency * each:
        return f"at concurrency {concurrency} {done:.0f} of {concurrency * each} requests went through"
    return None
