"""Graphs of others become recipes: each case beside the recipe and the report that it gets."""

import json
from pathlib import Path
from typing import Any

import pytest

import recipegen
from conftest import Golden
from recipegen import yamlio
from recipegen.cli import main
from recipegen.importers.compare import reasons
from recipegen.importers.nodes import node_of
from recipegen.importers.shell import ShellError, launch
from recipegen.importers.view import see

CASES = Path(__file__).parent / "cases"
# What no recipe could be made of, whatever may be lost.
HOPELESS = {"no-graph", "not-understood", "sidecar-mode", "template", "two-graphs", "two-shells"}
GRAPHS = sorted(path for path in CASES.iterdir() if path.suffix in (".yaml", ".tpl"))


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_a_graph_gets_its_recipe_and_its_report(
    path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(path.parent)
    code = main(["import", path.name])
    out, err = capsys.readouterr()

    golden.file(
        path.with_suffix(".txt"), f"exit code {code}\n\n{out}\n{err}" if out else f"exit code {code}\n\n{err}"
    )


@pytest.mark.parametrize("path", [p for p in GRAPHS if p.stem not in HOPELESS], ids=lambda path: path.stem)
def test_an_imported_recipe_is_right_and_renders(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "imported.yaml"

    assert main(["import", str(path), "--lossy", "-o", str(target)]) == 0
    assert main(["check", str(target)]) == 0


@pytest.mark.parametrize("path", [p for p in GRAPHS if p.stem in HOPELESS], ids=lambda path: path.stem)
def test_what_cannot_be_understood_is_refused_whatever_may_be_lost(path: Path) -> None:
    assert main(["import", str(path), "--lossy"]) == 1


def test_every_report_belongs_to_a_graph() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == {path.stem for path in GRAPHS}


def test_one_of_several_graphs_is_taken_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(CASES / "two-graphs.yaml"), "--graph", "third"]) == 1
    assert "the graphs are first, second" in capsys.readouterr().err


def test_a_recipe_that_is_there_stays_unless_forced(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    target.write_text("mine")
    given = ["import", str(CASES / "old-flags.yaml"), "-o", str(target)]

    assert main(given) == 4
    assert target.read_text() == "mine"
    assert main([*given, "--force"]) == 0
    assert yamlio.read_file(target, "mine").data["model"]["name"] == "Qwen/Qwen3-0.6B"


def test_nothing_is_written_of_what_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"

    assert main(["import", str(CASES / "many-reasons.yaml"), "-o", str(target)]) == 1
    assert not target.exists()


def test_name_and_namespace_are_chosen() -> None:
    found = recipegen.import_graph(CASES / "old-flags.yaml", name="mine", namespace="team")

    assert yamlio.read(found.recipe, "x").data["dynamoNamespace"] == "team"
    assert "graph-name" in {each.reason for each in found.differences}


def test_the_report_for_programs_is_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(CASES / "pooled.yaml"), "--format", "json"]) == 0
    lines = capsys.readouterr().err.splitlines()
    rows = [row for line in lines for row in json.loads(line)]

    assert {"how", "what", "explained", "line", "path"} <= rows[-1].keys()
    assert all(row.get("explained", True) for row in rows)


def test_no_secret_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", str(CASES / "pooled.yaml")])

    assert "not-to-be-shown" not in capsys.readouterr().err


def test_every_reason_says_which_differences_it_explains() -> None:
    for name, row in reasons().items():
        assert set(row["how"]) <= {"lost", "added", "changed", "beside"}, name
        assert row["why"], name
        assert not row["why"].endswith("."), name


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python3 -m a --b 'c d'", ["python3", "-m", "a", "--b", "c d"]),
        ('exec python3 -m a --b "$X"', ["python3", "-m", "a", "--b", "1 2"]),
        ("python3 $X", ["python3", "1", "2"]),
        ("python3 ${NONE:-z}", ["python3", "z"]),
        ("cd /w && export Y=5 && python3 \\\n  $Y", ["python3", "5"]),
        ("set -e\nulimit -l unlimited; python3 # and so on", ["python3"]),
        ("A=1 python3 -c x", ["python3", "-c", "x"]),
    ],
)
def test_a_shell_line_that_launches_is_read(line: str, words: list[str]) -> None:
    assert launch(line, {"X": "1 2"}.get).words == words


@pytest.mark.parametrize(
    "line",
    [
        "a | b",
        "a & b",
        "for i in 1; do a; done",
        "$(a)",
        "`a`",
        "a > b",
        "$NONE",
        "a 'b",
        'a "b',
        "",
        "if a; then b; fi",
        "a || b",
    ],
)
def test_a_shell_line_that_does_more_is_refused(line: str) -> None:
    with pytest.raises(ShellError):
        launch(line, lambda _: None)


@pytest.mark.parametrize(
    "path", [p for p in GRAPHS if p.stem in ("config-map-arguments", "pooled")], ids=lambda p: p.stem
)
def test_nothing_of_a_graph_escapes_the_comparison(path: Path) -> None:
    objects = yamlio.read_all(path.read_text(), path.name)
    graph = next(each.data for each in objects if each.data["kind"] == "DynamoGraphDeployment")
    before = see(node_of(graph), {}).values
    for place in _places(graph):
        if place[:1] in (("kind",), ("apiVersion",), ("status",)) or place[:2] == ("metadata", "uid"):
            continue
        if place[:2] in (
            ("metadata", "resourceVersion"),
            ("metadata", "creationTimestamp"),
        ) or "last-applied" in str(place):
            continue
        changed = see(node_of(_changed(graph, place)), {})
        plain = {key: node.value for key, node in changed.values.items()}
        assert changed.problems or plain != {key: node.value for key, node in before.items()}, place


