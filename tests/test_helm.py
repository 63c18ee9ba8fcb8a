"""Helm as recipegen runs it: embedded, or the one on PATH, which here is a script."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from recipegen import helm
from recipegen.cli import main
from recipegen.compile import Release
from recipegen.errors import ToolError
from samples import MINIMAL, STACK, plan_of, releases

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
RELEASE = Release("a-release", "a-namespace", "/a/chart", {}, {"text": "no", "number": 7})


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the only helm there is."""
    monkeypatch.setattr(helm, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "helm"


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def printing(path: Path, *objects: dict[str, Any]) -> None:
    """Make helm print the objects."""
    printed = path.with_name("objects.yaml")
    printed.write_text("\n---\n".join(json.dumps(item) for item in objects))
    script(path, f"cat {printed}")


def test_the_embedded_engine_comes_first() -> None:
    assert helm.engine() == "embedded"


def test_what_the_chart_refuses_is_a_tool_error() -> None:
    with pytest.raises(ToolError, match="helm refuses release qwen"):
        helm.objects(Release("qwen", "qwen", STACK, {}, {"model": {"backend": {"type": "tgi"}}}))


def test_helm_on_path_gets_release_chart_namespace_and_values(on_path: Path) -> None:
    script(
        on_path,
        f'echo "$@" > {on_path}.args; for last; do :; done; cp "$last" {on_path}.values',
    )

    assert helm.objects(RELEASE) == []
    assert (
        "template a-release /a/chart --namespace a-namespace --values" in Path(f"{on_path}.args").read_text()
    )
    assert yaml.safe_load(Path(f"{on_path}.values").read_text()) == RELEASE.values


def test_objects_of_helm_on_path_are_read(on_path: Path) -> None:
    printing(on_path, CONFIG_MAP, {**CONFIG_MAP, "metadata": {"name": "b"}})

    assert [item["metadata"]["name"] for item in helm.objects(RELEASE)] == ["a", "b"]


def test_helm_on_path_does_not_see_other_peoples_settings(
    on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELM_PLUGINS", "/evil")
    monkeypatch.setenv("KUBECONFIG", "/evil")
    script(on_path, f"env > {on_path}.env")
    helm.objects(RELEASE)

    assert "evil" not in Path(f"{on_path}.env").read_text()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo no such chart >&2; exit 1", "helm refuses release a-release: no such chart"),
        ("printf 'a\\377b' >&2; exit 1", "helm refuses release a-release: a"),
        ("echo 'a: [b'", "not YAML"),
        ("echo '- a'", "something else than objects"),
        ("exec sleep 20", "did not render release a-release"),
    ],
    ids=["error", "odd bytes", "no YAML", "a list", "no end"],
)
def test_a_helm_that_fails_is_a_tool_error(
    on_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    monkeypatch.setattr(helm, "TIMEOUT", 1)
    script(on_path, body)

    with pytest.raises(ToolError, match=message):
        helm.objects(RELEASE)


def test_both_helms_get_the_same_values(on_path: Path) -> None:
    release = releases(
        plan_of({**MINIMAL, "model": {"name": "example/model", "engine": {"maxModelLen": 1048576}}})
    )["model"]
    script(on_path, f'for last; do :; done; cp "$last" {on_path}.values')
    helm.objects(release)

    assert yaml.safe_load(Path(f"{on_path}.values").read_text()) == release.values


def test_check_reports_what_breaks_a_policy_and_prints_nothing_else(
    on_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = {"hostNetwork": True, "containers": [{"name": "main", "image": "x:1"}]}
    printing(on_path, {"kind": "Job", "metadata": {"name": "a"}, "spec": {"template": {"spec": pod}}})
    code = main(["check", "qwen-0.6b", "--variant", "default"])
    out, err = capsys.readouterr()

    assert code == 1
    assert out == ""
    assert "Job a, pod template: hostNetwork is on" in err
