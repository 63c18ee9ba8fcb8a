"""What a running twin is judged by: one function for each statement of the verdict."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from recipegen.twin import client, mocker
from recipegen.twin.graph import Component, Graph, option
from recipegen.twin.processes import Process
from recipegen.twin.scene import Check, Scene

# A metric that only a real engine has: the mocker keeps no cache to measure.
ENGINE_ONLY = ("dynamo_component_gpu_cache_usage_percent",)
METRIC = re.compile(r"(?<![\w:])(?:dynamo_(?:frontend|component|router)_\w+|(?:vllm|sglang|trtllm):\w+)")
HELLO = "Hello!"
TOKENS = 8
REPEATS = 4
SETTLE_SECONDS = 3.0
POLL_SECONDS = 0.05
# Of the router, in the frontend: workers whose cache events it misses, cache events that it took in, and
# tokens that it knew to be cached where it sent a request.
MISMATCH = "dynamo_component_router_kv_event_source_mismatch_workers"
EVENTS = "dynamo_component_kv_cache_events_applied"
KNOWN = "dynamo_component_router_kv_selected_cached_prefix_tokens_total"
SENTENCE = "A prefix that is long enough to fill several blocks of the cache. "
# Characters for each token of a block: several blocks, whether a token is one character or four.
LENGTH = 16
BLOCK = 64


def run(scene: Scene, model: str, requests: int, metrics: frozenset[str]) -> Iterator[Check]:
    """Yield every check, in an order in which later ones see the traffic of earlier ones.

    Args:
        scene: the running graph.
        model: name under which the model is served.
        requests: chat requests that are sent at the same time.
        metrics: names that dashboards and alerts ask for.
    """
    yield _chat(scene, model)
    yield _completion(scene, model)
    yield _stream(scene, model)
    yield _traffic(scene, model, requests)
    if option(scene.graph.frontend.argv, "--router-mode") == "kv":
        yield _block_size(scene)
        yield _cache_events(scene)
        if not _cache_is_off(scene.graph):
            yield _cache_routing(scene, model)
    if metrics:
        yield _metrics(scene, metrics)


def metrics_of(objects: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Return the metrics that dashboards and alerts among Kubernetes objects ask for."""
    return frozenset(METRIC.findall(json.dumps([*objects])))


def chat_request(model: str, text: str) -> dict[str, Any]:
    """Return the body of a chat request."""
    messages = [{"role": "user", "content": text}]
    return {"model": model, "messages": messages, "max_tokens": TOKENS}


def _chat(scene: Scene, model: str) -> Check:
    answer = client.post(scene.frontend.port, "/v1/chat/completions", chat_request(model, HELLO))
    text = _first(answer.data).get("message", {}).get("content") or ""
    return Check("chat", answer.status == 200 and bool(text.strip()), f'"{HELLO}": {_said(answer, text)}')


def _completion(scene: Scene, model: str) -> Check:
    body = {"model": model, "prompt": "Once upon a time", "max_tokens": TOKENS}
    answer = client.post(scene.frontend.port, "/v1/completions", body)
    text = _first(answer.data).get("text") or ""
    return Check("completion", answer.status == 200 and bool(text.strip()), _said(answer, text))


def _stream(scene: Scene, model: str) -> Check:
    body = {**chat_request(model, "Hello, piece by piece!"), "stream": True}
    answer = client.post(scene.frontend.port, "/v1/chat/completions", body)
    events = [*client.events(answer)]
    pieces = [event for event in events if '"content":' in event]
    holds = answer.status == 200 and len(pieces) > 1 and events[-1:] == ["[DONE]"]
    return Check("streaming", holds, f"{len(pieces)} pieces, then {events[-1] if events else answer.short}")


def _traffic(scene: Scene, model: str, requests: int) -> Check:
    text = _long_text(scene)
    bodies = [chat_request(model, f"Request {n}. {text}") for n in range(requests)]

    def ask(body: dict[str, Any]) -> int:
        return client.post(scene.frontend.port, "/v1/chat/completions", body).status

    # At the same time, so that a router has reason to use more than one worker.
    with ThreadPoolExecutor(max_workers=8) as pool:
        statuses = Counter(pool.map(ask, bodies))
    seen = {name: [_requests(p) for p in processes] for name, processes in scene.workers.items()}
    counts = ", ".join(f"{name} {'+'.join(map(str, numbers))}" for name, numbers in seen.items())
    idle = [name for name, numbers in seen.items() if not sum(numbers)]
    failed = [f"{n} answered {status or 'nothing'}" for status, n in statuses.items() if status != 200]
    if failed:
        return Check("every role works", False, f"of {requests} requests {', '.join(failed)}")
    if idle:
        return Check(
            "every role works", False, f"no request reached {', '.join(idle)}; requests seen: {counts}"
        )
    return Check("every role works", True, f"requests seen by each process: {counts}")


