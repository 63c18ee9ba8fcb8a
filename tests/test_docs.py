"""The documentation's commands do what it shows: each `$ ` line is run, and its output stands below it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Golden

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
CONSOLE = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
# Needs helmfile and a cluster; tests/lab runs it.
LAB = re.compile(r"\| helmfile\b")
# Needs a cluster; tests/lab/test_preflight.py runs it, and holds its output.
CLUSTER = re.compile(r"^recipegen (preflight\b|check\b.* --cluster\b)")


# Needs Dynamo's wheels; what it is doing goes to standard error, in an order that differs.
SIMULATE = re.compile(r"^recipegen simulate\b")
# What differs from one simulation to the next.
MADE_UP = re.compile(r"word1\d{3}( word1\d{3})*")
MEMORY = re.compile(r"(?<=memory: )\d+ MiB in all, \d+ MiB")
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+")


def run(command: str) -> str:
    """What a reader sees in a shell at the top of the checkout."""
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, "LANG": "C.UTF-8", "PYTHONPATH": "src", "HOME": str(Path.home())}
    if SIMULATE.search(command):
        found = run(f"{{ {command} --port 0 2>&-; }}")
        found = MEMORY.sub("300 MiB in all, 115 MiB", MADE_UP.sub("word1482 word1907 word1126 …", found))
        return PORT.sub("8000", found)
    answer = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} 2>&1"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return answer.stdout


def answered(block: re.Match[str]) -> str:
    """The block with every command's real output below it."""
    lines = []
    kept = False
    for line in block[0].splitlines():
        if line.startswith("$ "):
            lines.append(f"{line}\n")
            kept = CLUSTER.search(line[2:]) is not None
            if not kept and not LAB.search(line):
                lines.append(run(line[2:]))
        elif kept:
            lines.append(f"{line}\n")
    return "".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_print_what_the_page_shows(
    page: Path, golden: Golden, request: pytest.FixtureRequest
) -> None:
    text = page.read_text(encoding="utf-8")
    if "$ recipegen simulate" in text:
        request.getfixturevalue("dynamo")
    golden.file(page, CONSOLE.sub(answered, text))


@pytest.mark.usefixtures("dynamo")
@pytest.mark.parametrize(
    "page",
    ["README.md", "docs/simulate.md", "docs/troubleshoot.md", "docs/new-model.md", "docs/status.md"],
)
def test_the_python_examples_run(page: str) -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)

    for example in code:
        subprocess.run([sys.executable, "-c", example], cwd=ROOT, check=True, capture_output=True)
    assert code


def test_the_patches_of_the_page_on_alerts_apply() -> None:
    from recipegen import pipeline, yamlio

    patches = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/alerts.md").read_text(), re.DOTALL)
    plan = pipeline.plan("qwen-0.6b", None, [yamlio.read(patch, "cluster.yaml") for patch in patches])

    assert plan.recipe.observability.alerts.targets.output_tokens_per_second == 4000
    assert plan.warnings == ()


def test_the_cluster_patch_of_the_readme_applies() -> None:
    from recipegen import pipeline, yamlio

    text = (ROOT / "README.md").read_text()
    patch = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    plan = pipeline.plan("qwen-0.6b", None, [yamlio.read(patch, "cluster.yaml")])

    assert plan.recipe.model.cache.storage_class == "shared-nvme"


def test_the_patches_of_the_page_on_ingestion_apply() -> None:
    from recipegen import pipeline, yamlio

    patches = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/ingestion.md").read_text(), re.DOTALL)
    plan = pipeline.plan("qwen-0.6b", None, [yamlio.read(patch, "ingestion.yaml") for patch in patches])

    assert plan.tree["model"]["cache"]["s3"]["uri"].startswith("s3://llmariner/")
    assert plan.tree["ingestion"]["convert"]["quantize"] == "q4_0"


def test_the_walk_through_an_endpoint_works_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from recipegen.cli import main

    block = re.findall(r"```\n(recipegen list .*?)```", (ROOT / "docs/endpoints.md").read_text(), re.DOTALL)
    lines = [line.partition("#")[0].partition("|")[0] for line in block[0].splitlines()]
    monkeypatch.chdir(tmp_path)
    codes = {line: main(shlex.split(line)[1:]) for line in lines}

    assert codes == dict.fromkeys(lines, 0)
    assert len(lines) == 4
    assert 'name: "dippy-qwen3-8b"' in capsys.readouterr().out


def test_the_patches_of_the_gateway_page_apply() -> None:
    from recipegen import pipeline, yamlio

    patches = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/gateway.md").read_text(), re.DOTALL)
    plans = [pipeline.plan("qwen-0.6b", None, [yamlio.read(patch, "gateway.yaml")]) for patch in patches]

    assert [plan.recipe.gateway.inference_pool for plan in plans] == [True, False]
    assert [plan.warnings for plan in plans] == [(), ()]
