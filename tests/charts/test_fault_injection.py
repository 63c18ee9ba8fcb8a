"""Fault injection: its Job, its rights, its switches, and the parts of its script that need no cluster."""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import helm_python
import pytest
import yaml

from recipegen.recipe import Experiment

Render = Callable[..., list[dict[str, Any]]]

CHART = Path(__file__).parents[2] / "charts" / "stack" / "charts" / "fault-injection"
FILES = CHART / "files"
TABLE = yaml.safe_load((CHART / "experiments.yaml").read_text())
ALLOWED = {"enabled": True, "acknowledge": "qwen/qwen", "allowedNamespaces": ["qwen"]}
NODE = {"name": "take-node", "node": "gpu-7"}
NATS = {"name": "stop-nats", "workload": {"kind": "StatefulSet", "name": "nats"}}


@pytest.fixture
def made(render: Render) -> Callable[..., dict[str, Any]]:
    """The rendered objects by kind, for these experiments."""

    def objects(*experiments: dict[str, Any], **values: Any) -> dict[str, Any]:
        given = {**ALLOWED, "experiments": [*experiments] or [{"name": "kill-worker"}], **values}
        found = render(given, chart="fault-injection", namespace="qwen")
        hooks = [item for item in found if "helm.sh/hook" in item["metadata"].get("annotations", {})]
        named = {item["kind"]: item for item in found if item not in hooks}
        assert len(named) == len(found) - len(hooks)
        return named | {f"{item['kind']} before the end": item for item in hooks}

    return objects


def rules(role: dict[str, Any]) -> set[str]:
    """The rights of a role, one each: `get pods`, `patch nodes/gpu-7`."""
    return {
        f"{verb} {resource}" + (f"/{name}" if name else "")
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
    }


KILL = {"list pods", "delete pods", "get dynamographdeployments/qwen"}
LOOK = KILL - {"delete pods"}


