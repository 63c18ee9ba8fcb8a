"""The processes of a twin: started together, watched, and stopped together whatever happens."""

import os
import random
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

from recipegen.errors import ToolError

LAUNCH = Path(__file__).with_name("launch.py")

COLOUR = re.compile("\x1b\\[[0-9;]*m")
# Dynamo reads DYN_SYSTEM_PORT as a signed 16-bit number; Linux gives connections ports from 32768 on.
PORTS = range(20_000, 32_768)
STOP_SECONDS = 5.0
"""How long a process may take to end after it was asked to."""


@dataclass
class Process:
    """One running replica of a component."""

    name: str
    """Component and number: `decode-0`."""
    argv: tuple[str, ...]
    """Module and arguments."""
    port: int
    """Where it answers HTTP: the frontend its API, a worker its health and metrics."""
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
    """Starts processes that write into a folder; leaving the `with` block stops them all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Process] = []

    def start(
        self, python: Path, name: str, argv: tuple[str, ...], env: dict[str, str], port: int = 0
    ) -> Process:
        """Start a module with its arguments, in a process group of its own, with a log in the folder."""
        log = self.folder / f"{name}.log"
        # Unbuffered, for the last words of a process that dies; -P keeps this package off its path.
        command = [str(python), "-P", "-u", str(LAUNCH), str(os.getpid()), *argv]
        with log.open("wb") as stream:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=self.folder,
                start_new_session=True,
            )
        process = Process(name, argv, port, log, popen)
        self.running.append(process)
        return process

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second Ctrl-C must not leave half of them running.
        with _interrupts_ignored():
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


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nothing listens on at this moment.

    Raises:
        ToolError: when there are not enough.
    """
    # At random, so that two twins that start together hardly ever choose the same.
    free = (port for port in random.sample(PORTS, len(PORTS)) if is_free(port))
    found = [*islice(free, count)]
    if len(found) < count:
        raise ToolError(
            f"only {len(found)} free ports between {PORTS[0]} and {PORTS[-1]}, needed are {count}"
        )
    return found


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port of the loopback interface."""
    with socket.socket() as probe:
        # As servers do: a port whose last connection is fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class _interrupts_ignored:  # noqa: N801 - used like a function
    def __enter__(self) -> None:
        self._before = None
        with suppress(ValueError):  # not the main thread, which alone receives them
            self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.popen.pid, number)
