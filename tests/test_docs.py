"""The documentation's commands do what it shows: each `$ ` line is run, and its output stands below it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Golden

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
CONSOLE = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
# Needs helmfile and a cluster; tests/lab runs it.
LAB = re.compile(r"\| helmfile\b")


def run(command: str) -> str:
    """What a reader sees in a shell at the top of the checkout."""
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, "LANG": "C.UTF-8", "PYTHONPATH": "src"}
    answer = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} 2>&1"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return answer.stdout


def answered(block: re.Match[str]) -> str:
    """The block with every command's real output below it."""
    lines = []
    for line in block[0].splitlines():
        if line.startswith("$ "):
            lines.append(f"{line}\n")
            if not LAB.search(line):
                lines.append(run(line[2:]))
    return "".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_print_what_the_page_shows(page: Path, golden: Golden) -> None:
    golden.file(page, CONSOLE.sub(answered, page.read_text(encoding="utf-8")))


def test_the_python_example_of_the_readme_runs() -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    for example in code:
        subprocess.run([sys.executable, "-c", example], cwd=ROOT, check=True, capture_output=True)
    assert code


def test_the_cluster_patch_of_the_readme_applies() -> None:
    from recipegen import pipeline, yamlio

    text = (ROOT / "README.md").read_text()
    patch = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    plan = pipeline.plan("qwen-0.6b", None, [yamlio.read(patch, "cluster.yaml")])

    assert plan.recipe.model.cache.storage_class == "shared-nvme"
