"""Start a graph's components as processes, and wait until they serve."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from recipegen.errors import Problem, ToolError
from recipegen.twin import client, mocker
from recipegen.twin.graph import Component, Graph
from recipegen.twin.processes import Process, Processes, free_ports, is_free
from recipegen.twin.scene import Check, Scene

MAX_PROCESSES = 32
# So that nobody waits for the time that a GPU would take.
SPEEDUP = ("--speedup-ratio", "10")
START_SECONDS = 60.0
MODEL_SECONDS = 8.0
POLL_SECONDS = 0.05
# How Dynamo's programs end when they do not accept their arguments; anything else that ends them is a fault.
REFUSAL = re.compile(r"error: .*|Unknown arguments specified: .*|ValueError: .*")
LOOPBACK = "127.0.0.1"
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


def check_port(port: int) -> None:
    """Raise a ToolError when the port is in use; 0 never is."""
    if port and not is_free(port):
        hint = "another simulation may run; choose another port with --port, 0 for any free one"
        raise ToolError(Problem("tool", (), f"port {port} is in use", hint))


def start(graph: Graph, processes: Processes, python: Path, port: int) -> Scene:
    """Start all replicas at once; the first frontend listens on the port, 0 for any free one."""
    free = free_ports(sum(component.replicas for component in graph.components))
    ports = iter([port, *free] if port else free)
    started: dict[str, list[Process]] = {component.name: [] for component in graph.components}
    for component in graph.components:
        for number in range(component.replicas):
            own = next(ports)
            env = _environment(graph, component, own, processes.folder)
            argv = (component.module, *component.argv)
            if component is not graph.frontend:
                argv = (mocker.MODULE, *mocker.of(component).argv, *SPEEDUP)
            name = f"{component.name}-{number}"
            started[component.name].append(processes.start(python, name, argv, env, own))
    return Scene(graph, started)


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
            if _ready(process, scene):
                process.ready_after = time.monotonic() - began
                tell(f"{process.name} is ready after {process.ready_after:.1f} s: {' '.join(process.argv)}")
        waiting = [process for process in waiting if process.ready_after is None]
        time.sleep(POLL_SECONDS)
    if waiting:
        names = ", ".join(process.name for process in waiting)
        return Check("components", holds=False, detail=f"not ready within {START_SECONDS:.0f} s: {names}")
    counts = ", ".join(f"{len(each)} {name}" for name, each in scene.processes.items())
    return Check("components", holds=True, detail=f"{counts}, all up")


def model_served(scene: Scene, model: str, status: Tell) -> Check:
    """Wait until the frontend lists the model, knows every worker and answers a request.

    Raises:
        ToolError: when a process dies.
    """
    deadline = time.monotonic() + MODEL_SECONDS
    missing = ""
    while time.monotonic() < deadline:
        status(f"waiting until {model} is served")
        missing = _missing(scene, model)
        if not missing:
            return Check("model", holds=True, detail=f"/v1/models lists {model}")
        all_alive(scene)
        time.sleep(POLL_SECONDS)
    roles = {name for name, each in scene.workers.items() if each}
    absent = {"prefill", "decode"} - roles
    alone = f"; the graph has no {absent.pop()} worker" if len(absent) == 1 else ""
    detail = f"{MODEL_SECONDS:.0f} s after all components were up {missing}{alone}"
    return Check("model", holds=False, detail=detail)


def _missing(scene: Scene, model: str) -> str:
    """Return what the model still lacks to be served, in words; nothing when it is."""
    port = scene.frontend.port
    listed = [entry["id"] for entry in client.get(port, "/v1/models").data.get("data", [])]
    if model not in listed:
        return f"/v1/models lists {', '.join(listed) or 'nothing'}"
    instances = client.get(port, "/health").data.get("instances", [])
    known = sum(instance.get("endpoint") == "generate" for instance in instances)
    workers = sum(map(len, scene.workers.values()))
    if known < workers:
        return f"the frontend knows {known} of {workers} workers"
    # Listed is not yet ready: for a moment the frontend answers 503.
    body = {"model": model, "messages": [{"role": "user", "content": "?"}], "max_tokens": 1}
    answer = client.post(port, "/v1/chat/completions", body)
    return "" if answer.status == 200 else f"a chat request is answered {answer.short}"


def all_alive(scene: Scene) -> None:
    """Raise a ToolError when a process has ended."""
    ended = [f"{p.name} ended with code {p.code}: {p.last_words()}" for p in scene.all if p.code is not None]
    if ended:
        raise ToolError(f"the runtime died: {'; '.join(ended)}")


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


def _ready(process: Process, scene: Scene) -> bool:
    if process in scene.processes[scene.graph.frontend.name]:
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
        "DYN_HTTP_HOST": LOOPBACK,
        "DYN_SYSTEM_HOST": LOOPBACK,
        "DYN_TCP_RPC_HOST": LOOPBACK,
        "DYN_TCP_RESPONSE_STREAM_HOST": LOOPBACK,
        "DYN_EVENT_PLANE_HOST": LOOPBACK,
        port_name: str(port),
    }
