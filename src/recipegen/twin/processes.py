"""The processes of a twin: started together, watched, and stopped together whatever happens."""

import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

from recipegen.errors import Problem, ToolError

LOOPBACK = "127.0.0.1"
LAUNCH = Path(__file__).with_name("launch.py")
PREFIX = "recipegen-twin-"
LOCK = "lock"
COLOUR = re.compile("\x1b\\[[0-9;]*m")
# Dynamo reads DYN_SYSTEM_PORT as a signed 16-bit number; Linux gives connections ports from 32768 on.
PORTS = range(20_000, 32_768)
STOP_SECONDS = 5.0
"""How long a process may take to end after it was asked to."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Process:
    """One running replica of a component."""

    name: str
    """Component and number: `decode-0`."""
    argv: tuple[str, ...]
    """Module and arguments."""
    port: int
    """Where it answers HTTP: the frontend its API, a worker its health and metrics."""
    home: Path
    """The environment that it runs in."""
    log: Path
    popen: subprocess.Popen[bytes]
    ready_after: float | None = None
    """Seconds from its start until it was ready."""

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs, negative for a signal."""
        return self.popen.poll()

    def last_words(self) -> str:
        """Return the last line that it printed, without colours."""
        lines = COLOUR.sub("", self.log.read_text(encoding="utf-8", errors="replace")).splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")

    def peak_mib(self) -> int | None:
        """Return the most memory that it has held so far, in MiB; None when the system does not say."""
        with suppress(OSError, ValueError, StopIteration):
            status = Path(f"/proc/{self.popen.pid}/status").read_text(encoding="ascii")
            line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
            return int(line.split()[1]) // 1024
        return None


class Processes:
    """Starts processes, and has a folder for all that they write; both go when the `with` block is left."""

    def __init__(self) -> None:
        self.running: list[Process] = []

    def start(
        self, python: Path, name: str, argv: tuple[str, ...], env: dict[str, str], port: int = 0
    ) -> Process:
        """Start a module with its arguments, in a process group of its own, with a log in the folder."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as stream:
            popen = subprocess.Popen(
                command(python, *argv),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=self.folder,
                start_new_session=True,
            )
        process = Process(name, argv, port, python.parent.parent, log, popen)
        self.running.append(process)
        return process

    def __enter__(self) -> "Processes":
        _sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        # Held as long as this process lives, however it ends; nobody sees it before it is held.
        self._lock = (self.folder / "unlocked").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.folder / "unlocked").rename(self.folder / LOCK)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second Ctrl-C must not leave half of it behind.
        with _undisturbed():
            for process in self.running:
                _signal(process, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            for process in self.running:
                with suppress(subprocess.TimeoutExpired):
                    process.popen.wait(max(0.0, deadline - time.monotonic()))
            for process in self.running:
                # The group may hold children of a process that has ended.
                _signal(process, signal.SIGKILL)
                process.popen.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
            self._lock.close()


def command(python: Path, *argv: str) -> list[str]:
    """Return what runs a module of an environment so that it ends when this process does."""
    # Unbuffered, for the last words of a process that dies; -P keeps this package off its path.
    return [str(python), "-P", "-u", str(LAUNCH), str(os.getpid()), *argv]


@contextmanager
def reserved(first: int, count: int) -> Iterator[list[int]]:
    """Give ports of the loopback interface that no server has, and no other simulation until it ends.

    Args:
        first: the first of them; 0 for any.
        count: how many.

    Raises:
        ToolError: when the first is in use, or there are not enough.
    """
    with ExitStack() as stack:
        if first and not _reserve(first, stack):
            hint = "another simulation may run; choose another port with --port, 0 for any free one"
            raise ToolError(Problem("tool", (), f"port {first} is in use", hint))
        others = (port for port in random.sample(PORTS, len(PORTS)) if _reserve(port, stack))
        ports = [*([first] if first else []), *islice(others, count - bool(first))]
        if len(ports) < count:
            raise ToolError(f"{len(ports)} ports are free from {PORTS[0]} to {PORTS[-1]}, needed are {count}")
        yield ports


def _reserve(port: int, stack: ExitStack) -> bool:
    """Take a port away from other simulations from now on, not from when its server listens."""
    if not _is_free(port):
        return False
    mark = stack.enter_context(socket.socket(socket.AF_UNIX))
    try:
        # An abstract name: it belongs to this process and goes with it.
        mark.bind(f"\0{PREFIX}{port}")
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connection is fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _sweep() -> None:
    """Remove the folders that killed twins left behind: those whose lock nobody holds any more."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError), lock.open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody interrupt what is done inside."""
    before = {}
    # Only the main thread receives signals, and may say what becomes of them.
    with suppress(ValueError):
        before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for a handler that is not Python's, which cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.popen.pid, number)
