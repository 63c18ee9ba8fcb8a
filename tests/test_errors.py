"""Problems as text and data, and values as messages show them."""

import json

import pytest

from clock import cpu_seconds
from recipegen import errors
from recipegen.errors import (
    ClusterError,
    DiffersError,
    Mark,
    Path,
    Problem,
    RecipeError,
    RecipegenError,
    ToolError,
    UsageError,
    dotted,
    escape,
    nearest,
    redact,
    show,
)

SECRETS = [
    "hf_abcdefghijklmnopqrstuvwxyz01",
    "nvapi-abcdefghijklmnop_QRST-123",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrst0123456789",
    "github_pat_11ABCDEFG0abcdefghijkl_mnop",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEow",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
    "https://user:pass@example.com/x",
]
HARMLESS = [
    "hf_transfer",
    "Qwen/Qwen3-0.6B",
    "c1899de289a04d12100db370d81485cdf75e47ca",
    "http://service.namespace.svc:8000/v1",
    "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.6.1@sha256:abc",
    "user@example.com",
]


def test_a_problem_reads_place_path_message_and_hint() -> None:
    problem = Problem(
        "unknown-key", ("model", "nme"), "is no key", "did you mean 'name'?", Mark("r.yaml", 4, 3)
    )

    assert problem.text() == "r.yaml:4:3: model.nme: is no key\n  hint: did you mean 'name'?"


def test_a_problem_without_place_path_and_hint_is_its_message() -> None:
    assert Problem("usage", (), "write KEY=VALUE").text() == "write KEY=VALUE"


def test_a_place_without_lines_is_its_source() -> None:
    assert Problem("x", ("a",), "is wrong", mark=Mark("--set a=1")).text() == "--set a=1: a: is wrong"


def test_a_warning_says_so_before_the_message() -> None:
    problem = Problem("x", ("a",), "is odd", mark=Mark("r.yaml", 1, 1), warning=True)

    assert problem.text() == "r.yaml:1:1: a: warning: is odd"


def test_a_problem_as_text_is_its_text() -> None:
    problem = Problem("x", ("a",), "is odd", mark=Mark("r.yaml", 1, 1))

    assert f"{problem}" == problem.text()


def test_a_warning_as_data_is_one() -> None:
    assert Problem("x", (), "is odd", warning=True).as_dict()["severity"] == "warning"


def test_a_problem_as_data_has_every_part() -> None:
    problem = Problem("limit", ("a", 0), "too long", "cut it", Mark("r.yaml", 2, 5))

    assert problem.as_dict() == {
        "severity": "error",
        "code": "limit",
        "path": "a[0]",
        "file": "r.yaml",
        "line": 2,
        "column": 5,
        "message": "too long",
        "hint": "cut it",
    }


def test_a_problem_without_a_place_as_data_has_an_empty_one() -> None:
    data = Problem("usage", (), "wrong").as_dict()

    assert (data["file"], data["line"], data["column"]) == ("", 0, 0)


def test_a_file_name_cannot_hide_anything() -> None:
    assert str(Mark("a\n\x1b[31m\u202eb.yaml", 1, 2)) == "a\\n\\x1b[31m\\u202eb.yaml:1:2"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("model", "worker", "args", 0), "model.worker.args[0]"),
        ((0, "a"), "[0].a"),
        (("labels", "app.kubernetes.io/name"), 'labels."app.kubernetes.io/name"'),
        (("a b", "c\u200b", 'd"'), '"a b"."c\\u200b"."d\\""'),
        (("n\u0430me",), '"n\\u0430me"'),
        (("",), '""'),
    ],
)
def test_a_path_is_dotted_with_odd_keys_in_quotes(path: Path, text: str) -> None:
    assert dotted(path) == text


def test_a_long_key_is_cut_in_a_path() -> None:
    assert len(dotted(("k " * 100,))) == errors.SHOWN


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (2, "2"),
        (1.5, "1.5"),
        ("no", "'no'"),
        ("it's", '"it\'s"'),
        ("a\n\x00\u202e\u200b\u3164", r"'a\n\x00\u202e\u200b\u3164'"),
        ([1, "a", None], "[1, 'a', null]"),
        ({"a": {"b": False}, "c d": []}, '{a: {b: false}, "c d": []}'),
    ],
)
def test_a_value_is_shown_on_one_line(value: object, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize("value", ["x" * 500, ["x"] * 500, {"k": "x" * 500}, "\x00" * 500])
def test_a_long_value_is_cut(value: object) -> None:
    shown = show(value)

    assert len(shown) == 80
    assert shown.endswith("…")


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_never_shown(secret: str) -> None:
    for value in (secret, f"--token={secret}", [secret], {"env": secret}, {secret: 1}):
        shown = show(value)

        assert "<redacted>" in shown
        assert secret not in shown
    assert "MIIEow" not in show(secret)
    assert "pass" not in show(secret)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece", ["hf_", "eyJ", "-eyJ", "://a:", "ghp_a", "-----BEGIN A-----", "nvapi-", "AKIA"]
)
def test_looking_for_secrets_is_fast_in_any_text(piece: str) -> None:
    text = (piece * 65536)[:65536]

    assert cpu_seconds(lambda: redact(text)) < 0.5


def test_escaped_text_keeps_letters_of_every_script() -> None:
    assert escape("größe 大 😀 \u200d") == "größe 大 😀 \\u200d"


def test_the_nearest_name_is_suggested() -> None:
    assert nearest("prefil", ["decode", "prefill", "worker"]) == "did you mean 'prefill'?"


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    assert nearest("zzz", ["decode", "prefill"]) == ""


def test_problems_come_in_order_of_file_line_and_column() -> None:
    marks = [None, Mark("b", 1, 1), Mark("a", 10, 1), Mark("a", 9, 5), Mark("a", 9, 4)]
    error = RecipeError(*(Problem("x", (), "wrong", mark=mark) for mark in marks))

    assert [problem.mark for problem in error.problems] == list(reversed(marks))


def test_an_error_reads_as_all_its_problems() -> None:
    error = RecipeError(
        Problem("x", ("b",), "two", mark=Mark("f", 2, 1)), Problem("x", ("a",), "one", mark=Mark("f", 1, 1))
    )

    assert str(error) == "f:1:1: a: one\nf:2:1: b: two"


def test_a_bare_text_becomes_a_problem() -> None:
    assert ToolError("no helm").problems == (Problem("tool", (), "no helm"),)


def test_an_error_has_at_least_one_problem() -> None:
    with pytest.raises(ValueError, match="without a problem"):
        RecipeError()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (RecipegenError, 70),
        (RecipeError, 1),
        (UsageError, 2),
        (DiffersError, 3),
        (ToolError, 4),
        (ClusterError, 5),
    ],
)
def test_every_error_has_its_exit_code(kind: type[RecipegenError], code: int) -> None:
    assert kind("x").exit_code == code


def test_problems_as_data_are_json() -> None:
    problem = Problem("x", ("a",), "is\u2028wrong", mark=Mark("f", 1, 1))

    assert json.loads(json.dumps(problem.as_dict())) == problem.as_dict()
