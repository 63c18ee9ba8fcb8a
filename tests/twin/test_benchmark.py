"""The recipe's own benchmark with the real aiperf: against the twin, and a server that fails requests."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from conftest import ROOT
from recipegen import pipeline, twin
from recipegen.compile import Bundle
from recipegen.errors import ToolError
from recipegen.twin import hub, runtime

pytestmark = pytest.mark.usefixtures("dynamo", "aiperf")

MODEL = "Qwen/Qwen3-0.6B"
SCRIPT = ROOT / "charts/stack/charts/benchmark/files/run.py"
SMALL: dict[str, Any] = {"isl": 64, "osl": 16, "concurrency": [1, 2], "requestsPerConcurrency": 2}
TRACE = "".join(
    json.dumps({"timestamp": 50 * n, "input_length": 540 + n, "output_length": 8, "hash_ids": [n % 2, 9 + n]})
    + "\n"
    for n in range(6)
)
NOTHING_HELD = {"percentile": 99, "errorRate": 0}


def test_the_benchmark_of_the_recipe_runs_through() -> None:
    verdict = twin.simulate(with_benchmark(config=SMALL), bench=True)

    assert [check for check in verdict.checks if not check.holds] == []
    assert verdict.checks[-1].name == "benchmark"
    assert verdict.checks[-1].detail == (
        "6 requests, none failed: 64 in, 16 out, concurrency 1; 64 in, 16 out, concurrency 2"
    )


def test_a_matrix_runs_whole_and_the_mockers_speed_is_held_against_nobody() -> None:
    shapes = [{"isl": 64, "osl": 16}, {"isl": 128, "osl": 8}]
    config = {"shapes": shapes, "concurrency": [2], "requestsPerConcurrency": 2}
    bundle = with_benchmark(config=config, targets={"ttftMilliseconds": 0.001})
    verdict = twin.simulate(bundle, bench=True)

    assert verdict.checks[-1].holds
    assert verdict.checks[-1].detail == (
        "8 requests, none failed: 64 in, 16 out, concurrency 2; 128 in, 8 out, concurrency 2; "
        "its targets are missed, by the mocker, which says nothing of an engine"
    )


def test_a_trace_is_replayed() -> None:
    verdict = twin.simulate(with_benchmark(config={"trace": {"content": TRACE}}), bench=True)

    assert verdict.checks[-1].detail == "6 requests, none failed: trace, recorded times"
    assert verdict.green


def test_requests_that_the_graph_refuses_are_red() -> None:
    """Longer than the model's context, which a recipe may not say: a careless benchmark calls it a result."""
    long = {"isl": 400, "osl": 16, "concurrency": [1], "requestsPerConcurrency": 2}
    short = {"maxModelLen": 160, "blockSize": 16}
    changes: dict[str, dict[str, Any]] = {"model": {"engine": short}, "benchmark": {"config": long}}
    bundle = with_benchmark(config=SMALL)
    releases = (
        replace(release, values={**release.values, **changes.get(release.labels["component"], {})})
        for release in bundle.releases
    )
    verdict = twin.simulate(replace(bundle, releases=tuple(releases)), bench=True)
    failed = {check.name: check.detail for check in verdict.checks if not check.holds}

    assert list(failed) == ["benchmark"]
    assert failed["benchmark"].startswith("ended with code 1: 400 in, 16 out, concurrency 1: aiperf ended")


def test_a_bundle_without_a_benchmark_has_none_to_run() -> None:
    with pytest.raises(ToolError, match="the recipe renders no benchmark"):
        twin.simulate(pipeline.bundle("qwen-0.6b"), bench=True)


def test_a_trace_that_lies_in_a_cluster_cannot_be_replayed_here() -> None:
    bundle = with_benchmark(config={"trace": {"configMapRef": {"name": "my-trace"}}})

    with pytest.raises(ToolError, match="lies in a ConfigMap of a cluster"):
        twin.simulate(bundle, bench=True)


