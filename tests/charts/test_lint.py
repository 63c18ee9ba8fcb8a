"""Rules that hold for every chart, whatever it makes."""

import json
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python
import pytest

Render = Callable[..., list[dict[str, Any]]]

STACK = Path(__file__).parents[2] / "charts" / "stack"
CHARTS = {
    "stack": STACK,
    **{folder.name: folder for folder in sorted((STACK / "charts").iterdir())},
    "platform-ready": STACK.parent / "platform-ready",
}
TEMPLATES = sorted(path for folder in CHARTS.values() for path in (folder / "templates").iterdir())
# Everything on, so that a lint sees every template.
EVERYTHING: dict[str, Any] = {
    "model": {
        "name": "Qwen/Qwen3-0.6B",
        "revision": "abc",
        "disaggregation": True,
        "routingPolicy": "kv",
        "endpointPicker": {"enabled": True},
        "cache": {"enabled": True, "storageClass": "nfs"},
        "huggingFaceTokenSecret": "hf",
        "modelExpressUrl": "http://qwen-model-express:8001",
        "rollout": {"maxSurge": 1, "maxUnavailable": "25%", "terminationGraceSeconds": 600},
        "disruptionBudget": {"enabled": True},
        "priorityClass": "high",
        "forwarder": {"image": "registry.example.com/http-forwarder:1.0"},
        "prefill": {"extraConfig": {"content": {"a": 1}}, "env": {"A": "y", "B": "z"}},
        "decode": {"scalingAdapter": True},
    },
    "ingestion": {
        "enabled": True,
        "source": {"model": "Qwen/Qwen3-0.6B", "revision": "abc", "exclude": ["original/*"]},
        "target": {
            "uri": "s3://models/qwen",
            "marker": "s3://models/qwen.complete",
            "secret": "s3",
            "endpoint": "http://minio:9000",
            "region": "us-east-1",
        },
        "scan": {"enabled": True},
        "convert": {"outtype": "f16", "quantize": "q4_0", "uri": "s3://models/qwen-q4_0"},
        "storageClass": "standard",
        "env": {"HF_ENDPOINT": "http://mirror"},
    },
    "gateway": {
        "enabled": True,
        "create": True,
        "gatewayClassName": "c",
        "inferencePool": True,
        "modelHeader": {"value": "M"},
        "externalBackends": {"a": {"model": "a", "host": "a.example.com"}},
    },
    "scaling": {
        "enabled": True,
        "role": "decode",
        "maxReplicas": 4,
        "perWorker": 8,
        "keda": {"prometheus": {"address": "http://a:9090", "query": "b", "wakeQuery": "c"}},
    },
    "modelExpress": {"enabled": True},
    "warmup": {"enabled": True, "images": ["registry.example.com/engine:1"], "placeholders": {"count": 1}},
    "observability": {
        "enabled": True,
        "alerts": {"enabled": True, "targets": {"outputTokensPerSecond": 1}, "workers": {"prefill": 1}},
        "podMonitor": {"enabled": True},
    },
    "benchmark": {"enabled": True},
    "batch": {"enabled": True, "input": {"url": "http://a.example.com/in"}, "output": {"size": "1Gi"}},
    "troubleshooting": {"enabled": True, "clusterRead": True},
    "faultInjection": {
        "enabled": True,
        "acknowledge": "qwen/qwen",
        "allowedNamespaces": ["qwen"],
        "experiments": [
            {"name": "kill-frontend"},
            {"name": "partition"},
            {"name": "stop-nats", "workload": {"kind": "Deployment", "name": "nats"}},
            {"name": "take-node", "node": "node-1"},
            {"name": "load-storage"},
        ],
    },
}
# What belongs to the cluster and to no recipe.
PLATFORM_READY = {"version": "1.6.1"}
# Keys of the blocks whose subchart has another name.
KEYS = {
    "metrics": "observability",
    "model-express": "modelExpress",
    "fault-injection": "faultInjection",
}
INFO = 1
# Evaluates what a user wrote, asks the cluster, or gives another answer each time.
FORBIDDEN = (
    *("tpl", "lookup", "now", "date", "dateInZone", "ago", "uuidv4", "randAlphaNum", "randAlpha"),
    *("randNumeric", "randAscii", "randInt", "randBytes", "shuffle", "genPrivateKey", "genCA"),
    *("genSelfSignedCert", "genSignedCert", "htpasswd", "bcrypt", "derivePassword", "getHostByName"),
)


def actions(path: Path) -> list[str]:
    """The template's actions, without comments and without text in quotes."""
    code = re.sub(r"\{\{-? */\*.*?\*/ *-?\}\}", "", path.read_text(), flags=re.DOTALL)
    return [re.sub(r'"[^"]*"', '""', action) for action in re.findall(r"\{\{(.*?)\}\}", code, re.DOTALL)]


def packed(folder: Path, archives: Path) -> list[str]:
    """Names of all files that Helm takes into the chart and its subcharts."""
    with tarfile.open(helm_python.package(folder, destination=archives)) as archive:
        return sorted(archive.getnames())


def name(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.name}"


