"""The benchmark: its Job, and the script that runs in it."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from recipegen import facts
from recipegen.recipe import BenchmarkConfig
from recipegen.rules import benchmark as rule

Render = Callable[..., list[dict[str, Any]]]

SCRIPT = Path(__file__).parents[2] / "charts" / "stack" / "charts" / "benchmark" / "files" / "run.py"
SHAPE = {"isl": 100, "osl": 20}
CONFIG: dict[str, Any] = {"shapes": [SHAPE], "concurrency": [1, 4], "requestsPerConcurrency": 10, "args": []}
TARGETS: dict[str, Any] = {"percentile": 99, "errorRate": 0}
# Stands in for aiperf: writes its arguments down, leaves the result given for the load, and fails without; at
# `stop` the Job is stopped while it runs.
AIPERF = """\
#!{python}
import json, os, pathlib, signal, sys, time
args = sys.argv[1:]
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(args) + "\\n")
results = pathlib.Path(args[args.index("--artifact-dir") + 1])
results.mkdir(parents=True)
load = args[args.index("--concurrency") + 1] if "--concurrency" in args else "trace"
result = json.loads({results!r}).get(load)
if result == "stop":
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)
if result is None:
    error = {{"error": {{"code": 404, "type": "Not Found", "message": "no such model"}}}}
    (results / "profile_export.jsonl").write_text(json.dumps(error) + "\\n" + '{{"half": ')
    sys.exit(1)
