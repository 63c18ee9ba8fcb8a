"""Recipes on Dynamo's real frontend, router and mocker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import recipegen
import served
from recipegen import pipeline, twin
from recipegen.compile import Bundle
from recipegen.errors import ToolError
from recipegen.twin import client, hub
from recipegen.twin.processes import reserved

pytestmark = pytest.mark.usefixtures("dynamo")

SERVED = served.served()
ALWAYS = ["components", "model", "chat", "completion", "streaming", "every role works"]
WITH_KV = ["one block size", "cache events", "routed by cache"]
COMMAND = [sys.executable, "-m", "recipegen", "simulate"]


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold every test to leaving neither a process nor a folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield
    deadline = time.monotonic() + 10
    while (left := processes_in(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert left == []
    assert [path for path in tmp_path.iterdir() if path.name.startswith("recipegen-twin-")] == []


@pytest.fixture(scope="session")
def verdicts(request: pytest.FixtureRequest) -> dict[tuple[str, str | None], Future[twin.Verdict]]:
    """Simulate what is served of the catalog, as much at a time as the machine has processors."""
    request.getfixturevalue("dynamo")
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return {(name, variant): pool.submit(recipegen.simulate, name, variant) for name, variant in SERVED}


def test_what_is_served_of_the_catalog_stays_bounded() -> None:
    most = "let `about.evidence` say `rendered` where a shape is served anyway: tests/served.py"

    assert len(SERVED) <= served.MOST, most


@pytest.mark.parametrize(("name", "variant"), SERVED, ids=str)
def test_the_catalog_is_served(
    name: str, variant: str | None, verdicts: dict[tuple[str, str | None], Future[twin.Verdict]]
) -> None:
    verdict = verdicts[name, variant].result()

    recipe = SERVED[name, variant].recipe
    asked = WITH_KV if recipe.model.routing_policy == "kv" else []
    shown = ["metrics"] if recipe.observability.enabled else []
    assert failed(verdict) == {}
    assert [check.name for check in verdict.checks] == [*ALWAYS, *asked, *shown]


@pytest.mark.parametrize("policy", ["none", "random", "round-robin", "power-of-two", "least-loaded"])
def test_every_routing_policy_is_served(policy: str) -> None:
    alerts = {"enabled": True, "targets": {"outputTokensPerSecond": 1}}
    patch = {"model": {"routingPolicy": policy}, "observability": {"alerts": alerts}}
    verdict = recipegen.simulate("qwen-0.6b", patches=[patch])

    assert failed(verdict) == {}
    assert [check.name for check in verdict.checks] == [*ALWAYS, "metrics"]


def test_a_router_mode_that_dynamo_does_not_know_is_red() -> None:
    verdict = twin.simulate(with_values({"frontend": {"args": ["--router-mode", "none"]}}))

    assert list(failed(verdict)) == ["components"]
    assert (
        "frontend-0 refuses its arguments: argument --router-mode: invalid choice: 'none'"
        in failed(verdict)["components"]
    )


def test_an_option_that_dynamo_does_not_know_is_red() -> None:
    verdict = twin.simulate(with_values({"frontend": {"args": ["--store-kv", "etcd"]}}))

    reason = "frontend-0 refuses its arguments: Unknown arguments specified: ['--store-kv', 'etcd']"
    assert failed(verdict) == {"components": reason}


def test_a_block_size_that_differs_is_red() -> None:
    verdict = twin.simulate(with_values({"frontend": {"args": ["--kv-cache-block-size", "32"]}}))

    sizes = "frontend 32, worker 16, as the frontend was told 16"
    assert failed(verdict)["one block size"] == f"the router finds no prefix where sizes differ: {sizes}"


def test_decode_workers_without_a_prefill_worker_are_red() -> None:
    verdict = twin.simulate(with_values({"prefill": {"replicas": 0}}, variant="disagg"))

    assert list(failed(verdict)) == ["model"]
    assert failed(verdict)["model"] == (
        "5 s after all components were up /v1/models lists nothing; the graph has no prefill worker"
    )


def test_workers_that_do_not_tell_what_they_cache_are_red() -> None:
    bundle = pipeline.bundle("qwen-0.6b", patches=[{"model": {"routingPolicy": "round-robin"}}])
    frontend = {"args": ["--router-mode", "kv", "--kv-cache-block-size", "64"]}
    verdict = twin.simulate(changed(bundle, {"frontend": frontend}))

    assert "the engine is not told to publish KV events" in failed(verdict)["cache events"]


def test_a_worker_that_registers_elsewhere_is_red() -> None:
    args = {"args": ["--endpoint", "dyn://elsewhere.backend.generate"]}
    verdict = recipegen.simulate("qwen-0.6b", "disagg", [{"model": {"decode": {"engine": args}}}])

    assert list(failed(verdict)) == ["model"]


def test_components_on_different_planes_are_red() -> None:
    verdict = twin.simulate(with_values({"worker": {"env": {"DYN_REQUEST_PLANE": "nats"}}}))

    reason = "--request-plane differ, so components do not find each other: frontend tcp, worker nats"
    assert failed(verdict) == {"planes": reason}


def test_a_plane_that_needs_a_server_cannot_be_simulated() -> None:
    nats = {"env": {"DYN_REQUEST_PLANE": "nats"}}

    with pytest.raises(ToolError, match="--request-plane nats needs a server that is not here"):
        twin.simulate(with_values({"frontend": nats, "worker": nats}))


def test_a_dashboard_that_asks_for_what_nobody_has_is_red(tmp_path: Path) -> None:
    bundle = pipeline.bundle("qwen-0.6b")
    chart = tmp_path / "metrics"
    shutil.copytree(next(r.chart for r in bundle.releases if r.labels["component"] == "metrics"), chart)
    dashboard = chart / "dashboards/frontend.yaml"
    text = dashboard.read_text()
    dashboard.write_text(text.replace("dynamo_frontend_queued_requests", "dynamo_frontnd_queued_requests"))
    releases = (
        replace(release, chart=str(chart)) if release.labels["component"] == "metrics" else release
        for release in bundle.releases
    )
    verdict = twin.simulate(replace(bundle, releases=tuple(releases)))

    reason = "panels and alerts stay empty: nobody has dynamo_frontnd_queued_requests"
    assert failed(verdict) == {"metrics": reason}


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hugging Face cache of the user's with the quickstart's model, as far as a test can have it."""
    revision = str(recipegen.plan("qwen-0.6b").recipe.model.revision)
    home = tmp_path / "huggingface"
    hub.lay_out(home, "Qwen/Qwen3-0.6B", None, 40_960)
    snapshots = home / "hub/models--Qwen--Qwen3-0.6B/snapshots"
    next(snapshots.iterdir()).rename(snapshots / revision)
    monkeypatch.setenv("HF_HOME", str(home))
    return snapshots / revision


