"""What a recipe's changes do to what is installed: variants, switches, removal and return."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import recipes
from lab.cluster import Cluster
from lab.tools import Machine

CACHE = ("--set", "model.cache.enabled=true")
NAMESPACES = (f"lifecycle-{number}" for number in itertools.count())


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return next(NAMESPACES)


@pytest.fixture
def render(machine: Machine, profile: str, namespace: str) -> Callable[..., str]:
    """Renders the quickstart recipe into the test's namespace."""
    return lambda *arguments: recipes.render(
        machine, "-f", profile, "--set", f"dynamoNamespace={namespace}", *arguments
    )


def test_sync_installs_what_apply_installs(
    cluster: Cluster, machine: Machine, namespace: str, render: Callable[..., str]
) -> None:
    document = render()
    machine.output(["helmfile", "-f", "-", "sync"], stdin=document)
    nothing_to_do = ["helmfile", "-f", "-", "apply", "--detailed-exitcode"]

    assert recipes.live(cluster, namespace).keys() == _expected(machine, document)
    assert machine.run(nothing_to_do, stdin=document).returncode == 0


def test_a_written_directory_applies_the_same_as_the_document(
    machine: Machine, render: Callable[..., str], tmp_path: Path
) -> None:
    recipes.apply(machine, render())
    render("-o", str(tmp_path / "written"))
    moved = (tmp_path / "written").rename(tmp_path / "elsewhere")
    answer = machine.run(["helmfile", "apply", "--detailed-exitcode"], cwd=moved)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_variant_and_back_leave_exactly_their_own_objects(
    cluster: Cluster, machine: Machine, namespace: str, render: Callable[..., str]
) -> None:
    aggregated, disaggregated = render(), render("--variant", "disagg")
    recipes.apply(machine, aggregated)
    first = recipes.live(cluster, namespace)
    recipes.apply(machine, disaggregated)
    second = recipes.live(cluster, namespace)
    recipes.apply(machine, aggregated)

    assert _components(first) == {"frontend", "worker"}
    assert _components(second) == {"frontend", "prefill", "decode"}
    assert second.keys() == _expected(machine, disaggregated)
    assert recipes.live(cluster, namespace) == first


def test_a_component_is_installed_and_removed_alone(
    cluster: Cluster, machine: Machine, namespace: str, render: Callable[..., str]
) -> None:
    without, with_benchmark = render(), render("--with", "benchmark")
    recipes.apply(machine, without)
    before = recipes.revisions(machine)
    objects = recipes.live(cluster, namespace)
    recipes.apply(machine, with_benchmark)
    added = recipes.live(cluster, namespace).keys() - objects.keys()
    release = f"{namespace}/{recipes.GRAPH}-benchmark"

    assert recipes.revisions(machine) == {**before, release: "1"}
    assert added == _expected(machine, with_benchmark) - objects.keys() != set()
    recipes.apply(machine, without)
    assert recipes.revisions(machine) == before
    assert recipes.live(cluster, namespace) == objects


def test_results_of_a_benchmark_outlive_it_and_are_found_again(
    cluster: Cluster, machine: Machine, namespace: str, render: Callable[..., str]
) -> None:
    without = render()
    with_benchmark = render("--with", "benchmark", "--set", "benchmark.results.size=1Gi")
    recipes.apply(machine, without)
    objects = recipes.live(cluster, namespace)
    recipes.apply(machine, with_benchmark)
    recipes.apply(machine, without)
    left = recipes.live(cluster, namespace).keys() - objects.keys()
    recipes.apply(machine, with_benchmark)

    assert left == {("PersistentVolumeClaim", f"{recipes.GRAPH}-benchmark-results")}
    assert recipes.live(cluster, namespace).keys() - objects.keys() > left


def test_a_benchmark_whose_job_was_deleted_runs_once_more_with_sync(
    cluster: Cluster, machine: Machine, namespace: str, render: Callable[..., str]
) -> None:
    document = render("--with", "benchmark")
    recipes.apply(machine, document)
    objects = recipes.live(cluster, namespace)
    (job,) = [name for kind, name in objects if kind == "Job"]
    cluster.request(
        "DELETE", f"/apis/batch/v1/namespaces/{namespace}/jobs/{job}?propagationPolicy=Background"
    )
    machine.output(["helmfile", "-f", "-", "sync"], stdin=document)

    assert recipes.live(cluster, namespace).keys() == objects.keys()


def test_destroy_removes_the_recipe_but_not_its_downloads_nor_the_platform(
    cluster: Cluster, machine: Machine, namespace: str, render: Callable[..., str]
) -> None:
    document = render(*CACHE)
    recipes.apply(machine, document)
    claims = [name for name in recipes.live(cluster, namespace) if name[0] == "PersistentVolumeClaim"]
    selector = ["--selector", f"recipe={recipes.GRAPH}"]
    machine.output(["helmfile", "-f", "-", *selector, "destroy"], stdin=document)

    assert len(claims) == 1
    assert [*recipes.live(cluster, namespace)] == claims
    assert [name for name in recipes.revisions(machine) if name.startswith(f"{namespace}/")] == []
    assert "dynamo-system/dynamo-platform" in recipes.revisions(machine)


def test_a_destroyed_recipe_comes_back_to_its_downloads(
    cluster: Cluster, machine: Machine, namespace: str, render: Callable[..., str]
) -> None:
    document = render(*CACHE)
    recipes.apply(machine, document)
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    before = [each["metadata"]["uid"] for each in cluster.items(path)]
    machine.output(["helmfile", "-f", "-", "-l", f"recipe={recipes.GRAPH}", "destroy"], stdin=document)
    recipes.apply(machine, document)

    assert [each["metadata"]["uid"] for each in cluster.items(path)] == before != []
    assert recipes.live(cluster, namespace).keys() == _expected(machine, document)


def test_destroying_the_whole_document_takes_the_platform_but_leaves_its_kinds(
    new_cluster: Callable[[], Cluster],
    new_machine: Callable[[Cluster | None], Machine],
    profile: str,
) -> None:
    cluster = new_cluster()
    machine = new_machine(cluster)
    document = recipes.render(machine, "-f", profile)
    recipes.apply(machine, document)
    machine.output(["helmfile", "destroy"], stdin=document)

    assert recipes.revisions(machine) == {}
    assert recipes.live(cluster, "qwen") == {}
    assert recipes.graphs(cluster, "qwen") is not None


def _expected(machine: Machine, document: str) -> set[recipes.Name]:
    return recipes.names(recipes.manifests(machine, document))


def _components(objects: dict[recipes.Name, object]) -> set[str]:
    graph = objects["DynamoGraphDeployment", recipes.GRAPH]
    return {each["name"] for each in graph["spec"]["components"]}  # type: ignore[index]
