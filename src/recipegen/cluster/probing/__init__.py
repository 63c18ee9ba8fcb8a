"""`recipegen probe`: one OpenAI request to a graph's frontend, and whether the answer is whole.

It proves that the endpoint serves the recipe's model at this moment. It measures nothing: the times are those
of the one request.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from recipegen.cluster.probing import answers, asking, forwarded
from recipegen.cluster.probing.answers import Check
from recipegen.cluster.probing.asking import Way
from recipegen.errors import ClusterError, Problem, UsageError
from recipegen.resolve import Plan

__all__ = ["Check", "Probe", "probe"]

PROMPT = "Hello!"
TOKENS = 16
SECONDS = 60.0
CHAT = "/v1/chat/completions"
# Endpoints whose work comes by another way than the one that is asked.
BESIDES = {
    "async": "the queue and what takes work from it: the frontend alone was asked",
    "batch": "the batch, which `recipegen status` tells of: the frontend alone was asked",
}


@dataclass(frozen=True)
class Probe:
    """What one request to an endpoint showed; each check holds."""

    model: str
    """Name under which the model is served."""
    where: str
    """What was asked: the URL, or the pod that was reached through the cluster."""
    streamed: bool
    checks: tuple[Check, ...]
    first_token: float | None
    """Seconds from the request to the first text; None where the answer came as a whole."""
    seconds: float
    """Seconds from the request to the end of the answer."""
    unproven: tuple[str, ...]
    """What the request does not show, in words."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "model": self.model,
            "where": self.where,
            "streamed": self.streamed,
            "checks": [{"name": check.name, "detail": check.detail} for check in self.checks],
            "firstTokenSeconds": self.first_token,
            "totalSeconds": self.seconds,
            "notShown": list(self.unproven),
        }


def probe(
    plan: Plan,
    *,
    url: str | None = None,
    context: str | None = None,
    streamed: bool = False,
    prompt: str = PROMPT,
    max_tokens: int = TOKENS,
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
    again: str = "recipegen doctor NAME",
) -> Probe:
    """Ask an endpoint for its models and one chat answer; return what was seen where all of it is right.

    Args:
        plan: the complete recipe.
        url: where the endpoint is; default: the frontend's pod, through a port-forward of the cluster.
        context: context of the kubeconfig, for the port-forward; default: the current one.
        streamed: whether to ask for the answer as a stream of events.
        prompt: what to say to the model.
        max_tokens: tokens of the answer, at most.
        headers: further headers of each request, such as Authorization.
        seconds: how long one answer may take.
        again: the command that finds out why a graph does not serve, for hints.

    Raises:
        ClusterError: when the endpoint cannot be reached, or with each thing that is wrong in its answer.
        ToolError: when the package `kubernetes` or the kubeconfig is missing, for a port-forward.
        UsageError: when the URL is none, or a context is given beside one.
    """
    if url is not None and context is not None:
        raise UsageError("with --url no cluster is asked, so --context has no effect")
    given = headers or {}
    way: AbstractContextManager[Way]
    if url is None:
        way = forwarded.to_frontend(plan, context, given, seconds, again)
    else:
        way = nullcontext(asking.by_url(url, given, seconds))
    model = str(plan.shared["model"])
    with way as endpoint:
        listed = endpoint.get("/v1/models")
        checks = answers.models(listed, model, again)
        _all_hold(listed, checks)
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": max_tokens,
            "stream": streamed,
            # Without this a stream ends without counting its tokens.
            **({"stream_options": {"include_usage": True}} if streamed else {}),
        }
        answer = endpoint.post(CHAT, body)
        said = (answers.stream if streamed else answers.chat)(answer, model, again)
        _all_hold(answer, said)
    return Probe(
        model=model,
        where=endpoint.where,
        streamed=streamed,
        checks=(*checks, *said),
        first_token=answers.first_token(answer.pieces),
        seconds=answer.seconds,
        unproven=tuple(_unproven(plan)),
    )


def _all_hold(answer: answers.Answer, checks: list[Check]) -> None:
    """Raise a ClusterError with everything that is wrong in an answer."""
    wrong = [
        Problem(f"endpoint-{check.name}", (), f"{answer.asked}: {check.detail}", check.hint)
        for check in checks
        if not check.holds
    ]
    if wrong:
        raise ClusterError(*wrong)


def _unproven(plan: Plan) -> list[str]:
    """Return what one request to the frontend does not show."""
    replicas = sum(worker.replicas for worker in plan.workers.values())
    found = ["speed: one request is no benchmark"]
    kind = plan.recipe.endpoint.kind if plan.recipe.endpoint else None
    if kind in BESIDES:
        found.append(BESIDES[kind])
    if replicas > 1:
        found.append(f"the other workers: the recipe has {replicas}, and one of each role answered")
    return found
