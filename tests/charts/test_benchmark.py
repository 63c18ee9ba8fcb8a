"""The benchmark: its Job, and the script that runs in it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

Render = Callable[..., list[dict[str, Any]]]

SCRIPT = Path(__file__).parents[2] / "charts" / "stack" / "charts" / "benchmark" / "files" / "run.py"
# Stands in for aiperf: writes its arguments down, leaves a result, and fails where it is told to.
AIPERF = """\
#!{python}
import json, pathlib, sys
args = sys.argv[1:]
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(args) + "\\n")
results = pathlib.Path(args[args.index("--artifact-dir") + 1])
results.mkdir(parents=True)
(results / "profile_export_aiperf.json").write_text('{{"request_latency": {{"avg": 2, "p1": 1}}}}')
sys.exit(args[args.index("--concurrency") + 1] == {broken!r})
"""


@pytest.fixture
def job(render: Render) -> Callable[..., dict[str, Any]]:
    def made(**values: Any) -> dict[str, Any]:
        objects = render({"enabled": True, **values}, chart="benchmark")
        (found,) = [o for o in objects if o["kind"] == "Job"]
        return found

    return made


def environment(job: dict[str, Any]) -> dict[str, str]:
    (main,) = job["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in main["env"]}


def test_switched_off_makes_nothing(render: Render) -> None:
    assert render({"enabled": False}, chart="benchmark") == []


def test_frontend_of_the_graph_is_measured(job: Callable[..., dict[str, Any]]) -> None:
    made = job(**{"global": {"graph": "other"}})

    assert environment(made)["URL"] == "http://other-frontend:8000"


def test_model_of_the_graph_is_measured(job: Callable[..., dict[str, Any]]) -> None:
    assert environment(job(**{"global": {"model": "Qwen/Qwen3-0.6B"}}))["MODEL"] == "Qwen/Qwen3-0.6B"


def test_load_is_as_stated(job: Callable[..., dict[str, Any]]) -> None:
    config = {"isl": 1048576, "osl": 64, "concurrency": [2, 4], "requestsPerConcurrency": 5}
    found = environment(job(config=config))

    assert (found["ISL"], found["OSL"]) == ("1048576", "64")
    assert (found["CONCURRENCY"], found["REQUESTS_PER_CONCURRENCY"]) == ("2 4", "5")


def test_part_of_the_load_leaves_the_rest_at_its_defaults(job: Callable[..., dict[str, Any]]) -> None:
    found = environment(job(config={"isl": 10}))

    assert (found["ISL"], found["OSL"], found["CONCURRENCY"]) == ("10", "128", "1 8 32")


@pytest.mark.parametrize("config", [None, {}])
def test_empty_config_is_the_same_as_none(
    config: dict[str, Any] | None, job: Callable[..., dict[str, Any]]
) -> None:
    assert job(config=config) == job()


def test_aiperf_is_pinned(job: Callable[..., dict[str, Any]]) -> None:
    (install,) = job()["spec"]["template"]["spec"]["initContainers"]

    assert install["command"][-1] == "aiperf==0.13.0"


def test_job_ends_and_does_not_start_over(job: Callable[..., dict[str, Any]]) -> None:
    spec = job()["spec"]

    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] > 0


def test_other_load_is_another_job(job: Callable[..., dict[str, Any]]) -> None:
    assert job(config={"isl": 1})["metadata"]["name"] != job(config={"isl": 2})["metadata"]["name"]


def test_same_load_is_the_same_job(job: Callable[..., dict[str, Any]]) -> None:
    assert job()["metadata"]["name"] == job(config={"isl": 1024})["metadata"]["name"]


def test_other_model_is_another_job(job: Callable[..., dict[str, Any]]) -> None:
    one, two = (job(**{"global": {"modelDigest": digest}})["metadata"]["name"] for digest in ("a", "b"))

    assert one != two


def test_pod_runs_without_privileges(job: Callable[..., dict[str, Any]]) -> None:
    pod = job()["spec"]["template"]["spec"]
    contexts = [c["securityContext"] for c in pod["initContainers"] + pod["containers"]]

    assert pod["securityContext"]["runAsNonRoot"]
    assert all(c["readOnlyRootFilesystem"] and c["capabilities"] == {"drop": ["ALL"]} for c in contexts)


@pytest.fixture
def frontend() -> Iterator[Callable[[list[str]], str]]:
    """Starts a server that lists the models, and returns its address."""
    servers = []

    def start(models: list[str]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/v1/models" else 404)
                self.end_headers()
                self.wfile.write(json.dumps({"data": [{"id": model} for model in models]}).encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, list[list[str]], str]]:
    """Runs the script with a stand-in for aiperf: exit code, aiperf's argument lists, log."""

    def script(url: str, model: str = "", broken: str = "", **more: str) -> tuple[int, list[list[str]], str]:
        calls, aiperf = tmp_path / "calls", tmp_path / "aiperf"
        aiperf.write_text(AIPERF.format(python=sys.executable, calls=str(calls), broken=broken))
        aiperf.chmod(0o755)
        environment = {
            "AIPERF": str(aiperf),
            "RESULTS": str(tmp_path / "results"),
            "URL": url,
            "MODEL": model,
            "ISL": "100",
            "OSL": "20",
            "CONCURRENCY": "1 4",
            "REQUESTS_PER_CONCURRENCY": "10",
            "WAIT_SECONDS": "1",
            "POLL_SECONDS": "0.1",
            **more,
        }
        done = subprocess.run(
            [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False
        )
        lines = calls.read_text().splitlines() if calls.exists() else []
        return done.returncode, [json.loads(line) for line in lines], done.stderr

    return script


def test_each_concurrency_is_one_run(
    run: Callable[..., tuple[int, list[list[str]], str]], frontend: Callable[[list[str]], str]
) -> None:
    code, calls, _ = run(frontend(["m"]))

    assert code == 0
    assert [(c[c.index("--concurrency") + 1], c[c.index("--request-count") + 1]) for c in calls] == [
        ("1", "10"),
        ("4", "40"),
    ]


def test_first_listed_model_is_measured_when_none_is_wanted(
    run: Callable[..., tuple[int, list[list[str]], str]], frontend: Callable[[list[str]], str]
) -> None:
    _, calls, _ = run(frontend(["first", "second"]), CONCURRENCY="1")

    assert calls[0][calls[0].index("--model") + 1] == "first"


def test_figures_that_people_compare_are_in_the_log(
    run: Callable[..., tuple[int, list[list[str]], str]], frontend: Callable[[list[str]], str]
) -> None:
    _, _, log = run(frontend(["m"]), CONCURRENCY="1")

    assert 'RESULT {"request_latency": {"avg": 2}}' in log


def test_failed_run_fails_the_job_and_ends_it(
    run: Callable[..., tuple[int, list[list[str]], str]], frontend: Callable[[list[str]], str]
) -> None:
    code, calls, log = run(frontend(["m"]), broken="1")

    assert (code, len(calls)) == (1, 1)
    assert "aiperf failed with concurrency 1" in log


def test_model_that_never_appears_fails_the_job(
    run: Callable[..., tuple[int, list[list[str]], str]], frontend: Callable[[list[str]], str]
) -> None:
    code, calls, log = run(frontend(["other"]), model="wanted", WAIT_SECONDS="0.5")

    assert (code, calls) == (1, [])
    assert "listed now: other" in log


def test_frontend_that_cannot_be_reached_is_waited_for(
    run: Callable[..., tuple[int, list[list[str]], str]],
) -> None:
    code, _, log = run("http://127.0.0.1:9", WAIT_SECONDS="0.5")

    assert code == 1
    assert "listed now: none" in log
