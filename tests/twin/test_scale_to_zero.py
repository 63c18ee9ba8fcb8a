"""What Dynamo's frontend shows of requests for a model that has no worker: nothing.

This is why `scaling.minReplicas: 0` needs a query of something else (`wakeQuery`), which a rule asks for.
"""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from recipegen import pipeline, twin
from recipegen.twin import client, prompts

pytestmark = pytest.mark.usefixtures("dynamo")

# What moves by itself: the clock, and what Dynamo measures of its own event loop and threads.
BY_ITSELF = ("uptime_seconds", "event_loop", "tokio")
REQUESTS = 5
SECONDS = 30


def test_l25_no_metric_of_dynamos_frontend_moves_for_a_model_without_workers() -> None:
    answers: list[set[int]] = []
    moves: list[dict[str, float]] = []

    def ask(port: int, model: str) -> None:
        before = metrics(port)
        chat = prompts.chat(model, "?", tokens=1)
        answers.append({client.post(port, "/v1/chat/completions", chat).status for _ in range(REQUESTS)})
        after = metrics(port)
        moves.append(
            {name: after[name] - before[name] for name in after | before if after[name] != before[name]}
        )

    def lose_the_worker(verdict: twin.Verdict) -> None:
        port = int(verdict.url.rpartition(":")[2])
        ask(port, verdict.model)
        for worker in workers():
            os.kill(worker, signal.SIGTERM)
        deadline = time.monotonic() + SECONDS
        while client.get(port, "/v1/models").data["data"] and time.monotonic() < deadline:
            time.sleep(0.1)
        ask(port, verdict.model)

    twin.simulate(pipeline.bundle("qwen-0.6b"), requests=1, max_replicas=1, while_up=lose_the_worker)

    assert answers == [{200}, {404}]
    assert moves[0]["dynamo_frontend_requests_total"] == REQUESTS
    assert moves[1] == {}


def metrics(port: int) -> Counter[str]:
    """Every metric that a frontend shows, its series added up, but for what moves by itself."""
    found: Counter[str] = Counter()
    for sample in client.metrics(port):
        if not any(part in sample.name for part in BY_ITSELF):
            found[sample.name] += sample.value  # type: ignore[assignment]
    return found


def workers() -> list[int]:
    """Processes of the mocker that this one has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"dynamo.mocker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