def test_the_models_own_tokenizer_serves(own_files: Path) -> None:
    verdict = recipegen.simulate("qwen-0.6b")

    assert failed(verdict) == {}
    assert verdict.tokenizer == f"the model's own, from {own_files}"


def test_a_chat_template_that_begins_the_same_for_everybody_is_green(own_files: Path) -> None:
    file = own_files / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    beginning = "system: You are a helpful assistant, and this is what you always hear first. "
    file.write_text(json.dumps({**settings, "chat_template": beginning + settings["chat_template"]}))
    verdict = recipegen.simulate("qwen-0.6b")
    known = {check.name: check.detail for check in verdict.checks}["routed by cache"].rpartition(": ")[2]

    assert failed(verdict) == {}
    # The first time it knows the beginning, later the whole.
    assert int(known.split(", ")[0]) > 0


def test_a_broken_tokenizer_is_no_fault_of_the_recipe(own_files: Path) -> None:
    (own_files / "tokenizer.json").write_text('{"version": "1.')
    verdict = recipegen.simulate("qwen-0.6b")

    assert failed(verdict) == {}
    assert verdict.tokenizer.startswith("made up")


def test_several_frontends_all_serve() -> None:
    verdict = recipegen.simulate("qwen-0.6b", patches=[{"model": {"frontend": {"replicas": 2}}}])

    assert failed(verdict) == {}
    assert verdict.checks[1].detail.endswith(" at each of 2 frontends")


def test_another_release_than_the_one_that_runs_is_said() -> None:
    done = command("qwen-0.6b", "--port", "0", "--set", "model.backend.version=1.6.0")

    assert done.returncode == 0, done.stderr
    assert "\nanother release: the recipe names Dynamo 1.6.0, run here was 1.6.1\n" in done.stdout


