# ruff: noqa: INP001 - a script of its own, run in the benchmark's container
"""Measure a Dynamo graph: wait for its model, then one aiperf run for each concurrency.

Everything comes in as environment variables. The exit code is 1 when the model never appears or a run fails.
"""

import json
import logging
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

WAIT_SECONDS = float(os.environ.get("WAIT_SECONDS", "7200"))
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "10"))

# What aiperf calls the figures that a person compares; times are in milliseconds.
FIGURES = (
    "request_throughput",
    "output_token_throughput",
    "time_to_first_token",
    "inter_token_latency",
    "request_latency",
    "request_error_rate",
)
STATISTICS = ("avg", "p50", "p99")

log = logging.getLogger("benchmark")


def main() -> int:
    """Return the exit code: 0 when every run went through."""
    model = wait_for_model(os.environ["URL"], os.environ["MODEL"])
    if model is None:
        log.error("no model at %s after %g s", os.environ["URL"], WAIT_SECONDS)
        return 1
    for concurrency in map(int, os.environ["CONCURRENCY"].split()):
        results = Path(os.environ["RESULTS"], f"concurrency-{concurrency}")
        log.info("measuring %s with concurrency %d", model, concurrency)
        if subprocess.run(command(model, concurrency, results), check=False).returncode:
            log.error("aiperf failed with concurrency %d", concurrency)
            return 1
        # The volume goes with the pod; the log stays readable as long as the Job.
        report(results / "profile_export_aiperf.json")
    return 0


def wait_for_model(url: str, wanted: str) -> str | None:
    """Return the model once it is listed, the first listed when none is wanted, None when time is up."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        listed = models(url)
        if listed and wanted in ("", *listed):
            return wanted or listed[0]
        log.info("waiting for %s, listed now: %s", wanted or "a model", ", ".join(listed) or "none")
        time.sleep(POLL_SECONDS)
    return None


def models(url: str) -> list[str]:
    """Return the models that the frontend lists; none while it cannot be reached."""
    try:
        with urllib.request.urlopen(f"{url}/v1/models", timeout=10) as answer:
            return [entry["id"] for entry in json.load(answer)["data"]]
    except (OSError, ValueError):
        return []


def command(model: str, concurrency: int, results: Path) -> list[str]:
    """Return the aiperf run of one concurrency, warmed up with one request for each in flight."""
    osl = os.environ["OSL"]
    requests = concurrency * int(os.environ["REQUESTS_PER_CONCURRENCY"])
    return [
        *(os.environ["AIPERF"], "profile", "--model", model, "--url", os.environ["URL"]),
        *("--endpoint-type", "chat", "--streaming", "--ui", "simple", "--random-seed", "100"),
        *("--synthetic-input-tokens-mean", os.environ["ISL"], "--synthetic-input-tokens-stddev", "0"),
        *("--output-tokens-mean", osl, "--output-tokens-stddev", "0"),
        *("--extra-inputs", f"max_tokens:{osl}", "--extra-inputs", f"min_tokens:{osl}"),
        *("--extra-inputs", "ignore_eos:true", "--request-timeout-seconds", "1800"),
        *("--concurrency", str(concurrency), "--request-count", str(requests)),
        *("--warmup-request-count", str(concurrency), "--artifact-dir", str(results)),
    ]


def report(result: Path) -> None:
    """Write a run's figures to the log, on one line."""
    found = json.loads(result.read_text())
    figures = {
        name: {key: found[name][key] for key in STATISTICS if key in found[name]}
        for name in FIGURES
        if name in found
    }
    log.info("RESULT %s", json.dumps(figures))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.exit(main())
