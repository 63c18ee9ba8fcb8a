"""Alerts and queries in Prometheus' own hands: each alert fires when it should, and not otherwise."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from recipegen import helm, pipeline
from recipegen.recipe import AlertName
from recipegen.twin import metrics

NAMESPACE = "qwen-qwen-0-6b"
RUNTIME = "qwen_qwen_0_6b"
# What they are called for the workers of another generation, during a rollout.
NEXT, RUNTIME_NEXT = f"{NAMESPACE}-0a1b2c3d", f"{RUNTIME}_0a1b2c3d"
ALERTS = {
    "enabled": True,
    "targets": {
        "requestP99Seconds": 2, "ttftP99Milliseconds": 500, "outputTokensPerSecond": 1000,
        "gpuUtilization": 0.95, "queuedRequests": 100, "errorRate": 0.01,
    },
}  # fmt: skip
PATCH = {"observability": {"alerts": ALERTS}, "model": {"decode": {"replicas": 2}}}
# A series for each of forty minutes, which is longer than any alert takes.
MINUTES = 40
Series = dict[str, str]
Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """Series under which an alert fires, or does not."""

    alert: AlertName
    when: str
    fires: int
    """How many alerts of that name fire: one for each model, or role."""
    series: Series
    minute: int = 30


def level(value: float) -> str:
    return f"{value}x{MINUTES}"


def growing(by: float) -> str:
    return f"0+{by}x{MINUTES}"


def frontend(name: str, labels: str = "", namespace: str = NAMESPACE) -> str:
    """A metric as a frontend's pod has it, with Dynamo's namespace from the pod's label."""
    return f'{name}{{dynamo_namespace="{namespace}",pod="f-1"{labels}}}'


def histogram(name: str, share_below: dict[str, float], namespace: str = NAMESPACE) -> Series:
    """A hundred requests a minute, with the share of them that each bucket counts."""
    return {
        frontend(f"{name}_bucket", f',model="m",le="{le}"', namespace): growing(100 * share)
        for le, share in share_below.items()
    }


def requests(successes: float, failures: float, error_type: str, model: str = "m") -> Series:
    name, labels = "dynamo_frontend_requests_total", f',model="{model}"'
    return {
        frontend(name, f'{labels},status="success",error_type=""'): growing(successes),
        frontend(name, f'{labels},status="error",error_type="{error_type}"'): growing(failures),
    }


def worker(role: str, pod: str, values: str = level(0), namespace: str = RUNTIME) -> Series:
    """A worker that serves: its endpoint's gauge is there from the start, whatever its value."""
    labels = f'dynamo_endpoint="generate",dynamo_component_type="{role}",namespace="qwen",pod="{pod}"'
    return {f'dynamo_component_inflight_requests{{dynamo_namespace="{namespace}",{labels}}}': values}


ALL_WORKERS = worker("prefill", "p-1") | worker("decode", "d-1") | worker("decode", "d-2")
READY = {frontend("dynamo_frontend_model_ready", ',model="m"'): level(1)}
SLOW = {"2": 0.98, "4": 1.0, "+Inf": 1.0}
FAST = {"2": 1.0, "4": 1.0, "+Inf": 1.0}
LATE = {"0.47": 0.9, "1": 1.0, "+Inf": 1.0}
PROMPT = {"0.47": 1.0, "1": 1.0, "+Inf": 1.0}
DURATION = "dynamo_frontend_request_duration_seconds"
FIRST_TOKEN = "dynamo_frontend_time_to_first_token_seconds"
TOKENS = frontend("dynamo_frontend_output_tokens_total", ',model="m"')
# Of 500 and of 1500 a second.
FEW, ENOUGH = growing(30_000), growing(90_000)
QUEUED = frontend("dynamo_frontend_queued_requests", ',model="m"')
OTHER_QUEUE = frontend("dynamo_frontend_queued_requests", ',model="m"', "qwen-qwen-0-6b-big")
ONE_OF_TWO = requests(9, 9, "overload") | requests(9, 0, "", "n")
GPU = 'DCGM_FI_DEV_GPU_UTIL{namespace="qwen",pod="qwen-0-6b-0-decode-x1",gpu="0"}'
GPU_RENAMED = (
    'DCGM_FI_DEV_GPU_UTIL{exported_namespace="qwen",exported_pod="qwen-0-6b-decode-7f-x1",'
    'namespace="gpu-operator",pod="dcgm-1",gpu="0"}'
)
GPU_OF_ANOTHER = 'DCGM_FI_DEV_GPU_UTIL{namespace="qwen",pod="qwen-0-6b-big-decode-x1",gpu="1"}'

