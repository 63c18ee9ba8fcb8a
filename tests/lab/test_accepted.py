"""The API server accepts every object that a catalog recipe renders to, and knows every field."""

from typing import Any

import pytest

from lab import recipes, tools
from lab.cluster import Cluster
from lab.tools import Machine
from recipegen.resolve import Plan
from samples import catalog_plans, objects, releases
from served import served

EVERYTHING = (
    *("--with", "benchmark", "--with", "troubleshooting", "--with", "modelExpress"),
    *("--set", "benchmark.results.size=1Gi", "--set", "model.cache.enabled=true"),
    *("--set", "troubleshooting.clusterRead=true"),
)
# Recipes of kinds, and of containers, that no recipe of the catalog has.
PATTERNS = ("alerts", "gateway-*", "ingestion*", "lifecycle", "model-express-*", "weights-*")
GOLDEN = tools.ROOT / "tests/golden"
OTHERS = [path for pattern in PATTERNS for path in sorted(GOLDEN.glob(f"{pattern}/recipe.yaml"))]


def cases() -> list[Any]:
    """One form of each shape in the catalog, as it is and as a twin; one with much on, and others."""
    found: dict[str, tuple[str, ...]] = {"everything": (recipes.RECIPE, *EVERYTHING)}
    found |= {path.parent.name: (str(path),) for path in OTHERS}
    for name, variant in served():
        chosen = (name, "--variant", variant) if variant else (name,)
        found["-".join(filter(None, (name, variant)))] = chosen
        found["-".join(filter(None, (name, variant, "twin")))] = (*chosen, "--twin")
    return [pytest.param(arguments, id=case) for case, arguments in found.items()]


@pytest.mark.parametrize("arguments", cases())
def test_every_object_is_accepted_with_unknown_fields_refused(
    cluster: Cluster, machine: Machine, profile: str, arguments: tuple[str, ...]
) -> None:
    document = machine.output(["recipegen", "render", *arguments, "-f", profile])
    found = recipes.manifests(machine, document, tests=True)

    assert found
    assert [answer for each in found if (answer := recipes.refusal(cluster, each))] == []


@pytest.mark.parametrize("plan", catalog_plans().values(), ids=catalog_plans())
def test_every_form_of_the_catalog_is_accepted(cluster: Cluster, plan: Plan) -> None:
    """Through the library, for helmfile takes a second for each."""
    found = objects(releases(plan)["model"])

    assert [answer for each in found if (answer := recipes.refusal(cluster, each))] == []


def test_an_unknown_field_is_refused(cluster: Cluster, machine: Machine, profile: str) -> None:
    found = recipes.manifests(machine, recipes.render(machine, "-f", profile))
    graph = next(each for each in found if each["kind"] == "DynamoGraphDeployment")
    graph["spec"]["componnents"] = []

    assert 'unknown field "spec.componnents"' in recipes.refusal(cluster, graph)
