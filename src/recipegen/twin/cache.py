"""Whether requests go where their prefix is cached: what KV routing needs, and what it does."""

import time
from collections.abc import Callable, Iterator

from recipegen.twin import client, mocker, prompts
from recipegen.twin.graph import Component, Graph, option, setting
from recipegen.twin.processes import Process
from recipegen.twin.scene import Check, Scene

REPEATS = 4
SETTLE_SECONDS = 3.0
POLL_SECONDS = 0.05
# Of the router, in the frontend: workers whose cache events it misses, cache events that it took in, and
# tokens that it knew to be cached where it sent a request.
MISMATCH = "dynamo_component_router_kv_event_source_mismatch_workers"
EVENTS = "dynamo_component_kv_cache_events_applied"
KNOWN = "dynamo_component_router_kv_selected_cached_prefix_tokens_total"
BLOCK_SIZE = "dynamo_frontend_model_kv_cache_block_size"


def run(scene: Scene, model: str) -> Iterator[Check]:
    """Yield the checks of KV routing; none for a graph that routes by something else."""
    frontend = scene.graph.frontend
    if setting(frontend, "--router-mode") != "kv":
        return
    yield _one_block_size(scene)
    guesses = "--no-router-kv-events" in frontend.argv or _off(frontend, "DYN_ROUTER_USE_KV_EVENTS")
    if not guesses:
        yield _events(scene)
    # A router that is told to choose at random, or a cache that is off, does not do it.
    random = float(setting(frontend, "--router-temperature") or 0) > 0
    long_enough = len(prompts.long_text(scene.graph)) >= 2 * prompts.block_size(scene.graph)
    if long_enough and not random and not _cache_is_off(scene.graph):
        yield _routing(scene, model)


def sent_to(process: Process) -> int:
    """Return how many requests a worker was sent so far."""
    return sum(
        int(sample.value)
        for sample in client.metrics(process.port)
        if sample.name == "dynamo_component_requests_total"
        and sample.labels.get("dynamo_endpoint") == "generate"
    )


def _one_block_size(scene: Scene) -> Check:
    """A size that differs is served in silence, and every lookup in the router's index misses."""
    frontend = scene.graph.frontend
    sizes = {"frontend": setting(frontend, "--kv-cache-block-size")}
    for worker in scene.graph.workers:
        sizes[worker.name] = option(mocker.of(worker).argv, "--block-size")
    for sample in client.metrics(scene.frontend.port):
        if sample.name == BLOCK_SIZE:
            sizes["as the frontend was told"] = str(int(sample.value))
    shown = ", ".join(f"{name} {size or 'its default'}" for name, size in sizes.items())
    if len({*sizes.values()}) > 1:
        return Check("one block size", False, f"the router finds no prefix where sizes differ: {shown}")
    return Check("one block size", True, f"{sizes['frontend']} tokens, at the frontend and every worker")


def _events(scene: Scene) -> Check:
    """The mocker always tells what it caches; an engine only when its arguments say so."""
    publishers = _publishers(scene.graph)
    silent = [worker.name for worker in publishers if not _publishes(worker)]
    if silent:
        who = ", ".join(silent)
        detail = f"the router learns nothing of {who}: the engine is not told to publish KV events"
        return Check("cache events", False, detail)
    lost = _settled(lambda: _total(scene, MISMATCH), lambda found: found == 0)
    if lost:
        return Check("cache events", False, f"the router misses the events of {lost} workers")
    if not _settled(lambda: _total(scene, EVENTS), lambda found: found > 0):
        return Check("cache events", False, "none arrived: the router guesses from what it sent")
    return Check("cache events", True, f"published by {', '.join(worker.name for worker in publishers)}")


def _routing(scene: Scene, model: str) -> Check:
    """Ask the same several times: the router knows who holds the prefix, and sends it there.

    Its own count of the tokens that it found is the evidence; not every engine's mocker reports its cache.
    Some it knows the first time, when the model's chat template begins with the same words for everybody.
    """
    name = _publishers(scene.graph)[0].name
    body = prompts.chat(model, f"Asked more than once. {prompts.long_text(scene.graph)}")
    workers: set[int] = set()
    known: list[int] = []
    events = _total(scene, EVENTS)
    for _ in range(REPEATS):
        before, tokens = [sent_to(process) for process in scene.workers[name]], _total(scene, KNOWN)
        client.post(scene.frontend.port, "/v1/chat/completions", body)
        after = [sent_to(process) for process in scene.workers[name]]
        workers |= {n for n, (a, b) in enumerate(zip(before, after, strict=True)) if b > a}
        known.append(_total(scene, KNOWN) - tokens)
        # What a worker tells of its cache takes a moment to arrive, the first time.
        _settled(lambda: _total(scene, EVENTS), lambda found: found > events)
    holds = len(workers) == 1 and min(known[1:]) > known[0]
    where = " and ".join(f"{name}-{number}" for number in sorted(workers)) or "nobody"
    found = ", ".join(map(str, known))
    detail = f"one prompt {REPEATS} times, to {where}; tokens that the router knew there: {found}"
    return Check("routed by cache", holds, detail)


def _publishers(graph: Graph) -> list[Component]:
    """Return the workers whose caches the router is to know: those that compute prompts, first."""
    roles = [(worker, mocker.table(worker)[1]["kvEventRoles"]) for worker in graph.workers]
    return sorted((w for w, told in roles if w.name in told), key=lambda worker: worker.name == "decode")


def _publishes(worker: Component) -> bool:
    return mocker.table(worker)[1]["kvEvents"][0] in worker.argv


def _cache_is_off(graph: Graph) -> bool:
    return any("--no-enable-prefix-caching" in mocker.of(worker).argv for worker in graph.workers)


def _off(component: Component, variable: str) -> bool:
    return component.env.get(variable, "").lower() in ("0", "false", "no", "off")


def _total(scene: Scene, metric: str) -> int:
    """Return the sum over all labels of a metric of the frontend."""
    return sum(int(s.value) for s in client.metrics(scene.frontend.port) if s.name == metric)


def _settled(measure: Callable[[], int], expected: Callable[[int], bool]) -> int:
    """Return what is measured once it is as expected, or what it was at last."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not expected(found := measure()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return found
