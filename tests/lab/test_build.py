"""`build.sh`, and `make test` around it: what they do where Go is missing, too old, or not needed."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import tools

BUILD = tools.HERE / "build.sh"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with what the script needs besides Go."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("ln", "mkdir", "sed"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def test_without_go_it_says_which_go_to_install(programs: Path, tmp_path: Path) -> None:
    answer = _build(programs, tmp_path)

    assert answer.returncode == 1
    assert answer.stderr == "lab: Go is missing: install Go 1.26 or newer\n"


def test_a_go_that_is_too_old_is_named(programs: Path, tmp_path: Path) -> None:
    _program(programs / "go", "echo go1.21.4")
    answer = _build(programs, tmp_path)

    assert answer.returncode == 1
    assert answer.stderr == "lab: go1.21.4 is too old: the lab needs Go 1.26 or newer\n"


def test_a_tool_that_is_there_needs_no_go(programs: Path, tmp_path: Path) -> None:
    built = tmp_path / "lab/etcd-3.6.5/etcd"
    built.parent.mkdir(parents=True)
    built.touch(mode=0o755)
    answer = _build(programs, tmp_path, "etcd")

    assert answer.returncode == 0
    assert (tmp_path / "lab/bin/etcd").resolve() == built


@pytest.fixture
def make_test(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Types `make test` where Go is too old, with a Python that only says that it was called."""
    _program(tmp_path / "programs/go", "echo go1.21.4")
    _program(tmp_path / "venv/python", 'echo "called: $*"')

    def typed(**environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path / 'programs'}:/usr/local/bin:/usr/bin:/bin"
        return subprocess.run(
            ["make", "--no-print-directory", "--old-file=.venv/.ready", f"BIN={tmp_path / 'venv'}", "test"],
            cwd=tools.ROOT,
            env={"PATH": path, "RECIPEGEN_LAB": str(tmp_path / "lab"), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    return typed


def test_a_lab_that_cannot_be_built_is_skipped(
    make_test: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    answer = make_test()

    assert (answer.returncode, answer.stdout) == (0, "called: -m pytest\n")
    assert "go1.21.4 is too old" in answer.stderr
    assert "skipped" in answer.stderr


def test_a_lab_that_is_required_and_cannot_be_built_fails(
    make_test: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    answer = make_test(RECIPEGEN_LAB_REQUIRED="1")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert "go1.21.4 is too old" in answer.stderr


def _program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _build(programs: Path, folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(programs), "RECIPEGEN_LAB": str(folder / "lab")}
    return subprocess.run(
        ["/bin/sh", BUILD, *names], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
