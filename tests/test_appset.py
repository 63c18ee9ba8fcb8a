"""`--target appset`: what Argo CD would make of it, worked out here; nothing was run against Argo CD."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT
from recipegen import helm, pipeline
from recipegen.cli import main
from recipegen.compile import Release, stack_values
from recipegen.document import from_set
from recipegen.errors import RecipeError, UsageError
from recipegen.resolve import Plan
from recipegen.targets import appset

CHARTS = "oci://registry.example.com/charts"
ENDPOINT = """\
extends: qwen3-8b
endpoint:
  kind: dedicated
  prefix: dippy
  owner: user-1
  labels: {team: search}
  clusters:
    us-east: {replicas: 3}
    eu: {server: "https://eu.example:6443", namespace: dippy-eu}
    ap: {}
observability: {enabled: true, alerts: {enabled: true}}
"""


@pytest.fixture
def endpoint(tmp_path: Path) -> Path:
    path = tmp_path / "chat.yaml"
    path.write_text(ENDPOINT)
    return path


def rendered(recipe: Path, variant: str | None = None, charts: str = CHARTS) -> dict[str, Any]:
    text = pipeline.render(recipe, variant, target="appset", charts=charts)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def applications(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The Applications by cluster: each `{{.key}}` filled from its element, as Go templates do."""
    (generator,) = document["spec"]["generators"]

    def filled(value: Any, element: dict[str, str]) -> Any:
        if isinstance(value, dict):
            return {filled(key, element): filled(below, element) for key, below in value.items()}
        if isinstance(value, list):
            return [filled(below, element) for below in value]
        return re.sub(r"{{\.(\w+)}}", lambda m: element[m[1]], value) if isinstance(value, str) else value

    return {e["cluster"]: filled(document["spec"]["template"], e) for e in generator["list"]["elements"]}


def values_of(application: dict[str, Any]) -> dict[str, Any]:
    """What Helm gets: the values, and over them the parameters as `--set` or `--set-string`."""
    source = application["spec"]["source"]["helm"]
    values: dict[str, Any] = source["valuesObject"]
    for parameter in source.get("parameters", []):
        text = parameter["value"]
        *path, last = parameter["name"].split(".")
        block = values
        for key in path:
            block = block[key]
        block[last] = text if parameter.get("forceString") else yaml.safe_load(text)
    return values


def plan_of(recipe: Path, *changes: str) -> Plan:
    return pipeline.plan(recipe, None, [from_set(change) for change in changes])


def objects(plan: Plan, values: dict[str, Any]) -> list[dict[str, Any]]:
    chart = str(ROOT / "charts/stack")
    return helm.objects(Release(plan.graph, plan.namespace, chart, {}, values))


def test_t17_each_cluster_is_an_application_with_its_own_replicas(endpoint: Path) -> None:
    found = applications(rendered(endpoint))
    destinations = {name: each["spec"]["destination"] for name, each in found.items()}

    assert [each["metadata"]["name"] for each in found.values()] == [
        "dippy-chat-us-east",
        "dippy-chat-eu",
        "dippy-chat-ap",
    ]
    assert destinations["us-east"] == {"name": "us-east", "server": "", "namespace": "qwen"}
    assert destinations["eu"] == {"name": "", "server": "https://eu.example:6443", "namespace": "dippy-eu"}
    replicas = {name: values_of(each)["model"]["worker"]["replicas"] for name, each in found.items()}
    assert replicas == {"us-east": 3, "eu": 2, "ap": 2}


@pytest.mark.parametrize(
    ("cluster", "changes"),
    [
        ("us-east", ["model.worker.replicas=3"]),
        ("eu", ["dynamoNamespace=dippy-eu"]),
        ("ap", []),
    ],
)
def test_t17_helm_makes_of_it_what_a_recipe_of_that_cluster_makes(
    endpoint: Path, cluster: str, changes: list[str]
) -> None:
    values = values_of(applications(rendered(endpoint))[cluster])
    own = plan_of(endpoint, *changes)

    assert values == stack_values(own)
    assert objects(own, values) == objects(own, stack_values(own))
    graph = next(each for each in objects(own, values) if each["kind"] == "DynamoGraphDeployment")
    assert graph["metadata"]["name"] == "dippy-chat"
    assert graph["metadata"]["labels"]["team"] == "search"


