"""The twin: a recipe's graph on this machine, with Dynamo's real frontend, and its mocker for the engines.

What runs is read from the rendered objects: the frontend with their very arguments, each worker as a mocker
with what its engine's arguments mean without a GPU.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recipegen import helm
from recipegen.compile import Bundle, Release
from recipegen.errors import ToolError
from recipegen.twin import benchmark, checks, graph, hub, metrics, mocker, planes, prompts, runtime
from recipegen.twin.graph import Graph, option
from recipegen.twin.processes import Process, Processes, reserved
from recipegen.twin.scene import Check
from recipegen.twin.start import Tell, all_alive, cap, components_ready, model_served, start

KEEP_SECONDS = 0.5
CONTEXT = 131_072
"""Tokens that a model of made-up files holds, where its workers are told no limit."""


@dataclass(frozen=True)
class Replica:
    """One process of the twin."""

    name: str
    argv: tuple[str, ...]
    """Module and arguments."""
    ready_after: float | None
    """Seconds; None when it never was."""
    peak_mib: int | None
    """The most memory that it held, in MiB."""


@dataclass(frozen=True)
class Verdict:
    """What was seen of a recipe's graph while it ran."""

    recipe: str
    variant: str
    release: str
    """Dynamo release that ran."""
    wanted: str
    """Dynamo release that the recipe names."""
    url: str
    """Where the frontend listens."""
    model: str
    """Name under which the model is served."""
    tokenizer: str
    """Where the model's files come from, in words."""
    left_out: dict[str, tuple[str, ...]]
    """Engine options without a meaning for the mocker, by component."""
    capped: dict[str, int]
    """Replicas that the recipe has, of components of which fewer ran."""
    not_run: tuple[str, ...]
    """What of the graph only Dynamo's images have, in words; requests went past it."""
    replicas: tuple[Replica, ...]
    checks: tuple[Check, ...]

    @property
    def request(self) -> dict[str, Any]:
        """The chat request that was answered first."""
        return prompts.chat(self.model, prompts.HELLO)

    @property
    def green(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict for programs."""
        return {"green": self.green, **asdict(self), "request": self.request}


def simulate(
    bundle: Bundle,
    *,
    port: int = 0,
    requests: int = 8,
    max_replicas: int = 2,
    bench: bool = False,
    keep: bool = False,
    tell: Tell = lambda _: None,
    status: Tell = lambda _: None,
    while_up: Callable[[Verdict], None] = lambda _: None,
) -> Verdict:
    """Run the graph of a bundle on this machine, judge it, and stop it.

    Args:
        bundle: the releases of a recipe.
        port: port of the frontend on the loopback interface; 0 for any free one.
        requests: chat requests, several at a time, that show which workers are used.
        max_replicas: replicas of each component that are started at most.
        bench: whether the benchmark that the bundle has runs too.
        keep: whether to go on serving after `while_up`, until KeyboardInterrupt.
        tell: called with each line that a person wants to keep.
        status: called with what is awaited at the moment, empty when nothing is.
        while_up: called with the verdict before anything is stopped.

    Raises:
        ToolError: when the runtime cannot be had, dies, or is asked for too much. Nothing is left running.
    """
    releases = {release.labels["component"]: release for release in bundle.releases}
    if "model" not in releases:
        raise ToolError("nothing to simulate: model.deployment.create is false, so the recipe has no graph")
    objects = {component: _objects(release) for component, release in releases.items()}
    whole = graph.read(objects["model"], releases["model"].namespace, releases["model"].values["name"])
    run = cap(whole, max_replicas)
    way = planes.check(run)
    count = sum(component.replicas for component in run.components)
    with reserved(port, count) as ports, Processes() as processes:
        python = runtime.python(runtime.DYNAMO, tell)
        aiperf = runtime.python(runtime.AIPERF, tell) if bench else None
        model, tokenizer = _model(run, processes.folder)
        tell(f"tokenizer: {tokenizer}")
        scene = start(run, processes, python, ports)
        found = [components_ready(scene, tell, status)]
        if found[0].holds:
            found.append(model_served(scene, model, tell, status))
        if all(check.holds for check in found):
            status("asking")
            found += checks.run(scene, model, requests, metrics.expressions(objects["metrics"]))
            if aiperf:
                found.append(benchmark.run(objects["benchmark"], scene, processes, aiperf, status))
            all_alive(scene)
        status("")
        verdict = Verdict(
            recipe=bundle.name,
            variant=bundle.variant,
            release=runtime.release(),
            wanted=releases["model"].values["backend"]["version"],
            url=scene.url,
            model=model,
            tokenizer=tokenizer,
            left_out={worker.name: mocker.of(worker).left_out for worker in run.workers},
            capped={c.name: c.replicas for c in whole.components if c.replicas > max_replicas},
            not_run=whole.left_out,
            replicas=tuple(_replica(process) for process in scene.all),
            checks=tuple(found if way.holds else [way, *found]),
        )
        # Whoever stops a graph that is kept has what it wanted, also while the verdict is still told.
        with suppress(KeyboardInterrupt) if keep else nullcontext():
            while_up(verdict)
            while keep:
                all_alive(scene)
                time.sleep(KEEP_SECONDS)
    return verdict


def _objects(release: Release) -> list[dict[str, Any]]:
    """Return what a release renders to; nothing for one that is off or whose chart is fetched."""
    return helm.objects(release) if release.installed and not release.version else []


def _model(run: Graph, folder: Path) -> tuple[str, str]:
    """Lay out the model's files; return the name that it is served under, and where the files come from."""
    told = [mocker.of(worker).argv for worker in run.workers]
    path, served = option(told[0], "--model-path"), option(told[0], "--model-name")
    if path is None or served is None:
        raise ToolError(f"nothing to simulate: {run.workers[0].name} is told no model")
    limit = prompts.context(run)
    if limit is not None and limit < 2 * prompts.OVERHEAD:
        raise ToolError(f"nothing to simulate: a context of {limit} tokens has no room for a question")
    _, table = mocker.table(run.workers[0])
    revision = option(run.workers[0].argv, table["revision"])
    return served, hub.lay_out(folder / "hf", path, revision, limit or CONTEXT)


def _replica(process: Process) -> Replica:
    return Replica(process.name, process.argv, process.ready_after, process.peak_mib())
