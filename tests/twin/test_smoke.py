"""The request of `helm test`, against the twin: the script as the model chart has it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recipegen import helm, pipeline, twin

pytestmark = pytest.mark.usefixtures("dynamo")


def test_helm_tests_request_is_answered_by_dynamos_frontend(tmp_path: Path) -> None:
    bundle = pipeline.bundle("qwen-0.6b")
    (model,) = (release for release in bundle.releases if release.labels["component"] == "model")
    (pod,) = helm.tests(model)
    (container,) = pod["spec"]["containers"]
    done: list[subprocess.CompletedProcess[str]] = []

    def ask(verdict: Any) -> None:
        environment = {entry["name"]: entry["value"] for entry in container["env"]}
        environment |= {"PATH": os.environ["PATH"], "URL": verdict.url, "WAIT_SECONDS": "30"}
        command = [sys.executable, *container["command"][1:]]
        done.append(
            subprocess.run(
                command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
            )
        )

    twin.simulate(bundle, while_up=ask)

    assert done[0].returncode == 0
    assert "Qwen/Qwen3-0.6B answers: " in done[0].stderr
