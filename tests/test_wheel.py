"""An installed wheel works like the checkout, from any directory."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT
from recipegen import catalog


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of this checkout unpacks to."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    site = folder / "site"
    zipfile.ZipFile(next(folder.glob("*.whl"))).extractall(site)
    return site


def recipegen(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    command = [sys.executable, "-P", "-m", "recipegen", *arguments]
    return subprocess.run(
        command, cwd=installed.parent, env=environment, capture_output=True, text=True, check=False
    )


def test_every_chart_and_recipe_is_in_the_wheel(installed: Path) -> None:
    for folder in ("charts", "recipes"):
        here = {p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file()}
        there = {
            p.relative_to(installed / "recipegen/_data")
            for p in (installed / "recipegen/_data" / folder).rglob("*")
            if p.is_file()
        }

        assert there == here


def test_an_installed_recipegen_renders_with_the_charts_that_came_along(installed: Path) -> None:
    answer = recipegen(installed, "render", "qwen-0.6b")
    expected = answer.stdout.replace(str(installed / "recipegen/_data/charts"), str(catalog.charts()))
    here = subprocess.run(
        [sys.executable, "-m", "recipegen", "render", "qwen-0.6b"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.returncode == 0, answer.stderr
    assert expected == here.stdout
    assert str(installed) in answer.stdout


def test_an_installed_recipegen_renders_objects(installed: Path) -> None:
    answer = recipegen(installed, "check", "qwen-0.6b", "--variant", "disagg")

    assert answer.returncode == 0, answer.stderr
    assert "DynamoGraphDeployment" in answer.stdout
