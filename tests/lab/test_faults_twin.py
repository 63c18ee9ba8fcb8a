"""Faults that hit real processes: each pod of the API server is one of Dynamo's frontend or mocker.

A pod that goes takes its process with it, by SIGKILL; a new pod starts a new one. So the recovery that is
measured is that of Dynamo's own discovery and router, with mocked engines that load no weights.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lab import faults
from lab.cluster import Cluster
from lab.pods import Pods, Running
from recipegen import helm, pipeline
from recipegen.twin import _model, graph, runtime
from recipegen.twin.graph import Graph
from recipegen.twin.processes import Process, Processes, reserved
from recipegen.twin.start import is_ready, start_one

pytestmark = pytest.mark.usefixtures("dynamo")

NAMESPACES = (f"twin-{number}" for number in count())
# As fast as the processes of this machine are; a request that waits for a dead worker shows.
PACE = {"PROBE_SECONDS": "0.1", "PROBE_TIMEOUT": "10", "WAIT_SECONDS": "60"}


@contextmanager
def served(cluster: Cluster, namespace: str, variant: str | None) -> Iterator[tuple[str, list[Process]]]:
    """The quickstart recipe's graph as pods with processes in them: its address, and the processes so far."""
    bundle = pipeline.bundle("qwen-0.6b", variant, [{"dynamoNamespace": namespace}])
    (release,) = (r for r in bundle.releases if r.labels["component"] == "model")
    found = graph.read(helm.objects(release), namespace, release.values["name"])
    with Processes() as processes, reserved(0, 12) as ports:
        python = runtime.python(runtime.DYNAMO, print)
        _model(found, processes.folder)
        start = _pods_are_processes(found, processes, python, ports)
        roles = {component.name: component.replicas for component in found.components}
        with Pods(cluster, namespace, faults.GRAPH, roles, start=start):
            yield f"http://127.0.0.1:{ports[0]}", processes.running


def _pods_are_processes(
    found: Graph, processes: Processes, python: Path, ports: list[int]
) -> Callable[[str, str], Running]:
    own = iter(ports[1:])
    components = {component.name: component for component in found.components}

    def start(role: str, name: str) -> Running:
        # One frontend, behind a Service that does not change.
        port = ports[0] if role == "frontend" else next(own)
        process = start_one(found, components[role], name, processes, python=python, port=port)

        def end() -> None:
            with suppress(ProcessLookupError):
                os.killpg(process.popen.pid, signal.SIGKILL)
            process.popen.wait()

        return Running(lambda: is_ready(process), end)

    return start


@pytest.mark.parametrize(
    ("variant", "names"),
    [(None, ["kill-worker", "kill-frontend"]), ("disagg", ["kill-decode", "kill-prefill"])],
    ids=["aggregated", "disaggregated"],
)
def test_dynamo_recovers_from_a_killed_process(
    variant: str | None, names: list[str], cluster: Cluster, tmp_path: Path
) -> None:
    namespace = next(NAMESPACES)
    experiments: list[dict[str, Any]] = [{"name": name, "maxRecoverySeconds": 60} for name in names]
    job = faults.install(cluster, namespace, tmp_path, *experiments, variant=variant)
    with served(cluster, namespace, variant) as (url, running):
        before = len(running)
        code, found, log = job.run(url, **PACE)
        killed = [process.name for process in running if process.code == -signal.SIGKILL]

    assert code == 0, log
    assert [result["verdict"] for result in found] == ["as expected", "as expected"]
    assert sorted(name for result in found for name in result["killed"]) == sorted(killed)
    assert len(running) == before + 2
    # A process has to start, which takes a moment.
    assert all(0.2 < result["recoverySeconds"] < 60 for result in found)
    # Whatever is the only one of its role is missed; of two workers, the other one is there.
    alone = found if variant else [each for each in found if each["experiment"] == "kill-frontend"]
    assert all(result["failed"] > 0 and result["longestOutageSeconds"] > 0 for result in alone)