@pytest.mark.parametrize("fault", ["refused", "empty", "cut off"])
def test_requests_that_fail_in_silence_fail_the_job(
    fault: str, measure: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """aiperf ends with 0 while one request succeeds, and takes an answer that was cut off for a whole one."""
    code, record = measure(fault)
    (run,) = record["runs"]

    assert (code, record["outcome"], run["failed"], run["problem"]) == (1, "failed", 4, "")
    assert run["verdicts"][0]["measured"] == "4 of 20"


def test_failures_within_the_share_that_may_fail_are_let_pass(
    measure: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    code, record = measure("refused", targets={**NOTHING_HELD, "errorRate": 0.25})

    assert (code, record["outcome"], record["runs"][0]["failed"]) == (0, "ok", 4)


def test_a_server_that_answers_everything_is_measured_and_held_to_its_targets(
    measure: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    easy = {"ttftMilliseconds": 60_000, "itlMilliseconds": 60_000, "outputTokensPerSecondPerGpu": 1}
    code, record = measure("none", targets={**NOTHING_HELD, **easy})
    missed, _ = measure("none", targets={**NOTHING_HELD, "ttftMilliseconds": 0.001})

    assert (code, missed) == (0, 3)
    assert record["aiperf"] == "0.13.0"
    assert [each["held"] for each in record["runs"][0]["verdicts"]] == [True] * 4


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs the script and aiperf against a server that fails each fifth request: exit code, run.json."""
    hub.lay_out(tmp_path / "hf", MODEL, None, 32_768)

    def run(fault: str, targets: dict[str, Any] = NOTHING_HELD) -> tuple[int, dict[str, Any]]:
        python = runtime.python(runtime.AIPERF, print)
        config = {
            "shapes": [{"isl": 64, "osl": 16}], "concurrency": [2], "requestsPerConcurrency": 10, "args": [],
        }  # fmt: skip
        results = tmp_path / f"results-{len(list(tmp_path.iterdir()))}"
        with server(fault) as url:
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "HF_HOME": str(tmp_path / "hf"),
                "HF_HUB_OFFLINE": "1",
                "AIPERF": str(python.with_name("aiperf")),
                "CONFIG": json.dumps(config),
                "TARGETS": json.dumps(targets),
                "GPUS": "1",
                "MODEL": MODEL,
                "RESULTS": str(results),
                "URL": url,
            }
            done = subprocess.run(
                [python, SCRIPT], env=environment, capture_output=True, text=True, check=False
            )
        return done.returncode, json.loads((results / "run" / "run.json").read_text())

    return run


@contextmanager
def server(fault: str) -> Iterator[str]:
    """Give the address of a server that streams answers as the OpenAI API does, all but each fifth."""
    streamed = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, json.dumps({"data": [{"id": MODEL}]}))

        def do_POST(self) -> None:
            nonlocal streamed
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not body.get("stream"):
                self.answer(200, json.dumps({"choices": [{"message": {"content": "a"}}]}))
                return
            # Two of them warm up.
            streamed += 1
            faulty = streamed > 2 and streamed % 5 == 0
            if faulty and fault == "refused":
                self.answer(500, '{"error": "out of memory"}')
                return
            tokens = (
                {"empty": 0, "cut off": 5}.get(fault, body["max_tokens"]) if faulty else body["max_tokens"]
            )
            pieces: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": "a"}}]}] * tokens
            usage = {"choices": [], "usage": {"prompt_tokens": 64, "completion_tokens": tokens}}
            pieces += [] if faulty and fault == "cut off" else [usage]
            pieces = [{"object": "chat.completion.chunk", **each} for each in pieces]
            self.answer(200, "".join(f"data: {json.dumps(each)}\n\n" for each in pieces) + "data: [DONE]\n\n")

        def answer(self, status: int, text: str) -> None:
            self.send_response(status)
            kind = "text/event-stream" if text.startswith("data:") else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=found.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        found.server_close()


def with_benchmark(**block: Any) -> Bundle:
    return pipeline.bundle("qwen-0.6b", patches=[{"benchmark": {"enabled": True, **block}}])