def alone(chart: str) -> dict[str, Any]:
    """Values for one chart by itself that show all of its templates."""
    beside = {"stack": EVERYTHING, "platform-ready": PLATFORM_READY}
    found: dict[str, Any] = beside.get(chart) or EVERYTHING[KEYS.get(chart, chart)]
    return found


@pytest.mark.parametrize("chart", CHARTS)
def test_helm_finds_nothing_to_warn_of(chart: str) -> None:
    report = helm_python.lint(CHARTS[chart], alone(chart), strict=True)

    assert [m for m in report["messages"] if m["severity"] != INFO] == []


@pytest.mark.parametrize("chart", CHARTS)
def test_what_tools_leave_behind_is_no_part_of_the_chart(chart: str, tmp_path: Path) -> None:
    copy = tmp_path / chart
    shutil.copytree(CHARTS[chart], copy, ignore=shutil.ignore_patterns("__pycache__"))
    clean = packed(copy, tmp_path)
    for folder in [path.parent for path in copy.rglob("Chart.yaml")]:
        for left in ("__pycache__/run.pyc", "files/__pycache__/run.pyc", "templates/x.yaml~", ".DS_Store"):
            (folder / left).parent.mkdir(parents=True, exist_ok=True)
            (folder / left).write_text("a: 1")

    assert packed(copy, tmp_path) == clean


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_template_calls_nothing_that_surprises(path: Path) -> None:
    words = {word for action in actions(path) for word in re.findall(r"(?<![.$\w])\w+", action)}

    assert not words & set(FORBIDDEN)


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_helper_is_named_for_its_chart(path: Path) -> None:
    chart = path.parent.parent.name
    helpers = re.findall(r'define "([^"]+)"', path.read_text())

    assert all(helper.startswith(f"{chart}.") for helper in helpers)


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.suffix == ".tpl"], ids=name)
def test_helper_comes_with_an_example(path: Path) -> None:
    code = path.read_text()
    helpers = re.findall(r'define "([^"]+)"', code)
    comments = "\n".join(re.findall(r"/\*.*?\*/", code, re.DOTALL))

    assert all(f'include "{helper}"' in comments for helper in helpers)


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.suffix == ".yaml"], ids=name)
def test_template_file_is_named_for_the_one_kind_it_makes(path: Path) -> None:
    kinds = [kind.lower() for kind in re.findall(r"^kind: (\w+)", path.read_text(), re.MULTILINE)]

    assert set(kinds) in ({path.stem}, set()), "a template that makes nothing is a check"


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_object_is_given_a_namespace(path: Path) -> None:
    # Deeper down it is where the subject of a RoleBinding is.
    assert not re.search(r"^  namespace:", path.read_text(), re.MULTILINE)


def test_two_renders_are_the_same(render: Render) -> None:
    assert render(EVERYTHING, namespace="qwen") == render(EVERYTHING, namespace="qwen")


def test_no_shell_variable_is_left_for_somebody_to_fill_in(render: Render) -> None:
    """Grafana's own variables are written without braces, so that the two cannot be mixed up.

    A script is a program of its own, whose variables its shell fills in.
    """
    for item in render(EVERYTHING, namespace="qwen"):
        data = {key: text for key, text in item.get("data", {}).items() if not key.endswith(".sh")}

        assert "${" not in json.dumps({**item, "data": data})


def test_every_object_says_what_it_belongs_to(render: Render) -> None:
    labels = [o["metadata"]["labels"] for o in render(EVERYTHING, namespace="qwen")]
    expected = {"name", "instance", "component", "part-of", "managed-by"}

    assert all({f"app.kubernetes.io/{key}" for key in expected} <= found.keys() for found in labels)


def test_no_two_objects_have_one_name(render: Render) -> None:
    names = [(o["kind"], o["metadata"]["name"]) for o in render(EVERYTHING, namespace="qwen")]

    assert len(set(names)) == len(names)


def test_jobs_stop_trying_and_end(render: Render) -> None:
    jobs = [o["spec"] for o in render(EVERYTHING, namespace="qwen") if o["kind"] == "Job"]

    assert len(jobs) == 7
    assert all({"backoffLimit", "backoffLimitPerIndex"} & spec.keys() for spec in jobs)
    assert all("activeDeadlineSeconds" in spec for spec in jobs)


def test_nobody_has_a_token_of_the_cluster_without_a_role_of_its_own(render: Render) -> None:
    objects = render(EVERYTHING, namespace="qwen")
    pods = [o["spec"]["template"]["spec"] for o in objects if o["kind"] in ("Job", "Deployment")]
    bound = {o["subjects"][0]["name"] for o in objects if o["kind"] == "RoleBinding"}
    with_token = [pod for pod in pods if pod["automountServiceAccountToken"] is not False]

    assert {pod["serviceAccountName"] for pod in with_token} == bound


def test_subcharts_are_those_that_the_parent_lists() -> None:
    with helm_python.Chart.load(STACK) as chart:
        listed = {entry["name"] for entry in chart.metadata["dependencies"]}

    assert listed == CHARTS.keys() - {"stack", "platform-ready"}
