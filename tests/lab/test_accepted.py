"""The API server accepts every object that a catalog recipe renders to, and knows every field."""

from typing import Any

import pytest
import yaml

from lab import recipes, tools
from lab.cluster import Cluster
from lab.tools import Machine
from recipegen import catalog

EVERYTHING = (
    *("--with", "benchmark", "--with", "troubleshooting", "--with", "modelExpress"),
    *("--set", "benchmark.results.size=1Gi", "--set", "model.cache.enabled=true"),
    *("--set", "troubleshooting.clusterRead=true"),
)
# Recipes of kinds, and of containers, that no recipe of the catalog has.
PATTERNS = ("alerts", "gateway-*", "model-express-*", "weights-*")
GOLDEN = tools.ROOT / "tests/golden"
OTHERS = [path for pattern in PATTERNS for path in sorted(GOLDEN.glob(f"{pattern}/recipe.yaml"))]


def cases() -> list[Any]:
    """Every recipe of the catalog with each of its variants and as a twin, one with much on, and others."""
    found: dict[str, tuple[str, ...]] = {"everything": (recipes.RECIPE, *EVERYTHING)}
    found |= {path.parent.name: (str(path),) for path in OTHERS}
    for name, path in catalog.recipes().items():
        variants = yaml.safe_load(path.read_text()).get("variants", {})
        found[name] = (name,)
        found |= {f"{name}-{variant}": (name, "--variant", variant) for variant in variants}
        found |= {f"{name}-{variant}-twin": (name, "--variant", variant, "--twin") for variant in variants}
    return [pytest.param(arguments, id=case) for case, arguments in found.items()]


@pytest.mark.parametrize("arguments", cases())
def test_every_object_is_accepted_with_unknown_fields_refused(
    cluster: Cluster, machine: Machine, profile: str, arguments: tuple[str, ...]
) -> None:
    document = machine.output(["recipegen", "render", *arguments, "-f", profile])
    objects = recipes.manifests(machine, document, tests=True)

    assert objects
    assert [answer for each in objects if (answer := _refusal(cluster, each))] == []


def test_an_unknown_field_is_refused(cluster: Cluster, machine: Machine, profile: str) -> None:
    objects = recipes.manifests(machine, recipes.render(machine, "-f", profile))
    graph = next(each for each in objects if each["kind"] == "DynamoGraphDeployment")
    graph["spec"]["componnents"] = []

    assert 'unknown field "spec.componnents"' in _refusal(cluster, graph)


def _refusal(cluster: Cluster, each: Any) -> str:
    """Why the server would not create an object; empty where it would."""
    path = cluster.collection(each["apiVersion"], each["kind"], "default")
    if path is None:
        return f"the server does not know {each['apiVersion']} {each['kind']}"
    status, answer = cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", each)
    return "" if status == 201 else f"{each['kind']}: {answer['message']}"
