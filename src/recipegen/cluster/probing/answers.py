"""What an OpenAI answer has to hold to prove that a model is served: pure functions over what came back.

The shapes are those of OpenAI's API reference for `GET /v1/models`, `POST /v1/chat/completions` and the
chunks of a streamed one; `reasoning_content` is what vLLM, SGLang and Dynamo call thoughts.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from recipegen.cluster.plain import at, rows, text
from recipegen.cluster.scrub import scrub
from recipegen.errors import escape

OK = 200
SHOWN = 160
DONE = "[DONE]"
FINISHED = ("stop", "length", "tool_calls", "content_filter", "function_call")
"""Reasons to finish that OpenAI's reference names; `abort` and `error` of engines are none of them."""
THOUGHTS = ("reasoning_content", "reasoning")

# Why an endpoint gives a status, and what to do about it.
STATUS_HINTS = {
    401: "it wants a token: --token-env VAR takes one from the variable VAR",
    403: "it takes no request of this token or address: another one with --token-env VAR",
    404: "it has no such address or model: is the URL that of the frontend or of the route to it?",
    429: "it limits requests for now: ask again later",
    502: "what is asked stands before the frontend, and does not reach it",
    503: "no worker is ready, or all are busy: {doctor}",
    504: "what is asked stands before the frontend, and had no answer from it in time: {doctor}",
}


@dataclass(frozen=True)
class Answer:
    """What came back to one request."""

    asked: str
    """Method and address."""
    status: int
    body: bytes
    seconds: float
    """From the request until the whole answer was there."""
    location: str = ""
    """Where the answer leads elsewhere, the address there."""
    pieces: tuple[tuple[float, str], ...] = ()
    """Of a stream: the data of each server-sent event, with the seconds after the request."""
    secrets: tuple[str, ...] = ()
    """What the request carried that may not be shown again."""

    @property
    def came(self) -> str:
        """Status and beginning of the answer, on one line, without secrets."""
        words = self.shown(self.body[: 20 * SHOWN].decode(errors="replace"))
        return f"{self.status} {words}" if words else f"{self.status} and nothing else"

    def shown(self, words: str) -> str:
        """Return a text of the answer for a message: on one line, cut, without secrets."""
        for secret in self.secrets:
            words = words.replace(secret, "<redacted>")
        words = scrub(" ".join(words[: 20 * SHOWN].split()))
        return escape(words if len(words) <= SHOWN else words[: SHOWN - 1] + "…")


@dataclass(frozen=True)
class Check:
    """One statement about an answer."""

    name: str
    holds: bool
    detail: str
    """What was seen."""
    hint: str = ""
    """What to do where it does not hold."""


def models(answer: Answer, model: str, doctor: str) -> list[Check]:
    """Return whether the list of models has the model.

    Args:
        answer: to `GET /v1/models`.
        model: name under which it is served.
        doctor: the command that finds out why there is none.
    """
    wrong = _refused("models", answer, doctor)
    if wrong:
        return [wrong]
    data = _object(answer)
    listed = [row["id"] for row in rows(data, "data") if isinstance(row.get("id"), str)]
    if not isinstance(at(data, "data"), list):
        hint = "is the URL that of an OpenAI-compatible server?"
        return [Check("models", False, f"no list of models came: {answer.came}", hint)]
    names = ", ".join(map(answer.shown, listed[:10])) or "no model"
    if model in listed:
        return [Check("models", True, f"/v1/models lists {model}")]
    hint = f"no worker of it is ready: {doctor}"
    if listed:
        hint = f"another graph answers there, or none of its workers is ready: {doctor}"
    return [Check("models", False, f"/v1/models lists {names}, and not {model}", hint)]


def chat(answer: Answer, model: str, doctor: str) -> list[Check]:
    """Return whether a chat answer is whole: status, JSON, model, text, reason to finish, usage."""
    wrong = _refused("chat", answer, doctor)
    if wrong:
        return [wrong]
    data = _object(answer)
    if data is None:
        hint = "is the URL that of an OpenAI-compatible server?"
        return [Check("chat", False, f"the answer is no JSON object: {answer.came}", hint)]
    choice = next(iter(rows(data, "choices")), {})
    shape = at(choice, "message")
    if not isinstance(shape, dict):
        return [Check("chat", False, f"the answer has no choices[0].message: {answer.came}")]
    return [
        Check("chat", True, "status 200, a JSON object with a message"),
        _named(answer, text(data, "model"), model),
        _said(answer, _words(shape), _thoughts(shape)),
        _finished(answer, at(choice, "finish_reason")),
        _counted(answer, at(data, "usage")),
    ]