CASES = [
    Case("DynamoRequestsSlow", "two of a hundred take longer", 1, histogram(DURATION, SLOW)),
    Case("DynamoRequestsSlow", "all are in time", 0, histogram(DURATION, FAST)),
    Case("DynamoRequestsSlow", "it is slow for a moment", 0, histogram(DURATION, SLOW), minute=4),
    Case("DynamoRequestsSlow", "another graph is slow", 0, histogram(DURATION, SLOW, "qwen-other")),
    Case("DynamoRequestsSlow", "a new generation is slow", 1, histogram(DURATION, SLOW, NEXT)),
    Case("DynamoRequestsSlow", "nobody asks", 0, histogram(DURATION, dict.fromkeys(SLOW, 0.0))),
    Case("DynamoFirstTokenSlow", "ten of a hundred wait longer", 1, histogram(FIRST_TOKEN, LATE)),
    Case("DynamoFirstTokenSlow", "all are in time", 0, histogram(FIRST_TOKEN, PROMPT)),
    Case("DynamoThroughputLow", "few tokens come and requests wait", 1, {TOKENS: FEW, QUEUED: level(3)}),
    Case("DynamoThroughputLow", "few tokens come and nobody waits", 0, {TOKENS: FEW, QUEUED: level(0)}),
    Case("DynamoThroughputLow", "enough tokens come", 0, {TOKENS: ENOUGH, QUEUED: level(3)}),
    Case("DynamoGPUsBusy", "the GPU is busy", 1, {GPU: level(99)}),
    Case("DynamoGPUsBusy", "the GPU is busy, and its labels are renamed", 1, {GPU_RENAMED: level(99)}),
    Case("DynamoGPUsBusy", "one of two GPUs has room", 0, {GPU: level(99), GPU_RENAMED: level(50)}),
    Case("DynamoGPUsBusy", "the GPU is busy for moments", 0, {GPU: "100 50 " * (MINUTES // 2)}),
    Case("DynamoGPUsBusy", "another graph's GPU is busy", 0, {GPU_OF_ANOTHER: level(99)}),
    Case("DynamoQueueLong", "101 requests wait", 1, {QUEUED: level(101)}),
    Case("DynamoQueueLong", "100 requests wait", 0, {QUEUED: level(100)}),
    Case("DynamoQueueLong", "they wait at another graph", 0, {OTHER_QUEUE: level(999)}),
    Case("DynamoRequestsFail", "two of a hundred fail", 1, requests(98, 2, "internal")),
    Case("DynamoRequestsFail", "one model of two fails", 1, ONE_OF_TWO),
    Case("DynamoRequestsFail", "one of two hundred fails", 0, requests(199, 1, "internal")),
    Case("DynamoRequestsFail", "requests are malformed", 0, requests(50, 50, "validation")),
    Case("DynamoRequestsFail", "clients go away", 0, requests(50, 50, "cancelled")),
    Case("DynamoWorkersMissing", "all serve", 0, ALL_WORKERS),
    Case("DynamoWorkersMissing", "none is left, nor any series", 2, {}),
    Case("DynamoWorkersMissing", "one of two is gone", 1, worker("prefill", "p-1") | worker("decode", "d-1")),
    Case(
        "DynamoWorkersMissing", "one of two goes later", 1,
        worker("prefill", "p-1") | worker("decode", "d-1") | worker("decode", "d-2", "0x10 stale"),
    ),
    Case(
        "DynamoWorkersMissing", "one of two is of the next generation", 0,
        worker("prefill", "p-1") | worker("decode", "d-1") | worker("decode", "d-2", level(0), RUNTIME_NEXT),
    ),
    Case(
        "DynamoWorkersMissing", "the second is another graph's", 1,
        worker("prefill", "p-1") | worker("decode", "d-1") | worker("decode", "d-2", level(0), "qwen_other"),
    ),
    Case("DynamoModelNotReady", "a frontend can route", 0, READY),
    Case("DynamoModelNotReady", "no frontend is there", 1, {}),
    # What Dynamo 1.6.1's frontend does once its last worker is gone: the series ends, and requests get 404.
    Case(
        "DynamoModelNotReady", "the model is gone from the frontend", 1,
        {frontend("dynamo_frontend_model_ready", ',model="m"'): "1x10 stale"},
    ),
    Case(
        "DynamoModelNotReady", "another graph can route", 1,
        {frontend("dynamo_frontend_model_ready", ',model="m"', "qwen-other"): level(1)},
    ),
]  # fmt: skip
# Alert, its description, the labels that its series gave it, and those series.
SAID: list[tuple[AlertName, str, Series, Series]] = [
    (
        "DynamoRequestsSlow", "One request in a hundred for m takes 3s or longer; the target is 2s.",
        {"model": "m"}, histogram(DURATION, SLOW),
    ),
    (
        "DynamoGPUsBusy",
        "For ten minutes the workers' GPUs were busy for 99% of the time; the target is 0.95 of 1.",
        {}, {GPU: level(99)},
    ),
    (
        "DynamoWorkersMissing", "1 of 2 decode replicas serve and are scraped.",
        {}, worker("prefill", "p-1") | worker("decode", "d-1"),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    """What Helm makes of the quickstart recipe with every dashboard and every alert."""
    bundle = pipeline.bundle("qwen-0.6b", "disagg", [PATCH])
    (release,) = [r for r in bundle.releases if r.labels["component"] == "metrics"]
    return helm.objects(release)


@pytest.fixture
def groups(objects: list[dict[str, Any]]) -> Groups:
    (rule,) = [o for o in objects if o["kind"] == "PrometheusRule"]
    return list(rule["spec"]["groups"])


@pytest.fixture
def promtool(lab: Path, groups: Groups, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs promtool in a folder that has the rules in `rules.yaml`."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(lab / "promtool"), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_prometheus_takes_the_rules(promtool: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    answer = promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "9 rules found" in answer.stdout


def test_prometheus_understands_every_query_of_the_dashboards(
    objects: list[dict[str, Any]],
    promtool: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    (config_map,) = [o for o in objects if o["kind"] == "ConfigMap"]
    # Grafana fills this one in from the interval of scraping.
    queries = [e.replace("$__rate_interval", "1m") for e in metrics.expressions([config_map])]
    rules = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(queries)]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    answer = promtool("check", "rules", "queries.yaml")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(queries)} rules found" in answer.stdout


def test_alerts_fire_when_they_should_and_not_otherwise(
    promtool: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    tests = [
        {
            "name": f"{case.alert} when {case.when}",
            "interval": "1m",
            "input_series": listed(case.series),
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{case.minute}m",
                    "exp_samples": [{"labels": "{}", "value": case.fires}],
                }
            ],
        }
        for case in CASES
    ]
    answer = run_tests(promtool, tmp_path, tests)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_is_made_to_fire_and_not_to_fire(groups: Groups) -> None:
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}

    assert {case.alert for case in CASES if case.fires} == alerts
    assert {case.alert for case in CASES if not case.fires} == alerts


def test_alerts_say_what_they_saw(
    groups: Groups, promtool: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    tests = []
    for alert, said, own, series in SAID:
        # Where there are several of one name, those of the first role have been made to fire.
        rule = next(r for group in groups for r in group["rules"] if r["alert"] == alert)
        expected = {
            "exp_labels": {**rule["labels"], **own},
            "exp_annotations": {**rule["annotations"], "description": said},
        }
        test = {"eval_time": "30m", "alertname": alert, "exp_alerts": [expected]}
        tests.append({"interval": "1m", "input_series": listed(series), "alert_rule_test": [test]})
    answer = run_tests(promtool, tmp_path, tests)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def listed(series: Series) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


def run_tests(
    promtool: Callable[..., subprocess.CompletedProcess[str]], folder: Path, tests: list[dict[str, Any]]
) -> subprocess.CompletedProcess[str]:
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(whole))
    return promtool("test", "rules", "tests.yaml")
