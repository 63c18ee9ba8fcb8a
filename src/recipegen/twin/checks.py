"""What a running twin is judged by: one function for each statement of the verdict."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from recipegen.twin import cache, client, metrics, prompts
from recipegen.twin.scene import Check, Scene

AT_A_TIME = 32


def run(scene: Scene, model: str, number: int, wanted: Sequence[str]) -> Iterator[Check]:
    """Yield every check, in an order in which later ones see the traffic of earlier ones.

    Args:
        scene: the running graph.
        model: name under which the model is served.
        number: chat requests that show which workers are used, up to 32 of them at a time.
        wanted: PromQL expressions of dashboards and alerts.
    """
    yield _chat(scene, model)
    yield _completion(scene, model)
    yield _stream(scene, model)
    yield _traffic(scene, model, number)
    yield from cache.run(scene, model)
    if wanted:
        yield _metrics(scene, wanted)


def _chat(scene: Scene, model: str) -> Check:
    body = prompts.chat(model, prompts.HELLO)
    answer = client.post(scene.frontend.port, "/v1/chat/completions", body)
    text = _first(answer.data).get("message", {}).get("content") or ""
    return Check(
        "chat", answer.status == 200 and bool(text.strip()), f'"{prompts.HELLO}": {_said(answer, text)}'
    )


def _completion(scene: Scene, model: str) -> Check:
    body = {"model": model, "prompt": "Once upon a time", "max_tokens": prompts.TOKENS}
    answer = client.post(scene.frontend.port, "/v1/completions", body)
    text = _first(answer.data).get("text") or ""
    return Check("completion", answer.status == 200 and bool(text.strip()), _said(answer, text))


def _stream(scene: Scene, model: str) -> Check:
    body = {**prompts.chat(model, "Piece by piece!"), "stream": True}
    answer = client.post(scene.frontend.port, "/v1/chat/completions", body)
    events = [*client.events(answer)]
    pieces = [event for event in events if '"content":' in event]
    holds = answer.status == 200 and len(pieces) > 1 and events[-1:] == ["[DONE]"]
    return Check("streaming", holds, f"{len(pieces)} pieces, then {events[-1] if events else answer.short}")


def _traffic(scene: Scene, model: str, number: int) -> Check:
    text = prompts.long_text(scene.graph)
    bodies = [prompts.chat(model, f"Request {n}. {text}") for n in range(number)]

    def ask(body: dict[str, Any]) -> client.Answer:
        return client.post(scene.frontend.port, "/v1/chat/completions", body)

    # At the same time, so that a router has reason to use more than one worker.
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        answers = [*pool.map(ask, bodies)]
    failed = Counter(answer.short for answer in answers if answer.status != 200)
    if failed:
        [(example, _)] = failed.most_common(1)
        return Check("every role works", False, f"{failed.total()} of {number} requests answered {example}")
    seen = {name: [cache.sent_to(p) for p in processes] for name, processes in scene.workers.items()}
    counts = ", ".join(f"{name} {'+'.join(map(str, numbers))}" for name, numbers in seen.items())
    idle = [name for name, numbers in seen.items() if not sum(numbers)]
    if idle:
        return Check(
            "every role works", False, f"no request reached {', '.join(idle)}; they went to {counts}"
        )
    return Check("every role works", True, f"requests seen by each process: {counts}")


def _metrics(scene: Scene, wanted: Sequence[str]) -> Check:
    samples = [sample for process in scene.all for sample in client.metrics(process.port)]
    found = metrics.look(wanted, samples, scene.graph.dynamo_namespace)
    if found.problems:
        return Check("metrics", False, f"panels and alerts stay empty: {'; '.join(found.problems)}")
    # An engine's own all begin alike; one line names the engine once.
    unseen = dict.fromkeys(re.sub(r"^(\w+:|trtllm_).*", r"\1…", name) for name in found.unseen)
    rest = f"; not seen here, for only an engine or a cluster has it: {', '.join(unseen)}" if unseen else ""
    detail = f"all {len(found.there)} that dashboards and alerts ask for, with their labels{rest}"
    return Check("metrics", True, detail)


def _first(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (data.get("choices") or [{}])[0]
    return found


def _said(answer: client.Answer, text: str) -> str:
    return f"{text.strip()} (the mocker makes words up)" if text.strip() else answer.short