(results / "profile_export_aiperf.json").write_text(json.dumps(result))
"""


def result(answered: int, ttft: float = 100, itl: float = 10, throughput: float = 1000) -> dict[str, Any]:
    """What aiperf leaves of a run with so many whole answers."""
    times = {"time_to_first_token": ttft, "inter_token_latency": itl}
    return {
        "aiperf_version": "0.13.0",
        "output_sequence_length": {"avg": 20, "count": answered},
        "output_token_throughput": {"avg": throughput},
        **{
            name: {"avg": value / 2, "p50": value / 2, "p90": value, "p99": value}
            for name, value in times.items()
        },
    }


@pytest.fixture
def job(render: Render) -> Callable[..., dict[str, Any]]:
    def made(**values: Any) -> dict[str, Any]:
        objects = render({"enabled": True, **values}, chart="benchmark")
        (found,) = [o for o in objects if o["kind"] == "Job"]
        return found

    return made


def environment(job: dict[str, Any]) -> dict[str, str]:
    (main,) = job["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value", "") for entry in main["env"]}


def settings(job: dict[str, Any]) -> dict[str, Any]:
    """What the script is told to measure."""
    found: dict[str, Any] = json.loads(environment(job)["CONFIG"])
    return found


def test_switched_off_makes_nothing(render: Render) -> None:
    assert render({"enabled": False}, chart="benchmark") == []


def test_frontend_of_the_graph_is_measured(job: Callable[..., dict[str, Any]]) -> None:
    made = job(**{"global": {"graph": "other"}})

    assert environment(made)["URL"] == "http://other-frontend:8000"


def test_model_of_the_graph_is_measured(job: Callable[..., dict[str, Any]]) -> None:
    assert environment(job(**{"global": {"model": "Qwen/Qwen3-0.6B"}}))["MODEL"] == "Qwen/Qwen3-0.6B"


def test_load_is_as_stated(job: Callable[..., dict[str, Any]]) -> None:
    config = {"isl": 1048576, "osl": 64, "concurrency": [2, 4], "requestsPerConcurrency": 5}

    assert settings(job(config=config)) == {
        "shapes": [{"isl": 1048576, "osl": 64}],
        "concurrency": [2, 4],
        "requestsPerConcurrency": 5,
        "args": [],
    }


def test_part_of_the_load_leaves_the_rest_at_its_defaults(job: Callable[..., dict[str, Any]]) -> None:
    found = settings(job(config={"isl": 10}))

    assert found["shapes"] == [{"isl": 10, "osl": 128}]
    assert found["concurrency"] == [1, 8, 32]


def test_shapes_stand_in_the_place_of_one(job: Callable[..., dict[str, Any]]) -> None:
    shapes = [{"isl": 8192, "osl": 1024}, {"isl": 1024, "osl": 8192}]

    assert settings(job(config={"shapes": shapes}))["shapes"] == shapes


def test_rules_and_chart_measure_the_same_by_default(job: Callable[..., dict[str, Any]]) -> None:
    shapes = [shape.model_dump() for shape in rule.shapes(BenchmarkConfig())]

    assert settings(job())["shapes"] == shapes


def test_variables_that_the_chart_sets_are_those_that_the_rules_keep_for_it(
    job: Callable[..., dict[str, Any]],
) -> None:
    shared = {"modelDigest": "abc", "tokenizer": "example/model"}
    config = {"trace": {"configMapRef": {"name": "mine"}}}
    found = environment(job(gpus=1, headers={"X-Tenant": "a"}, config=config, **{"global": shared}))

    assert found.keys() == rule.OWNED.keys()


def test_trace_of_a_config_map_is_mounted(job: Callable[..., dict[str, Any]]) -> None:
    made = job(config={"trace": {"configMapRef": {"name": "mine"}, "key": "day.jsonl", "concurrency": [4]}})
    volumes = {volume["name"]: volume for volume in made["spec"]["template"]["spec"]["volumes"]}

    assert volumes["trace"]["configMap"] == {"name": "mine"}
    assert environment(made)["TRACE"] == "/trace/day.jsonl"
    assert settings(made).keys() == {"args", "trace"}
    assert settings(made)["trace"]["concurrency"] == [4]


def test_lines_of_a_trace_lie_beside_the_script_and_name_the_job(render: Render) -> None:
    def made(lines: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
        objects = render({"enabled": True, "config": {"trace": {"content": lines}}}, chart="benchmark")
        by_kind = {item["kind"]: item for item in objects}
        return by_kind["Job"]["metadata"]["name"], by_kind["ConfigMap"], by_kind["Job"]

    one, config_map, job = made('{"input_length": 1}\n{"input_length": 2}\n')
    other, *_ = made('{"input_length": 3}\n')

    assert config_map["data"]["trace.jsonl"] == '{"input_length": 1}\n{"input_length": 2}\n'
    assert environment(job)["TRACE"] == "/scripts/trace.jsonl"
    assert settings(job)["trace"] == {}
    assert one != other


@pytest.mark.parametrize("config", [None, {}])
def test_empty_config_is_the_same_as_none(
    config: dict[str, Any] | None, job: Callable[..., dict[str, Any]]
) -> None:
    assert job(config=config) == job()


def test_aiperf_is_pinned_by_default_and_by_choice(job: Callable[..., dict[str, Any]]) -> None:
    (install,) = job()["spec"]["template"]["spec"]["initContainers"]
    (other,) = job(aiperfVersion="0.14.1")["spec"]["template"]["spec"]["initContainers"]

    assert install["command"][-1] == f"aiperf=={facts.images()['aiperf']}"
    assert other["command"][-1] == "aiperf==0.14.1"


def test_an_image_with_aiperf_installs_nothing(job: Callable[..., dict[str, Any]]) -> None:
    made = job(image="registry.example.com/aiperf:0.13.0", install=False)
    pod = made["spec"]["template"]["spec"]

    assert "initContainers" not in pod
    assert pod["containers"][0]["image"] == "registry.example.com/aiperf:0.13.0"
    assert environment(made)["AIPERF"] == "aiperf"
    assert "PYTHONPATH" not in environment(made)


def test_variables_of_a_mirror_reach_both_containers(job: Callable[..., dict[str, Any]]) -> None:
    mirror = {"name": "PIP_INDEX_URL", "value": "https://pypi.example.com/simple"}
    pod = job(env={"PIP_INDEX_URL": mirror["value"]})["spec"]["template"]["spec"]

    assert all(mirror in container["env"] for container in [*pod["initContainers"], *pod["containers"]])


def test_another_address_is_measured_with_headers(job: Callable[..., dict[str, Any]]) -> None:
    found = environment(job(url="http://gateway.example.com:8080", headers={"X-Tenant": "a: b"}))

    assert found["URL"] == "http://gateway.example.com:8080"
    assert json.loads(found["HEADERS"]) == {"X-Tenant": "a: b"}


def test_results_go_with_the_pod_by_default(job: Callable[..., dict[str, Any]]) -> None:
    volumes = {volume["name"]: volume for volume in job()["spec"]["template"]["spec"]["volumes"]}

    assert volumes["results"]["emptyDir"] == {}


def test_volume_for_results_is_kept(render: Render) -> None:
    values = {"enabled": True, "results": {"size": "5Gi", "storageClass": "nfs"}, "global": {"graph": "qwen"}}
    objects = {item["kind"]: item for item in render(values, chart="benchmark")}
    claim, pod = objects["PersistentVolumeClaim"], objects["Job"]["spec"]["template"]["spec"]

    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["storageClassName"] == "nfs"
    assert {"claimName": claim["metadata"]["name"]} in [
        v.get("persistentVolumeClaim") for v in pod["volumes"]
    ]


def test_volume_that_exists_is_not_made(render: Render) -> None:
    objects = render({"enabled": True, "results": {"claimName": "mine"}}, chart="benchmark")
    (job,) = [item for item in objects if item["kind"] == "Job"]
    volumes = job["spec"]["template"]["spec"]["volumes"]

    assert {item["kind"] for item in objects} == {"ConfigMap", "Job"}
    assert {"claimName": "mine"} in [volume.get("persistentVolumeClaim") for volume in volumes]


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
def frontend() -> Iterator[Callable[..., str]]:
    """Starts a server that lists the models and at first so often says 503, or breaks off; its address."""
    servers = []

    def start(models: list[str], busy: int = 0, status: int = 503) -> str:
        left = busy

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(200 if self.path == "/v1/models" else 404, {"data": [{"id": m} for m in models]})

            def do_POST(self) -> None:
                nonlocal left
                self.rfile.read(int(self.headers["Content-Length"]))
                left -= 1
                self.answer(status if left >= 0 else 200, {"choices": [{"message": {"content": "a"}}]})

            def answer(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                if left >= 0 and self.command == "POST":
                    self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

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


@dataclass(frozen=True)
class Done:
    code: int
    calls: list[list[str]]
    """aiperf's argument lists."""
    log: str
    record: dict[str, Any]
    """What `run.json` says."""

    def options(self, name: str) -> list[str]:
        """The value of one of aiperf's options in each call."""
        return [call[call.index(name) + 1] for call in self.calls]


