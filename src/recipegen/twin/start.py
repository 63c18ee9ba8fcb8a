"""Start a graph's components as processes, and wait until they serve."""

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from recipegen.errors import Problem, ToolError
from recipegen.twin import client, mocker, prompts
from recipegen.twin.graph import FRONTEND, Component, Graph, option
from recipegen.twin.processes import LOOPBACK, Process, Processes
from recipegen.twin.scene import Check, Scene

MAX_PROCESSES = 32
# So that nobody waits for the time that a GPU would take.
SPEEDUP = ("--speedup-ratio", "10")
START_SECONDS = 60.0
MODEL_SECONDS = 30.0
HALF_SECONDS = 5.0
POLL_SECONDS = 0.05
# How Dynamo's programs end when they do not accept their arguments; anything else that ends them is a fault.
REFUSAL = re.compile(r"error: .*|Unknown arguments specified: .*|ValueError: .*")
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")

Tell = Callable[[str], None]


def cap(graph: Graph, replicas: int) -> Graph:
    """Return the graph with at most so many replicas of each component.

    Raises:
        ToolError: when even that is more than one machine should run.
    """
    frontend, *workers = (replace(c, replicas=min(c.replicas, replicas)) for c in graph.components)
    total = sum(component.replicas for component in (frontend, *workers))
    if total > MAX_PROCESSES:
        hint = f"give a smaller number than --max-replicas {replicas}"
        problem = f"the graph would take {total} processes, at most {MAX_PROCESSES} are allowed"
        raise ToolError(Problem("tool", (), problem, hint))
    return replace(graph, frontend=frontend, workers=tuple(workers))


def start(graph: Graph, processes: Processes, python: Path, ports: Sequence[int]) -> Scene:
    """Start all replicas at once, each with a port of its own, the first frontend with the first."""
    free = iter(ports)
    started: dict[str, list[Process]] = {component.name: [] for component in graph.components}
    for component in graph.components:
        for number in range(component.replicas):
            name = f"{component.name}-{number}"
            process = start_one(graph, component, name, processes, python=python, port=next(free))
            started[component.name].append(process)
    return Scene(graph, started)


def start_one(
    graph: Graph, component: Component, name: str, processes: Processes, *, python: Path, port: int
) -> Process:
    """Start one replica of a component, called `name`."""
    env = _environment(graph, component, port, processes.folder)
    return processes.start(python, name, _argv(component, port), env, port)


def components_ready(scene: Scene, tell: Tell, status: Tell) -> Check:
    """Wait for every process to be ready.

    Raises:
        ToolError: when one dies for another reason than its arguments.
    """
    began = time.monotonic()
    waiting = scene.all
    while waiting and time.monotonic() - began < START_SECONDS:
        status(f"starting {', '.join(process.name for process in waiting)}")
        refused = _refused(scene)
        if refused:
            return Check("components", holds=False, detail="; ".join(refused))
        for process in waiting:
            if is_ready(process):
                process.ready_after = time.monotonic() - began
                tell(f"{process.name} is ready after {process.ready_after:.1f} s: {' '.join(process.argv)}")
        waiting = [process for process in waiting if process.ready_after is None]
        time.sleep(POLL_SECONDS)
    if waiting:
        words = "; ".join(f"{process.name}, which said last: {process.last_words()}" for process in waiting)
        return Check("components", holds=False, detail=f"not ready within {START_SECONDS:.0f} s: {words}")
    counts = ", ".join(f"{len(each)} {name}" for name, each in scene.processes.items())
    return Check("components", holds=True, detail=f"{counts}, all up")


def model_served(scene: Scene, model: str, tell: Tell, status: Tell) -> Check:
    """Wait until every frontend lists the model, knows every worker and answers a request.

    Raises:
        ToolError: when a process dies.
    """
    began = time.monotonic()
    absent = {"prefill", "decode"} - {name for name, each in scene.workers.items() if each}
    # Half of a pair will wait for ever; anything else may only be slow.
    seconds = HALF_SECONDS if len(absent) == 1 else MODEL_SECONDS
    missing = "nobody was asked"
    while missing and time.monotonic() - began < seconds:
        status(f"waiting until {model} is served")
        all_alive(scene)
        time.sleep(POLL_SECONDS)
        missing = next(filter(None, (_missing(f, scene, model) for f in scene.frontends)), "")
    if missing:
        alone = f"; the graph has no {absent.pop()} worker" if len(absent) == 1 else ""
        detail = f"{seconds:.0f} s after all components were up {missing}{alone}"
        return Check("model", holds=False, detail=detail)
    tell(f"{model} answers, {time.monotonic() - began:.1f} s later")
    frontends = f" at each of {len(scene.frontends)} frontends" if len(scene.frontends) > 1 else ""
    return Check("model", holds=True, detail=f"/v1/models lists {model}{frontends}")


