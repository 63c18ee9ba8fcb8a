"""The batch: where its requests come from, where its answers go, when it runs."""

import json
from collections.abc import Iterator

from recipegen.errors import Path, Problem, nearest, show
from recipegen.recipe import Batch, BatchOutput, Recipe
from recipegen.rules import schedules

INPUT: Path = ("batch", "input")
OUTPUT: Path = ("batch", "output")
KUEUE = "kueue.x-k8s.io/queue-name"
TOLD = 5
"""Lines that are named, of those that are wrong."""
EXAMPLE = '{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": []}}'


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a batch without requests, answers without a place, and a time that never comes."""
    yield from _kind(recipe)
    batch = recipe.batch
    if not batch.enabled:
        return
    model = recipe.model
    if model.deployment.create and model.frontend.replicas == 0:
        message = "the batch asks the frontend, got 0"
        hint = "set it to 1 or more, or batch.enabled to false"
        yield Problem("batch-without-frontend", ("model", "frontend", "replicas"), message, hint)
    yield from _input(batch)
    yield from _lines(batch)
    yield from _output(batch)
    yield from _time(batch)
    yield from _queue(recipe)


def _kind(recipe: Recipe) -> Iterator[Problem]:
    """Yield a label that would put every Job and pod of the recipe into a queue, the graph's too."""
    if recipe.endpoint and KUEUE in recipe.endpoint.labels:
        message = "would be on every pod, and Kueue would hold those of the graph back one by one"
        hint = "leave it out, and set batch.queue"
        yield Problem("taken-label", ("endpoint", "labels", KUEUE), message, hint)


def _input(batch: Batch) -> Iterator[Problem]:
    given = batch.input
    places = {
        "claimName": given.claim_name,
        "content": given.content,
        "configMapRef": given.config_map_ref,
        "url": given.url,
    }
    found = [key for key, value in places.items() if value is not None]
    if len(found) != 1:
        message = f"needs one of {', '.join(places)}, got {' and '.join(found) or 'none'}"
        hint = "keep one of them" if found else "say where the requests are"
        yield Problem("batch-input", INPUT, message, hint)
    if given.claim_name is not None and given.path is None:
        message = "says on which volume the requests are, but not in which file"
        yield Problem("batch-input", (*INPUT, "claimName"), message, "say batch.input.path as well")
    for key, value, of in (("path", given.path, "claimName"), ("key", given.key, "configMapRef")):
        if value is not None and places[of] is None:
            message = f"has no effect without {of}, got {value!r}"
            yield Problem("no-effect", (*INPUT, key), message, "leave it out")


def _lines(batch: Batch) -> Iterator[Problem]:
    """Yield the lines of a written input that the script would refuse, and names that two of them share."""
    names: dict[str, int] = {}
    lines = enumerate((batch.input.content or "").splitlines(), 1)
    found = [(n, text, _line(n, text, names)) for n, text in lines if text.strip()]
    wrong = [f"line {n} {problem}, got {show(text)}" for n, text, problem in found if problem]
    if wrong:
        more = f"; so do {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
        message = f"asks nothing in {len(wrong)} of {len(found)} lines: {'; '.join(wrong[:TOLD])}{more}"
        yield Problem("batch-line", (*INPUT, "content"), message, f"write {EXAMPLE}")


def _line(number: int, text: str, names: dict[str, int]) -> str:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return "is no JSON object"
    if not isinstance(line, dict):
        return "is no JSON object"
    name = line.get("custom_id")
    if not isinstance(name, str) or not name:
        return "has no custom_id"
    if names.setdefault(name, number) != number:
        return f"has the custom_id of line {names[name]}"
    if not isinstance(line.get("url"), str) or not isinstance(line.get("body"), dict):
        return "lacks a url or a body"
    return ""


def _output(batch: Batch) -> Iterator[Problem]:
    given = batch.output
    if given.claim_name is None and given.size is None:
        message = "needs claimName or size: the pods go, and the answers with them, got none"
        yield Problem("batch-output", OUTPUT, message, "say batch.output.size, such as 10Gi")
        return
    if given.claim_name is None:
        if given.access_mode == "ReadWriteOnce" and batch.completions > 1:
            message = f"pods on other nodes than the first wait for ever, and there are {batch.completions}"
            hint = "take ReadWriteMany, or set batch.completions to 1 and batch.concurrency higher"
            yield Problem("batch-volume", (*OUTPUT, "accessMode"), message, hint, warning=True)
        return
    mode = BatchOutput.model_fields["access_mode"].default
    own = {
        "size": given.size,
        "storageClass": given.storage_class,
        "accessMode": None if given.access_mode == mode else given.access_mode,
    }
    for key, value in own.items():
        if value is not None:
            message = f"has no effect beside claimName, got {value!r}"
            yield Problem("no-effect", (*OUTPUT, key), message, "leave one of the two out")


def _time(batch: Batch) -> Iterator[Problem]:
    if batch.schedule is not None:
        problem = schedules.problem(batch.schedule)
        if problem:
            message = f"{problem}, got {show(batch.schedule)}"
            hint = "write minute, hour, day of the month, month and day of the week, such as '0 3 * * 1-5'"
            yield Problem("batch-schedule", ("batch", "schedule"), message, hint)
    if batch.time_zone is None:
        return
    known = schedules.zones() if batch.schedule else set()
    if batch.schedule is None:
        message = f"has no effect without a schedule, got {batch.time_zone!r}"
        yield Problem("no-effect", ("batch", "timeZone"), message, "say batch.schedule, or leave it out")
    elif known and batch.time_zone not in known:
        message = f"is the name of no time zone, got {batch.time_zone!r}"
        usual = "write it as in the tz database, such as Europe/Berlin or Etc/UTC"
        hint = nearest(batch.time_zone, sorted(known)) or usual
        yield Problem("batch-schedule", ("batch", "timeZone"), message, hint)


def _queue(recipe: Recipe) -> Iterator[Problem]:
    batch = recipe.batch
    if batch.queue is not None and batch.suspend and batch.schedule is None:
        message = "has no effect beside batch.queue: Kueue resumes the Job once it admits it"
        hint = "stop the LocalQueue (spec.stopPolicy), or leave one of the two out"
        yield Problem("no-effect", ("batch", "suspend"), message, hint)