Script = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Script:
    """Runs the script with a stand-in for aiperf that leaves the results, by concurrency."""
    whole = {"1": result(10), "4": result(40)}

    def script(
        url: str,
        results: dict[str, Any] = whole,
        config: dict[str, Any] = CONFIG,
        targets: dict[str, Any] = TARGETS,
        **more: str,
    ) -> Done:
        calls, aiperf = tmp_path / "calls", tmp_path / "aiperf"
        text = AIPERF.format(python=sys.executable, calls=str(calls), results=json.dumps(results))
        aiperf.write_text(text)
        aiperf.chmod(0o755)
        environment = {
            "AIPERF": str(aiperf),
            "CONFIG": json.dumps(config),
            "TARGETS": json.dumps(targets),
            "RESULTS": str(tmp_path / "results"),
            "RUN": "pod",
            "URL": url,
            "MODEL": "",
            "WAIT_SECONDS": "1",
            "POLL_SECONDS": "0.1",
            **more,
        }
        done = subprocess.run(
            [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False
        )
        lines = calls.read_text().splitlines() if calls.exists() else []
        record = json.loads((tmp_path / "results" / environment["RUN"] / "run.json").read_text())
        return Done(done.returncode, [json.loads(line) for line in lines], done.stderr, record)

    return script


def test_each_concurrency_is_one_run(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"]))

    assert done.code == 0
    assert done.options("--concurrency") == ["1", "4"]
    assert done.options("--request-count") == ["10", "40"]


def test_each_shape_is_measured_with_each_concurrency(run: Script, frontend: Callable[..., str]) -> None:
    shapes = [SHAPE, {"isl": 200, "osl": 5}]
    done = run(frontend(["m"]), config={**CONFIG, "shapes": shapes})

    assert done.options("--synthetic-input-tokens-mean") == ["100", "100", "200", "200"]
    assert done.options("--output-tokens-mean") == ["20", "20", "5", "5"]
    assert done.options("--concurrency") == ["1", "4", "1", "4"]


def test_no_prompt_comes_twice(run: Script, frontend: Callable[..., str]) -> None:
    """A prompt that warmed up, or was part of another run, lies in the prefix cache."""
    done = run(frontend(["m"]))

    assert len(set(done.options("--random-seed"))) == 2
    assert done.options("--num-dataset-entries") == ["11", "44"]


def test_arguments_of_the_recipe_come_last(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"]), config={**CONFIG, "args": ["--tokenizer", "builtin"]})

    assert all(call[-2:] == ["--tokenizer", "builtin"] for call in done.calls)


def test_a_tokenizer_is_named_where_clients_ask_for_another_name(
    run: Script, frontend: Callable[..., str]
) -> None:
    url, own = frontend(["m"]), {**CONFIG, "args": ["--tokenizer", "builtin"]}

    assert set(run(url, TOKENIZER="example/model").options("--tokenizer")) == {"example/model"}
    done = run(url, config=own, TOKENIZER="example/model", RUN="another")
    assert all(call.count("--tokenizer") == 1 for call in done.calls[-2:])
    assert set(done.options("--tokenizer")[-2:]) == {"builtin"}


@pytest.mark.parametrize("zipped", [False, True])
def test_a_trace_is_replayed_at_its_recorded_times(
    zipped: bool, run: Script, frontend: Callable[..., str], tmp_path: Path
) -> None:
    lines = b'{"timestamp": 0, "input_length": 9}\n\n{"timestamp": 5, "input_length": 9}\n'
    trace = tmp_path / ("trace.jsonl.gz" if zipped else "trace.jsonl")
    trace.write_bytes(gzip.compress(lines) if zipped else lines)
    config: dict[str, Any] = {"args": [], "trace": {}}
    done = run(frontend(["m"]), {"trace": result(2)}, config, TRACE=str(trace))
    (call,) = done.calls

    assert (done.code, done.record["runs"][0]["requests"]) == (0, 2)
    assert "--concurrency" not in call
    assert call[call.index("--custom-dataset-type") + 1] == "mooncake_trace"
    assert Path(call[call.index("--input-file") + 1]).read_bytes() == lines


def test_a_trace_with_concurrency_is_one_run_for_each(
    run: Script, frontend: Callable[..., str], tmp_path: Path
) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text('{"timestamp": 0, "input_length": 9}\n')
    config = {"args": [], "trace": {"concurrency": [1, 4]}}
    done = run(frontend(["m"]), {"1": result(1), "4": result(1)}, config, TRACE=str(trace))

    assert done.options("--concurrency") == ["1", "4"]
    assert all("--no-fixed-schedule" in call for call in done.calls)


def test_first_listed_model_is_measured_when_none_is_wanted(
    run: Script, frontend: Callable[..., str]
) -> None:
    done = run(frontend(["first", "second"]))

    assert done.options("--model") == ["first", "first"]
    assert done.record["model"] == "first"


def test_a_listed_model_is_waited_for_until_it_answers(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"], busy=2))

    assert done.code == 0
    assert done.log.count("waiting for an answer of m: HTTPError: HTTP Error 503") == 2


def test_an_answer_that_breaks_off_is_waited_out_too(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"], busy=2, status=200))

    assert done.code == 0
    assert done.log.count("waiting for an answer of m: IncompleteRead") == 2


def test_headers_go_with_every_request(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"]), HEADERS='{"X-Tenant": "a: b"}')

    assert done.options("--header") == ["X-Tenant:a: b"] * 2


def test_figures_that_people_compare_are_in_the_log(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"]), GPUS="4")
    found = [json.loads(line.partition("RESULT ")[2]) for line in done.log.splitlines() if "RESULT " in line]

    assert [each["run"] for each in found] == [
        "isl-100-osl-20-concurrency-1",
        "isl-100-osl-20-concurrency-4",
    ]
    assert found[0]["time_to_first_token"]["p99"] == 100
    assert found[0]["output_token_throughput_per_gpu"] == {"avg": 250}


def test_results_say_what_was_measured_with_what(run: Script, frontend: Callable[..., str]) -> None:
    told = {"GRAPH": "qwen", "MODEL_DIGEST": "abc", "IMAGE": "python:3", "GPUS": "2"}
    record = run(frontend(["m"]), **told).record

    assert {key: record[key] for key in ("graph", "modelDigest", "image", "gpus", "aiperf", "outcome")} == {
        "graph": "qwen",
        "modelDigest": "abc",
        "image": "python:3",
        "gpus": 2,
        "aiperf": "0.13.0",
        "outcome": "ok",
    }
    assert (record["config"], record["targets"]) == (CONFIG, TARGETS)
    assert record["started"] <= record["ended"]
    assert [each["failed"] for each in record["runs"]] == [0, 0]


def test_failed_run_fails_the_job_after_the_others(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"]), {"4": result(40)})

    assert (done.code, len(done.calls), done.record["outcome"]) == (1, 2, "failed")
    assert "concurrency 1: aiperf ended with code 1" in done.log
    assert "1 requests failed with 404 Not Found: no such model" in done.log


def test_a_job_that_is_stopped_says_what_it_has_measured(
    run: Script, frontend: Callable[..., str], tmp_path: Path
) -> None:
    config = {**CONFIG, "concurrency": [1, 4, 8]}
    done = run(frontend(["m"]), {"1": result(10), "4": "stop"}, config)

    assert (done.code, len(done.calls), done.record["outcome"]) == (1, 2, "failed")
    assert [each["problem"] for each in done.record["runs"]] == ["", *["stopped before its end"] * 2]
    assert "10.0" in (tmp_path / "results/pod/table.txt").read_text()


def test_requests_without_a_whole_answer_fail_the_job(run: Script, frontend: Callable[..., str]) -> None:
    """aiperf ends with 0, and leaves out of its counts what it never sent."""
    short = {**result(40), "osl_mismatch_count": {"avg": 3}}
    done = run(frontend(["m"]), {"1": result(9), "4": short})

    assert (done.code, [each["failed"] for each in done.record["runs"]]) == (1, [1, 3])
    assert "1 of 10" in done.log


def test_so_many_failures_as_the_recipe_lets_pass_do_not_fail_the_job(
    run: Script, frontend: Callable[..., str]
) -> None:
    results = {"1": result(9), "4": result(38)}

    assert run(frontend(["m"]), results, targets={**TARGETS, "errorRate": 0.1}).code == 0


@pytest.mark.parametrize(
    ("target", "met", "missed"),
    [("ttftMilliseconds", 100, 99), ("itlMilliseconds", 10, 9.5), ("outputTokensPerSecondPerGpu", 500, 501)],
)
def test_a_target_is_held_or_missed(
    target: str, met: float, missed: float, run: Script, frontend: Callable[..., str]
) -> None:
    url = frontend(["m"])
    held = run(url, targets={**TARGETS, target: met}, GPUS="2", RUN="held")
    other = run(url, targets={**TARGETS, target: missed}, GPUS="2", RUN="missed")

    assert (held.code, held.record["outcome"]) == (0, "ok")
    assert (other.code, other.record["outcome"]) == (3, "missed")
    assert "MISSED" in other.log


def test_times_are_held_at_the_percentile(run: Script, frontend: Callable[..., str]) -> None:
    assert run(frontend(["m"]), targets={**TARGETS, "ttftMilliseconds": 60, "percentile": 50}).code == 0


def test_throughput_is_held_in_the_best_run_of_each_shape(run: Script, frontend: Callable[..., str]) -> None:
    """One request at a time never fills a GPU."""
    results = {"1": result(10, throughput=90), "4": result(40, throughput=900)}
    done = run(frontend(["m"]), results, targets={**TARGETS, "outputTokensPerSecondPerGpu": 800}, GPUS="1")
    verdicts = [run["verdicts"][-1] for run in done.record["runs"]]

    assert done.code == 0
    assert [(each["measured"], each["target"], each["held"]) for each in verdicts] == [
        ("90.0", "the best run's", None),
        ("900.0", "at least 800", True),
    ]


def test_a_target_that_cannot_be_measured_is_missed(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["m"]), targets={**TARGETS, "outputTokensPerSecondPerGpu": 1})

    assert done.code == 3
    assert "not measured (say benchmark.gpus)" in done.log


def test_model_that_never_appears_fails_the_job(run: Script, frontend: Callable[..., str]) -> None:
    done = run(frontend(["other"]), MODEL="wanted", WAIT_SECONDS="0.5")

    assert (done.code, done.calls, done.record["outcome"]) == (1, [], "failed")
    assert "listed now: other" in done.log


def test_frontend_that_cannot_be_reached_is_waited_for(run: Script) -> None:
    done = run("http://127.0.0.1:9", WAIT_SECONDS="0.5")

    assert done.code == 1
    assert "listed now: none" in done.log
