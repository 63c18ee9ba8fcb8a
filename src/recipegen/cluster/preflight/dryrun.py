"""Each object of a document sent to the API server as a dry run: checked as in earnest, and not stored."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from recipegen.cluster import signs
from recipegen.cluster.plain import at, name, rows, text
from recipegen.cluster.preflight.access import block_of
from recipegen.cluster.preflight.items import key_with
from recipegen.cluster.preflight.survey import Survey
from recipegen.cluster.preflight.wants import GRAPH, Made, Pods, Wants
from recipegen.cluster.scene import paths_for
from recipegen.cluster.scrub import scrub
from recipegen.cluster.wire import FORBIDDEN, JSON
from recipegen.errors import Path, Problem
from recipegen.origin import parse
from recipegen.validate import placed

APPLY = "application/apply-patch+yaml"
# As Helm 4 sends objects: fields that others own do not matter here, fields that nobody knows do.
STRICT = {"dryRun": "All", "fieldValidation": "Strict"}
ACCEPTED = (200, 201)
ELSEWHERE = "default"
"""Namespace that objects are tried in whose own is not there yet."""


@dataclass(frozen=True)
class DryRun:
    """What an API server said to the objects of one form of a recipe."""

    context: str
    version: str
    accepted: int
    """Objects, and pods of the graph, that it would take."""
    refused: tuple[Problem, ...]
    unchecked: tuple[str, ...]
    """What it was not asked about, and why."""
    elsewhere: tuple[str, ...]
    """Namespaces that are not there yet: their objects were tried in another one."""


def dry_run(wants: Wants, survey: Survey) -> DryRun:
    """Send what a plan renders to the API server, to be checked and not stored.

    Objects of kinds that the same document brings are not sent, and are told as not checked. Of a graph also
    the pods are sent that its templates describe, which the operator completes later.

    Raises:
        NoAnswerError: when the cluster does not answer, or does not know who asks.
    """
    version = survey.version()
    accepted, refused = 0, []
    unchecked = [f"{r.name}: its chart is fetched by Helm, and not rendered here" for r in wants.fetched]
    where = {n: survey.there(f"/api/v1/namespaces/{n}", f"namespace {n}") for n in wants.namespaces}
    # One that must not be looked at may well be there.
    absent = [namespace for namespace, there in where.items() if there is False]
    for made in wants.made:
        group = made.api_version.rpartition("/")[0]
        if survey.resource(made.api_version, made.kind) is None and wants.brought_by(group):
            unchecked.append(f"{made.called}: brought by {wants.brought_by(group)}")
            continue
        problem = _object(wants, survey, made, ELSEWHERE if made.release.namespace in absent else "")
        accepted += problem is None
        refused += [problem] if problem else []
    for pods in wants.pods():
        if pods.made.kind != GRAPH:
            continue
        if pods.made.release.namespace in absent:
            # Quotas and levels of another namespace would say nothing of this one.
            unchecked.append(f"pods of {pods.part}: namespace {pods.made.release.namespace} is not there yet")
            continue
        problem = _pod(wants, survey, pods)
        accepted += problem is None
        refused += [problem] if problem else []
    return DryRun(
        context=survey.connection.context,
        version=version,
        accepted=accepted,
        refused=tuple(placed(problem, wants.plan.loaded.document) for problem in refused),
        unchecked=tuple(unchecked),
        elsewhere=tuple(n for n in absent if any(made.release.namespace == n for made in wants.made)),
    )


def _object(wants: Wants, survey: Survey, made: Made, elsewhere: str) -> Problem | None:
    """Return why the API server would refuse an object; None where it would take it."""
    resource = survey.resource(made.api_version, made.kind)
    block = block_of(made)
    if resource is None:
        message = f"{made.called}: the cluster does not serve {made.kind} of {made.api_version}"
        return Problem("cluster-refuses", block, message, "`recipegen preflight` says what would bring it")
    root = f"/apis/{made.api_version}" if "/" in made.api_version else f"/api/{made.api_version}"
    namespace = elsewhere or made.release.namespace
    scope = f"/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"{root}{scope}/{resource.name}"
    if "helm.sh/hook" in (at(made.item, "metadata", "annotations") or {}):
        # Helm removes the hook of the last run before it makes the next one.
        metadata = {key: value for key, value in made.item["metadata"].items() if key != "name"}
        item = {**made.item, "metadata": {**metadata, "generateName": f"{name(made.item)}-"}}
        answer = _sent(survey, "POST", f"{collection}?{urlencode(STRICT)}", item, JSON)
    else:
        query = urlencode({**STRICT, "fieldManager": "helm", "force": "true"})
        answer = _sent(survey, "PATCH", f"{collection}/{name(made.item)}?{query}", made.item, APPLY)
    if answer is None:
        return None
    path = next(_fields(wants, made, answer), block)
    return Problem("cluster-refuses", path, f"{made.called}: {_message(answer)}", _remedy(answer))


def _pod(wants: Wants, survey: Survey, pods: Pods) -> Problem | None:
    """Return why the API server would refuse a pod of the graph; None where it would take it."""
    namespace = pods.made.release.namespace
    metadata = {"generateName": f"{name(pods.made.item)}-{pods.part}-", "labels": pods.labels}
    item = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pods.spec}
    answer = _sent(survey, "POST", f"/api/v1/namespaces/{namespace}/pods?{urlencode(STRICT)}", item, JSON)
    if answer is None:
        return None
    message = f"pod of {pods.part}: {_message(answer)}"
    found = signs.first(signs.CREATE, text(answer, "message"))
    paths = paths_for(found[0].paths, pods.part) if found else ()
    remedy = found[0].remedy if found else ""
    path = parse(paths[0]) if paths else next(_fields(wants, pods.made, answer), block_of(pods.made))
    return Problem("cluster-refuses", path, message, remedy)


def _sent(survey: Survey, method: str, path: str, item: Any, content: str) -> Any:
    """Return the API server's refusal; None where it would take the object."""
    status, body = survey.send(method, path, item, content)
    if status in ACCEPTED:
        return None
    try:
        return {"message": f"the API server answered {status}", "code": status, **json.loads(body)}
    except (ValueError, TypeError):
        return {"message": f"the API server answered {status}", "code": status}


def _message(answer: Any) -> str:
    return scrub(" ".join(text(answer, "message").split()))


def _remedy(answer: Any) -> str:
    if at(answer, "code") == FORBIDDEN:
        return "`recipegen preflight` lists the rights, quotas and levels that an apply needs"
    return ""


def _fields(wants: Wants, made: Made, answer: Any) -> Iterator[Path]:
    """Yield lines of the recipe that a refusal is about: a value in it, or the part that it names."""
    block = block_of(made)[0]
    message = text(answer, "message")
    for value in sorted(set(message.split('"')[1::2]), key=len, reverse=True):
        for key in key_with(wants.plan, value, str(block)):
            yield parse(key)
    for cause in rows(answer, "details", "causes"):
        field = text(cause, "field")
        if field.startswith("spec.components["):
            index = field.removeprefix("spec.components[").partition("]")[0]
            parts = rows(made.item, "spec", "components")
            part = text(parts[int(index)], "name") if index.isdigit() and int(index) < len(parts) else ""
            if part in ("frontend", "worker", "prefill", "decode"):
                yield ("model", part)
