"""The neighbours' rows: each is data with a page, commands and keys that exist, and has a test that names it.

The rows that no other module shows are shown here.
"""

import ast
import difflib
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from conftest import ROOT, Golden
from recipegen import facts, helm, language, pipeline
from recipegen.cli import arguments, main
from recipegen.compile import compile_plan
from samples import MINIMAL, in_new_python, objects, plan_of, releases
from test_new import lay_out

TABLE = facts.neighbours()
ROWS: dict[str, dict[str, Any]] = {
    name: row for neighbour in TABLE["neighbours"].values() for name, row in neighbour["rows"].items()
}
ACTS: list[dict[str, Any]] = TABLE["acts"]
VERBS = [verb for act in ACTS for verb in act["verbs"]]
IDS = [
    "T-01", "T-02", "T-03", "T-04", "T-05", "T-06", "T-07", "T-08", "T-09", "T-10", "T-11", "T-12",
    "T-13", "T-14", "T-15", "T-16", "T-17", "T-18", "T-19", "T-20", "T-21", "T-22", "T-23", "T-24",
    "L-24", "L-25", "L-26", "L-27", "L-28", "L-29", "L-30", "L-35", "L-36", "L-38", "L-42", "B-24",
    "M-01", "M-02", "M-03", "M-04", "M-05", "M-06", "M-07", "M-08", "M-09", "M-10", "M-11", "M-12", "M-13",
    "M-14", "M-15", "M-16", "M-17", "M-18", "M-19", "M-20", "M-21", "M-22", "M-23", "M-24", "M-25", "M-26",
]  # fmt: skip

# ---- the data -----------------------------------------------------------------------------------


def test_every_row_is_there_once_in_order() -> None:
    assert list(ROWS) == IDS


