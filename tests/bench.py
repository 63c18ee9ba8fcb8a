"""Speed figures, as ratios within one run; budgets as in the design. `make bench` runs it."""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from lab.tools import folder
from recipegen.twin import runtime

RUNS = 9
RECIPE = "qwen-0.6b"
RENDER = [str(Path(sys.executable).with_name("recipegen")), "render", RECIPE, "--without", "platform"]


def main() -> None:
    """Print each figure beside its budget."""
    document = subprocess.run(RENDER, check=True, capture_output=True).stdout
    cold = wall(lambda: subprocess.run(RENDER, check=True, capture_output=True))
    # Only children have ended so far, and the largest of them is recipegen.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    line("cold render", f"{cold * 1000:.0f} ms")
    line("peak memory of render", f"{peak:.0f} MiB", "at most 80 MiB")
    helmfile = folder() / "helmfile"
    if not helmfile.exists():
        line("cold render / helmfile template", "not measured: no helmfile, run `make lab` first")
    else:
        environment = {**os.environ, "PATH": f"{folder()}:{os.environ['PATH']}"}
        command = [str(helmfile), "-f", "-", "template"]
        template = wall(
            lambda: subprocess.run(command, input=document, check=True, capture_output=True, env=environment)
        )
        line("helmfile template of it", f"{template * 1000:.0f} ms")
        line("cold render / helmfile template", f"{cold / template:.2f}", "at most 1.5, aim 1.0")
    sizes()
    warm()
    twin()


def sizes() -> None:
    """Print how long the size of one model takes, of the catalog, and a recommendation, as commands."""
    one, every, best = (
        wall(partial(subprocess.run, [RENDER[0], *words], check=True, capture_output=True))
        for words in (
            ["size", "Qwen/Qwen3-32B", "--gpu", "h100-sxm-80gb"],
            ["size", "--all"],
            ["recommend", "qwen3-32b", "--isl", "2048", "--osl", "256"],
        )
    )
    line("size of a model", f"{one:.2f} s", "at most 0.4 s")
    line("size --all", f"{every:.2f} s", "at most 2 s")
    line("recommend, estimated", f"{best:.2f} s")


def twin() -> None:
    """Print how long a simulation takes, as a user sees it, and what its processes take."""
    command = [RENDER[0], "simulate", RECIPE, "--variant", "disagg", "--port", "0"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        line("simulate", "not measured: it does not run here")
        return
    answers: list[float] = []

    def answered() -> None:
        start = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            while " answers, " not in process.stderr.readline():
                pass
            answers.append(time.perf_counter() - start)

    whole = wall(answered)
    line("simulate: first chat answer", f"{statistics.median(answers):.1f} s", "at most 6 s")
    line("simulate: all checks, and stopped", f"{whole:.1f} s")
    done = subprocess.run([*command, "--format", "json"], check=True, capture_output=True)
    replicas = json.loads(done.stdout)["replicas"]
    place = runtime.place(runtime.DYNAMO)
    size = sum(path.lstat().st_size for path in place.rglob("*") if path.is_file()) / 2**20
    line("Dynamo's packages on disk", f"{size:.0f} MiB")
    for module in ("dynamo.frontend", "dynamo.mocker"):
        peak = max(replica["peak_mib"] for replica in replicas if replica["argv"][0] == module)
        line(f"peak memory of a {module}", f"{peak} MiB")


def warm() -> None:
    """Print what the library needs once it is loaded."""
    from recipegen import catalog, pipeline
    from recipegen.cli import main
    from samples import FORMS

    pipeline.render(RECIPE)
    each = wall(lambda: [pipeline.render(n, v) for n, v in FORMS]) / len(FORMS)
    line("warm library render", f"{each * 1000:.1f} ms", "at most 5 ms")
    line("the catalog", f"{len(catalog.recipes())} recipes, {len(FORMS)} forms")
    for command, budget in (("validate", 100), ("check", 20)):
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            each = wall(partial(main, [command, "--all"])) / len(FORMS)
        line(f"{command} --all, after start", f"{1 / each:.0f} forms/s", f"at least {budget}")


def wall(work: Callable[[], object]) -> float:
    """Return the median time of a few runs, in seconds, after one that does not count."""
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def line(what: str, figure: str, budget: str = "") -> None:
    """Print one row."""
    print(f"{what:34} {figure:18} {budget and f'budget: {budget}'}".rstrip())


if __name__ == "__main__":
    main()
