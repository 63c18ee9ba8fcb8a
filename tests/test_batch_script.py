"""The script of the batch, as a process, against a server that speaks OpenAI's HTTP API."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT

FILES = ROOT / "charts/stack/charts/batch/files"
SCRIPT = FILES / "run.py"
MODEL = "Qwen/Qwen3-0.6B"
CHAT = "/v1/chat/completions"


@dataclass
class Server:
    """A frontend that notes what it is asked, and answers as it is told."""

    url: str = ""
    models: list[str] = field(default_factory=lambda: [MODEL])
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    answers: Callable[[str, int], tuple[int, str]] = lambda _text, _time: (200, "{}")
    """Status and body by the text that is asked, and how often it was asked before."""
    seconds: float = 0
    under_way: int = 0
    most_under_way: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    lock: Any = field(default_factory=Lock)

    def text_of(self, body: Any) -> str:
        return str(body["messages"][0]["content"] if "messages" in body else body.get("prompt", ""))


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in state.files:
                self.say(200, state.files[self.path])
            else:
                self.say(200, json.dumps({"data": [{"id": each} for each in state.models]}).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = state.text_of(body)
            with state.lock:
                before = state.asked.count(text)
                state.asked.append(text)
                state.bodies.append(body)
                state.ids.append(self.headers["X-Request-Id"])
                state.under_way += 1
                state.most_under_way = max(state.most_under_way, state.under_way)
            time.sleep(state.seconds)
            status, said = state.answers(text, before)
            with state.lock:
                state.under_way -= 1
            self.say(status, said.encode())

        def say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            # Whoever was stopped listens no more.
            try:
                self.wfile.write(body)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.daemon_threads = True
    Thread(target=found.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{found.server_port}"
    yield state
    found.shutdown()
    found.server_close()


@dataclass
class Batch:
    """A folder with an input, and the script that works on it."""

    folder: Path
    server: Server
    env: dict[str, str] = field(default_factory=dict)

    def write(self, *lines: Any) -> None:
        texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        (self.folder / "input.jsonl").write_text("".join(f"{text}\n" for text in texts))

    def start(
        self, index: int = 0, completions: int = 1, command: list[str] | None = None, **env: str
    ) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "URL": self.server.url,
            "MODEL": MODEL,
            "INPUT": str(self.folder / "input.jsonl"),
            "OUTPUT": str(self.folder / "out"),
            "COMPLETIONS": str(completions),
            "JOB_COMPLETION_INDEX": str(index),
            "CONCURRENCY": "4",
            "POLL_SECONDS": "0.02",
            # Nothing is left behind in the chart, which is packed as it is.
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.env,
            **env,
        }
        command = command or [sys.executable, str(SCRIPT)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def run(self, index: int = 0, completions: int = 1, **more: Any) -> tuple[int, str]:
        """Exit code, and what was said."""
        process = self.start(index, completions, **more)
        _, said = process.communicate(timeout=60)
        return process.returncode, said

    def records(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out" / name).read_text().splitlines()]

    def names(self, name: str) -> list[str | None]:
        return [record["custom_id"] for record in self.records(name)]


@pytest.fixture
def batch(tmp_path: Path, server: Server) -> Batch:
    return Batch(tmp_path, server)


def line(name: str, **changes: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": name}], "max_tokens": 4}
    return {"custom_id": name, "method": "POST", "url": CHAT, "body": body, **changes}


def said(code: str, text: str) -> Callable[[str, int], tuple[int, str]]:
    """Answers with a status where a text is asked, and else as usual."""
    return lambda asked, _: (int(code), '{"error": {"message": "no"}}') if asked == text else (200, "{}")


def test_l36_answers_have_openais_form(batch: Batch) -> None:
    batch.server.answers = lambda *_: (200, '{"id": "chat-1", "choices": []}')
    batch.write(line("a"))
    code, _ = batch.run()
    (record,) = batch.records("output.jsonl")

    assert code == 0
    assert record == {
        "id": record["id"],
        "custom_id": "a",
        "response": {
            "status_code": 200,
            "request_id": record["id"],
            "body": {"id": "chat-1", "choices": []},
        },
        "error": None,
    }
    assert record["id"].startswith("batch_req_")
    assert batch.server.ids == [record["id"]]


def test_l36_each_line_is_answered_once_whatever_the_number_of_indexes(batch: Batch) -> None:
    names = [f"line-{n}" for n in range(11)]
    batch.write(*map(line, names))
    codes = [batch.run(index, 3)[0] for index in range(3)]

    assert codes == [0, 0, 0]
    assert Counter(batch.server.asked) == Counter(names)
    assert set(batch.names("output-00001.jsonl")) == {"line-1", "line-4", "line-7", "line-10"}
    assert batch.names("output.jsonl") == names
    assert batch.names("errors.jsonl") == []


def test_l36_only_the_index_that_is_last_puts_the_files_together(batch: Batch) -> None:
    batch.write(line("a"), line("b"))
    _, early = batch.run(1, 2)
    before = (batch.folder / "out/output.jsonl").exists()
    _, late = batch.run(0, 2)

    assert not before
    assert "the batch is complete" not in early
    assert "the batch is complete" in late
    assert batch.names("output.jsonl") == ["a", "b"]


def test_an_index_without_a_line_is_done_at_once(batch: Batch) -> None:
    batch.write(line("a"))

    assert batch.run(5, 6)[0] == 0
    assert batch.server.asked == []


def test_no_more_requests_are_under_way_than_may_be(batch: Batch) -> None:
    batch.server.seconds = 0.05
    batch.write(*(line(f"line-{n}") for n in range(12)))
    batch.run(CONCURRENCY="3")

    assert batch.server.most_under_way == 3


def test_a_wrong_line_is_an_error_in_the_file_and_no_failure(batch: Batch) -> None:
    wrong = [
        "{half",
        '"text"',
        {**line("x"), "custom_id": None},
        line("a"),
        line("a"),
        line("get", method="GET"),
        line("url", url="/v1/images"),
        line("body", body="text"),
        line("stream", body={"messages": [{"content": "stream"}], "stream": True}),
    ]
    batch.write(*wrong)
    code, _ = batch.run()
    errors = [(record["custom_id"], record["error"]["code"]) for record in batch.records("errors.jsonl")]

    assert code == 0
    assert batch.server.asked == ["a"]
    assert errors == [
        (None, "invalid_json_line"),
        (None, "invalid_json_line"),
        (None, "missing_custom_id"),
        ("a", "duplicate_custom_id"),
        ("get", "invalid_request"),
        ("url", "invalid_request"),
        ("body", "invalid_request"),
        ("stream", "invalid_request"),
    ]
    assert batch.records("errors.jsonl")[3]["error"]["message"] == "line 5 has the custom_id of line 4, 'a'"


def test_a_line_that_the_graph_refuses_is_an_error_with_its_answer(batch: Batch) -> None:
    batch.server.answers = said("400", "b")
    batch.write(line("a"), line("b"))
    code, _ = batch.run()
    (error,) = batch.records("errors.jsonl")

    assert code == 0
    assert batch.names("output.jsonl") == ["a"]
    assert error["error"] is None
    assert error["response"]["status_code"] == 400
    assert error["response"]["body"] == {"error": {"message": "no"}}


def test_a_body_without_a_model_asks_for_the_graphs(batch: Batch) -> None:
    batch.write(line("a", body={"prompt": "a"}, url="/v1/completions"))
    batch.run()

    assert batch.server.bodies == [{"model": MODEL, "prompt": "a"}]


def test_without_a_name_the_first_model_that_is_listed_is_asked(batch: Batch) -> None:
    batch.server.models = ["other", MODEL]
    batch.write(line("a", body={"prompt": "a"}, url="/v1/completions"))
    batch.run(MODEL="")

    assert batch.server.bodies[0]["model"] == "other"


def test_nothing_is_asked_before_the_model_is_served(batch: Batch) -> None:
    batch.server.models = []
    batch.write(line("a"))
    process = batch.start()
    time.sleep(0.6)
    before = list(batch.server.asked)
    batch.server.models = [MODEL]
    process.communicate(timeout=30)

    assert before == []
    assert batch.server.asked == ["a"]
    assert process.returncode == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_line_that_finds_no_room_waits_until_there_is(batch: Batch, status: int) -> None:
    batch.server.answers = lambda _, before: (status, "{}") if before < 7 else (200, "{}")
    batch.write(line("a"))
    code, _ = batch.run(POLL_SECONDS="0.001")

    assert code == 0
    assert len(batch.server.asked) == 8


@pytest.mark.parametrize("answer", [(500, '{"error": 1}'), (200, '{"half'), (200, "[]"), (502, "<html>")])
def test_l36_a_line_without_an_answer_fails_the_index_and_the_next_run_asks_again(
    batch: Batch, answer: tuple[int, str]
) -> None:
    batch.server.answers = lambda text, _: answer if text == "b" else (200, "{}")
    batch.write(line("a"), line("b"))
    code, _ = batch.run()
    (error,) = batch.records("errors-00000.jsonl")
    tried = batch.server.asked.count("b")
    batch.server.answers = lambda *_: (200, "{}")
    again, _ = batch.run()

    assert (code, tried, error["error"]["code"]) == (1, 5, "unanswered")
    assert again == 0
    assert Counter(batch.server.asked) == {"a": 1, "b": 6}
    assert batch.names("output.jsonl") == ["a", "b"]
    assert batch.names("errors.jsonl") == []


def test_a_model_that_goes_away_for_a_while_makes_no_errors(batch: Batch) -> None:
    """Dynamo's frontend answers 404 for a model whose workers are gone."""

    def come_back() -> None:
        time.sleep(0.3)
        batch.server.models.append(MODEL)

    def answers(text: str, before: int) -> tuple[int, str]:
        if text == "b" and before == 0:
            batch.server.models = []
            Thread(target=come_back).start()
            return 404, '{"error": "model not found"}'
        return 200, "{}"

    batch.server.answers = answers
    batch.write(line("a"), line("b"))
    code, _ = batch.run()

    assert code == 0
    assert batch.names("output.jsonl") == ["a", "b"]


