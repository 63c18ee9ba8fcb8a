"""`make demo`, as a newcomer types it, with the environment that the tests run in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT


def demo(**environment: str) -> subprocess.CompletedProcess[str]:
    binaries = Path(sys.executable).parent
    return subprocess.run(
        ["make", "--no-print-directory", "--old-file=.venv/.ready", f"BIN={binaries}", "demo"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("dynamo")
def test_the_demo_goes_from_a_recipe_to_a_chat_answer() -> None:
    done = demo()

    assert done.returncode == 0, done.stdout
    assert "DynamoGraphDeployment" in done.stdout
    assert '  ok  chat              "Hello!": word' in done.stdout
    assert "\ngreen: " in done.stdout


def test_without_python_packages_the_demo_ends_after_the_render(tmp_path: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": "/dev/null"}
    done = demo(XDG_CACHE_HOME=str(tmp_path), PIP_NO_CACHE_DIR="1", **nowhere)

    assert done.returncode == 0, done.stdout
    assert "DynamoGraphDeployment" in done.stdout
    assert "could not install dynamo: " in done.stdout
    assert "rendered but not run" in done.stdout