def test_the_frontend_listens_on_this_machine_alone() -> None:
    """Whatever its arguments say."""
    listening: list[str] = []

    def look(verdict: twin.Verdict) -> None:
        port = int(verdict.url.rpartition(":")[2])
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        # Address and port in hex, then the state: 0A listens.
        fields = [line.split() for line in lines]
        listening.extend(f[1] for f in fields if f[3] == "0A" and f[1].endswith(f":{port:04X}"))

    everywhere = {"frontend": {"args": ["--http-host", "0.0.0.0"]}}
    twin.simulate(with_values(everywhere), while_up=look)

    assert [address.partition(":")[0] for address in listening] == ["0100007F"]


@pytest.mark.parametrize("limit", [160, 1024])
def test_a_short_context_has_room_for_the_questions(limit: int) -> None:
    verdict = recipegen.simulate("qwen-0.6b", patches=[{"model": {"engine": {"maxModelLen": limit}}}])

    assert failed(verdict) == {}


def test_a_context_without_room_for_a_question_is_refused() -> None:
    with pytest.raises(ToolError, match="a context of 64 tokens has no room for a question"):
        recipegen.simulate("qwen-0.6b", patches=[{"model": {"engine": {"maxModelLen": 64}}}])


def test_a_graph_behind_an_endpoint_picker_runs_without_it_and_says_so() -> None:
    answer = command("qwen-0.6b", "--set", "model.endpointPicker.enabled=true", "--port", "0")

    assert answer.returncode == 0
    assert "\nnot run: sidecar-frontend of worker, epp; only Dynamo's image has the picker" in answer.stdout


def test_a_graph_without_a_frontend_is_refused() -> None:
    with pytest.raises(ToolError, match="frontend has no replicas, and requests go through it here"):
        recipegen.simulate("qwen-0.6b", patches=[{"model": {"frontend": {"replicas": 0}}}])


def test_more_replicas_than_allowed_are_capped_and_said() -> None:
    verdict = recipegen.simulate(
        "qwen-0.6b", patches=[{"model": {"worker": {"replicas": 5}}}], max_replicas=1
    )

    assert verdict.capped == {"worker": 5}
    assert [replica.name for replica in verdict.replicas] == ["frontend-0", "worker-0"]


def test_the_graph_answers_while_it_is_up() -> None:
    answers: list[Any] = []

    def ask(verdict: twin.Verdict) -> None:
        port = int(verdict.url.rpartition(":")[2])
        answers.append(client.post(port, "/v1/chat/completions", verdict.request).data)

    recipegen.simulate("qwen-0.6b", while_up=ask)

    assert answers[0]["choices"][0]["message"]["content"].split()


def test_two_simulations_run_side_by_side() -> None:
    inner: list[twin.Verdict] = []
    outer = recipegen.simulate("qwen-0.6b", while_up=lambda _: inner.append(recipegen.simulate("qwen-0.6b")))

    assert [failed(outer), failed(inner[0])] == [{}, {}]
    assert outer.url != inner[0].url


def test_a_process_that_dies_ends_the_simulation() -> None:
    """Killed from outside, as the kernel does when memory runs out."""

    def kill_a_worker(status: str) -> None:
        if status == "asking":
            os.kill(mockers_of(os.getpid())[0], signal.SIGKILL)

    with pytest.raises(ToolError, match=r"^the runtime died: worker-\d ended with code -9: "):
        twin.simulate(pipeline.bundle("qwen-0.6b"), status=kill_a_worker)


def test_a_process_that_dies_while_it_is_kept_ends_the_simulation() -> None:
    with pytest.raises(ToolError, match=r"^the runtime died: worker-\d ended with code -9: "):
        twin.simulate(
            pipeline.bundle("qwen-0.6b"),
            keep=True,
            while_up=lambda _: os.kill(mockers_of(os.getpid())[0], signal.SIGKILL),
        )


