"""Helm 3, which many still use: charts lint, render and apply with it, to the same objects as with Helm 4."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.test_lint import CHARTS, alone
from lab import recipes
from lab.cluster import Cluster
from lab.test_accepted import cases
from lab.tools import Machine


@pytest.fixture(scope="module")
def offline(new_machine: Callable[[Cluster | None], Machine]) -> Machine:
    """A machine without a cluster."""
    return new_machine(None)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_alone_lints_without_a_warning_and_renders_the_same(
    offline: Machine, tmp_path: Path, chart: str
) -> None:
    values = tmp_path / "values.json"
    values.write_text(json.dumps(alone(chart)))
    linted = offline.run(["helm3", "lint", "--strict", str(CHARTS[chart]), "-f", str(values)])

    assert linted.returncode == 0, linted.stdout
    assert "[WARNING]" not in linted.stdout
    assert _rendered(offline, "helm3", CHARTS[chart], values) == _rendered(
        offline, "helm", CHARTS[chart], values
    )


@pytest.mark.parametrize("arguments", cases())
def test_a_shipped_recipe_renders_the_same(
    offline: Machine, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(offline.output(["recipegen", "render", *arguments, "--target", "values"]))
    by_helm3 = _rendered(offline, "helm3", CHARTS["stack"], values)

    assert by_helm3 == _rendered(offline, "helm", CHARTS["stack"], values) != []


def test_helmfile_applies_a_document_with_helm_3_and_finds_nothing_to_change_afterwards(
    cluster: Cluster, machine: Machine, profile: str
) -> None:
    arguments = ("-f", profile, "--without", "platform", "--set", "dynamoNamespace=helm3")
    document = recipes.render(machine, *arguments)
    apply = ["helmfile", "--helm-binary", "helm3", "-f", "-", "apply", "--detailed-exitcode"]
    answers = [machine.run(apply, stdin=document) for _ in range(2)]

    assert [each.returncode for each in answers] == [2, 0], answers
    assert recipes.live(cluster, "helm3").keys() == recipes.names(recipes.manifests(machine, document))


def _rendered(machine: Machine, helm: str, chart: Path, values: Path) -> list[Any]:
    """What a Helm makes of a chart, in one fixed order."""
    namespace = yaml.safe_load(values.read_text()).get("dynamoNamespace", "qwen")
    text = machine.output([helm, "template", "qwen", str(chart), "-n", namespace, "-f", str(values)])
    return sorted((each for each in yaml.safe_load_all(text) if each), key=json.dumps)
