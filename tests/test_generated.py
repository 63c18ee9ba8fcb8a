"""Files that are made from others: schemas, facts for the charts, reference, what the catalog renders to."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import reference
from conftest import ROOT, Golden
from recipegen import catalog, facts, helm, pipeline, schema, yamlio
from recipegen.compile import compile_plan
from recipegen.components import COMPONENTS
from recipegen.targets import TARGETS
from samples import FORMS

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "src/recipegen/schema/recipe.schema.json": schema.recipe,
    "charts/stack/values.schema.json": schema.stack_values,
    **{
        f"charts/stack/charts/{component.chart}/values.schema.json": partial(
            schema.component_values, component
        )
        for component in COMPONENTS
    },
}
CHARTS = sorted(path.parent for path in catalog.charts().rglob("Chart.yaml"))
RELEASES = """\
# Dynamo releases that recipegen knows, newest first. Written by `make regen` from facts/dynamo.yaml.
"""
# What looks into a cluster from outside stays outside.
DOCTOR = [
    "recipegen/errors.py",
    *(
        f"recipegen/cluster/{path.name}"
        for path in sorted((ROOT / "src/recipegen/cluster").glob("*.py"))
        if path.name not in ("__init__.py", "client.py", "batches.py")
    ),
]
# The recipe that README and docs walk through.
QUICKSTART = "qwen-0.6b"


@pytest.mark.parametrize("path", SCHEMAS)
def test_schema_files_are_what_the_language_exports(path: str, golden: Golden) -> None:
    golden.file(ROOT / path, json.dumps(SCHEMAS[path](), indent=2) + "\n")


def test_the_model_chart_knows_the_dynamo_releases_of_the_facts(golden: Golden) -> None:
    known = "".join(f"  - {version}\n" for version in facts.dynamo())
    text = f"{RELEASES}default: {facts.newest_dynamo()}\nknown:\n{known}"

    golden.file(ROOT / "charts/stack/charts/model/releases.yaml", text)


def test_the_reference_of_the_language_is_what_the_schema_says(golden: Golden) -> None:
    golden.file(ROOT / "docs/recipe.md", reference.markdown())


@pytest.mark.parametrize("module", DOCTOR)
def test_the_troubleshooting_job_runs_the_modules_of_doctor(module: str, golden: Golden) -> None:
    """Pods have no recipegen, so the chart brings the modules along under their own names."""
    text = (ROOT / "src" / module).read_text()
    head = f"# Written by `make regen` from src/{module}.\n"

    golden.file(ROOT / "charts/stack/charts/troubleshooting/files" / module, head + text)


def test_the_troubleshooting_job_has_no_other_modules() -> None:
    files = ROOT / "charts/stack/charts/troubleshooting/files"

    assert {p.relative_to(files).as_posix() for p in files.rglob("*.py")} == {*DOCTOR, "run.py"}


@pytest.mark.parametrize("folder", CHARTS, ids=lambda folder: folder.name)
def test_the_readme_of_a_chart_lists_its_values(folder: Path, golden: Golden) -> None:
    golden.file(folder / "README.md", reference.readme(folder))


@pytest.mark.parametrize(("name", "variant"), FORMS, ids=str)
def test_the_catalog_renders_to_what_was_reviewed(name: str, variant: str | None, golden: Golden) -> None:
    plan = pipeline.plan(name, variant)
    # Charts at a fixed place, so that the files are the same in every checkout.
    document = TARGETS["helmfile"](plan, compile_plan(plan, "CHARTS"))
    # Every form of the graph. What stands around it comes from the same charts for all: one recipe shows it.
    around = name == QUICKSTART
    releases = [
        r
        for r in compile_plan(plan).releases
        if r.installed and not r.version and (around or r.labels["component"] == "model")
    ]
    files = {"helmfile.yaml": document}
    for release in releases:
        rendered = helm.objects(release)
        files[f"{release.labels['component']}.yaml"] = "---\n".join(map(yamlio.write, rendered))

    golden.tree(files, ROOT / "tests/shipped" / name / plan.variant)


def test_no_two_recipes_share_a_graph_name() -> None:
    graphs = [pipeline.plan(name).graph for name in catalog.recipes()]

    assert len(graphs) == len(set(graphs))


def test_every_shipped_file_belongs_to_the_catalog() -> None:
    folders = {p.relative_to(ROOT / "tests/shipped").as_posix() for p in (ROOT / "tests/shipped").glob("*/*")}

    assert folders == {f"{name}/{variant or 'default'}" for name, variant in FORMS}
