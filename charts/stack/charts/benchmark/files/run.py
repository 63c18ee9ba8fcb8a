# ruff: noqa: INP001 - a script of its own, run in the benchmark's container
"""Measure a Dynamo graph: wait until its model answers, run aiperf for each load, hold the figures.

Everything comes in as environment variables. A run that goes wrong does not keep the others from running.
The exit code is 1 when the model never answers, a run fails, more requests fail than may, or the Job is
stopped, also because its time is up: what was measured until then is written down. It is 3 when nothing
failed but a target was missed; 0 otherwise.
"""

import gzip
import hashlib
import http.client
import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

WAIT_SECONDS = float(os.environ.get("WAIT_SECONDS", "7200"))
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "10"))
ANSWER_SECONDS = 600.0
"""How long one request may take; the first ones of a cold engine are slow."""
WARM_UP = 8
"""Requests before a trace, whose own are not spent on it."""
FAILED, MISSED = 1, 3
# An answer that never comes, is broken off, or is none.
UNANSWERED = (OSError, http.client.HTTPException, ValueError, KeyError, TypeError)
RESULT = "profile_export_aiperf.json"
RECORDS = "profile_export.jsonl"

# What aiperf calls the figures that a person compares; times are in milliseconds.
FIGURES = (
    "request_throughput",
    "output_token_throughput",
    "time_to_first_token",
    "inter_token_latency",
    "request_latency",
)
STATISTICS = ("avg", "p50", "p90", "p95", "p99")

log = logging.getLogger("benchmark")


class StoppedError(BaseException):
    """Somebody stops the Job. No `except Exception` may take it for something else."""


@dataclass
class Run:
    """One load, and what became of it."""

    name: str
    """Name of its folder."""
    words: str
    """What it is, for people."""
    requests: int
    concurrency: int | None = None
    """Requests in flight; None for recorded times."""
    isl: int | None = None
    osl: int | None = None
    seed: int = 100
    failed: int | None = None
    """Requests without a whole answer; None when aiperf left no result."""
    problem: str = ""
    """Why the run is worth nothing; empty when it is not."""
    figures: dict[str, Any] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)


def main() -> int:
    """Return the exit code."""
    # Without this, the first process of a container does not even notice the signal.
    signal.signal(signal.SIGTERM, stop)
    config, targets = json.loads(os.environ["CONFIG"]), json.loads(os.environ["TARGETS"])
    folder = Path(os.environ["RESULTS"], os.environ.get("RUN", "run"))
    folder.mkdir(parents=True)
    record = describe(config, targets)
    write(folder, record)
    runs = loads(config, folder)
    try:
        record["model"] = wait_for_answer(record["url"], os.environ["MODEL"])
        if record["model"] is None:
            log.error("no answer of a model at %s within %g s", record["url"], WAIT_SECONDS)
            return end(folder, record, FAILED)
        measure_all(runs, record, config, folder)
    except StoppedError:
        log.error("stopped before everything was measured")  # noqa: TRY400 - a reason, not a fault of the script
        for run in runs:
            if not (run.figures or run.problem):
                run.problem = "stopped before its end"
    judge(runs, targets)
    record["runs"] = [asdict(each) for each in runs]
    table = tabulate(runs)
    (folder / "table.txt").write_text(table, encoding="utf-8")
    log.info("what was measured, and what it is held to\n\n%s", table)
    return end(folder, record, outcome(runs))


def describe(config: dict[str, Any], targets: dict[str, Any]) -> dict[str, Any]:
    """Return what is known before anything runs: enough to tell one measurement from another."""
    asked = json.dumps([config, targets], sort_keys=True)
    return {
        "graph": os.environ.get("GRAPH", ""),
        "modelDigest": os.environ.get("MODEL_DIGEST", ""),
        "configDigest": hashlib.sha256(asked.encode()).hexdigest()[:16],
        "model": os.environ["MODEL"] or None,
        "url": os.environ["URL"].rstrip("/"),
        "image": os.environ.get("IMAGE", ""),
        "aiperf": None,
        "gpus": gpus(),
        "config": config,
        "targets": targets,
        "started": now(),
        "ended": None,
        "outcome": "running",
        "runs": [],
    }