@pytest.mark.parametrize(
    ("experiment", "rights"),
    [
        ({"name": "kill-decode"}, KILL),
        (
            {"name": "partition"},
            LOOK
            | {"create networkpolicies"}
            | {
                f"{v} networkpolicies/qwen-fault-{r}"
                for v in ("get", "delete")
                for r in ("prefill", "decode")
            },
        ),
        (NATS, LOOK | {"get statefulsets/nats", "patch statefulsets/nats"}),
        (NODE, LOOK | {"create pods/eviction"}),
        (
            {"name": "load-storage"},
            KILL | {f"{verb} deployments/qwen-fault-injection-load" for verb in ("get", "patch")},
        ),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_each_experiment_brings_its_rights_and_no_others(
    experiment: dict[str, Any], rights: set[str], made: Callable[..., dict[str, Any]]
) -> None:
    assert rules(made(experiment)["Role"]) == rights


def test_the_cluster_role_knows_one_node_and_is_there_only_for_it(
    made: Callable[..., dict[str, Any]],
) -> None:
    assert "ClusterRole" not in made({"name": "kill-worker"})
    found = made(NODE)

    assert rules(found["ClusterRole"]) == {"get nodes/gpu-7", "patch nodes/gpu-7"}
    assert found["ClusterRoleBinding"]["subjects"][0]["namespace"] == "qwen"


def test_the_load_waits_for_the_script_and_can_write_nowhere(made: Callable[..., dict[str, Any]]) -> None:
    assert "Deployment" not in made({"name": "kill-worker"})
    spec = made({"name": "load-storage"})["Deployment"]["spec"]
    pod = spec["template"]["spec"]
    mounts = {mount["name"]: mount.get("readOnly", False) for mount in pod["containers"][0]["volumeMounts"]}

    assert spec["replicas"] == 0
    assert mounts == {"scripts": True, "data": True, "tmp": False}
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "qwen-model-cache"}} in pod["volumes"]
    other = made({"name": "load-storage", "claim": "weights"})["Deployment"]["spec"]["template"]["spec"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "weights"}} in other["volumes"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"acknowledge": ""}, 'acknowledge is ""; to break qwen/qwen, write acknowledge: qwen/qwen'),
        ({"acknowledge": "qwen/other"}, 'acknowledge is "qwen/other"'),
        ({"allowedNamespaces": ["staging"]}, "namespace qwen is not among allowedNamespaces"),
        ({"experiments": []}, "experiments is empty"),
        ({"experiments": [{"name": "stop-etcd"}]}, "stop-etcd needs workload"),
        ({"experiments": [{"name": "take-node"}]}, "take-node needs node"),
        ({"experiments": [{"name": "kill-worker", "node": "a"}]}, "kill-worker does not take node"),
        ({"experiments": [{"name": "partition"}, {"name": "partition"}]}, "partition stands twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_allowed_is_refused(values: dict[str, Any], words: str, render: Render) -> None:
    given = {**ALLOWED, "experiments": [{"name": "kill-worker"}], **values}
    with pytest.raises(helm_python.HelmError) as refused:
        render(given, chart="fault-injection", namespace="qwen")

    assert words in str(refused.value).replace('\\"', '"')


@pytest.mark.parametrize("namespace", TABLE["refusedNamespaces"])
def test_namespaces_of_the_cluster_are_refused_whatever_is_allowed(namespace: str, render: Render) -> None:
    given = {"enabled": True, "acknowledge": f"{namespace}/qwen", "allowedNamespaces": [namespace]}
    with pytest.raises(helm_python.HelmError, match=f"nothing is broken in namespace {namespace}"):
        render(
            {**given, "experiments": [{"name": "kill-worker"}]}, chart="fault-injection", namespace=namespace
        )


def test_a_switch_alone_does_nothing(render: Render) -> None:
    assert render({"enabled": False}, chart="fault-injection") == []
    with pytest.raises(helm_python.HelmError):
        render({"enabled": True}, chart="fault-injection", namespace="qwen")


def test_another_run_or_another_experiment_is_another_job(made: Callable[..., dict[str, Any]]) -> None:
    name, again, other, later = (
        made(*experiments, run=run)["Job"]["metadata"]["name"]
        for experiments, run in (([], 1), ([], 1), ([{"name": "kill-decode"}], 1), ([], 2))
    )

    assert name == again
    assert len({name, other, later}) == 3


def test_an_empty_key_is_the_same_as_none(made: Callable[..., dict[str, Any]]) -> None:
    found = made({"name": "kill-worker", "maxRecoverySeconds": None, "node": None})

    assert found["Job"]["spec"]["activeDeadlineSeconds"] == made()["Job"]["spec"]["activeDeadlineSeconds"]


def test_the_job_ends_itself_before_kubernetes_does_and_has_time_to_undo(
    made: Callable[..., dict[str, Any]],
) -> None:
    spec = made({"name": "partition", "holdSeconds": 3000, "maxRecoverySeconds": 5000})["Job"]["spec"]

    # Two hours for the graph to come up, then the experiment.
    assert spec["activeDeadlineSeconds"] > 7200 + 3000 + 5000
    assert spec["backoffLimit"] == 0
    # Longer than the script tries to undo while the API server is away.
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > module("api").UNDO_SECONDS


@pytest.mark.parametrize("experiment", [NODE, NATS], ids=["take-node", "stop-nats"])
def test_helm_undoes_before_it_takes_the_rights_away(
    experiment: dict[str, Any], made: Callable[..., dict[str, Any]]
) -> None:
    found = made(experiment)
    undo = found["Job before the end"]

    assert undo["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    run_pod, undo_pod = (job["spec"]["template"]["spec"] for job in (found["Job"], undo))
    assert undo_pod["containers"][0].pop("command")[-1] == "undo"
    assert run_pod["containers"][0].pop("command")[-1] == "run"
    assert run_pod == undo_pod


def test_what_leaves_nothing_behind_needs_nothing_undone(made: Callable[..., dict[str, Any]]) -> None:
    found = made({"name": "kill-frontend"}, {"name": "partition"}, {"name": "load-storage"})

    assert "Job before the end" not in found


def test_the_pod_has_every_file_of_the_script(made: Callable[..., dict[str, Any]]) -> None:
    data = made()["ConfigMap"]["data"]

    assert data.keys() == {"experiments.json", *(path.name for path in FILES.glob("*.py"))}
    assert all(data[path.name] == path.read_text() for path in FILES.glob("*.py"))
    assert json.loads(data["experiments.json"]) == TABLE


def test_the_table_has_the_experiments_and_the_keys_of_the_language() -> None:
    schema = Experiment.model_json_schema(by_alias=True)["properties"]
    taken = {key for row in TABLE["experiments"].values() for key in row.get("keys", [])}

    assert schema["name"]["enum"] == [*TABLE["experiments"]]
    assert taken == schema.keys() - {"name", "maxRecoverySeconds"}
    for row in TABLE["experiments"].values():
        assert {*row.get("requires", [])} <= {*row.get("keys", [])}
        assert ("holdSeconds" in row) == ("holdSeconds" in row.get("keys", []))


def test_the_table_names_actions_that_the_script_has() -> None:
    code = (FILES / "actions.py").read_text()

    assert all(f'    "{row["action"]}": Action(' in code for row in TABLE["experiments"].values())


# ---- the script ---------------------------------------------------------------------------------


def module(name: str) -> ModuleType:
    """A module of the script that needs no other of its modules."""
    spec = importlib.util.spec_from_file_location(f"faults_{name}", FILES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def answers() -> Iterator[tuple[str, list[int]]]:
    """A frontend and how it answers: the status, or 0 for an answer that comes late; the last one stays."""
    waiting = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if not status:
                time.sleep(0.5)
            self.send_response(status or 200)
            self.end_headers()
            self.wfile.write(b'{"choices": [{}]}')

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", waiting
    server.shutdown()
    server.server_close()


def test_requests_go_on_while_one_hangs_and_their_row_begins_behind_it(
    answers: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, waiting = answers
    waiting[:] = [200, 503, 0, 200]
    probes = module("probes")
    monkeypatch.setattr(probes, "INTERVAL", 0.05)
    sent = probes.Probes(url, "m")
    began = time.monotonic()
    sent.start()
    while sent.steady(began) is None:
        assert time.monotonic() - began < 10
        time.sleep(0.01)
    early = sent.steady(began)
    hanging = [probe for probe in sent.since(began) if probe.ended is None]
    sent.stop()
    seen = probes.summary(sent.since(began))

    # Five were answered while the third hung, so it hid nothing.
    assert len(hanging) == 1
    assert early > sent.since(began)[2].sent
    assert (seen.failed, seen.problem.partition(" {")[0]) == (1, "HTTP 503")
    assert 0.5 < seen.slowest < 5
    # From the request that failed until the one behind it was answered, which was the one that hung.
    assert 0.5 < seen.longest_outage < 5


def test_an_outage_lasts_until_a_request_is_answered() -> None:
    probes = module("probes")
    found = [
        probes.Probe(0.0, 0.1),
        probes.Probe(1.0, 1.1, "refused"),
        probes.Probe(2.0, 2.1, "refused"),
        probes.Probe(3.0, 3.4),
        probes.Probe(4.0, 4.1),
    ]
    seen = probes.summary(found)

    assert (seen.sent, seen.failed, seen.longest_outage) == (5, 2, pytest.approx(2.4))
    assert probes.summary(found[:1]).longest_outage == 0


def test_the_load_reads_what_lies_on_the_volume_until_it_is_ended(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "weights").write_bytes(bytes(1 << 20))
    mark = tmp_path / "mark"
    with subprocess.Popen(
        [sys.executable, "-B", FILES / "load.py", tmp_path / "hub"],
        env={"MARK": str(mark)},
        stdout=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 20
        while not mark.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert process.poll() is None
        process.terminate()


def test_a_volume_without_files_is_no_load(tmp_path: Path) -> None:
    command = [sys.executable, "-B", str(FILES / "load.py"), str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stderr) == (1, f"no file below {tmp_path} to read\n")