def stream(answer: Answer, model: str, doctor: str) -> list[Check]:
    """Return whether a streamed chat answer is whole: every event JSON, the end told, and as `chat`."""
    wrong = _refused("stream", answer, doctor)
    if wrong:
        return [wrong]
    events = [event for _, event in answer.pieces]
    if not events:
        hint = "what stands between may not pass streams on, or not know `stream`"
        return [Check("stream", False, f"no server-sent event came: {answer.came}", hint)]
    chunks = [_decoded(event) for event in events if event != DONE]
    broken = next((event for event in events if event != DONE and _decoded(event) is None), None)
    if broken is not None:
        return [Check("stream", False, f"an event is no JSON object: {answer.shown(broken)}")]
    error = next((at(chunk, "error") for chunk in chunks if at(chunk, "error")), None)
    if error is not None:
        said = answer.shown(json.dumps(error))
        return [Check("stream", False, f"the stream has an error in it: {said}", doctor)]
    choices = [choice for chunk in chunks for choice in rows(chunk, "choices")]
    deltas = [at(choice, "delta") for choice in choices]
    reasons = [at(choice, "finish_reason") for choice in choices if at(choice, "finish_reason") is not None]
    names = {text(chunk, "model") for chunk in chunks} - {""}
    done = events[-1] == DONE
    last = "[DONE]" if done else f"{answer.shown(events[-1])}, without [DONE]"
    cut = "the connection was cut, by a time limit between here and the frontend, or a worker ended"
    return [
        Check("stream", done, f"{len(chunks)} events, then {last}", "" if done else cut),
        _named(answer, ", ".join(sorted(names)), model),
        _said(answer, "".join(map(_words, deltas)), "".join(map(_thoughts, deltas))),
        _finished(answer, reasons[-1] if reasons else None),
        _counted(answer, next((usage for c in reversed(chunks) if (usage := at(c, "usage"))), None)),
    ]


def first_token(pieces: Iterable[tuple[float, str]]) -> float | None:
    """Return the seconds until the first event with text or thoughts in it; None where there is none."""
    for seconds, event in pieces:
        deltas = [at(choice, "delta") for choice in rows(_decoded(event), "choices")]
        if any(_words(delta) or _thoughts(delta) for delta in deltas):
            return seconds
    return None


def _refused(name: str, answer: Answer, doctor: str) -> Check | None:
    if answer.status == OK:
        return None
    if answer.location:
        hint = f"it leads elsewhere: give that address as --url: {answer.shown(answer.location)}"
        return Check(name, False, f"it answered {answer.status}", hint)
    hint = STATUS_HINTS.get(answer.status, doctor if answer.status >= 500 else "read what it says")
    if answer.status == 401 and answer.secrets:
        hint = "it does not take this token or header: another one with --token-env VAR or --header"
    return Check(name, False, f"it answered {answer.came}", hint.format(doctor=doctor))


def _object(answer: Answer) -> dict[str, Any] | None:
    return _decoded(answer.body.decode(errors="replace"))


def _decoded(words: str) -> dict[str, Any] | None:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _words(message: Any) -> str:
    return text(message, "content")


def _thoughts(message: Any) -> str:
    return next(filter(None, (text(message, key) for key in THOUGHTS)), "")


def _named(answer: Answer, found: str, model: str) -> Check:
    if found == model:
        return Check("name", True, f"the answer is of {model}")
    hint = "another model answered, or a gateway renames it: ask the frontend itself"
    return Check(
        "name", False, f"the answer is of {answer.shown(found) or 'no named model'}, not {model}", hint
    )


def _said(answer: Answer, words: str, thoughts: str) -> Check:
    shown = answer.shown(words or thoughts)
    if words:
        return Check("text", True, f"text: {shown}")
    if thoughts:
        # So few tokens of a model that thinks aloud may be its thoughts alone.
        return Check("text", True, f"thoughts and no text yet: {shown}")
    hint = "the model ended at once: its chat template or its weights are not what the engine takes them for"
    return Check("text", False, "neither text nor thoughts came", hint)


def _finished(answer: Answer, reason: Any) -> Check:
    if reason in FINISHED:
        return Check("finish", True, f"finish_reason {reason}")
    shown = answer.shown(json.dumps(reason))
    hint = "the engine gave the request up: read the logs of the workers"
    return Check("finish", False, f"finish_reason is {shown}, none of {', '.join(FINISHED)}", hint)


def _counted(answer: Answer, usage: Any) -> Check:
    prompt, completion, total = (at(usage, f"{key}_tokens") for key in ("prompt", "completion", "total"))
    numbers = [n for n in (prompt, completion, total) if isinstance(n, int) and not isinstance(n, bool)]
    if len(numbers) == 3 and numbers[0] > 0 and numbers[1] > 0 and numbers[0] + numbers[1] == numbers[2]:
        return Check("usage", True, f"{prompt} tokens asked, {completion} answered")
    shown = answer.shown(json.dumps(usage))
    hint = "what bills or limits by usage would go wrong: a gateway may rewrite it"
    return Check("usage", False, f"usage does not add up: {shown}", hint)
