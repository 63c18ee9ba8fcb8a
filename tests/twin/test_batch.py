"""The recipe's own batch, as rendered, against Dynamo's real frontend: two indexes, every line once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recipegen import helm, pipeline, twin
from recipegen.compile import Bundle

pytestmark = pytest.mark.usefixtures("dynamo")

MODEL = "Qwen/Qwen3-0.6B"


def chat(name: str, **body: Any) -> dict[str, Any]:
    asked = {"messages": [{"role": "user", "content": f"Say {name}."}], "max_tokens": 8, **body}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": asked}


GOOD = [
    *(chat(f"chat-{n}", model=MODEL) for n in range(10)),
    *(chat(f"unnamed-{n}") for n in range(4)),
    *(
        {
            "custom_id": f"text-{n}",
            "method": "POST",
            "url": "/v1/completions",
            "body": {"model": MODEL, "prompt": f"Number {n} is", "max_tokens": 4},
        }
        for n in range(4)
    ),
]
# What Dynamo refuses: a model that it does not serve, and a request without messages.
BAD = [
    chat("no-such-model", model="nobody/nothing"),
    {"custom_id": "no-messages", "method": "POST", "url": "/v1/chat/completions", "body": {"model": MODEL}},
]
LINES = "".join(f"{json.dumps(line)}\n" for line in [*GOOD, *BAD])
NAMES = [line["custom_id"] for line in [*GOOD, *BAD]]


def bundle() -> Bundle:
    batch = {
        "enabled": True,
        "completions": 2,
        "concurrency": 4,
        "input": {"content": LINES},
        "output": {"size": "1Gi"},
    }
    return pipeline.bundle("qwen-0.6b", patches=[{"batch": batch}])


class Pods:
    """What the Job would run, as processes: its container's command, variables and files, places aside."""

    def __init__(self, made: Bundle, folder: Path) -> None:
        (release,) = (each for each in made.releases if each.labels["component"] == "batch")
        objects = {item["kind"]: item for item in helm.objects(release)}
        self.folder, self.job = folder, objects["Job"]
        (self.container,) = self.job["spec"]["template"]["spec"]["containers"]
        scripts = folder / "scripts"
        scripts.mkdir()
        for name, text in objects["ConfigMap"]["data"].items():
            (scripts / name).write_text(text)

    def start(self, url: str, index: int) -> subprocess.Popen[str]:
        env = {entry["name"]: entry["value"] for entry in self.container["env"]}
        env |= {key: env[key].replace("/scripts/", f"{self.folder}/scripts/") for key in ("INPUT",)}
        env |= {"OUTPUT": f"{self.folder}{env['OUTPUT']}", "HOME": str(self.folder), "URL": url}
        env |= {"PATH": os.environ["PATH"], "JOB_COMPLETION_INDEX": str(index), "POLL_SECONDS": "0.1"}
        command = [sys.executable, *self.container["command"][1:-1], str(self.folder / "scripts/run.py")]
        return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)

    def run(self, url: str) -> list[int]:
        """Exit codes of all indexes, which run side by side."""
        running = [self.start(url, index) for index in range(self.job["spec"]["completions"])]
        for process in running:
            process.communicate(timeout=120)
        return [process.returncode for process in running]

    def records(self, pattern: str) -> list[dict[str, Any]]:
        files = sorted(self.folder.glob(f"output/*/{pattern}"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_l36_two_indexes_answer_every_line_once_and_do_nothing_the_second_time(tmp_path: Path) -> None:
    made = bundle()
    pods, codes, times = Pods(made, tmp_path), [], []

    def answer(verdict: twin.Verdict) -> None:
        for _ in range(2):
            codes.append(pods.run(verdict.url))
            times.append({path.name: path.read_bytes() for path in tmp_path.glob("output/*/*.jsonl")})

    twin.simulate(made, while_up=answer)
    by_name = {record["custom_id"]: record for record in pods.records("output.jsonl")}
    refused = {record["custom_id"]: record["response"] for record in pods.records("errors.jsonl")}
    each = Counter(record["custom_id"] for record in pods.records("*-0000?.jsonl"))

    assert codes == [[0, 0], [0, 0]]
    assert each == Counter(NAMES)
    assert list(by_name) == NAMES[: len(GOOD)]
    assert all(record["response"]["status_code"] == 200 for record in by_name.values())
    assert by_name["chat-0"]["response"]["body"]["choices"][0]["message"]["content"]
    assert by_name["text-3"]["response"]["body"]["choices"][0]["text"]
    assert {name: 400 <= response["status_code"] < 500 for name, response in refused.items()} == {
        "no-such-model": True,
        "no-messages": True,
    }
    assert times[0] == times[1]


def test_l36_a_pod_that_is_stopped_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    made = bundle()
    pods, codes, before = Pods(made, tmp_path), [], []

    def answer(verdict: twin.Verdict) -> None:
        first = pods.start(verdict.url, 0)
        while not pods.records("output-00000.jsonl"):
            time.sleep(0.005)
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=30)
        before.extend(pods.records("output-00000.jsonl"))
        codes.extend(pods.run(verdict.url))

    twin.simulate(made, while_up=answer)
    after = pods.records("output-00000.jsonl")

    assert codes == [0, 0]
    # Nothing that was answered is asked again: the very answers stay.
    assert after[: len(before)] == before
    assert Counter(record["custom_id"] for record in pods.records("*-0000?.jsonl")) == Counter(NAMES)