def _block_size(scene: Scene) -> Check:
    """A size that differs is served in silence, and every lookup in the router's index misses."""
    sizes = {"frontend": option(scene.graph.frontend.argv, "--kv-cache-block-size")}
    for worker in scene.graph.workers:
        sizes[worker.name] = option(mocker.of(worker).argv, "--block-size")
    for sample in client.metrics(scene.frontend.port):
        if sample.name == "dynamo_frontend_model_kv_cache_block_size":
            sizes["as the frontend was told"] = str(int(sample.value))
    shown = ", ".join(f"{name} {size or 'its default'}" for name, size in sizes.items())
    if len({*sizes.values()}) > 1:
        return Check("one block size", False, f"the router finds no prefix where sizes differ: {shown}")
    return Check("one block size", True, f"{sizes['frontend']} tokens, at the frontend and every worker")


def _cache_events(scene: Scene) -> Check:
    """The mocker always tells what it caches; an engine only when its arguments say so."""
    silent = [worker.name for worker in _publishers(scene.graph) if not _publishes(worker)]
    if silent:
        detail = (
            f"the router learns nothing of {', '.join(silent)}: the engine is not told to publish KV events"
        )
        return Check("cache events", False, detail)
    lost = _settled(lambda: _total(scene, MISMATCH), lambda found: found == 0)
    if lost:
        return Check("cache events", False, f"the router misses the events of {lost} workers")
    names = ", ".join(worker.name for worker in _publishers(scene.graph))
    return Check("cache events", True, f"published by {names}")


def _cache_routing(scene: Scene, model: str) -> Check:
    """Ask the same several times: the router knows who holds the prefix, and sends it there.

    Its own count of the tokens that it found is the evidence; not every engine's mocker reports its cache.
    """
    name = _publishers(scene.graph)[0].name
    body = chat_request(model, f"Asked more than once. {_long_text(scene)}")
    workers: set[int] = set()
    known: list[int] = []
    events = _total(scene, EVENTS)
    for _ in range(REPEATS):
        requests, tokens = [_requests(process) for process in scene.workers[name]], _total(scene, KNOWN)
        client.post(scene.frontend.port, "/v1/chat/completions", body)
        after = [_requests(process) for process in scene.workers[name]]
        workers |= {n for n, (a, b) in enumerate(zip(requests, after, strict=True)) if b > a}
        known.append(_total(scene, KNOWN) - tokens)
        # What a worker tells of its cache takes a moment to arrive, the first time.
        _settled(lambda: _total(scene, EVENTS), lambda found: found > events)
    holds = len(workers) == 1 and known[0] == 0 and all(known[1:])
    where = " and ".join(f"{name}-{number}" for number in sorted(workers)) or "nobody"
    found = ", ".join(map(str, known))
    detail = f"one prompt {REPEATS} times, to {where}; tokens that the router knew there: {found}"
    return Check("routed by cache", holds, detail)


def _long_text(scene: Scene) -> str:
    """Return a text of several cache blocks that leaves half of the shortest context free."""
    block = int(option(scene.graph.frontend.argv, "--kv-cache-block-size") or BLOCK)
    told = [option(mocker.of(worker).argv, "--max-model-len") for worker in scene.graph.workers]
    length = min([LENGTH * block, *(int(limit) // 2 for limit in told if limit)])
    return (SENTENCE * (length // len(SENTENCE) + 1))[:length]


def _total(scene: Scene, metric: str) -> int:
    """Return the sum over all labels of a metric of the frontend."""
    return sum(int(s.value) for s in client.metrics(scene.frontend.port) if s.name == metric)


def _settled(measure: Callable[[], int], expected: Callable[[int], bool]) -> int:
    """Return what is measured once it is as expected, or what it was at last."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not expected(found := measure()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return found


def _metrics(scene: Scene, metrics: frozenset[str]) -> Check:
    there = {sample.name for process in scene.all for sample in client.metrics(process.port)}
    asked = sorted(metrics - {*ENGINE_ONLY})
    missing = [name for name in asked if name not in there]
    if missing:
        return Check("metrics", False, f"a dashboard or alert asks for what nobody has: {', '.join(missing)}")
    left = sorted(metrics & {*ENGINE_ONLY})
    unseen = f"; not seen here, for only an engine has it: {', '.join(left)}" if left else ""
    return Check("metrics", True, f"all {len(asked)} that dashboards and alerts ask for{unseen}")


def _publishers(graph: Graph) -> list[Component]:
    """Return the workers whose caches the router is to know: those that compute prompts, first."""
    roles = [(worker, mocker.table(worker)[1]["kvEventRoles"]) for worker in graph.workers]
    return sorted((w for w, told in roles if w.name in told), key=lambda worker: worker.name == "decode")


def _publishes(worker: Component) -> bool:
    return mocker.table(worker)[1]["kvEvents"][0] in worker.argv


def _cache_is_off(graph: Graph) -> bool:
    return any("--no-enable-prefix-caching" in mocker.of(worker).argv for worker in graph.workers)


def _requests(process: Process) -> int:
    """Return how many requests a worker was sent so far."""
    return sum(
        int(sample.value)
        for sample in client.metrics(process.port)
        if sample.name == "dynamo_component_requests_total"
        and sample.labels.get("dynamo_endpoint") == "generate"
    )


def _first(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (data.get("choices") or [{}])[0]
    return found


def _said(answer: client.Answer, text: str) -> str:
    return f"{text.strip()} (the mocker makes words up)" if text.strip() else answer.short
