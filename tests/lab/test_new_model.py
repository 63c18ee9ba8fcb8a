"""The page on new models: its two commands, typed as they stand there, on an empty cluster."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import recipes
from lab.cluster import Cluster
from lab.tools import ROOT, Machine

PAGE = ROOT / "docs/new-model.md"


def commands() -> list[str]:
    """The first block of the page."""
    block = re.search(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def test_two_commands_lead_from_a_configuration_to_a_graph_in_the_cluster(
    new_cluster: Callable[[], Cluster],
    new_machine: Callable[[Cluster | None], Machine],
    profile: str,
    tmp_path: Path,
) -> None:
    cluster = new_cluster()
    machine = new_machine(cluster)
    folder = tmp_path / "user"
    folder.mkdir()
    shutil.copy(ROOT / "docs/examples/config.json", folder)
    assert len(commands()) == 2
    for command in commands():
        # The platform's own repository cannot be reached from the lab.
        typed = command.replace("render ./small-8b.yaml", f"render ./small-8b.yaml -f {profile}")
        answer = machine.run(["bash", "-c", f"set -o pipefail; {typed}"], cwd=folder)
        assert answer.returncode == 0, answer.stderr

    assert ("DynamoGraphDeployment", "small-8b") in recipes.live(cluster, "small")
    assert {path.name for path in folder.iterdir()} == {"config.json", "small-8b.yaml"}
