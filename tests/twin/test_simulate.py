"""Recipes on Dynamo's real frontend, router and mocker."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import recipegen
from recipegen import catalog, pipeline, twin
from recipegen.compile import Bundle
from recipegen.errors import ToolError
from recipegen.load import load, variants
from recipegen.twin import client, hub

pytestmark = pytest.mark.usefixtures("dynamo")

SHIPPED = [
    (name, variant) for name in catalog.recipes() for variant in [None, *variants(load(name).document)]
]
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


@pytest.mark.parametrize(("name", "variant"), SHIPPED, ids=str)
def test_the_catalog_is_served(name: str, variant: str | None) -> None:
    verdict = recipegen.simulate(name, variant)

    assert failed(verdict) == {}
    assert [check.name for check in verdict.checks] == [*ALWAYS, *WITH_KV, "metrics"]


@pytest.mark.parametrize("policy", ["none", "random", "round-robin", "power-of-two", "least-loaded"])
def test_every_routing_policy_is_served(policy: str) -> None:
    verdict = recipegen.simulate("qwen-0.6b", patches=[{"model": {"routingPolicy": policy}}])

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
        "8 s after all components were up /v1/models lists nothing; the graph has no prefill worker"
    )


def test_workers_that_do_not_tell_what_they_cache_are_red() -> None:
    bundle = pipeline.bundle("qwen-0.6b", patches=[{"model": {"routingPolicy": "round-robin"}}])
    frontend = {"args": ["--router-mode", "kv", "--kv-cache-block-size", "64"]}
    verdict = twin.simulate(changed(bundle, {"frontend": frontend}))

    assert "the engine is not told to publish KV events" in failed(verdict)["cache events"]


def test_the_models_own_tokenizer_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revision = recipegen.plan("qwen-0.6b").recipe.model.revision
    # A cache of the user's, laid out as huggingface_hub does, with a tokenizer that a test can have.
    home = tmp_path / "huggingface"
    hub.lay_out(home, "Qwen/Qwen3-0.6B", None, 40_960)
    snapshots = home / "hub/models--Qwen--Qwen3-0.6B/snapshots"
    next(snapshots.iterdir()).rename(snapshots / str(revision))
    monkeypatch.setenv("HF_HOME", str(home))
    verdict = recipegen.simulate("qwen-0.6b")

    assert failed(verdict) == {}
    assert verdict.tokenizer == f"the model's own, from {snapshots / str(revision)}"


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
        # Nobody is left to clear away files; the processes die all the same.
        [folder] = tmp_path.glob("recipegen-twin-*")
        subprocess.run(["rm", "-r", str(folder)], check=True)

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
