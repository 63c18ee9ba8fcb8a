"""Fixtures of the lab: built tools, control planes, a chart repository, machines of users."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab import cluster as control_plane
from lab import loops, repository, tools, volumes
from lab.cluster import Cluster
from lab.tools import Machine


@pytest.fixture(scope="session")
def lab() -> Path:
    """The folder of the built tools; without them a test is skipped, or fails where required."""
    missing = tools.missing()
    if missing and os.environ.get("RECIPEGEN_LAB_REQUIRED"):
        pytest.fail(f"{tools.MISSING}; missing: {', '.join(missing)}")
    if missing:
        pytest.skip(tools.MISSING)
    return tools.folder()


@pytest.fixture(scope="session")
def new_machine(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Cluster | None], Machine]:
    """Makes the machine of a user who never used Helm before and administers the cluster, if any."""

    def make(cluster: Cluster | None) -> Machine:
        return tools.machine(tmp_path_factory.mktemp("machine"), lab, cluster.kubeconfig if cluster else None)

    return make


@pytest.fixture(scope="session")
def new_cluster(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Cluster]]:
    """Starts empty control planes, which run until the session ends."""
    with ExitStack() as running:
        yield lambda: running.enter_context(control_plane.start(lab, tmp_path_factory.mktemp("cluster")))


@pytest.fixture(scope="session")
def cluster(new_cluster: Callable[[], Cluster]) -> Iterator[Cluster]:
    """The control plane that most tests share, each with a namespace of its own; it has our CRDs."""
    cluster = new_cluster()
    cluster.create_kinds(repository.CRDS)
    # Helm waits for claims.
    with loops.repeated(lambda: volumes.bind_on_paper(cluster)):
        yield cluster


@pytest.fixture(scope="session")
def machine(new_machine: Callable[[Cluster | None], Machine], cluster: Cluster) -> Machine:
    """The machine from which the shared control plane is administered."""
    return new_machine(cluster)


@pytest.fixture(scope="session")
def platform(
    new_machine: Callable[[Cluster | None], Machine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a chart repository that has the stand-in platform."""
    with repository.serve(tmp_path_factory.mktemp("repository"), new_machine(None)) as address:
        yield address


@pytest.fixture
def profile(platform: str, tmp_path: Path) -> str:
    """A patch file that takes the platform from the lab's repository, for a cluster where no pod runs."""
    path = tmp_path / "lab.yaml"
    path.write_text(f'platform: {{repository: "{platform}", gate: {{enabled: false}}}}\n')
    return str(path)