def test_another_model_than_the_graphs_is_refused_once(batch: Batch) -> None:
    batch.server.answers = lambda *_: (404, '{"error": "no such model"}')
    batch.write(line("a", body={"model": "other", "prompt": "a"}, url="/v1/completions"))
    code, _ = batch.run()

    assert (code, batch.server.asked) == (0, ["a"])
    assert batch.names("errors.jsonl") == ["a"]


def test_l36_a_batch_that_was_stopped_goes_on_where_it_was(batch: Batch) -> None:
    names = [f"line-{n}" for n in range(40)]
    batch.server.seconds = 0.05
    batch.write(*map(line, names))
    process = batch.start(CONCURRENCY="2")
    while len(batch.server.asked) < 12:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    answered = batch.names("output-00000.jsonl")
    code, _ = batch.run(CONCURRENCY="8")

    assert process.returncode == 1
    assert 0 < len(answered) < 40
    assert {name for name, times in Counter(batch.server.asked).items() if times > 1}.isdisjoint(answered)
    assert code == 0
    assert batch.names("output.jsonl") == names


def test_a_record_that_was_cut_off_is_asked_for_again(batch: Batch) -> None:
    batch.write(line("a"), line("b"))
    batch.run()
    file = batch.folder / "out/output-00000.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    code, _ = batch.run()

    assert code == 0
    assert len(batch.server.asked) == 3
    assert sorted(filter(None, batch.names("output-00000.jsonl"))) == ["a", "b"]


