"""The lab's tools on this machine, and the environment their child processes get."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NAMES = (
    *("helm", "helm3", "helmfile", "promtool", "etcd"),
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"),
)
MISSING = "the lab's tools are not built: run tests/lab/build.sh (about 20 minutes, once)"


def folder() -> Path:
    """Where `build.sh` leaves the links to its tools."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    lab = os.environ.get("RECIPEGEN_LAB") or f"{cache}/recipegen/lab"
    return Path(lab) / "bin"


def missing() -> list[str]:
    """The tools that `build.sh` has not built yet."""
    return [name for name in NAMES if not (folder() / name).exists()]


@dataclass(frozen=True)
class Machine:
    """A user's machine as new: its home is empty and nothing of this one's environment shows."""

    environment: Mapping[str, str]

    def run(
        self, command: Sequence[str], *, stdin: str = "", cwd: Path = ROOT, seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; the caller judges its exit code."""
        return subprocess.run(
            command,
            input=stdin,
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def output(self, command: Sequence[str], *, stdin: str = "", cwd: Path = ROOT) -> str:
        """What a command prints; where it fails, so does the test, with what it said."""
        answer = self.run(command, stdin=stdin, cwd=cwd)
        if answer.returncode:
            message = f"{command} ended with {answer.returncode}: {answer.stderr or answer.stdout}"
            raise AssertionError(message)
        return answer.stdout


def machine(home: Path, tools: Path, kubeconfig: Path | None = None) -> Machine:
    """A new machine with a folder of tools and a `recipegen` of this checkout on its PATH."""
    programs = home / "bin"
    programs.mkdir(parents=True)
    recipegen = programs / "recipegen"
    recipegen.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m recipegen "$@"\n')
    recipegen.chmod(0o755)
    temporary = home / "tmp"
    temporary.mkdir()
    path = (programs, tools, Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin")
    environment = {
        "HOME": str(home),
        "PATH": os.pathsep.join(map(str, path)),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "HELM_CACHE_HOME": str(home / "helm/cache"),
        "HELM_CONFIG_HOME": str(home / "helm/config"),
        "HELM_DATA_HOME": str(home / "helm/data"),
        "HELM_PLUGINS": _plugins(),
        "HELMFILE_CACHE_HOME": str(home / "helmfile"),
        "HELMFILE_UPGRADE_NOTICE_DISABLED": "1",
        "KUBECONFIG": str(kubeconfig or home / "no-cluster"),
    }
    return Machine(environment)


@cache
def _plugins() -> str:
    """The plugin directory that has a real helm-diff, else the one with our stand-in."""
    helm = shutil.which("helm")
    if helm:
        listed = subprocess.run([helm, "plugin", "list"], capture_output=True, text=True, check=False)
        if any(line.split()[:1] == ["diff"] for line in listed.stdout.splitlines()):
            place = [helm, "env", "HELM_PLUGINS"]
            return subprocess.run(place, capture_output=True, text=True, check=True).stdout.strip()
    return str(HERE / "plugins")