def test_two_that_want_one_port_do_not_mix() -> None:
    with reserved(0, 1) as [port]:
        pass
    both = [
        subprocess.Popen(
            [*COMMAND, "qwen-0.6b", "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in both]

    assert sorted(process.returncode for process in both) == [0, 4], outputs


def test_a_command_that_is_stopped_again_and_again_leaves_nothing() -> None:
    process = subprocess.Popen(
        [*COMMAND, "qwen-0.6b", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while " is ready after " not in process.stderr.readline():
        pass
    for _ in range(6):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    process.communicate(timeout=30)

    assert process.returncode in (130, -signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_installation_that_is_stopped_leaves_nothing_outside_the_cache(
    number: signal.Signals, tmp_path: Path
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "qwen-0.6b", "--port", "0"],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("installing dynamo ")
    time.sleep(4)
    process.send_signal(number)
    process.communicate(timeout=30)

    left = [path.name for path in folder.iterdir() if not path.name.startswith("recipegen-twin-")]
    assert left == []
    # What `venv` itself started knows of no end but its own.
    deadline = time.monotonic() + 30
    while at_work := [line for line in commands() if str(tmp_path / "cache") in line]:
        assert time.monotonic() < deadline, at_work
        time.sleep(0.1)


def test_the_command_prints_a_verdict_for_people() -> None:
    done = command("qwen-0.6b", "--variant", "disagg", "--port", "0")

    assert done.returncode == 0, done.stderr
    assert "  ok  routed by cache" in done.stdout
    assert "\ngreen: " in done.stdout
    assert "prefill-0 is ready after " in done.stderr


def test_the_command_prints_a_verdict_for_programs() -> None:
    done = command("qwen-0.6b", "--port", "0", "--format", "json")
    verdict = json.loads(done.stdout)

    assert verdict["green"] is True
    assert {check["name"] for check in verdict["checks"]} >= {*ALWAYS, *WITH_KV}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_stopped_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "qwen-0.6b", "--port", "0", "--keep"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    # The verdict is out, the graph is kept.
    while not process.stdout.readline().startswith("green"):
        pass
    started = mockers_of(process.pid)
    process.send_signal(number)
    process.communicate(timeout=20)
    if number == signal.SIGKILL:
        # Nobody is left to clear away files, so the next one does; the processes die all the same.
        assert list(tmp_path.glob("recipegen-twin-*"))
        recipegen.simulate("qwen-0.6b")

    assert len(started) == 2
    # Whoever stops a graph that was kept has what it wanted.
    assert process.returncode == {signal.SIGINT: 0, signal.SIGTERM: 0, signal.SIGKILL: -9}[number]


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    def again(verdict: twin.Verdict) -> None:
        done = command("qwen-0.6b", "--port", verdict.url.rpartition(":")[2])

        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.startswith("port ")
        assert "--port" in done.stderr

    recipegen.simulate("qwen-0.6b", while_up=again)


def test_a_graph_of_too_many_processes_is_refused() -> None:
    done = command("qwen-0.6b", "--set", "model.worker.replicas=40", "--max-replicas", "40")

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("the graph would take 41 processes, at most 32 are allowed\n  hint: ")


def test_a_recipe_without_a_graph_is_refused() -> None:
    done = command("qwen-0.6b", "--without", "model")

    assert (done.returncode, done.stdout) == (4, "")
    assert "nothing to simulate: model.deployment.create is false" in done.stderr


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


def with_values(values: dict[str, Any], variant: str | None = None) -> Bundle:
    """Return the quickstart with chart values that recipegen's own rules would refuse."""
    return changed(pipeline.bundle("qwen-0.6b", variant), values)


def changed(bundle: Bundle, values: dict[str, Any]) -> Bundle:
    def change(old: dict[str, Any]) -> dict[str, Any]:
        return {**old, **{key: {**old[key], **value} for key, value in values.items()}}

    releases = (
        replace(release, values=change(release.values)) if release.labels["component"] == "model" else release
        for release in bundle.releases
    )
    return replace(bundle, releases=tuple(releases))


def failed(verdict: twin.Verdict) -> dict[str, str]:
    return {check.name: check.detail for check in verdict.checks if not check.holds}


def mockers_of(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            status = (folder / "status").read_text()
            line = (folder / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if f"PPid:\t{parent}\n" in status and b"dynamo.mocker" in line:
            found.append(int(folder.name))
    return sorted(found)


def commands() -> list[str]:
    """Return the command lines of all processes."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of processes that work below a folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").resolve().is_relative_to(folder):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
