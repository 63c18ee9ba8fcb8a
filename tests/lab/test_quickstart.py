"""The README's line on an empty cluster, with the real helmfile, Helm and API server."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lab import recipes
from lab.cluster import Cluster
from lab.tools import Machine

LINE = "set -o pipefail; recipegen render qwen-0.6b -f {profile} | helmfile apply"


@dataclass(frozen=True)
class Run:
    """What the line left behind."""

    cluster: Cluster
    machine: Machine
    document: str
    answer: CompletedProcess[str]
    had_kind_before: bool


@pytest.fixture(scope="module")
def run(
    new_cluster: Callable[[], Cluster],
    new_machine: Callable[[Cluster | None], Machine],
    platform: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """The line, typed once in the checkout, on a cluster that has nothing."""
    profile = tmp_path_factory.mktemp("profile") / "lab.yaml"
    profile.write_text(f'platform: {{repository: "{platform}", gate: {{enabled: false}}}}\n')
    cluster = new_cluster()
    machine = new_machine(cluster)
    had_kind = recipes.graphs(cluster, "qwen") is not None
    answer = machine.run(["bash", "-c", LINE.format(profile=profile)])
    document = recipes.render(machine, "-f", str(profile))
    return Run(cluster, machine, document, answer, had_kind)


def test_the_line_succeeds_where_the_first_release_brings_the_kind_of_the_second(run: Run) -> None:
    assert not run.had_kind_before
    assert run.answer.returncode == 0, run.answer.stderr


def test_every_rendered_object_is_there_and_nothing_else(run: Run) -> None:
    expected = recipes.names(recipes.manifests(run.machine, run.document))

    assert recipes.live(run.cluster, "qwen").keys() == expected
    assert ("DynamoGraphDeployment", recipes.GRAPH) in expected


def test_a_second_run_changes_nothing(run: Run) -> None:
    before = recipes.revisions(run.machine)
    command = ["helmfile", "apply", "--detailed-exitcode"]
    answer = run.machine.run(command, stdin=run.document)

    assert answer.returncode == 0, answer.stdout
    assert recipes.revisions(run.machine) == before


def test_from_any_other_directory_there_is_nothing_left_to_change(run: Run, tmp_path: Path) -> None:
    command = ["helmfile", "-f", "-", "apply", "--detailed-exitcode"]
    answer = run.machine.run(command, stdin=run.document, cwd=tmp_path)

    assert answer.returncode == 0, answer.stdout


def test_a_changed_recipe_is_seen_as_a_change(run: Run) -> None:
    changed = run.document.replace("maxModelLen: 32768", "maxModelLen: 16384")
    command = ["helmfile", "-f", "-", "diff", "--detailed-exitcode"]
    answer = run.machine.run(command, stdin=changed)

    assert answer.returncode == 2, answer.stderr