@cache
def shown() -> set[str]:
    """The ids in names of test functions, as `T-24`."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                words = node.name.split("_")
                found |= {f"{w[0].upper()}-{w[1:]}" for w in words if re.fullmatch(r"[tlbm]\d\d", w)}
    return found


@pytest.mark.parametrize("name", IDS)
def test_a_row_has_a_test_with_its_id_in_the_name(name: str) -> None:
    assert name in shown()


@pytest.mark.parametrize("name", IDS)
def test_a_row_says_what_is_done_here_by_keys_and_commands_that_exist(name: str) -> None:
    row = ROWS[name]
    keys = {*row.get("keys", []), *(k for k in re.findall(r"`([a-z][A-Za-z.]*)`", row["here"]) if "." in k)}
    unknown = {key for key in keys if not language.knows(tuple(key.split(".")))}
    commands = {*row["commands"], *re.findall(r"`recipegen ([a-z]+)", row["here"])}

    assert (
        {"does", "here", "commands", "page"}
        <= row.keys()
        <= {"does", "here", "keys", "commands", "rest", "page"}
    )
    assert not unknown
    assert commands <= {*arguments.COMMANDS}
    assert (ROOT / "docs" / row["page"]).is_file()


@pytest.mark.parametrize("name", IDS)
def test_the_page_of_a_row_is_about_what_does_it(name: str) -> None:
    row = ROWS[name]
    page = (ROOT / "docs" / row["page"]).read_text()
    named = [key for key in row.get("keys", []) if re.search(rf"\b{key.split('.')[-1]}\b", page)]

    assert named == row.get("keys", [])
    assert named or any(re.search(rf"\b{command}\b", page) for command in row["commands"])


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if "rest" in row])
def test_what_is_not_done_here_is_said_with_what_it_is_rendered_as_and_who_does_it(name: str) -> None:
    assert ROWS[name]["rest"].keys() == {"what", "as", "by"}
    assert all(ROWS[name]["rest"].values())


def test_the_page_of_neighbours_is_what_the_table_says(golden: Golden) -> None:
    golden.file(ROOT / "docs/neighbours.md", reference.neighbours(TABLE))


# ---- verbs of neighbours ------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_a_neighbours_verb_never_succeeds_and_says_who_does_it(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    act = next(act for act in ACTS if verb in act["verbs"])
    code = main([*verb.split(), "qwen-0.6b", "--anything"])
    answer = capsys.readouterr()

    assert (code, answer.out) == (2, "")
    assert answer.err.startswith(f"{verb}: not performed by recipegen: {act['what']}; rendered as ")
    assert f"hint: nearest is `{act['instead']}`" in answer.err


@pytest.mark.parametrize(
    "line",
    [
        "config upload --file appset.yaml --variants variants.yaml",
        "config sync-to-prod --config-id 1",
        "config find --model-name Qwen/Qwen3-0.6B",
        "config delete --config-id 1",
        "config run --file appset.yaml",
        "finetune create",
        "Convert --outtype f32",
    ],
)
def test_programs_are_told_that_it_was_not_performed(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*line.split(), "--format", "json"])
    answer = capsys.readouterr()
    problem = json.loads(answer.err)[0]

    assert (code, answer.out) == (2, "")
    assert (problem["severity"], problem["code"]) == ("error", "not-performed")
    assert problem["hint"].startswith("nearest is `recipegen ")


@pytest.mark.parametrize("verb", TABLE["renamed"])
def test_a_verb_that_has_another_name_here_is_answered_with_that(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(verb.split())
    answer = capsys.readouterr()

    assert (code, answer.out) == (2, "")
    assert answer.err == (
        f"{verb}: is no command of recipegen\n  hint: nearest is `{TABLE['renamed'][verb]}`\n"
    )


def test_no_verb_stands_twice_and_none_hides_a_command() -> None:
    verbs = [*VERBS, *TABLE["renamed"]]

    assert len(verbs) == len(set(verbs))
    assert not {verb.split()[0] for verb in verbs} & {*arguments.COMMANDS}


@pytest.mark.parametrize("line", [*(act["instead"] for act in ACTS), *TABLE["renamed"].values()])
def test_the_nearest_command_is_one_that_recipegen_takes(line: str) -> None:
    program, *words = shlex.split(line.partition(" | ")[0])
    named = next(word for word in words if not word.startswith("-")) if words != ["--help"] else ""

    assert program == "recipegen"
    if "--help" in words:
        with pytest.raises(SystemExit) as ended:
            arguments.parser().parse_args(words)
        assert ended.value.code == 0
    else:
        assert arguments.parser().parse_args(words).command == named


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act["verbs"][0])
def test_an_act_says_why_it_does_not_belong_and_whose_it_is(act: dict[str, Any]) -> None:
    assert act.keys() == {"what", "why", "as", "by", "instead", "neighbours", "verbs"}
    assert set(act["neighbours"]) <= {*TABLE["neighbours"]}


@given(
    st.lists(
        st.sampled_from([*VERBS, "config", "model", "qwen-0.6b", "--file", "x", ""]), min_size=1, max_size=4
    )
)
@settings(max_examples=30, deadline=None)
def test_no_line_that_begins_with_a_neighbours_word_succeeds(words: list[str]) -> None:
    assert main(" ".join(words).split(" ")) == 2


# ---- tinman -------------------------------------------------------------------------------------


def test_t04_a_model_that_has_a_recipe_is_found_by_its_id_and_by_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "Qwen/Qwen3-0.6B", "--json"]) == 0
    found = [recipe["name"] for recipe in json.loads(capsys.readouterr().out)]
    main(["list", "Qwen/Qwen3-0.6B-of-nobody", "--json"])

    assert found == ["qwen-0.6b"]
    assert json.loads(capsys.readouterr().out) == []


def test_t04_a_recipe_that_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "mine.yaml"
    base.write_text("# mine\n")
    config = str(lay_out(tmp_path / "weights"))
    new = [
        "new",
        "--model",
        "example/mine",
        "--config",
        config,
        "--backend",
        "vllm",
        "--gpu",
        "h100-sxm-80gb",
    ]

    assert main([*new, "-o", str(base)]) == 4
    assert base.read_text() == "# mine\n"
    assert f"{base} is there already" in capsys.readouterr().err


# What says that a recipe is another one.
DIGEST = re.compile(r"recipe sha256:|modelDigest: ")
RENDER = """\
from recipegen.cli import main
raise SystemExit(main(["render", {name!r}, "-o", {folder!r}, *{changes!r}]))
"""


def written(name: str, folder: Path, *changes: str) -> dict[str, list[str]]:
    """The files that a new process writes, in lines; its hashes have a seed of their own."""
    in_new_python(RENDER.format(name=name, folder=str(folder), changes=changes))
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text().splitlines() for path in files}


def test_t09_the_same_recipe_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    first, second = written("qwen-0.6b", tmp_path / "a"), written("qwen-0.6b", tmp_path / "b")

    assert first == second
    assert "helmfile.yaml" in first


def test_t09_a_pull_request_shows_what_changed_and_digests_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    before = written("qwen-0.6b", folder)
    after = written("qwen-0.6b", folder, "--set", "model.worker.replicas=3")
    diff = {
        name: [
            line
            for line in difflib.unified_diff(before.get(name, []), after.get(name, []), lineterm="", n=0)
            if line[0] in "+-" and line[:3] not in ("+++", "---") and not DIGEST.search(line)
        ]
        for name in before.keys() | after.keys()
    }
    changed = {name: lines for name, lines in diff.items() if lines}

    assert list(changed) == ["values/qwen-0-6b.yaml"]
    assert [line.replace(" ", "") for line in changed["values/qwen-0-6b.yaml"]] == [
        "-replicas:2",
        "+replicas:3",
    ]


def spellings() -> Iterator[tuple[str, str, str]]:
    """Engine, typed field, and the option that it becomes."""
    for engine in ("vllm", "sglang", "trtllm"):
        yield from ((engine, field, option) for field, option in facts.engine(engine)["flags"].items())


@pytest.mark.parametrize(("engine", "field", "option"), [*spellings()])
def test_t13_an_argument_that_repeats_a_typed_field_is_refused(
    engine: str, field: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.yaml"
    given_args = {"backend": {"type": engine}, "engine": {"args": [option, "2"]}}
    recipe.write_text(yaml.safe_dump({**MINIMAL, "model": {**MINIMAL["model"], **given_args}}))
    code = main(["validate", str(recipe), "--format", "json"])
    problems = {problem["code"]: problem for problem in json.loads(capsys.readouterr().err)}

    assert code == 1
    assert f"engine.{field} sets" in problems["repeated-option"]["message"]
    assert problems["repeated-option"]["line"] > 0


# ---- LLM Engine ---------------------------------------------------------------------------------

# Short names of its table, each with the id that it takes for it: where it is wrong, and where it is right.
WRONG = {
    "llama-2-7b": "huggyllama/llama-7b",
    "llama-7b": "decapoda-research/llama-7b-hf",
    "gpt-j-6b-zh-en": "EleutherAI/gpt-j-6b",
    "gemma-2-7b": "google/gemma-2-7b",
    "phi-3-medium-4-instruct": "",
}
RIGHT = {
    "llama-3-8b": "meta-llama/Meta-Llama-3-8B",
    "llama-3-1-405b": "meta-llama/Meta-Llama-3.1-405B",
    "mixtral-8x7b": "mistralai/Mixtral-8x7B-v0.1",
    "zephyr-7b-beta": "HuggingFaceH4/zephyr-7b-beta",
    "qwen2-72b-instruct": "Qwen/Qwen2-72B-Instruct",
    "deepseek-coder-v2-lite": "deepseek-ai/DeepSeek-Coder-V2-Lite-Base",
    "falcon-180b": "tiiuae/falcon-180B",
}


def said_of(model: str) -> list[tuple[str, str]]:
    """What a recipe of the model is told: codes and hints."""
    warnings = plan_of({**MINIMAL, "model": {"name": model}}).warnings
    return [(problem.code, problem.hint) for problem in warnings if problem.path == ("model", "name")]


@pytest.mark.parametrize(("alias", "target"), WRONG.items())
def test_l31_a_short_name_that_stands_for_another_model_is_warned_of_and_not_taken(
    alias: str, target: str
) -> None:
    [(code, hint)] = said_of(alias)

    assert code == ("model-name" if alias == "gpt-j-6b-zh-en" else "mistaken-model")
    assert not target or f"'{target}'" not in hint


@pytest.mark.parametrize("target", ["decapoda-research/llama-7b-hf", "google/gemma-2-7b"])
def test_l31_an_id_that_is_not_on_the_hub_is_warned_of_with_one_that_is(target: str) -> None:
    [(code, hint)] = said_of(target)

    assert code == "mistaken-model"
    assert said_of(hint.split("'")[1]) == []


@pytest.mark.parametrize(("alias", "target"), RIGHT.items())
def test_l31_a_short_name_that_is_right_is_answered_with_its_id_which_passes(alias: str, target: str) -> None:
    assert said_of(alias) == [("mistaken-model", f"did you mean {target!r}?")]
    assert said_of(target) == []


# ---- model-manager ------------------------------------------------------------------------------

WEIGHTS = {"cache": {"enabled": True}}
KEEPS_RUNNING = {"Deployment", "StatefulSet", "DaemonSet"}


def of_model(**model: Any) -> dict[str, Any]:
    return {**MINIMAL, "model": {**MINIMAL["model"], **model}}


def kinds(data: dict[str, Any]) -> list[str]:
    return [each["kind"] for each in objects(*releases(plan_of(data)).values())]


def test_m01_what_loads_a_model_is_a_job_and_nothing_keeps_running_beside_the_graph() -> None:
    found = kinds(of_model(**WEIGHTS))

    assert found.count("Job") == 1
    assert "DynamoGraphDeployment" in found
    assert not KEEPS_RUNNING & set(found)


def test_m02_weights_come_from_the_hub_a_store_a_volume_or_model_express() -> None:
    store = {"enabled": True, "s3": {"uri": "s3://models/qwen", "secret": "s3"}}
    claim = {"enabled": True, "claim": {"name": "weights", "path": "qwen"}}
    hub, bucket, volume = (
        objects(*releases(plan_of(of_model(cache=cache))).values())
        for cache in (WEIGHTS["cache"], store, claim)
    )
    express = kinds({**MINIMAL, "modelExpress": {"enabled": True}})

    assert "s3://models/qwen" in yaml.safe_dump(bucket)
    assert "s3://models/qwen" not in yaml.safe_dump(hub)
    assert [sum(each["kind"] == "Job" for each in found) for found in (hub, bucket, volume)] == [1, 1, 0]
    assert "Deployment" in express


def test_m03_the_list_of_base_models_is_the_catalog_and_no_two_recipes_are_one_release(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["list", "--json"])
    listed = [recipe["name"] for recipe in json.loads(capsys.readouterr().out)]
    graphs = [(plan.namespace, plan.graph) for plan in map(pipeline.plan, listed)]

    assert set(listed) == {path.stem for path in (ROOT / "recipes").glob("*.yaml")}
    assert len(graphs) == len(set(graphs))


def test_m03_there_is_no_document_of_several_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    """Bringing all of them is a loop: each is a document, which ends in a line that says it is whole."""
    assert main(["render", "--all"]) == 2
    assert main(["render", "qwen-0.6b", "qwen3-8b"]) == 2
    assert capsys.readouterr().out == ""


def test_m04_a_model_is_made_known_by_a_file_which_every_command_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    model = ["--model", "example/mine", "--config", str(lay_out(tmp_path / "weights"))]

    assert main(["new", *model, "--backend", "vllm", "--gpu", "h100-sxm-80gb", "-o", str(path)]) == 0
    capsys.readouterr()
    assert [main([command, str(path)]) for command in ("validate", "show", "render")] == [0, 0, 0]
    assert "example/mine" in capsys.readouterr().out


SERVER = """\
httpPort: 8080
grpcPort: 8081
internalGrpcPort: 8082
objectStore: {s3: {pathPrefix: models}}
debug: {standalone: true, sqlitePath: /tmp/model_manager.db}
"""


def test_m11_the_configuration_of_a_server_is_refused_key_by_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SERVER)

    assert main(["validate", str(path), "--format", "json"]) == 1
    answer = capsys.readouterr()
    unknown = {p["path"] for p in json.loads(answer.err) if p["code"] == "unknown-key"}
    assert unknown == {"httpPort", "grpcPort", "internalGrpcPort", "objectStore", "debug"}


def test_m12_a_recipe_of_any_folder_is_known_without_being_put_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my-model.yaml").write_text(yaml.safe_dump(MINIMAL))
    monkeypatch.chdir(tmp_path)

    assert main(["render", "my-model.yaml"]) == 0
    assert 'name: "my-model"' in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["my-model.yaml"]


def workers(data: dict[str, Any]) -> Any:
    graph = next(
        each for each in objects(*releases(plan_of(data)).values()) if each["kind"] == "DynamoGraphDeployment"
    )
    return next(each for each in graph["spec"]["components"] if each["name"] == "worker")


def gpus(worker: Any) -> str:
    return str(worker["podTemplate"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"])


def test_m22_a_model_has_one_replica_on_one_gpu_unless_it_says_more() -> None:
    default = workers(MINIMAL)
    engine = {"tensorParallel": 2, "args": ["--enforce-eager"]}
    more = workers(of_model(worker={"replicas": 3}, engine=engine))

    assert (default.get("replicas"), gpus(default)) == (1, "1")
    assert (more["replicas"], gpus(more)) == (3, "2")
    assert "--enforce-eager" in more["podTemplate"]["spec"]["containers"][0]["args"]
    assert "--enforce-eager" not in default["podTemplate"]["spec"]["containers"][0]["args"]


def test_m23_a_graph_that_is_not_the_recipes_own_is_left_alone() -> None:
    """Left out of the document, which helmfile leaves alone; what is switched off is `installed: false`."""
    off = plan_of(of_model(deployment={"create": False}))
    document = {release.name: release.installed for release in compile_plan(off).releases}

    assert off.graph not in document
    assert document[f"{off.graph}-gateway"] is False
    assert all(each["kind"] != "DynamoGraphDeployment" for each in _rendered(off))


def test_m23_a_model_is_installed_while_its_recipe_says_so_and_no_command_deletes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    on = plan_of(MINIMAL)

    assert next(r for r in compile_plan(on).releases if r.name == on.graph).installed
    assert main(["delete", "qwen-0.6b"]) == 2
    assert capsys.readouterr().out == ""


def _rendered(plan: Any) -> Iterator[Any]:
    for release in releases(plan).values():
        yield from helm.objects(release)
