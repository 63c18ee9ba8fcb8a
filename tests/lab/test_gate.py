"""The gate's script against a real API server, with the rights of its rendered Role and no others."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from conftest import ROOT
from lab import processes, repository
from lab.cluster import Cluster
from lab.tools import Machine

CHART = ROOT / "charts" / "platform-ready"
NAMESPACE = "dynamo-system"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@dataclass(frozen=True)
class Gate:
    """The rendered Job of the gate, as its pod would find the world."""

    cluster: Cluster
    job: Any
    account: Path

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the Job's command as a process here, with the pod's variables and token."""
        return subprocess.run(
            [sys.executable, str(CHART / "files" / "wait.py")],
            env=self._environment() | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """Start it, and end it with the block."""
        command = [sys.executable, str(CHART / "files" / "wait.py")]
        with subprocess.Popen(
            command, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _environment(self) -> dict[str, str]:
        (container,) = self.job["spec"]["template"]["spec"]["containers"]
        server = urlsplit(self.cluster.server)
        return {
            **{each["name"]: each["value"] for each in container["env"]},
            "PATH": os.defpath,
            "ACCOUNT": str(self.account),
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT_HTTPS": str(server.port),
            "POLL_SECONDS": "0.1",
            "PYTHONUNBUFFERED": "1",
        }


@pytest.fixture(scope="module")
def gate(
    new_cluster: Callable[[], Cluster],
    new_machine: Callable[[Cluster | None], Machine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Gate:
    """The gate's objects on an empty cluster, and a pod's view of its ServiceAccount."""
    cluster = new_cluster()
    machine = new_machine(cluster)
    where = ["gate", "--namespace", NAMESPACE]
    values = ["--set", "version=1.6.1,timeoutSeconds=10"]
    # Without the hook, for which Helm would wait: no pod runs here.
    machine.output(["helm", "install", *where, str(CHART), "--create-namespace", "--no-hooks", *values])
    job = yaml.safe_load(machine.output(["helm", "get", "hooks", *where]))
    name = job["spec"]["template"]["spec"]["serviceAccountName"]
    account = tmp_path_factory.mktemp("account")
    processes.account(cluster, NAMESPACE, name, account)
    return Gate(cluster, job, account)


# The first that needs the kind, which no other test takes away again.
def test_it_waits_for_the_kind_and_creates_nothing(gate: Gate) -> None:
    with gate.running() as process:
        assert process.stdout is not None
        assert "not yet (404)" in process.stdout.readline()
        gate.cluster.create_kinds(repository.CRDS)
        rest = process.stdout.read()

    graphs = gate.cluster.collection("nvidia.com/v1beta1", "DynamoGraphDeployment", NAMESPACE)
    assert process.wait() == 0
    assert "the operator takes graphs" in rest
    assert graphs is not None
    assert gate.cluster.items(graphs) == []


def test_it_waits_for_the_webhook_and_says_what_is_wrong_when_time_is_up(gate: Gate) -> None:
    if gate.cluster.collection("nvidia.com/v1beta1", "DynamoGraphDeployment", NAMESPACE) is None:
        gate.cluster.create_kinds(repository.CRDS)
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "operator"},
        "webhooks": [
            {
                "name": "graphs.operator.lab",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "clientConfig": {"url": "https://127.0.0.1:1/validate"},
                "rules": [
                    {
                        "apiGroups": ["nvidia.com"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE"],
                        "resources": ["dynamographdeployments"],
                    }
                ],
            }
        ],
    }
    assert gate.cluster.request("POST", WEBHOOKS, webhook)[0] == 201
    answer = gate.run(TIMEOUT_SECONDS="2")

    assert answer.returncode == 1
    assert 'failed calling webhook "graphs.operator.lab"' in answer.stderr
    assert "the operator still takes no graph" in answer.stderr
    gate.cluster.request("DELETE", f"{WEBHOOKS}/operator")
    assert gate.run().returncode == 0


def test_it_may_do_nothing_but_that(gate: Gate) -> None:
    may = {
        (verb, resource)
        for verb in ("create", "get", "list", "update", "delete")
        for group, resource in (("nvidia.com", "dynamographdeployments"), ("", "secrets"), ("", "pods"))
        if _may(gate, verb, group, resource)
    }

    assert may == {("create", "dynamographdeployments")}


def _may(gate: Gate, verb: str, group: str, resource: str) -> bool:
    name = gate.job["spec"]["template"]["spec"]["serviceAccountName"]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{NAMESPACE}:{name}",
            "resourceAttributes": {
                "namespace": NAMESPACE,
                "verb": verb,
                "group": group,
                "resource": resource,
            },
        },
    }
    _, answer = gate.cluster.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])