def _places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict | list) and value:
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for step, below in steps for place in _places(below, (*path, step))]
    return [path]


def _changed(value: object, path: tuple[str | int, ...]) -> object:
    if not path:
        return value + 7 if isinstance(value, int) else f"{value}7"
    step, *rest = path
    if isinstance(value, list):
        return [_changed(below, tuple(rest)) if i == step else below for i, below in enumerate(value)]
    assert isinstance(value, dict)
    return {key: _changed(below, tuple(rest)) if key == step else below for key, below in value.items()}


def test_what_a_rule_refuses_is_left_out_with_its_option() -> None:
    found = recipegen.import_graph(CASES / "rule-refuses.yaml", lossy=True)
    model = yamlio.read(found.recipe, "ruled").data["model"]

    assert model["engine"]["args"] == ["--enforce-eager", "--seed", "1"]
    assert "env" not in model["worker"]
    assert not found.unexplained


# Adapters, and how pods come and go.


def edited(tmp_path: Path, case: str, *changes: tuple[str, str]) -> Path:
    """A case's graph with some of its text replaced, each where it stands first."""
    text = (CASES / case).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / case).write_text(text)
    return tmp_path / case


def of_worker(recipe: str) -> dict[str, Any]:
    found: dict[str, Any] = yamlio.read(recipe, "imported").data["model"].get("worker", {})
    return found


ALPHA = """\
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata: {name: old, namespace: models}
spec:
  services:
    Worker:
      componentType: worker
      replicas: 2
      scalingAdapter: ADAPTER
      resources: {limits: {gpu: "1"}}
      extraPodSpec:
        mainContainer:
          image: nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.6.1
          command: [python3, -m, dynamo.vllm]
          args: [--model, Qwen/Qwen3-8B]
"""


@pytest.mark.parametrize(
    "adapter", ["{}", "{enabled: null}", '{enabled: "false"}', "{enabled: false}", "null"]
)
def test_an_older_graphs_adapter_is_off_unless_it_is_switched_on(adapter: str, tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(ALPHA.replace("ADAPTER", adapter))

    assert of_worker(recipegen.import_graph(path).recipe) == {"replicas": 2}


def test_an_older_graphs_adapter_is_taken_where_it_is_on(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(ALPHA.replace("ADAPTER", "{enabled: true}"))

    assert of_worker(recipegen.import_graph(path).recipe) == {"scalingAdapter": True}


def test_what_an_adapter_has_no_field_for_is_told_as_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edited(tmp_path, "pooled.yaml", ("scalingAdapter: {}", "scalingAdapter: {enabled: true}"))

    assert main(["import", str(path)]) == 1
    err = capsys.readouterr().err
    assert "worker scalingAdapter enabled: true: v1beta1's scalingAdapter has no fields" in err
    assert "for its workers alone" not in err
    assert of_worker(recipegen.import_graph(path, lossy=True).recipe)["scalingAdapter"] is True


def test_an_adapter_that_is_no_map_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = edited(tmp_path, "pooled.yaml", ("scalingAdapter: {}", "scalingAdapter: false"))

    assert main(["import", str(path)]) == 1
    assert "scalingAdapter: needs a block of keys, got false" in capsys.readouterr().err


SURGE = 'max-surge: "1"', 'max-surge: "150%"'
UNAVAILABLE = 'max-unavailable: "0%"', 'max-unavailable: "0"'


def test_of_two_annotations_only_the_one_that_is_lost_is_told(tmp_path: Path) -> None:
    found = recipegen.import_graph(edited(tmp_path, "scaled.yaml", SURGE, UNAVAILABLE))
    lost = [
        each.message for each in found.differences if "rolling-update" in each.what and each.how == "lost"
    ]

    assert yamlio.read(found.recipe, "x").data["model"]["rollout"]["maxUnavailable"] == 0
    assert (
        lost[0] == "model.rollout.maxSurge is a number of pods or a share of the pods, 0% to 100%, got '150%'"
    )
    # The other one is the graph's own, which the operator does not read.
    assert len(lost) == 2


def test_other_annotations_of_all_components_are_told_each(tmp_path: Path) -> None:
    own = "spec:\n  annotations:\n    team: a\n    bill: b"
    found = recipegen.import_graph(edited(tmp_path, "scaled.yaml", ("spec:\n  annotations:", own)))
    lost = [each.message for each in found.differences if each.what.startswith("graph spec")]

    assert [message.partition(": a recipe")[0] for message in lost] == [
        "graph spec annotations team: 'a'",
        "graph spec annotations bill: 'b'",
    ]


def test_what_pods_do_not_share_is_told_of_each_role_that_has_it(tmp_path: Path) -> None:
    key = "terminationGracePeriodSeconds"
    path = edited(tmp_path, "scaled.yaml", (f"{key}: 600", f"{key}: 900"), (f"{key}: 600", f"{key}: 1800"))
    found = recipegen.import_graph(path)
    lost = [each.message for each in found.differences if each.reason == "pods-alike"]

    assert lost == [
        f"all pods of a recipe share their {key}, and those of {role} have {seconds}"
        for role, seconds in (("frontend", 900), ("worker", 1800))
    ]
    assert "terminationGraceSeconds" not in yamlio.read(found.recipe, "x").data["model"]["rollout"]
