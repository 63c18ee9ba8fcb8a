"""Warmup on a real scheduler: images on the nodes meant, and placeholders that make room for workers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import recipes
from lab.cluster import wait_until
from lab.site import CHANGED, UNCHANGED, Site, open_site

# The only node with such GPUs has eight. The recipe has two workers, which take one each.
GPUS = 8
WORKERS = 2
SETTINGS = (
    *("--set", "hardware.gpu=h100-sxm-80gb"),
    *("--set", "endpoint={kind: serverless, labels: {team: ml, product: chat}}"),
    *("--without", "observability"),
)
HELD = ("--set", f"warmup={{enabled: true, placeholders: {{count: {GPUS}}}}}")
CLASS = f"placeholder.warm.{recipes.GRAPH}"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
PATIENCE = 90
COMPONENT = "app.kubernetes.io/component"


@pytest.fixture(scope="module")
def site(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster with nodes and an operator at work."""
    with open_site(lab, tmp_path_factory.mktemp) as site, site.operator.running():
        yield site


def pods(site: Site, component: str) -> list[Any]:
    found = site.cluster.items("/api/v1/namespaces/warm/pods")
    return [pod for pod in found if pod["metadata"]["labels"].get(COMPONENT) == component]


def placed(site: Site, component: str) -> list[str]:
    """The nodes of the pods that have one."""
    return [pod["spec"]["nodeName"] for pod in pods(site, component) if "nodeName" in pod["spec"]]


def items(site: Site, group: str, kind: str) -> list[Any]:
    return site.cluster.items(f"/apis/{group}/namespaces/warm/{kind}")


def test_l28_placeholders_fill_the_nodes_until_workers_take_their_place(site: Site) -> None:
    """First the placeholders alone, with the graph left out; then the graph."""
    alone = site.render("warm", *SETTINGS, *HELD, "--without", "model")
    assert site.apply(alone)[0] == CHANGED
    wait_until(
        lambda: placed(site, "placeholder") == ["h100-0"] * GPUS,
        "placeholders hold every GPU",
        seconds=PATIENCE,
    )

    assert site.apply(site.render("warm", *SETTINGS, *HELD))[0] == CHANGED
    wait_until(
        lambda: placed(site, "worker") == ["h100-0"] * WORKERS, "workers took their place", seconds=PATIENCE
    )

    wait_until(
        lambda: len(placed(site, "placeholder")) == GPUS - WORKERS, "the others hold theirs", seconds=PATIENCE
    )
    # Those that were taken away wait for room, and an autoscaler of nodes would make it.
    assert len(pods(site, "placeholder")) == GPUS


def test_l28_the_taken_ones_are_no_change_and_hold_no_apply_up(site: Site) -> None:
    document = site.render("warm", *SETTINGS, *HELD)

    assert site.apply(document)[0] == UNCHANGED


def test_l28_images_are_pulled_on_nodes_of_the_recipes_gpus_alone(site: Site) -> None:
    (daemons,) = items(site, "apps/v1", "daemonsets")

    assert daemons["metadata"]["name"] == f"{recipes.GRAPH}-images"
    assert placed(site, "images") == ["h100-0"]


def test_l26_the_disruption_controller_counts_the_pods_of_each_budget(site: Site) -> None:
    def counted() -> dict[str, tuple[int, int]]:
        budgets = items(site, "policy/v1", "poddisruptionbudgets")
        return {
            b["metadata"]["name"]: (b["status"]["expectedPods"], b["status"]["disruptionsAllowed"])
            for b in budgets
            if "expectedPods" in b.get("status", {})
        }

    expected = {f"{recipes.GRAPH}-frontend": (1, 1), f"{recipes.GRAPH}-worker": (WORKERS, 1)}
    wait_until(lambda: counted() == expected, f"the controller counts {expected}", seconds=PATIENCE)


def test_l28_the_class_goes_with_the_release(site: Site) -> None:
    def classes() -> set[str]:
        return {each["metadata"]["name"] for each in site.cluster.items(CLASSES)}

    assert CLASS in classes()
    assert site.apply(site.render("warm", *SETTINGS))[0] == CHANGED
    wait_until(lambda: pods(site, "placeholder") == [], "placeholders are gone", seconds=PATIENCE)

    assert CLASS not in classes()