def test_t17_a_cluster_with_roles_has_as_many_replicas_of_each(endpoint: Path) -> None:
    values = values_of(applications(rendered(endpoint, "disagg"))["us-east"])

    assert [values["model"][role]["replicas"] for role in ("prefill", "decode")] == [3, 3]


def test_the_chart_comes_from_a_registry_and_the_operator_does_not(endpoint: Path) -> None:
    text = pipeline.render(endpoint, target="appset", charts=CHARTS)
    source = rendered(endpoint)["spec"]["template"]["spec"]["source"]
    http = rendered(endpoint, charts="https://charts.example.com")["spec"]["template"]["spec"]["source"]

    assert (source["repoURL"], source["chart"]) == ("registry.example.com/charts", "stack")
    assert source["targetRevision"]
    assert http["repoURL"] == "https://charts.example.com"
    assert source["helm"]["releaseName"] == "dippy-chat"
    assert "The operator is no part of it" in text


def test_go_templates_stand_where_they_are_meant_to_alone(endpoint: Path) -> None:
    document = rendered(endpoint)
    template = document["spec"]["template"]
    keys = set(document["spec"]["generators"][0]["list"]["elements"][0])

    assert document["spec"]["goTemplate"] is True
    assert document["spec"]["goTemplateOptions"] == ["missingkey=error"]
    assert "{{" not in yaml.safe_dump(template["spec"]["source"]["helm"]["valuesObject"])
    assert set(re.findall(r"{{(.*?)}}", yaml.safe_dump(document))) <= {f".{key}" for key in keys}
    with pytest.raises(RecipeError, match="Argo CD would execute"):
        appset._refuse_templates({"a": ["b", {"c": "{{ exec }}"}]}, ())


def test_clusters_that_argo_knows_in_one_way_have_no_empty_key(tmp_path: Path) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text(
        ENDPOINT.replace('    eu: {server: "https://eu.example:6443", namespace: dippy-eu}\n', "")
    )
    (first, _) = rendered(path)["spec"]["generators"][0]["list"]["elements"]

    assert "server" not in first
    assert rendered(path)["spec"]["template"]["spec"]["destination"]["name"] == "{{.name}}"


def test_what_a_folder_cannot_give_argo_is_said(endpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(endpoint), "--target", "appset"]) == 2
    assert "is a folder of this machine" in capsys.readouterr().err
    with pytest.raises(UsageError, match="Argo CD fetches the chart"):
        rendered(endpoint, charts="charts")


@pytest.mark.parametrize("charts", ["ftp://charts.example.com", "file:///charts", "git://x/y"])
def test_argo_fetches_from_registries_and_chart_repositories_alone(endpoint: Path, charts: str) -> None:
    with pytest.raises(UsageError, match="is neither a registry nor a chart repository"):
        rendered(endpoint, charts=charts)


@pytest.mark.parametrize("address", ["https://eu.example:6443", "https://EU.example:6443/"])
def test_two_clusters_in_one_place_are_refused_with_both_names(tmp_path: Path, address: str) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text(ENDPOINT.replace("ap: {}", f'ap: {{server: "{address}", namespace: dippy-eu}}'))

    with pytest.raises(RecipeError, match=r"chat.yaml:10:18: .*: eu and ap are one place") as caught:
        rendered(path)
    assert caught.value.problems[0].hint


def test_two_namespaces_of_one_server_are_two_places(tmp_path: Path) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text(ENDPOINT.replace("ap: {}", 'ap: {server: "https://eu.example:6443", namespace: other}'))

    assert [*applications(rendered(path))] == ["us-east", "eu", "ap"]


def test_without_clusters_there_is_no_set_of_applications() -> None:
    with pytest.raises(RecipeError, match="an element for each cluster"):
        rendered(ROOT / "recipes/qwen3-8b.yaml")


def test_what_cannot_be_in_one_cluster_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text(ENDPOINT.replace("namespace: dippy-eu", "namespace: kube-system"))

    with pytest.raises(
        RecipeError, match=r"chat.yaml:9:9: dynamoNamespace: kube-system is Kubernetes' own"
    ) as caught:
        rendered(path)
    assert caught.value.problems[0].hint
