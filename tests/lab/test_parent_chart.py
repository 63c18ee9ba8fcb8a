"""Helm alone, with the parent chart and a recipe as its values, against the helmfile form."""

from typing import Any

import pytest

from lab import recipes
from lab.cluster import Cluster
from lab.tools import Machine

INSTALL = ["helm", "install", recipes.GRAPH, "charts/stack", "-n", "qwen", "--create-namespace"]


@pytest.fixture(scope="module")
def by_helmfile(cluster: Cluster, machine: Machine) -> dict[recipes.Name, Any]:
    """The quickstart recipe's objects as helmfile installs them; gone again afterwards."""
    document = recipes.render(machine, "--set", "platform.install=false")
    recipes.apply(machine, document)
    found = recipes.live(cluster, "qwen")
    machine.output(["helmfile", "-f", "-", "destroy"], stdin=document)
    return found


@pytest.fixture(scope="module")
def values(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The complete values that recipegen makes of the recipe."""
    path = tmp_path_factory.mktemp("values") / "values.yaml"
    path.write_text(recipes.render(machine, "--target", "values"))
    return str(path)


def test_the_recipe_itself_installs_the_objects_of_the_helmfile_form(
    cluster: Cluster, machine: Machine, by_helmfile: dict[recipes.Name, Any]
) -> None:
    installed = _installed(cluster, machine, "recipes/qwen-0.6b.yaml")
    expected = dict(_comparable(by_helmfile))
    # Only recipegen knows which dashboards stay empty.
    dashboards, those_that_show = (
        each.pop(("ConfigMap", f"{recipes.GRAPH}-dashboards"))["data"] for each in (installed, expected)
    )

    assert installed == expected
    assert dashboards.items() > those_that_show.items()


def test_the_complete_values_install_the_objects_of_the_helmfile_form(
    cluster: Cluster, machine: Machine, by_helmfile: dict[recipes.Name, Any], values: str
) -> None:
    assert _installed(cluster, machine, values) == _comparable(by_helmfile)


def _installed(cluster: Cluster, machine: Machine, values: str) -> dict[recipes.Name, Any]:
    """What Helm installs with a values file; it is uninstalled again."""
    machine.output([*INSTALL, "-f", values])
    found = recipes.live(cluster, "qwen")
    machine.output(["helm", "uninstall", recipes.GRAPH, "-n", "qwen"])
    return _comparable(found)


def _comparable(objects: dict[recipes.Name, Any]) -> dict[recipes.Name, Any]:
    """The objects without what names the release that owns them, which is what differs."""
    for each in objects.values():
        annotations = each["metadata"].get("annotations", {})
        annotations.pop("meta.helm.sh/release-name", None)
    return objects
