"""Probe: what an endpoint has to answer, held against a real HTTP server that answers wrongly in every way.

`tests/twin/test_probe.py` asks Dynamo's real frontend, `tests/lab/test_status.py` one through a port-forward.
"""

import copy
import json
import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recipegen
from endpoint import CHAT, MODEL, STREAM, Answer, chunk, events, serve
from recipegen.cli import main
from recipegen.cluster import probing
from recipegen.cluster.probing import answers
from recipegen.recipe.endpoint import Endpoint

TOKEN = "zq-Token-of-a-gateway-4711"
RECIPE = "qwen-0.6b"


def probed(capsys: pytest.CaptureFixture[str], *arguments: str, recipe: str = RECIPE) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the verb."""
    code = main(["probe", recipe, *arguments])
    return code, *capsys.readouterr()


def changed(base: dict[str, Any], *path: Any, to: Any) -> Answer:
    """A good answer with one thing changed."""
    body = copy.deepcopy(base)
    place: Any = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return Answer(body)


def test_t20_one_request_proves_that_an_endpoint_serves(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as endpoint:
        code, out, err = probed(capsys, "--url", endpoint.url)

    assert (code, err) == (0, "")
    assert [what for what, _, _ in endpoint.asked] == ["GET /v1/models", "POST /v1/chat/completions"]
    assert endpoint.asked[1][2] == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hello!"}],
        "max_tokens": 16,
        "stream": False,
    }
    assert f"ok  models  /v1/models lists {MODEL}" in out
    assert "ok  text    text: Good day!" in out
    assert "ok  usage   9 tokens asked, 3 answered" in out
    assert "not shown by it: speed: one request is no benchmark" in out
    assert "first token" not in out, "an answer that comes as a whole does not show it"


def test_t20_a_streamed_answer_ends_with_done_and_shows_its_first_token(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve(chat=events(*STREAM)) as endpoint:
        code, out, err = probed(capsys, "--url", f"{endpoint.url}/v1/", "--stream", "--format", "json")
    found = json.loads(out)

    assert (code, err) == (0, "")
    assert endpoint.asked[1][2]["stream_options"] == {"include_usage": True}
    assert {check["name"]: check["detail"] for check in found["checks"]}["stream"] == "5 events, then [DONE]"
    assert 0 <= found["firstTokenSeconds"] <= found["totalSeconds"]


def test_t20_the_library_probes_too() -> None:
    with serve() as endpoint:
        found = recipegen.probe(RECIPE, url=endpoint.url, headers={"x-team": "ml"})

    assert isinstance(found, recipegen.Probe)
    assert endpoint.asked[0][1]["x-team"] == "ml"
    assert all(check.holds for check in found.checks)


def test_m13_the_model_is_looked_up_in_the_list_that_openai_defines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    several = {"object": "list", "data": [{"id": "other"}, {"id": "team/served"}]}
    chat = Answer({**CHAT, "model": "team/served"})
    with serve(Answer(several), chat) as endpoint:
        served = probed(capsys, "--url", endpoint.url, "--set", "model.servedName=team/served")
        absent = probed(capsys, "--url", endpoint.url)

    assert served[0] == 0
    assert (absent[0], absent[1]) == (5, "")
    assert f"GET {endpoint.url}/v1/models: /v1/models lists other, team/served, and not {MODEL}" in absent[2]
    assert "recipegen doctor qwen-0.6b" in absent[2]


@pytest.mark.parametrize(
    ("kind", "said"),
    [("async", "the queue and what takes work from it"), ("batch", "the batch, which `recipegen status`")],
)
def test_t20_a_probe_says_what_of_a_queue_it_does_not_show(kind: str, said: str) -> None:
    plan = recipegen.plan(RECIPE)
    # Without what such a kind needs besides, which other tests know.
    recipe = plan.recipe.model_copy(update={"endpoint": Endpoint.model_validate({"kind": kind})})
    with serve() as endpoint:
        found = probing.probe(replace(plan, recipe=recipe), url=endpoint.url)

    assert any(words.startswith(said) for words in found.unproven)


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_thoughts_are_an_answer(key: str) -> None:
    message = {"role": "assistant", "content": None, key: "So the person greets."}
    with serve(chat=changed(CHAT, "choices", 0, "message", to=message)) as endpoint:
        found = recipegen.probe(RECIPE, url=endpoint.url)
    with serve(chat=events(chunk({key: "So"}), *STREAM[3:])) as endpoint:
        streamed = recipegen.probe(RECIPE, url=endpoint.url, streamed=True)

    assert "thoughts and no text yet: So the person greets." in [check.detail for check in found.checks]
    assert streamed.first_token is not None


# What the server answers, what is asked of it, what is said, and what helps.
WRONG: dict[str, tuple[dict[str, Answer], tuple[str, ...], str, str]] = {
    "no model": (
        {"models": Answer({"object": "list", "data": []})},
        (),
        "/v1/models lists no model, and not Qwen/Qwen3-0.6B",
        "no worker of it is ready: recipegen doctor qwen-0.6b",
    ),
    "a list that is none": ({"models": Answer({"data": 3})}, (), "no list of models came", "OpenAI"),
    "a page": (
        {"models": Answer(b"<html>Welcome</html>", kind="text/html")},
        (),
        "no list of models came: 200 <html>Welcome</html>",
        "OpenAI",
    ),
    "another path": ({"models": Answer({"message": "x"}, 404)}, (), "it answered 404", "route to it?"),
    "no token": ({"models": Answer({"error": "x"}, 401)}, (), "it answered 401", "it wants a token"),
    "another token": (
        {"models": Answer({"error": "x"}, 401)},
        ("--header", "x-token: another"),
        "it answered 401",
        "does not take this token",
    ),
    "somewhere else": (
        {"models": Answer({}, 307, headers={"Location": "https://elsewhere.example.com/v1/models"})},
        (),
        "it answered 307",
        "https://elsewhere.example.com/v1/models",
    ),
    "no worker": (
        {"chat": Answer({"message": "no instances"}, 503)},
        (),
        'it answered 503 {"message": "no instances"}',
        "no worker is ready, or all are busy: recipegen doctor qwen-0.6b",
    ),
    "a fault": ({"chat": Answer(b"", 500)}, (), "it answered 500 and nothing else", "recipegen doctor"),
    "no JSON": ({"chat": Answer(b"hello")}, (), "the answer is no JSON object: 200 hello", "OpenAI"),
    "nested too deeply": ({"chat": Answer(b"[" * 100_000)}, (), "no JSON object", "OpenAI"),
    "no choices": ({"chat": Answer({"choices": []})}, (), "no choices[0].message", ""),
    "another model": (
        {"chat": changed(CHAT, "model", to="llama")},
        (),
        "the answer is of llama, not Qwen/Qwen3-0.6B",
        "a gateway renames it",
    ),
    "nothing said": (
        {"chat": changed(CHAT, "choices", 0, "message", to={"role": "assistant", "content": ""})},
        (),
        "neither text nor thoughts came",
        "chat template",
    ),
    "given up": (
        {"chat": changed(CHAT, "choices", 0, "finish_reason", to="abort")},
        (),
        'finish_reason is "abort"',
        "logs of the workers",
    ),
    "no usage": ({"chat": changed(CHAT, "usage", to=None)}, (), "usage does not add up: null", "gateway"),
    "usage that does not add up": (
        {"chat": changed(CHAT, "usage", "total_tokens", to=9)},
        (),
        'usage does not add up: {"prompt_tokens": 9',
        "gateway",
    ),
    "a stream that is none": ({}, ("--stream",), "no server-sent event came", "streams"),
    "a stream that is cut": (
        {"chat": events(*STREAM[:3])},
        ("--stream",),
        "3 events, then",
        "the connection was cut",
    ),
    "an event that is none": (
        {"chat": events(STREAM[0], "{half", "[DONE]")},
        ("--stream",),
        "an event is no JSON object: {half",
        "",
    ),
    "an error in a stream": (
        {"chat": events(STREAM[0], {"error": {"message": "worker died"}}, "[DONE]")},
        ("--stream",),
        'the stream has an error in it: {"message": "worker died"}',
        "recipegen doctor",
    ),
    "a stream without words": (
        {"chat": events(STREAM[0], *STREAM[3:])},
        ("--stream",),
        "neither text nor thoughts came",
        "",
    ),
    "a stream without usage": (
        {"chat": events(*STREAM[:4], "[DONE]")},
        ("--stream",),
        "usage does not add up: null",
        "",
    ),
    "half an answer": ({"chat": Answer(CHAT, length=4000)}, (), "no whole HTTP answer", ""),
    "an endless answer": ({"chat": Answer(b" " * (5 * 2**20))}, (), "longer than 4 MiB", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_t20_a_wrong_answer_is_named_with_what_helps(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    given, arguments, said, helps = WRONG[case]
    with serve(given.get("models"), given.get("chat")) as endpoint:
        code, out, err = probed(capsys, "--url", endpoint.url, *arguments)

    assert (code, out) == (5, "")
    assert said in err
    assert helps in err
    assert endpoint.url in err, "what was asked is named"


def test_everything_that_is_wrong_in_an_answer_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with serve(chat=Answer({"choices": [{"message": {}}]})) as endpoint:
        code, out, err = probed(capsys, "--url", endpoint.url, "--format", "json")

    assert (code, out) == (5, "")
    assert [problem["code"] for problem in json.loads(err)] == [
        "endpoint-name",
        "endpoint-text",
        "endpoint-finish",
        "endpoint-usage",
    ]


def test_an_endpoint_that_says_nothing_is_left_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    over = threading.Event()
    with serve(chat=Answer(CHAT, wait=lambda: over.wait(20))) as endpoint:
        code, out, err = probed(capsys, "--url", endpoint.url, "--timeout", "0.3")
        over.set()

    assert (code, out) == (5, "")
    assert "POST" in err
    assert "no answer in time" in err
    assert "--timeout" in err


def test_nothing_listens_and_no_such_host(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as endpoint:
        gone = endpoint.url
    refused = probed(capsys, "--url", gone)
    unknown = probed(capsys, "--url", "http://frontend.invalid:8000")

    assert (refused[0], refused[1]) == (5, "")
    assert "nothing listens there" in refused[2]
    assert (unknown[0], unknown[1]) == (5, "")
    assert "no such host" in unknown[2]


def certify(folder: Path) -> Path:
    """Make a key and a certificate of 127.0.0.1 there; give the file that an authority for it would be."""
    command = "req -x509 -days 2 -nodes -newkey rsa:2048 -keyout server.key -out server.crt -subj /CN=server"
    extension = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *command.split(), *extension], cwd=folder, check=True, capture_output=True)
    return folder / "server.crt"


def test_tls_is_checked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serve() as endpoint:
        code, out, err = probed(capsys, "--url", endpoint.url.replace("http:", "https:"))

    assert (code, out) == (5, "")
    assert "TLS failed" in err


def test_a_certificate_of_an_authority_that_is_named_is_trusted(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    authority = certify(tmp_path)
    with serve(tls=tmp_path) as endpoint:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        refused = probed(capsys, "--url", endpoint.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        trusted = probed(capsys, "--url", endpoint.url)

    assert (refused[0], refused[1]) == (5, "")
    assert "its certificate is not trusted" in refused[2]
    assert "SSL_CERT_FILE" in refused[2]
    assert trusted[0] == 0, trusted[2]


def test_a_token_is_sent_and_never_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", TOKEN)
    echo = {"error": f"the token {TOKEN} is old", "key": f"k-{TOKEN}"}
    options = ("--token-env", "GATEWAY_TOKEN", "--header", f"x-key: k-{TOKEN}", "--header", "x-team: ml")
    with serve(chat=Answer(echo, 403)) as endpoint:
        refused = probed(capsys, "--url", endpoint.url, *options)
    named = changed(CHAT, "choices", 0, "message", "content", to=f"I saw {TOKEN}")
    with serve(chat=named) as endpoint:
        served = probed(capsys, "--url", endpoint.url, *options, "--format", "json")

    assert endpoint.asked[1][1]["authorization"] == f"Bearer {TOKEN}"
    assert endpoint.asked[1][1]["x-key"] == f"k-{TOKEN}"
    assert (refused[0], served[0]) == (5, 0)
    assert "<redacted>" in refused[2]
    assert TOKEN not in "".join((*refused[1:], *served[1:]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "frontend:8000"), "no address of http or https"),
        (("--url", "http://[::1"), "no address of http or https"),
        (("--url", "http://a b/"), "no address of http or https"),
        (("--url", f"https://me:{TOKEN}@example.com"), "takes no user, password"),
        (("--url", "http://a.example", "--context", "b"), "--context has no effect"),
        (("--header", f"no header {TOKEN}"), "--header takes NAME: VALUE"),
        (("--header", f"x: a\r\nauthorization: {TOKEN}"), "--header takes NAME: VALUE"),
        (("--header", "Host: x"), "recipegen's own"),
        (("--header", "x: 1", "--header", "X: 2"), "is there twice"),
        (("--token-env", "NOBODY_HAS_SET_THIS"), "is not set, or empty"),
        (("--token-env", "TWO_LINES"), "more than plain letters"),
        (("--max-tokens", "0"), "a whole number from 1"),
        (("--timeout", "0"), "a number above 0"),
    ],
)
def test_wrong_usage_is_said_without_repeating_a_secret(
    arguments: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(os.environ, "TWO_LINES", f"a\n{TOKEN}")
    url = () if "--url" in arguments else ("--url", "http://127.0.0.1:1")
    code, out, err = probed(capsys, *url, *arguments)

    assert (code, out) == (2, "")
    assert said in err
    assert TOKEN not in err


def test_without_a_url_or_a_cluster_it_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    code, out, err = probed(capsys)

    assert (code, out) == (4, "")
    assert "no way into a cluster" in err


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "delta", "content", "usage", "data", "id", "error"]), inner
        )
    ),
    max_leaves=12,
)


@given(PLAIN, st.lists(PLAIN, max_size=3))
def test_no_answer_of_whatever_shape_is_an_exception(body: Any, chunks: list[Any]) -> None:
    pieces = tuple((0.1, json.dumps(each)) for each in chunks)
    answer = answers.Answer("GET x", 200, json.dumps(body).encode(), 0.1, "", pieces)

    for judge in (answers.models, answers.chat, answers.stream):
        assert judge(answer, MODEL, "recipegen doctor x")
    answers.first_token(pieces)


def test_no_hint_and_no_answer_moves_the_cursor() -> None:
    answer = answers.Answer("GET x", 418, b"\x1b[2J\x00" + "\u202e".encode(), 0.1)

    assert answers.chat(answer, MODEL, "x")[0].detail == r"it answered 418 \x1b[2J\x00\u202e"