def test_another_number_of_indexes_finds_what_was_answered(batch: Batch) -> None:
    batch.write(*(line(f"line-{n}") for n in range(6)))
    for index in range(3):
        batch.run(index, 3)
    code, _ = batch.run(0, 2)

    assert code == 0
    assert len(batch.server.asked) == 6


def test_a_line_that_says_something_else_is_asked_though_its_name_is_known(batch: Batch) -> None:
    batch.write(line("a"), line("b"))
    batch.run()
    batch.write(line("a"), line("b", body={"prompt": "other"}, url="/v1/completions"))
    batch.run()

    assert sorted(batch.server.asked) == ["a", "b", "other"]
    assert batch.names("output.jsonl") == ["a", "b"]


def test_an_input_at_an_address_is_fetched(batch: Batch) -> None:
    batch.server.files["/batch.jsonl"] = json.dumps(line("a")).encode()
    code, _ = batch.run(INPUT=f"{batch.server.url}/batch.jsonl")

    assert (code, batch.server.asked) == (0, ["a"])


@pytest.mark.parametrize(("text", "words"), [("\n", "has no lines"), (None, "No such file")])
def test_an_input_that_asks_nothing_is_a_failure(batch: Batch, text: str | None, words: str) -> None:
    if text is not None:
        batch.write(text)
    code, told = batch.run()

    assert code == 1
    assert words in told
    assert "Traceback" not in told


def test_a_folder_that_cannot_be_written_is_a_failure_in_words(batch: Batch) -> None:
    batch.write(line("a"))
    (batch.folder / "out").write_text("a file")
    code, told = batch.run()

    assert code == 1
    assert "cannot go on: " in told
    assert "Traceback" not in told


def test_a_disk_that_is_full_fails_the_index(batch: Batch) -> None:
    """A file larger than the process may write stands for it."""
    batch.server.answers = lambda *_: (200, json.dumps({"text": "a" * 4000}))
    batch.write(*(line(f"line-{n}") for n in range(20)))
    limited = f"trap '' XFSZ; ulimit -f 16; exec {sys.executable} {SCRIPT}"
    code, told = batch.run(command=["bash", "-c", limited])

    assert code == 1
    assert "cannot go on: [Errno 27] File too large" in told


@given(count=st.integers(1, 200), completions=st.integers(1, 64))
def test_l36_shares_hold_each_line_once(count: int, completions: int) -> None:
    lines = _module("lines")
    made = [lines.Line(number, str(number), None) for number in range(1, count + 1)]
    shares = [list(lines.share(iter(made), index, completions)) for index in range(completions)]

    assert sorted((line for share in shares for line in share), key=lambda line: line.number) == made
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def _module(name: str) -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"batch_{name}", FILES / f"{name}.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        spec.loader.exec_module(made)
    return made
