"""`helm test` of the model chart: its pod, and the script that runs in it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from conftest import ROOT
from recipegen import policy

Render = Callable[..., list[dict[str, Any]]]

SCRIPT = ROOT / "charts/stack/charts/model/files/smoke.py"
MODEL = {"name": "Qwen/Qwen3-0.6B"}


@pytest.fixture
def pod(render: Render) -> dict[str, Any]:
    (found,) = render({"model": MODEL}, tests=True)
    return found


def test_the_pod_is_made_by_helm_test_alone(pod: dict[str, Any], render: Render) -> None:
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert "Pod" not in {item["kind"] for item in render({"model": MODEL})}


def test_the_pod_breaks_no_rule(pod: dict[str, Any]) -> None:
    assert policy.check([pod]) == []


def test_the_pod_runs_the_script_against_the_graphs_frontend(pod: dict[str, Any]) -> None:
    (container,) = pod["spec"]["containers"]

    assert container["command"] == ["python3", "-B", "-c", SCRIPT.read_text()]
    assert {entry["name"]: entry["value"] for entry in container["env"]} == {
        "MODEL": "Qwen/Qwen3-0.6B",
        "URL": "http://qwen-frontend:8000",
    }


def test_kubernetes_finds_no_variable_to_put_into_the_script() -> None:
    assert "$(" not in SCRIPT.read_text()


def test_the_image_is_the_graphs_own(render: Render) -> None:
    backend = {"image": "registry.example.com/mine:1.6.1"}
    (pod,) = render({"model": {**MODEL, "backend": backend}}, tests=True)

    assert pod["spec"]["containers"][0]["image"] == "registry.example.com/mine:1.6.1"


def test_a_graph_of_others_has_no_test(render: Render) -> None:
    assert render({"model": {**MODEL, "deployment": {"create": False}}}, tests=True) == []


def test_a_graph_without_a_frontend_has_no_test(render: Render) -> None:
    assert render({"model": {**MODEL, "frontend": {"replicas": 0}}}, tests=True) == []


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([(200, "hello")], 0, "answers: hello"),
        ([(503, ""), (200, "hello")], 0, "waiting for m: HTTPError: HTTP Error 503"),
        ([(500, "")], 1, "served no chat answer within 0.5 s: HTTPError: HTTP Error 500"),
        ([(200, "")], 1, "an empty answer"),
        ([(200, None)], 1, "IncompleteRead"),
    ],
    ids=["served", "served in the end", "refused", "empty", "broken off"],
)
def test_the_script_ends_with_what_became_of_its_request(
    answers: list[tuple[int, str | None]], code: int, said: str
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, text = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            if text is None:
                self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(json.dumps({"choices": [{"message": {"content": text}}]}).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "PATH": os.environ["PATH"],
        "MODEL": "m",
        "URL": f"http://127.0.0.1:{server.server_port}",
        "WAIT_SECONDS": "0.5",
        "POLL_SECONDS": "0.1",
    }
    done = subprocess.run(
        [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False
    )
    server.shutdown()
    server.server_close()

    assert done.returncode == code
    assert said in done.stderr
