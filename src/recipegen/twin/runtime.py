"""Dynamo's published wheels in an environment of their own: installed on first use, found again offline."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recipegen.errors import Problem, ToolError
from recipegen.twin.processes import command

LOCKS = Path(__file__).with_name("locks")
MACHINES = ("x86_64", "aarch64")
INSTALL_SECONDS = 1800


@dataclass(frozen=True)
class Environment:
    """A set of packages that is installed as one."""

    name: str
    requirements: Path
    """Every package with version and hashes."""
    size: str
    """What it takes, for people."""


DYNAMO = Environment(
    "dynamo", LOCKS / "dynamo.txt", "100 MB to download, 350 MB on disk, about half a minute"
)
AIPERF = Environment("aiperf", LOCKS / "aiperf.txt", "300 MB to download, 1.2 GB on disk, about a minute")


def python(environment: Environment, tell: Callable[[str], None]) -> Path:
    """Return the Python of an environment, which is installed first when it is not there.

    It lies in `$XDG_CACHE_HOME/recipegen` (`~/.cache/recipegen`), in a folder named for the exact packages
    and for this Python, so that another release of recipegen installs its own.

    Raises:
        ToolError: when this machine cannot run it, or the packages cannot be had.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        here = f"{platform.system()} on {platform.machine()}"
        hint = "run it in a Linux container or machine; `recipegen render` and `check` work here"
        raise ToolError(
            Problem("tool", (), f"Dynamo's runtime is published for Linux only, this is {here}", hint)
        )
    folder = place(environment)
    found = folder / "bin" / "python"
    ready = folder / ".ready"
    if ready.is_file() and _runs(found):
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_name(f"{folder.name}.lock"), tell):
            if not (ready.is_file() and _runs(found)):
                tell(f"installing {environment.name} into {folder}, once: {environment.size}")
                started = time.monotonic()
                _install(environment, folder)
                ready.touch()
                tell(f"installed {environment.name} in {time.monotonic() - started:.0f} s")
    except OSError as error:
        raise ToolError(f"cannot install {environment.name} into {folder}: {error.strerror}") from error
    return found


def release() -> str:
    """Return the Dynamo release that runs here."""
    line = next(
        line for line in DYNAMO.requirements.read_text().splitlines() if line.startswith("ai-dynamo==")
    )
    return line.removeprefix("ai-dynamo==").split()[0]


def place(environment: Environment) -> Path:
    """Return the folder that an environment is installed into."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(environment.requirements.read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache / "recipegen" / f"{environment.name}-{digest}-python{version}"


def _install(environment: Environment, folder: Path) -> None:
    temporary = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        _fill(environment, folder, temporary)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(environment: Environment, folder: Path, temporary: Path) -> None:
    venv = command(Path(sys.executable), "venv", "--clear", str(folder))
    _run(venv, temporary, "make a virtual environment")
    # The list names every package; Dynamo's own has some that neither frontend nor mocker uses.
    pip = command(folder / "bin" / "python", "pip", "install", "--quiet", "--disable-pip-version-check")
    safely = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    soon = ["--no-input", "--timeout", "20", "--retries", "2"]
    wanted = ["-r", str(environment.requirements)]
    _run([*pip, *safely, *soon, *wanted], temporary, f"install {environment.name}")


def _run(words: list[str], temporary: Path, purpose: str) -> None:
    """Run a command, which ends when this process does and leaves nothing outside the cache."""
    try:
        done = subprocess.run(
            words,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"could not {purpose} within {INSTALL_SECONDS // 60} minutes") from error
    if done.returncode:
        lines = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["no reason given"]
        hint = (
            "it needs access to a Python package index, once; PIP_INDEX_URL names a mirror"
            if "pip" in words
            else ""
        )
        raise ToolError(Problem("tool", (), f"could not {purpose}: {errors[0]}", hint))


def _runs(found: Path) -> bool:
    """Return whether the Python is still there; the one that it came from may have been removed."""
    return os.access(found, os.X_OK)


@contextmanager
def _alone(lock: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Let one process in at a time."""
    with lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"waiting for another recipegen, which holds {lock}")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