def wait_for_answer(url: str, wanted: str) -> str | None:
    """Return the model once it is listed and answers, the first listed when none is wanted; None in the end.

    A model that is listed may refuse requests for a moment more, until its frontend has found the workers.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        listed = models(url)
        if listed and wanted in ("", *listed):
            problem = ask(url, wanted or listed[0])
            if not problem:
                return wanted or listed[0]
            log.info("waiting for an answer of %s: %s", wanted or listed[0], problem)
        else:
            log.info("waiting for %s, listed now: %s", wanted or "a model", ", ".join(listed) or "none")
        time.sleep(POLL_SECONDS)
    return None


def models(url: str) -> list[str]:
    """Return the models that the frontend lists; none while it cannot be reached."""
    try:
        with urllib.request.urlopen(request(f"{url}/v1/models"), timeout=10) as answer:
            return [entry["id"] for entry in json.load(answer)["data"]]
    except UNANSWERED:
        return []


def ask(url: str, model: str) -> str:
    """Ask for one token; return what is wrong with the answer, nothing when it is served."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 1}
    try:
        with urllib.request.urlopen(
            request(f"{url}/v1/chat/completions", body), timeout=ANSWER_SECONDS
        ) as answer:
            return "" if json.load(answer)["choices"] else "an answer without choices"
    except UNANSWERED as error:
        return f"{type(error).__name__}: {error}"


def request(url: str, body: dict[str, Any] | None = None) -> urllib.request.Request:
    """Return a request with the headers that the recipe has for all of them."""
    headers = {"Content-Type": "application/json", **extra_headers()}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.Request(url, data, headers)


def extra_headers() -> dict[str, str]:
    """Return the recipe's own headers."""
    found: dict[str, str] = json.loads(os.environ.get("HEADERS") or "{}")
    return found


def gpus() -> int | None:
    """Return the GPUs of the graph; None when nobody said."""
    return int(os.environ.get("GPUS") or 0) or None


def loads(config: dict[str, Any], folder: Path) -> list[Run]:
    """Return the runs, in order. No two share a seed, so none finds the prompts of another one cached."""
    if "TRACE" in os.environ:
        return traced(config, Path(os.environ["TRACE"]), folder)
    made = []
    for shape in config["shapes"]:
        for concurrency in config["concurrency"]:
            words = f"{shape['isl']} in, {shape['osl']} out, concurrency {concurrency}"
            name = f"isl-{shape['isl']}-osl-{shape['osl']}-concurrency-{concurrency}"
            requests = concurrency * config["requestsPerConcurrency"]
            made.append(Run(name, words, requests, concurrency, **shape, seed=100 + len(made)))
    return made


def traced(config: dict[str, Any], trace: Path, folder: Path) -> list[Run]:
    """Return the runs of a trace, whose lines are laid beside the results."""
    raw = trace.read_bytes()
    raw = gzip.decompress(raw) if trace.suffix == ".gz" else raw
    (folder / "trace.jsonl").write_bytes(raw)
    count = sum(1 for line in raw.splitlines() if line.strip())
    if not config["trace"].get("concurrency"):
        return [Run("trace", "trace, recorded times", count)]
    return [
        Run(f"trace-concurrency-{number}", f"trace, concurrency {number}", count, number, seed=100 + index)
        for index, number in enumerate(config["trace"]["concurrency"])
    ]


