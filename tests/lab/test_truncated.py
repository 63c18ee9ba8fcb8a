"""A pipe that breaks: no part of a document is ever applied through `helmfile apply`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lab import recipes
from lab.cluster import Cluster
from lab.tools import Machine

APPLY = ["helmfile", "apply"]


def test_a_document_cut_at_any_line_is_refused_and_applies_nothing(
    new_cluster: Callable[[], Cluster],
    new_machine: Callable[[Cluster | None], Machine],
    profile: str,
) -> None:
    machine = new_machine(new_cluster())
    lines = recipes.render(machine, "-f", profile).splitlines(keepends=True)
    cuts = ["".join(lines[:count]) for count in range(len(lines))]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda cut: machine.run(APPLY, stdin=cut), cuts))

    assert [count for count, answer in enumerate(answers) if answer.returncode != 1] == []
    assert recipes.revisions(machine) == {}
    assert machine.run(APPLY, stdin="".join(lines)).returncode == 0


def test_a_recipe_that_fails_to_render_applies_nothing(
    cluster: Cluster, machine: Machine, profile: str
) -> None:
    line = f"recipegen render qwen-0.6b -f {profile} --set dynamoNamespace=wrong --set model.nonsense=1"
    answer = machine.run(["bash", "-c", f"set -o pipefail; {line} | helmfile apply"])

    assert answer.returncode == 1
    assert "model.nonsense" in answer.stderr
    assert recipes.live(cluster, "wrong") == {}
