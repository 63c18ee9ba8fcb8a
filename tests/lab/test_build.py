"""`build.sh`: what it does where Go is missing, too old, or not needed."""

import shutil
import subprocess
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
    go = programs / "go"
    go.write_text("#!/bin/sh\necho go1.21.4\n")
    go.chmod(0o755)
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


def _build(programs: Path, folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(programs), "RECIPEGEN_LAB": str(folder / "lab")}
    return subprocess.run(
        ["/bin/sh", BUILD, *names], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
