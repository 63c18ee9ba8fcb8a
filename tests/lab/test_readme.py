"""The README's table of ways to apply a recipe, each command typed as it stands there, in this order."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import recipes
from lab.cluster import Cluster
from lab.tools import ROOT, Machine

ROW = re.compile(r"^\| ([^|]+) \| `((?:[^`]|\\\|)+)`", re.MULTILINE)
# Rows whose command names files of the checkout.
IN_CHECKOUT = {"in a checkout", "plain Helm"}

# Without nodes there is no room, a diagnosis has something to find, and nobody answers.
WITHOUT_PODS = {"see whether it fits": 3, "see what is wrong": 3, "see that it answers": 5}


def rows() -> dict[str, str]:
    """Where each command is typed, and the command."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Apply it")[2].partition("## ")[0]
    return {where: command.replace(r"\|", "|") for where, command in ROW.findall(section)}


def test_every_way_of_the_table_works(
    new_cluster: Callable[[], Cluster],
    new_machine: Callable[[Cluster | None], Machine],
    profile: str,
    tmp_path: Path,
) -> None:
    cluster = new_cluster()
    machine = new_machine(cluster)
    shutil.copy(ROOT / "tests/importers/cases/alpha-disagg.yaml", tmp_path / "graph.yaml")
    shutil.copy(ROOT / "docs/examples/config.json", tmp_path)
    # Said with its place in a checkout.
    shutil.copytree(ROOT / "docs/examples", tmp_path / "docs/examples")
    (tmp_path / "recipes").mkdir()
    failed = {}
    for where, command in rows().items():
        # The platform's own repository cannot be reached from the lab.
        typed = command.replace("render qwen-0.6b", f"render qwen-0.6b -f {profile}")
        folder = ROOT if where in IN_CHECKOUT else tmp_path
        answer = machine.run(["bash", "-c", typed], cwd=folder)
        if answer.returncode != WITHOUT_PODS.get(where, 0):
            failed[where] = answer.stderr

    graphs = {name for kind, name in recipes.live(cluster, "qwen") if kind == "DynamoGraphDeployment"}

    assert failed == {}
    # Installed by `plain Helm`, and not by the recipe that the last row removed.
    assert graphs == {"qwen"}
    assert "dynamo-system/dynamo-platform" in recipes.revisions(machine)
    assert (tmp_path / "deploy/qwen/helmfile.yaml").is_file()
    assert (tmp_path / "recipes/mine.yaml").is_file()


def test_the_table_has_the_ways_that_matter() -> None:
    assert {"in a checkout", "anywhere else", "without helm-diff", "GitOps", "plain Helm"} < rows().keys()