def stop(_number: int, _frame: FrameType | None) -> None:
    """Break off what is measured. A second signal must not break off what is then written down."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise StoppedError


def measure_all(runs: list[Run], record: dict[str, Any], config: dict[str, Any], folder: Path) -> None:
    """Measure one load after the other; each result is on the volume before the next one begins."""
    if not runs[0].isl:
        log.info("warming up with %d short requests", WARM_UP)
        for _ in range(WARM_UP):
            ask(record["url"], record["model"])
    for run in runs:
        measure(run, record, config, folder)
        record["runs"] = [asdict(each) for each in runs if each.figures or each.problem]
        write(folder, record)


def measure(run: Run, record: dict[str, Any], config: dict[str, Any], folder: Path) -> None:
    """Run aiperf once, and note what it found; the log outlives the pod's own volume."""
    log.info("measuring %s: %s, %d requests", record["model"], run.words, run.requests)
    done = subprocess.run(command(run, record, config, folder), check=False).returncode
    try:
        found = json.loads((folder / run.name / RESULT).read_text(encoding="utf-8"))
        record["aiperf"] = found.get("aiperf_version")
        run.failed = run.requests - answered(found)
        run.figures = figures(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        run.problem = f"no result: {error}"
    if done:
        run.problem = f"aiperf ended with code {done}"
    if run.problem:
        log.error("%s: %s", run.words, run.problem)
    for complaint, count in complaints(folder / run.name / RECORDS).most_common(5):
        log.error("%s: %d requests failed with %s", run.words, count, complaint)
    log.info("RESULT %s", json.dumps({"run": run.name, "failed": run.failed, **run.figures}))


def complaints(records: Path) -> Counter[str]:
    """Return what requests failed with, and how many did; aiperf writes no result when all of them fail."""
    found: Counter[str] = Counter()
    if records.is_file():
        for line in records.read_text(encoding="utf-8").splitlines():
            try:
                error = json.loads(line).get("error")
            except ValueError:
                # aiperf was killed while it wrote.
                continue
            if error:
                found[
                    f"{error.get('code', '')} {error.get('type', '')}: {error.get('message', '')}"[:300]
                ] += 1
    return found


def command(run: Run, record: dict[str, Any], config: dict[str, Any], folder: Path) -> list[str]:
    """Return the aiperf call of a run. The server counts the tokens: words cut anew are not those it made."""
    made = [
        *(os.environ["AIPERF"], "profile", "--model", record["model"], "--url", record["url"]),
        *("--endpoint-type", "chat", "--streaming", "--ui", "simple", "--random-seed", str(run.seed)),
        *("--use-server-token-count", "--extra-inputs", "ignore_eos:true"),
        *("--request-timeout-seconds", "1800", "--artifact-dir", str(folder / run.name)),
    ]
    if os.environ.get("TOKENIZER") and "--tokenizer" not in config.get("args", []):
        made += ["--tokenizer", os.environ["TOKENIZER"]]
    for name, value in extra_headers().items():
        made += ["--header", f"{name}:{value}"]
    if run.isl:
        # Warm-up takes its prompts from the same heap: with as many as both need, none is asked for twice.
        made += [
            *("--synthetic-input-tokens-mean", str(run.isl), "--synthetic-input-tokens-stddev", "0"),
            *("--output-tokens-mean", str(run.osl), "--output-tokens-stddev", "0"),
            *("--extra-inputs", f"max_tokens:{run.osl}", "--extra-inputs", f"min_tokens:{run.osl}"),
            *("--warmup-request-count", str(run.concurrency)),
            *("--num-dataset-entries", str(run.requests + (run.concurrency or 0))),
        ]
    else:
        trace = str(folder / "trace.jsonl")
        made += ["--input-file", trace, "--custom-dataset-type", "mooncake_trace"]
    if run.concurrency:
        made += ["--concurrency", str(run.concurrency), "--request-count", str(run.requests)]
        made += [] if run.isl else ["--no-fixed-schedule"]
    return made + list(config.get("args", []))


def answered(found: dict[str, Any]) -> int:
    """Return the requests that got all the tokens they asked for.

    aiperf counts as a success what was cut off in the middle, and ends with 0 while one request succeeds.
    """
    short = (found.get("osl_mismatch_count") or {}).get("avg", 0)
    counted = (found.get("output_sequence_length") or {}).get("count", 0)
    return int(counted - short)


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that people compare, and the throughput of one GPU where their number is known."""
    kept = {
        name: {key: found[name][key] for key in STATISTICS if key in found[name]}
        for name in FIGURES
        if found.get(name)
    }
    number, throughput = gpus(), kept.get("output_token_throughput", {}).get("avg")
    if number and throughput is not None:
        kept["output_token_throughput_per_gpu"] = {"avg": throughput / number}
    return kept


def judge(runs: list[Run], targets: dict[str, Any]) -> None:
    """Hold every run to the share of failures and the times, and the best of each shape to the throughput."""
    percentile = f"p{targets['percentile']}"
    best = {id(run) for run in best_of_each_shape(runs)}
    for run in runs:
        failed = run.requests if run.failed is None else run.failed
        share, most = failed / max(run.requests, 1), targets["errorRate"]
        verdict(run, "requests failed", f"{failed} of {run.requests}", f"at most {most:.4g}", share <= most)
        for figure, words, target in (
            ("time_to_first_token", "TTFT", targets.get("ttftMilliseconds")),
            ("inter_token_latency", "ITL", targets.get("itlMilliseconds")),
        ):
            seen = run.figures.get(figure, {}).get(percentile)
            held = None if target is None else seen is not None and seen <= target
            verdict(run, f"{words} {percentile}, ms", shown(seen), limit("at most", target), held)
        target = targets.get("outputTokensPerSecondPerGpu")
        name = "output_token_throughput_per_gpu"
        words = "output tokens/s and GPU"
        seen = run.figures.get(name, {}).get("avg")
        held = None if target is None else seen is not None and seen >= target
        if target is not None and id(run) not in best:
            verdict(run, words, shown(seen), "the best run's", None)
        else:
            note = " (say benchmark.gpus)" if target is not None and gpus() is None else ""
            verdict(run, words, shown(seen) + note, limit("at least", target), held)


def best_of_each_shape(runs: list[Run]) -> list[Run]:
    """Return the run of each shape with the highest throughput; the first where none was measured."""
    best: dict[tuple[int | None, int | None], Run] = {}
    for run in runs:
        other = best.setdefault((run.isl, run.osl), run)
        if throughput_of(run) > throughput_of(other):
            best[run.isl, run.osl] = run
    return list(best.values())


def throughput_of(run: Run) -> float:
    """Return the output tokens per second; 0 when they were not measured."""
    return float(run.figures.get("output_token_throughput", {}).get("avg", 0))


def verdict(run: Run, figure: str, seen: str, target: str, held: bool | None) -> None:
    """Note one figure of a run: held, missed, or held to nothing."""
    run.verdicts.append({"figure": figure, "measured": seen, "target": target, "held": held})


def shown(seen: float | None) -> str:
    """Return a figure for people."""
    return "not measured" if seen is None else f"{seen:,.1f}"


def limit(words: str, target: float | None) -> str:
    """Return a target for people."""
    return "" if target is None else f"{words} {target:g}"


def tabulate(runs: list[Run]) -> str:
    """Return every figure of every run, what it is held to, and whether it is."""
    rows = [["run", "figure", "measured", "target", ""]]
    for run in runs:
        for index, each in enumerate(run.verdicts):
            word = {None: "", True: "ok", False: "MISSED"}[each["held"]]
            rows.append(["" if index else run.words, each["figure"], each["measured"], each["target"], word])
        if run.problem:
            rows.append(["", "run", run.problem, "", "FAILED"])
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def outcome(runs: list[Run]) -> int:
    """Return the exit code of all runs together."""
    if any(run.problem or run.verdicts[0]["held"] is False for run in runs):
        return FAILED
    missed = any(each["held"] is False for run in runs for each in run.verdicts)
    return MISSED if missed else 0


def end(folder: Path, record: dict[str, Any], code: int) -> int:
    """Write down how it ended, and return the exit code."""
    record["outcome"] = {0: "ok", FAILED: "failed", MISSED: "missed"}[code]
    record["ended"] = now()
    write(folder, record)
    log.info("OUTCOME %s", json.dumps({key: value for key, value in record.items() if key != "runs"}))
    return code


def write(folder: Path, record: dict[str, Any]) -> None:
    """Write `run.json`, whole or not at all."""
    temporary = folder / "run.json.tmp"
    temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    temporary.replace(folder / "run.json")


def now() -> str:
    """Return the time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.exit(main())
