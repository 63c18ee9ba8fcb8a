"""Cases: a recipe, perhaps with patches, beside the document and the objects that it becomes."""

from pathlib import Path

import pytest

from conftest import ROOT, Golden
from recipegen import helm, pipeline, yamlio
from recipegen.compile import compile_plan
from recipegen.targets import TARGETS

CASES = sorted((ROOT / "tests/golden").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_becomes_what_lies_beside_it(
    case: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case)
    patches = [yamlio.read_file(path, path.name) for path in sorted(case.glob("patch*.yaml"))]
    inputs = {path.name: path.read_text() for path in (case / "recipe.yaml", *case.glob("patch*.yaml"))}
    plan = pipeline.plan("./recipe.yaml", None, patches)
    files = {"expected/helmfile.yaml": TARGETS["helmfile"](plan, compile_plan(plan, "CHARTS"))}
    objects = [
        item
        for release in compile_plan(plan).releases
        if release.installed and not release.version
        for item in helm.objects(release)
    ]
    files["expected/objects.yaml"] = "---\n".join(yamlio.write(item) for item in objects)
    files["expected/warnings.txt"] = "".join(f"{problem.text()}\n" for problem in plan.warnings)

    golden.tree(inputs | files, case)
