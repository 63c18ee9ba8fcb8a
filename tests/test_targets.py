"""What a plan is written as: the helmfile document and the self-contained directory."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from recipegen import catalog, pipeline
from recipegen.cli import main
from recipegen.compile import compile_plan
from recipegen.errors import ToolError, UsageError
from recipegen.targets import TARGETS, directory, helmfile
from samples import MINIMAL, catalog_plans, leaves, plan_of, recipes

CATALOG = catalog_plans()
# YAML's own reader, in C: the catalog is large.
LOADER = yaml.CSafeLoader

# All that helmfile may ever be told; hooks, transformers and the like would run commands.
STATE_KEYS = {"repositories", "releases"}
RELEASE_KEYS = {
    "name", "namespace", "chart", "version", "installed", "needs", "skipDeps", "wait",
    "trackMode", "timeout", "atomic",
    "disableValidationOnInstall", "labels", "values",
}  # fmt: skip


def snapshot(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def files() -> dict[str, str]:
    return directory.files(pipeline.plan("qwen-0.6b"))


# ---- the document -------------------------------------------------------------------------------


@given(recipes())
@settings(max_examples=60, deadline=None)
def test_the_document_says_nothing_that_helmfile_executes(data: dict[str, Any]) -> None:
    plan = plan_of(data)
    text = TARGETS["helmfile"](plan, compile_plan(plan))
    document = yaml.safe_load(text)

    assert not [token for token in ("{{", "ref+") if token in text]
    assert document.keys() <= STATE_KEYS
    assert {key for entry in document["releases"] for key in entry} <= RELEASE_KEYS


@given(recipes())
@settings(max_examples=30, deadline=None)
def test_only_a_whole_document_ends_in_the_sentinel(data: dict[str, Any]) -> None:
    plan = plan_of(data)
    text = TARGETS["helmfile"](plan, compile_plan(plan))

    assert text.endswith(f"\n{helmfile.SENTINEL}")
    assert text.count(helmfile.SENTINEL.strip()) == 1


def test_whatever_fails_is_taken_back_and_graphs_and_jobs_are_not_waited_for() -> None:
    plan = plan_of({**MINIMAL, "benchmark": {"enabled": True}})
    releases = yaml.safe_load(TARGETS["helmfile"](plan, compile_plan(plan)))["releases"]

    for entry in releases:
        how = (entry.get("atomic"), entry.get("wait"), entry.get("trackMode"))
        assert how == ((True, True, "helm-legacy") if entry["installed"] else (None, None, None))


LATER = [{"schedule": "0 3 * * *"}, {"suspend": True}, {"queue": "night"}]


@pytest.mark.parametrize("later", LATER, ids=lambda later: next(iter(later)))
@pytest.mark.parametrize(
    ("begins", "output", "waits"),
    [
        ("later", {"size": "1Gi"}, False),
        ("later", {"claimName": "answers"}, True),
        ("at once", {"size": "1Gi"}, True),
    ],
)
def test_a_volume_whose_first_pod_comes_later_is_not_waited_for(
    later: dict[str, Any], begins: str, output: dict[str, Any], waits: bool
) -> None:
    """A storage class may make it with its first pod; Helm would take the batch back before that comes."""
    block = {"enabled": True, "input": {"url": "http://files.example.com/in.jsonl"}, "output": output}
    plan = plan_of({**MINIMAL, "batch": {**block, **(later if begins == "later" else {})}})
    releases = yaml.safe_load(TARGETS["helmfile"](plan, compile_plan(plan)))["releases"]
    entries = {entry["name"]: entry for entry in releases if entry["installed"]}
    how = {name: {*entry} & {"atomic", "wait", "trackMode", "timeout"} for name, entry in entries.items()}

    assert len(how.pop(f"{plan.graph}-batch")) == (4 if waits else 0)
    assert {len(keys) for keys in how.values()} == {4}


def test_every_text_is_in_double_quotes() -> None:
    plan = plan_of({**MINIMAL, "about": {"title": "no"}, "platform": {"values": {"a": "012", "b": "12:30"}}})
    lines = TARGETS["helmfile"](plan, compile_plan(plan)).splitlines()[1:-1]
    bare = [line.partition(": ")[2] for line in lines if ": " in line and not line.endswith('"')]

    assert set(bare) <= {"true", "false", "{}", "[]", "1", "600", "780", "1800", "43200"}


def test_a_folder_of_charts_brings_its_dependencies_along() -> None:
    plan = plan_of(MINIMAL)
    entries = yaml.safe_load(TARGETS["helmfile"](plan, compile_plan(plan)))["releases"]

    assert {entry["name"] for entry in entries if not entry.get("skipDeps")} == {"dynamo-platform"}


# ---- the directory ------------------------------------------------------------------------------


def test_the_directory_has_relative_paths_alone(files: dict[str, str]) -> None:
    document = yaml.safe_load(files["helmfile.yaml"])
    own = [entry for entry in document["releases"] if "version" not in entry]

    assert {entry["chart"].split("/")[0] for entry in own} == {"."}
    assert all(f"{entry['chart'].removeprefix('./')}/Chart.yaml" in files for entry in own)
    assert all(path in files for entry in own for path in entry.get("values", []))


@pytest.mark.parametrize("name", CATALOG)
def test_the_directory_says_what_the_document_says(name: str) -> None:
    plan = CATALOG[name]
    files = directory.files(plan)
    document = yaml.load(TARGETS["helmfile"](plan, compile_plan(plan, directory.CHARTS)), LOADER)
    found = yaml.load(files["helmfile.yaml"], LOADER)
    for entry in found["releases"]:
        if "values" in entry:
            entry["values"] = [yaml.load(files[path], LOADER) for path in entry["values"]]

    assert found == document


def test_nothing_in_the_directory_names_this_machine(files: dict[str, str]) -> None:
    here = str(Path(__file__).parents[1])

    assert not [name for name, text in files.items() if here in text]


def test_writing_twice_changes_nothing(files: dict[str, str], tmp_path: Path) -> None:
    directory.write(files, tmp_path / "out")
    first = snapshot(tmp_path)
    directory.write(files, tmp_path / "out")

    assert snapshot(tmp_path) == first
    assert first.keys() == {f"out/{name}" for name in files}


def test_what_is_no_longer_rendered_is_removed(files: dict[str, str], tmp_path: Path) -> None:
    other = directory.files(pipeline.plan("qwen-0.6b", "sglang"))
    directory.write({**files, "values/old.yaml": "", directory.MANIFEST: "values/old.yaml\n"}, tmp_path)
    directory.write({**other, directory.MANIFEST: other[directory.MANIFEST]}, tmp_path / "fresh")

    assert (tmp_path / "values/old.yaml").exists()
    with pytest.raises(ToolError, match="not recipegen's"):
        directory.write(files, tmp_path)


def test_an_old_file_of_recipegen_goes_and_a_strangers_stays(files: dict[str, str], tmp_path: Path) -> None:
    manifest = files[directory.MANIFEST] + "values/old.yaml\n"
    directory.write({**files, "values/old.yaml": "old", directory.MANIFEST: manifest}, tmp_path)
    (tmp_path / "values/mine.yaml").write_text("mine")
    directory.write(files, tmp_path)

    assert snapshot(tmp_path) == {**files, "values/mine.yaml": "mine"}


@pytest.mark.parametrize("name", ["helmfile.yaml", "values/qwen-0-6b.yaml", "charts/stack/Chart.yaml"])
def test_a_strangers_file_is_refused_and_everything_kept(
    files: dict[str, str], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")

    with pytest.raises(ToolError, match="not recipegen's"):
        directory.write(files, tmp_path)
    assert snapshot(tmp_path) == {name: "mine"}


@pytest.mark.parametrize("name", ["helmfile.yaml", "values"])
def test_a_link_is_not_followed(files: dict[str, str], tmp_path: Path, name: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    directory.write(files, out)
    (out / name).rename(elsewhere)
    (out / name).symlink_to(elsewhere)
    before = snapshot(tmp_path)

    with pytest.raises(ToolError, match="is a link"):
        directory.write(files, out)
    assert snapshot(tmp_path) == before


def test_a_manifest_cannot_reach_out_of_its_directory(files: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    directory.write(files, out)
    (tmp_path / "mine").write_text("mine")
    (out / directory.MANIFEST).write_text(f"{files[directory.MANIFEST]}../mine\n{tmp_path}/mine\n\na\0b\n")
    directory.write(files, out)

    assert (tmp_path / "mine").read_text() == "mine"


def test_what_cannot_be_written_leaves_the_old_files(files: dict[str, str], tmp_path: Path) -> None:
    directory.write(files, tmp_path)
    before = snapshot(tmp_path)

    with pytest.raises(ToolError):
        directory.write({**files, "n" * 300: "too long a name"}, tmp_path)
    assert snapshot(tmp_path) == before


def test_a_file_where_the_directory_should_be_is_4(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")

    assert main(["render", "qwen-0.6b", "-o", str(tmp_path / "out")]) == 4
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("link", ["", "nowhere", "out"])
def test_what_is_no_directory_is_called_so(files: dict[str, str], tmp_path: Path, link: str) -> None:
    out = tmp_path / "out"
    if link:
        out.symlink_to(link)
    else:
        out.write_text("mine")

    with pytest.raises(ToolError, match="out is no directory"):
        directory.write(files, out)


def test_what_is_no_directory_is_not_compared(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")

    with pytest.raises(ToolError, match="out is no directory"):
        directory.differences(files, tmp_path / "out")


@pytest.mark.parametrize("stopped_at", [1, 2, 10, 30])
def test_an_interrupted_run_keeps_no_later_one_out(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    replaced = 0

    def replace(source: Path, target: Path) -> None:
        nonlocal replaced
        replaced += 1
        if replaced == stopped_at:
            raise KeyboardInterrupt
        os.replace(source, target)  # noqa: PTH105 - the method is what is replaced

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            directory.write(files, tmp_path)
    assert not (tmp_path / "helmfile.yaml").exists()
    directory.write(files, tmp_path)

    assert snapshot(tmp_path) == files


def test_what_a_killed_run_left_is_removed(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / directory.STAGING / "values").mkdir(parents=True)
    (tmp_path / directory.STAGING / "values/half.yaml").write_text("a")
    directory.write(files, tmp_path)

    assert snapshot(tmp_path) == files


def test_runs_at_the_same_time_write_one_after_another(files: dict[str, str], tmp_path: Path) -> None:
    other = directory.files(pipeline.plan("qwen-0.6b", "sglang"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda wanted: directory.write(wanted, tmp_path / "out"), [files, other] * 8))

    assert snapshot(tmp_path / "out") in (files, other)


def test_another_recipes_directory_is_refused(files: dict[str, str], tmp_path: Path) -> None:
    other = directory.files(plan_of(MINIMAL, "other"))
    directory.write(files, tmp_path)

    with pytest.raises(ToolError, match=r"holds the recipe qwen-0\.6b, which other would replace\n  hint: "):
        directory.write(other, tmp_path)
    assert snapshot(tmp_path) == files


def test_a_list_of_files_that_names_no_recipe_is_read(files: dict[str, str], tmp_path: Path) -> None:
    directory.write(files, tmp_path)
    listed = files[directory.MANIFEST].partition("\n")[2]
    (tmp_path / directory.MANIFEST).write_text(listed + "values/old.yaml\n")
    (tmp_path / "values/old.yaml").write_text("old")
    directory.write(files, tmp_path)

    assert snapshot(tmp_path) == files


@pytest.mark.parametrize("below", [".", "stack", "new/folder"])
@pytest.mark.parametrize("own", [catalog.charts, catalog.folder])
def test_the_installation_itself_is_not_written(
    files: dict[str, str], own: Callable[[], Path], below: str
) -> None:
    before = snapshot(own())

    with pytest.raises(UsageError, match="recipegen's own"):
        directory.write(files, own() / below)
    assert snapshot(own()) == before


@pytest.mark.parametrize("name", ["values/qwen-0-6b.yaml", "values/old.yaml"])
def test_a_directory_where_a_file_belongs_is_refused_before_writing(
    files: dict[str, str], tmp_path: Path, name: str
) -> None:
    directory.write(files, tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    (tmp_path / directory.MANIFEST).write_text(files[directory.MANIFEST] + "values/old.yaml\n")
    before = snapshot(tmp_path)

    with pytest.raises(ToolError, match="is a directory"):
        directory.write(files, tmp_path)
    assert snapshot(tmp_path) == before


def test_a_file_where_a_directory_belongs_is_refused_before_writing(
    files: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "values").write_text("mine")

    with pytest.raises(ToolError, match="values is no directory"):
        directory.write(files, tmp_path)
    assert snapshot(tmp_path) == {"values": "mine"}


@pytest.mark.parametrize(
    "name",
    [
        "charts/stack/charts/model/templates/evil.yaml",
        "charts/stack/charts/mine/.helmignore",
        "values/x.yaml",
    ],
)
def test_a_strangers_file_among_the_charts_is_named_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    out = tmp_path / "out"
    main(["render", "qwen-0.6b", "-o", str(out)])
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("mine")

    assert main(["render", "qwen-0.6b", "-o", str(out), "--check"]) == 3
    assert capsys.readouterr().out == f"{out / name} is not recipegen's\n"
    assert main(["render", "qwen-0.6b", "-o", str(out)]) == 0
    assert f"{out / name} is not recipegen's and was left alone\n" in capsys.readouterr().err
    assert (out / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["helmfile.yaml", "charts/stack/Chart.yaml"])
def test_check_compares_every_byte(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    main(["render", "qwen-0.6b", "-o", str(out)])
    (out / name).write_bytes((out / name).read_bytes().replace(b"\n", b"\r\n"))

    assert main(["render", "qwen-0.6b", "-o", str(out), "--check"]) == 3


def test_check_misses_an_empty_file(files: dict[str, str], tmp_path: Path) -> None:
    directory.write(files, tmp_path)

    assert (
        directory.differences({**files, "values/empty": ""}, tmp_path)
        == f"{tmp_path}/values/empty is missing\n"
    )


def test_check_is_0_when_nothing_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    main(["render", "qwen-0.6b", "-o", out])

    assert main(["render", "qwen-0.6b", "-o", out, "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_check_is_3_with_a_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    main(["render", "qwen-0.6b", "-o", out])
    before = snapshot(tmp_path)

    assert main(["render", "qwen-0.6b", "-o", out, "--check", "--set", "model.worker.replicas=3"]) == 3
    printed = capsys.readouterr().out
    assert "\n-  replicas: 2\n+  replicas: 3\n" in printed
    assert snapshot(tmp_path) == before


def test_check_reads_whatever_lies_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["render", "qwen-0.6b", "-o", str(out)])
    (out / "helmfile.yaml").write_bytes(b"\xff\xfe")

    assert main(["render", "qwen-0.6b", "-o", str(out), "--check"]) == 3


def test_a_wrong_recipe_touches_no_file(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    main(["render", "qwen-0.6b", "-o", out])
    before = snapshot(tmp_path)

    assert main(["render", "qwen-0.6b", "-o", out, "--set", "model.nam=x"]) == 1
    assert snapshot(tmp_path) == before


def test_written_files_have_the_users_usual_mode(files: dict[str, str], tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        directory.write(files, tmp_path / "out")
    finally:
        os.umask(mask)

    assert (tmp_path / "out/helmfile.yaml").stat().st_mode & 0o777 == 0o644


def test_values_of_the_parent_chart_hold_no_null(files: dict[str, str]) -> None:
    plan = pipeline.plan("qwen-0.6b")
    values = yaml.safe_load(TARGETS["values"](plan, compile_plan(plan)))

    assert files
    assert not [path for path, value in leaves(values) if value is None]
