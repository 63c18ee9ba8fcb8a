"""A token that slips into a recipe is refused, and never said again."""

import json
from pathlib import Path
from typing import Any, Protocol

import pytest

from recipegen import yamlio
from recipegen.cli import main
from samples import leaves, with_value

CANARY = "hf_CanaryCanaryCanary0123"
TOKENS = {
    "hugging face": CANARY,
    "nvidia": "nvapi-CanaryCanaryCanary0123",
    "amazon": "AKIACANARYCANARY0123",
    "github": "ghp_CanaryCanaryCanary0123",
    "private key": "-----BEGIN PRIVATE KEY-----\nCanaryCanary\n-----END PRIVATE KEY-----",
    "web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDYW5hcnkifQ.CanaryCanary",
    "password in an address": "https://me:CanaryCanary@example.com/x",
}
# One of every block, so that every key that takes text is there once.
FULL: dict[str, Any] = {
    "about": {"title": "t", "description": "d", "license": "l", "evidence": "rendered"},
    "dynamoNamespace": "qwen",
    "hardware": {"gpu": "h100-sxm-80gb"},
    "model": {
        "name": "Qwen/Qwen3-0.6B",
        "revision": "main",
        "backend": {"type": "vllm", "version": "1.6.1", "image": "x/y:1.6.1", "registry": "example.com/x"},
        "routingPolicy": "kv",
        "engine": {
            "kvCacheDtype": "fp8",
            "toolCallParser": "hermes",
            "reasoningParser": "qwen3",
            "args": ["--mm-prompt-template", "x"],
        },
        "frontend": {
            "env": {"A": "b"},
            "args": ["--model-path", "x"],
            "resources": {"requests": {"cpu": "1"}},
        },
        "worker": {
            "env": {"A": "b"},
            "resources": {"limits": {"memory": "1Gi"}},
            "extraConfig": {"path": "/etc/a.yaml", "env": "A_FILE", "configMapRef": {"name": "a"}},
            "extraConfigs": [{"path": "/etc/b.yaml", "env": "B_FILE", "content": {"a": ["b"]}}],
            "sharedMemory": "1Gi",
        },
        "cache": {
            "enabled": True,
            "size": "10Gi",
            "storageClass": "a",
            "mountPath": "/a",
            "accessMode": "ReadWriteOnce",
        },
        "huggingFaceTokenSecret": "a",
        "gpuResource": "nvidia.com/gpu",
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}],
    },
    "observability": {"enabled": True, "dashboardLabels": {"a": "b"}},
    "platform": {
        "version": "1.6.1",
        "repository": "https://example.com",
        "namespace": "a",
        "values": {"a": "b"},
    },
    "variants": {"v": {"description": "d", "patch": {"model": {"frontend": {"env": {"B": "c"}}}}}},
}
TEXTS = [path for path, value in leaves(FULL) if isinstance(value, str)]
COMMANDS = [
    ("validate",),
    ("validate", "--format", "json"),
    ("check",),
    ("render",),
    ("render", "--target", "values"),
    ("show",),
    ("show", "--resolved"),
    ("show", "--origin"),
    ("explain", "model.name"),
    ("render", "--variant", "v"),
]


class Answers(Protocol):
    def __call__(self, recipe: str) -> list[tuple[int, str]]: ...


@pytest.fixture
def answers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Answers:
    """Exit code and all output of every command on a recipe."""
    path = tmp_path / "qwen.yaml"

    def ask(recipe: str) -> list[tuple[int, str]]:
        path.write_text(recipe)
        codes = ((main([command, str(path), *rest])) for command, *rest in COMMANDS)
        return [(code, "".join(capsys.readouterr())) for code in codes]

    return ask


def test_the_recipe_is_right_without_a_token(answers: Answers) -> None:
    assert {code for code, _ in answers(yamlio.write(FULL))} == {0}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: ".".join(map(str, path)))
def test_a_token_in_any_text_is_refused_and_not_repeated(
    path: tuple[str | int, ...], answers: Answers
) -> None:
    for code, output in answers(yamlio.write(with_value(FULL, path, f"a {CANARY}"))):
        assert code == 1
        assert CANARY not in output


@pytest.mark.parametrize("kind", TOKENS)
def test_every_kind_of_token_is_refused_and_not_repeated(kind: str, answers: Answers) -> None:
    for code, output in answers(
        yamlio.write(with_value(FULL, ("model", "worker", "env", "A"), TOKENS[kind]))
    ):
        assert code == 1
        assert "<redacted>" in output
        assert "canary" not in output.lower()


@pytest.mark.parametrize(
    "recipe",
    [
        yamlio.write(with_value(FULL, ("model", "worker", "env", CANARY), "x")),
        yamlio.write(with_value(FULL, (CANARY,), "x")),
        yamlio.write(with_value(FULL, ("platform", "values", CANARY), "x")),
        yamlio.write(FULL) + f"x: [{CANARY}\n",
        yamlio.write(FULL) + f"x: !{CANARY} y\n",
        yamlio.write(FULL) + f"x: *{CANARY}\n",
        f"- {CANARY}\n",
        f"{CANARY}\n",
    ],
    ids=["variable", "key", "free key", "broken YAML", "tag", "alias", "list", "scalar"],
)
def test_a_token_in_an_odd_place_is_not_repeated(recipe: str, answers: Answers) -> None:
    for code, output in answers(recipe):
        assert code == 1
        assert CANARY not in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", "qwen-0.6b", "--set", f"model.worker.env.TOKEN={CANARY}"),
        ("render", "qwen-0.6b", "--set", f"model.worker.env.{CANARY}=x"),
        ("render", "qwen-0.6b", "--set", f"model.worker.replicas={CANARY}"),
        ("render", "qwen-0.6b", "--set", CANARY),
        ("render", "qwen-0.6b", "--set", f"{CANARY}=[1"),
        ("render", "qwen-0.6b", "--variant", CANARY),
        ("render", CANARY),
        ("render", "qwen-0.6b", "--with", CANARY),
        ("explain", "qwen-0.6b", f"model.{CANARY}"),
        ("explain", "qwen-0.6b", f"model[{CANARY}"),
    ],
    ids=lambda arguments: " ".join(arguments[2:]).replace(CANARY, "TOKEN") or "name",
)
def test_a_token_among_the_arguments_is_not_repeated(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(arguments)

    assert code in (1, 2)
    assert CANARY not in "".join(capsys.readouterr())


def test_a_token_in_a_patch_file_is_refused_and_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "profile.yaml"
    patch.write_text(f"platform: {{values: {{password: {CANARY}}}}}\n")

    assert main(["render", "qwen-0.6b", "-f", str(patch), "--format", "json"]) == 1
    err = capsys.readouterr().err
    assert json.loads(err)[0]["code"] == "secret"
    assert CANARY not in err


def test_a_secret_that_is_set_is_not_repeated_in_the_place_of_a_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        main(
            ["validate", "qwen-0.6b", "--variant", "default", "--set", "model.worker.env.DB_PASSWORD=canary"]
        )
        == 0
    )
    out, err = capsys.readouterr()

    assert "--set model.worker.env.DB_PASSWORD=<redacted>" in err
    assert "canary" not in out + err