def all_alive(scene: Scene) -> None:
    """Raise a ToolError when a process has ended."""
    ended = [process for process in scene.all if process.code is not None]
    if not ended:
        return
    words = "; ".join(f"{p.name} ended with code {p.code}: {p.last_words()}" for p in ended)
    hint = ""
    if any("No module named" in process.last_words() for process in ended):
        hint = "what needs an engine's own packages cannot be simulated; if nothing does, the installation"
        hint += f" is broken: rm -r {ended[0].home}"
    raise ToolError(Problem("tool", (), f"the runtime died: {words}", hint))


def _missing(frontend: Process, scene: Scene, model: str) -> str:
    """Return what the model still lacks to be served, in words; nothing when it is."""
    port = frontend.port
    listed = [entry["id"] for entry in client.get(port, "/v1/models").data.get("data", [])]
    if model not in listed:
        return f"/v1/models lists {', '.join(listed) or 'nothing'}"
    instances = client.get(port, "/health").data.get("instances", [])
    known = sum(instance.get("endpoint") == "generate" for instance in instances)
    workers = sum(map(len, scene.workers.values()))
    if known < workers:
        return f"{frontend.name} knows {known} of {workers} workers"
    # Listed is not yet ready: for a moment the frontend answers 503.
    answer = client.post(port, "/v1/chat/completions", prompts.chat(model, "?", tokens=1))
    return "" if answer.status == 200 else f"{frontend.name} answers a chat request {answer.short}"


def _refused(scene: Scene) -> list[str]:
    """Return who does not accept its arguments, in its own words; any other end is a fault."""
    refused = []
    for process in scene.all:
        words = REFUSAL.search(process.last_words()) if process.code else None
        if words:
            refused.append(f"{process.name} refuses its arguments: {words[0].removeprefix('error: ')}")
    if not refused:
        all_alive(scene)
    return refused


def _argv(component: Component, port: int) -> tuple[str, ...]:
    """Return module and arguments of a process: a frontend's very own, a mocker's for its engine's."""
    if component.module != FRONTEND:
        return (mocker.MODULE, *mocker.of(component).argv, *SPEEDUP)
    # Where it listens and how it finds others is this machine's affair. An option wins over the environment.
    ours = {"--http-host": LOOPBACK, "--http-port": str(port), "--discovery-backend": "file"}
    again = [token for name, value in ours.items() if option(component.argv, name) for token in (name, value)]
    return (FRONTEND, *component.argv, *again)


def is_ready(process: Process) -> bool:
    """Return whether a replica can be asked: a frontend lives, a worker's endpoint is ready."""
    if process.argv[0] == FRONTEND:
        return client.get(process.port, "/live").status == 200
    # The process as a whole never calls itself ready; its endpoint does.
    return bool(client.get(process.port, "/health").data.get("endpoints", {}).get("generate") == "ready")


def _environment(graph: Graph, component: Component, port: int, folder: Path) -> dict[str, str]:
    """Return the environment of a process: everything on the loopback interface, everything in the folder."""
    # Of a recipe's own variables only Dynamo's: the others are meant for a container, not for this machine.
    own = {name: value for name, value in component.env.items() if name.startswith("DYN_")}
    port_name = "DYN_HTTP_PORT" if component is graph.frontend else "DYN_SYSTEM_PORT"
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        **own,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "DYN_NAMESPACE": graph.dynamo_namespace,
        "DYN_DISCOVERY_BACKEND": "file",
        "DYN_FILE_KV": str(folder / "discovery"),
        "DYN_REQUEST_PLANE": "tcp",
        "DYN_RESPONSE_PLANE": "tcp",
        "DYN_EVENT_PLANE": "zmq",
        "DYN_HTTP_HOST": LOOPBACK,
        "DYN_SYSTEM_HOST": LOOPBACK,
        "DYN_TCP_RPC_HOST": LOOPBACK,
        "DYN_TCP_RESPONSE_STREAM_HOST": LOOPBACK,
        "DYN_EVENT_PLANE_HOST": LOOPBACK,
        port_name: str(port),
    }
