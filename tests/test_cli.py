"""The command line as its users meet it: exit codes, where output goes, and what messages say."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from clock import cpu_seconds
from conftest import ROOT
from recipegen import __version__, catalog
from recipegen.cli import main
from samples import Answer, Cli, in_new_python

RECIPE = """\
dynamoNamespace: qwen
model:
  name: Qwen/Qwen3-0.6B
  worker: {replicas: 2}
variants:
  two: {description: Two frontends., patch: {model: {frontend: {replicas: 2}}}}
"""
WRONG = RECIPE.replace("replicas: 2}\n", "replica: 2}\n", 1)
COMMANDS = {
    "show": ["--resolved"],
    "render": [],
    "validate": [],
    "check": [],
    "explain": ["model.worker.replicas"],
}


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The command line in a folder of its own, with `qwen.yaml` and `wrong.yaml` in it."""
    monkeypatch.chdir(tmp_path)
    Path("qwen.yaml").write_text(RECIPE)
    Path("wrong.yaml").write_text(WRONG)

    def run(*arguments: str, stdin: str = "") -> Answer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = main(arguments)
        return Answer(code, *capsys.readouterr())

    return run


def process(*arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`recipegen ARGUMENTS`, with a shell's ending such as `| head -1`."""
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")}
    command = ["bash", "-c", f'"$@" {shell}', "-", sys.executable, "-m", "recipegen", *arguments]
    return subprocess.run(
        command, env=base | environment, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )


# ---- exit codes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_a_right_recipe_is_0(cli: Cli, command: str) -> None:
    assert cli(command, "./qwen.yaml", *COMMANDS[command]).code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_recipe_is_1_and_says_where(cli: Cli, command: str) -> None:
    answer = cli(command, "./wrong.yaml", *COMMANDS[command])

    assert answer == (
        1,
        "",
        "wrong.yaml:4:12: model.worker.replica: is no key of the recipe language\n"
        "  hint: did you mean 'replicas'?\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("frobnicate",),
        ("render",),
        ("render", "qwen-0.6b", "extra"),
        ("render", "qwen-0.6b", "--target", "pulumi"),
        ("render", "qwen-0.6b", "--check"),
        ("render", "qwen-0.6b", "-o", "out", "--target", "values"),
        ("render", "qwen-0.6b", "-o", "out", "--charts", "charts"),
        ("render", "qwen-0.6b", "--set", "model.worker.replicas"),
        ("render", "qwen-0.6b", "--set", "=3"),
        ("render", "qwen-0.6b", "--set", "model..name=x"),
        ("render", "qwen-0.6b", "--set", "model.engine.args[0]=x"),
        ("render", "no-such-recipe"),
        ("render", ".."),
        ("render", "qwen-0.6b\n"),
        ("render", ""),
        ("validate",),
        ("validate", "--all", "qwen-0.6b"),
        ("explain", "qwen-0.6b", "model.wroker"),
        ("explain", "qwen-0.6b", "model[worker]"),
        ("show", "qwen-0.6b", "--format", "xml"),
        ("show", "qwen-0.6b", "--var", "disagg"),
        ("show", "qwen-0.6b", "--source", "--resolved"),
        ("show", "qwen-0.6b", "--variant", "disagg", "--variant", "sglang"),
        ("render", "qwen-0.6b", "-o", "out", "--output", "other"),
        ("render", "qwen-0.6b", "--charts", "a", "--charts", "a"),
        ("render", "qwen-0.6b", "--without", "platform", "--with", "platform"),
        ("render", "qwen-0.6b", "--with", "benchmark", "--without", "benchmark"),
        ("render", "qwen-0.6b", "-f", "-"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    answer = cli(*arguments)

    assert answer.code == 2
    assert answer.out == ""
    assert answer.err


@pytest.mark.parametrize("make", ["missing", "directory", "fifo", "device"])
@pytest.mark.parametrize("place", ["recipe", "patch"])
def test_what_is_no_file_is_4_at_once(cli: Cli, make: str, place: str) -> None:
    if make == "directory":
        Path("x.yaml").mkdir()
    if make == "fifo":
        os.mkfifo("x.yaml")
    path = "/dev/zero" if make == "device" else "./x.yaml"
    answer = cli("render", path) if place == "recipe" else cli("render", "./qwen.yaml", "-f", path)

    assert answer.code == 4
    assert answer.out == ""
    assert answer.err.startswith(f"{path if place == 'patch' else Path(path)}: ")


def test_a_recipe_that_may_not_be_read_is_4(cli: Cli) -> None:
    Path("qwen.yaml").unlink()
    Path("qwen.yaml").symlink_to("qwen.yaml")

    assert cli("validate", "./qwen.yaml").code == 4


def test_no_helm_is_4(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipegen.helm.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "/nowhere")
    answer = cli("check", "./qwen.yaml")

    assert answer.code == 4
    assert "no Helm" in answer.err
    assert answer.out == ""


def test_a_fault_of_our_own_is_70(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    answer = cli("schema")

    assert answer.code == 70
    assert "a fault in recipegen: ZeroDivisionError" in answer.err
    assert "Traceback" not in answer.err


# ---- messages -----------------------------------------------------------------------------------


def test_an_unknown_recipe_gets_the_nearest_name(cli: Cli) -> None:
    assert (
        cli("render", "qwen-06b").err == "no recipe is called 'qwen-06b'\n  hint: did you mean 'qwen-0.6b'?\n"
    )


def test_an_unknown_command_gets_the_nearest_name(cli: Cli) -> None:
    answer = cli("rendr", "qwen-0.6b")

    assert answer.code == 2
    assert "no command is called 'rendr'" in answer.err
    assert "did you mean 'render'?" in answer.err


def test_an_unknown_variant_is_1_and_gets_the_nearest_name(cli: Cli) -> None:
    answer = cli("render", "./qwen.yaml", "--variant", "tow")

    assert answer == (
        1,
        "",
        "qwen.yaml:6:3: variants: no variant is called 'tow'\n  hint: did you mean 'two'?\n",
    )


def test_a_variant_of_a_recipe_that_has_none_is_1(cli: Cli) -> None:
    Path("plain.yaml").write_text(RECIPE.split("variants", maxsplit=1)[0])

    assert "the recipe has no variants" in cli("render", "./plain.yaml", "--variant", "two").err


@pytest.mark.parametrize("switch", ["--with", "--without"])
@pytest.mark.parametrize(
    ("component", "hint"),
    [
        ("benchmarks", "did you mean 'benchmark'?"),
        (
            "nonsense",
            "the components are ingestion, warmup, modelExpress, model, scaling, gateway, observability, "
            "benchmark, batch, troubleshooting, faultInjection, platform\n",
        ),
        ("about", "the components are"),
        ("model-express", "did you mean 'modelExpress'?"),
        ("metrics", "did you mean 'observability'?"),
        ("benchmark,gateway", "give the option once for each"),
        ("model.cache", "that is no component: write --set model.cache.enabled=true, or false"),
        ("", "the components are"),
    ],
)
def test_a_component_that_does_not_exist_is_wrong_usage(
    cli: Cli, switch: str, component: str, hint: str
) -> None:
    answer = cli("render", "./qwen.yaml", switch, component)

    assert (answer.code, answer.out) == (2, "")
    assert f"no component is called '{component}'\n  hint: {hint}" in answer.err


@pytest.mark.parametrize("command", ["validate", "check"])
def test_a_patch_that_changes_one_of_several_recipes_is_right(cli: Cli, command: str) -> None:
    Path("three.yaml").write_text(RECIPE.replace("replicas: 2}\n", "replicas: 3}\n", 1))

    assert cli(command, "./qwen.yaml", "./three.yaml", "--set", "model.worker.replicas=3").code == 0
    assert cli(command, "./qwen.yaml", "--set", "model.frontend.replicas=2").code == 0


def test_a_patch_for_the_whole_catalog_may_change_some_of_it_only(cli: Cli) -> None:
    assert cli("validate", "--all", "--set", "dynamoNamespace=qwen").code == 0


@pytest.mark.parametrize(
    "arguments",
    [["./qwen.yaml"], ["./qwen.yaml", "./same.yaml"], ["./qwen.yaml", "--variant", "two"]],
    ids=["every variant", "two recipes", "one variant"],
)
def test_a_patch_that_changes_none_of_several_recipes_is_1(cli: Cli, arguments: list[str]) -> None:
    Path("same.yaml").write_text(RECIPE)
    answer = cli("validate", *arguments, "--set", "model.worker.replicas=2", "--set", "about.title=X")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.count("the patch changes nothing: the value is 2 already") == 1


@pytest.mark.parametrize(
    "arguments", [["--set", "model.worker.replicas=2"], ["-f", "same.yaml"]], ids=lambda a: a[0]
)
def test_a_patch_without_effect_is_1(cli: Cli, arguments: list[str]) -> None:
    Path("same.yaml").write_text("model:\n  worker: {replicas: 2}\n")
    answer = cli("render", "./qwen.yaml", *arguments)

    assert answer.code == 1
    assert answer.out == ""
    assert "the value is 2 already" in answer.err
    assert answer.err.startswith(
        "same.yaml:2:22: " if arguments[0] == "-f" else "--set model.worker.replicas=2: "
    )


def test_an_unknown_key_in_a_set_names_the_set(cli: Cli) -> None:
    answer = cli("render", "./qwen.yaml", "--set", "model.worker.replica=3")

    assert answer.code == 1
    assert answer.err.startswith("--set model.worker.replica=3: model.worker.replica: is no key")


def test_an_unknown_key_in_a_patch_names_its_file_and_line(cli: Cli) -> None:
    Path("profile.yaml").write_text("platform: {install: false}\nmodel:\n  cache: {storageclass: fast}\n")
    answer = cli("validate", "./qwen.yaml", "-f", "profile.yaml")

    assert answer.code == 1
    assert answer.err.startswith("profile.yaml:3:11: model.cache.storageclass: is no key")


def test_problems_as_json_carry_place_and_hint(cli: Cli) -> None:
    answer = cli("validate", "./wrong.yaml", "--format", "json")

    assert json.loads(answer.err) == [
        {
            "severity": "error",
            "code": "unknown-key",
            "path": "model.worker.replica",
            "file": "wrong.yaml",
            "line": 4,
            "column": 12,
            "message": "is no key of the recipe language",
            "hint": "did you mean 'replicas'?",
        }
    ]


@pytest.mark.parametrize("arguments", [["validate", "./qwen.yaml"], ["render", "./qwen.yaml", "-o", "out"]])
def test_programs_get_json_or_nothing(cli: Cli, arguments: list[str]) -> None:
    right = cli(*arguments, "--format", "json")
    odd = cli(*arguments, "--format", "json", "--set", "dynamoNamespace=default")

    assert right.err == ""
    assert {problem["severity"] for problem in json.loads(odd.err)} == {"warning"}


def test_a_switch_and_its_opposite_are_told(cli: Cli) -> None:
    answer = cli("render", "./qwen.yaml", "--without", "platform", "--with", "platform")

    assert answer.err.startswith("'platform' is switched both on and off\n")


def test_at_most_twenty_problems_are_printed(cli: Cli) -> None:
    Path("many.yaml").write_text(RECIPE + "".join(f"key{number}: 1\n" for number in range(25)))
    answer = cli("validate", "./many.yaml")

    assert answer.err.count("is no key") == 20
    assert answer.err.endswith("and 5 more problems\n")


def test_several_recipes_are_checked_in_one_go(cli: Cli) -> None:
    Path("empty.yaml").write_text("")
    answer = cli("validate", "./wrong.yaml", "./qwen.yaml", "./empty.yaml")

    assert answer.code == 1
    assert "wrong.yaml:4:12" in answer.err
    assert "empty.yaml:1:1" in answer.err


def test_validate_checks_every_variant(cli: Cli) -> None:
    assert cli("validate", "./qwen.yaml").err == "1 recipe, 2 forms (default, two): no problem\n"


def test_every_variant_on_standard_input_is_checked(cli: Cli) -> None:
    assert cli("validate", "-", stdin=RECIPE).err == "1 recipe, 2 forms (default, two): no problem\n"
    assert "model.frontent" in cli("check", "-", stdin=RECIPE.replace("frontend", "frontent")).err


def test_standard_input_that_is_wrong_is_read_once(cli: Cli) -> None:
    assert cli("validate", "-", stdin="a: [") == cli("render", "-", stdin="a: [")


def test_standard_input_twice_is_2(cli: Cli) -> None:
    answer = cli("validate", "-", "-", stdin=RECIPE)

    assert (answer.code, answer.err) == (2, "standard input, -, can be read once only\n")


def test_a_mistake_between_the_variants_is_reported_once(cli: Cli) -> None:
    text = RECIPE + "  three: {patch: {model: {frontend: {replicas: 3}}}, titel: x}\n  Four: {patch: {}}\n"
    Path("bad.yaml").write_text(text)
    answer = cli("validate", "./bad.yaml")

    assert answer.code == 1
    assert [line.split(":")[1:4] for line in answer.err.splitlines() if line.startswith("bad")] == [
        ["7", "54", " variants.three.titel"],
        ["8", "3", " variants.Four"],
        ["8", "17", " the variant Four changes nothing"],
    ]


def test_as_many_variants_as_are_allowed_take_no_time(cli: Cli) -> None:
    many = "".join(
        f"  v{n}: {{description: {'x' * 2000}, patch: {{model: {{worker: {{replicas: {n + 3}}}}}}}}}\n"
        for n in range(99)
    )
    Path("many.yaml").write_text(RECIPE + many)

    assert cli("validate", "./many.yaml").err.startswith("1 recipe, 101 forms")
    assert cpu_seconds(lambda: cli("validate", "./many.yaml")) < 2


def test_more_variants_than_a_hundred_are_a_problem(cli: Cli) -> None:
    many = "".join(f"  v{n}: {{patch: {{model: {{worker: {{replicas: {n + 3}}}}}}}}}\n" for n in range(100))
    Path("many.yaml").write_text(RECIPE + many)
    answer = cli("validate", "./many.yaml")

    assert answer.code == 1
    assert answer.err.startswith("many.yaml:6:3: variants: has too many entries; allowed: 100, got ")


def test_validate_finds_the_mistake_in_a_variant(cli: Cli) -> None:
    Path("bad.yaml").write_text(RECIPE.replace("frontend", "frontent"))
    answer = cli("validate", "./bad.yaml")

    assert answer.code == 1
    assert answer.err.startswith("bad.yaml:6:54: model.frontent: is no key")


def test_warnings_go_to_stderr_and_the_document_is_whole(cli: Cli) -> None:
    answer = cli("render", "./qwen.yaml", "--set", "dynamoNamespace=default")

    assert answer.code == 0
    assert "warning" in answer.err
    assert answer.out.endswith("# end of recipe\n")


# ---- names, input, patches ----------------------------------------------------------------------


def test_standard_input_is_named_after_the_model(cli: Cli) -> None:
    answer = cli("render", "-", stdin=RECIPE)
    names = [entry["name"] for entry in yaml.safe_load(answer.out)["releases"]]

    assert "qwen3-0-6b" in names
    assert answer.out.startswith(f"# recipegen {__version__}: Qwen3-0.6B, variant default, ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_reads_standard_input(cli: Cli, command: str) -> None:
    assert cli(command, "-", *COMMANDS[command], stdin=RECIPE).code == 0


def test_a_closed_standard_input_is_4() -> None:
    done = process("render", "-", shell="<&-")

    assert (done.returncode, done.stderr) == (4, "standard input is closed\n")


def test_a_patch_from_a_pipe_gets_the_way_out() -> None:
    done = process("render", "qwen-0.6b", shell="-f <(echo 'dynamoNamespace: x')")

    assert done.returncode == 4
    assert "not a regular file\n  hint: " in done.stderr


def test_no_current_directory_is_4() -> None:
    shell = f'> /dev/null; cd "$(mktemp -d)"; rmdir "$PWD"; {sys.executable} -P -m recipegen list'
    done = process("--version", shell=shell)

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "the current directory is not there any more; change to another one\n"


def test_mistakes_on_standard_input_are_placed(cli: Cli) -> None:
    assert cli("render", "-", stdin=WRONG).err.startswith("-:4:12: model.worker.replica: ")


def test_patches_apply_in_order_variant_files_sets(cli: Cli) -> None:
    Path("a.yaml").write_text("model: {frontend: {replicas: 3}, worker: {replicas: 3}}")
    Path("b.yaml").write_text("model: {worker: {replicas: 4}}")
    patches = ["--variant", "two", "--set", "model.routingPolicy=kv", "-f", "a.yaml", "-f", "b.yaml"]
    tree = yaml.safe_load(cli("show", "./qwen.yaml", "--resolved", *patches).out)

    assert tree["model"]["frontend"]["replicas"] == 3
    assert tree["model"]["worker"]["replicas"] == 4
    assert tree["model"]["routingPolicy"] == "kv"


@pytest.mark.parametrize(
    ("option", "component", "key"),
    [
        ("--with", "benchmark", "benchmark.enabled"),
        ("--with", "observability", "observability.enabled"),
        ("--without", "platform", "platform.install"),
        ("--without", "model", "model.deployment.create"),
    ],
)
def test_with_and_without_are_short_for_a_patch(cli: Cli, option: str, component: str, key: str) -> None:
    value = str(option == "--with").lower()

    assert cli("render", "./qwen.yaml", option, component) == cli(
        "render", "./qwen.yaml", "--set", f"{key}={value}"
    )


# ---- render -------------------------------------------------------------------------------------


def test_the_document_has_one_header_and_one_last_line(cli: Cli) -> None:
    lines = cli("render", "./qwen.yaml").out.splitlines()

    assert [line for line in lines if line.startswith(("#", "---", "..."))] == [lines[0], lines[-1]]
    assert lines[0].startswith(f"# recipegen {__version__}: qwen, variant default, recipe sha256:")


def test_values_are_a_complete_recipe_with_the_shared_identity(cli: Cli) -> None:
    values = yaml.safe_load(cli("render", "./qwen.yaml", "--target", "values").out)
    shared = values.pop("global")

    assert re.fullmatch("[0-9a-f]{16}", shared.pop("modelDigest"))
    assert shared == {
        "graph": "qwen",
        "model": "Qwen/Qwen3-0.6B",
        "dynamoNamespace": "qwen-qwen",
    }
    assert values == yaml.safe_load(cli("show", "./qwen.yaml", "--resolved").out)


@pytest.mark.parametrize("place", ["{{ exec }}", "ref+file", "oci://x/secretref+y", "oci://x/{{ y"])
def test_charts_of_a_place_that_helmfile_would_execute_are_refused(cli: Cli, place: str) -> None:
    answer = cli("render", "./qwen.yaml", "--charts", place)

    assert (answer.code, answer.out) == (2, "")
    assert "which helmfile would execute" in answer.err


def test_a_folder_that_helmfile_would_execute_is_refused(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "{{ here }}"
    here.mkdir()
    monkeypatch.chdir(here)
    answer = cli("render", "qwen-0.6b", "--charts", "charts")

    assert (answer.code, answer.out) == (2, "")


def test_the_command_that_applies_a_directory_can_be_typed_as_it_is_shown(cli: Cli) -> None:
    shown = cli("render", "./qwen.yaml", "-o", "my deploy").err.rstrip().partition("apply them with: ")[2]

    assert shown == "cd 'my deploy' && helmfile apply"


def test_charts_of_another_place_are_an_absolute_path(cli: Cli, tmp_path: Path) -> None:
    document = yaml.safe_load(cli("render", "./qwen.yaml", "--charts", "mine").out)
    charts = [entry["chart"] for entry in document["releases"] if "version" not in entry]

    assert all(chart.startswith(f"{tmp_path / 'mine'}/") for chart in charts)


def test_check_says_what_each_release_holds(cli: Cli) -> None:
    out = cli("check", "./qwen.yaml", "--variant", "default").out

    assert "DynamoGraphDeployment" in out
    assert "qwen-benchmark" in out


def test_check_has_a_row_for_each_variant_of_one_recipe(cli: Cli) -> None:
    answer = cli("check", "./qwen.yaml")
    head, *rows = answer.out.splitlines()

    assert head.split() == ["VARIANT", "GPUS", "OBJECTS", "BACKEND"]
    assert [row.split()[0] for row in rows] == ["default", "two"]
    assert answer.err == "1 recipe, 2 forms: no problem\n"


def test_check_has_a_row_for_each_of_several_recipes(cli: Cli) -> None:
    Path("other.yaml").write_text(RECIPE)
    answer = cli("check", "./qwen.yaml", "./other.yaml")
    head, *rows = answer.out.splitlines()

    assert head.split() == ["RECIPE", "FORMS", "GPUS", "OBJECTS", "BACKEND"]
    assert [row.split()[:2] for row in rows] == [["qwen", "2"], ["other", "2"]]
    assert answer.err == "2 recipes, 4 forms: no problem\n"


# ---- list, show, explain, schema ----------------------------------------------------------------


def test_list_shows_every_recipe_of_the_catalog(cli: Cli) -> None:
    head, *rows = cli("list").out.splitlines()

    assert head.split() == [
        "NAME",
        "SIZE",
        "CONTEXT",
        "BACKENDS",
        "GPUS",
        "ON",
        "FORMS",
        "EVIDENCE",
    ]
    assert [row.split()[0] for row in rows] == list(catalog.recipes())


def test_list_as_json_has_what_the_table_has(cli: Cli) -> None:
    rows = json.loads(cli("list", "--json").out)

    assert [row["name"] for row in rows] == list(catalog.recipes())
    assert all(
        {"name", "title", "model", "variants", "forms", "gpus", "evidence"} <= row.keys() for row in rows
    )


def test_list_in_the_format_json_is_json(cli: Cli) -> None:
    assert cli("list", "--format", "json") == cli("list", "--json")


@pytest.fixture
def catalog_of_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A catalog of one right recipe and one that is no YAML."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/right.yaml").write_text(RECIPE)
    (tmp_path / "recipes/broken.yaml").write_text("a: [")
    monkeypatch.setattr(catalog, "folder", lambda: tmp_path / "recipes")


@pytest.mark.usefixtures("catalog_of_two")
def test_a_broken_recipe_keeps_no_other_one_out_of_the_list(cli: Cli) -> None:
    answer = cli("list")

    assert answer.code == 1
    assert [line.split()[0] for line in answer.out.splitlines()] == ["NAME", "right"]
    assert answer.err.startswith("recipes/broken.yaml:")


def test_show_source_is_what_was_written_with_the_patch_in_it(cli: Cli) -> None:
    answer = cli("show", "./qwen.yaml", "--source", "--set", "model.worker.replicas=5")

    assert yaml.safe_load(answer.out) == {
        **yaml.safe_load(RECIPE),
        "model": {"name": "Qwen/Qwen3-0.6B", "worker": {"replicas": 5}},
    }


def test_show_with_origin_says_where_each_value_comes_from(cli: Cli) -> None:
    lines = cli("show", "./qwen.yaml", "--origin", "--variant", "two", "--set", "model.routingPolicy=kv").out
    rows = {line.split()[0]: " ".join(line.split()[2:]) for line in lines.splitlines()}

    assert rows["model.worker.replicas"] == "qwen.yaml:4:22"
    assert rows["model.frontend.replicas"] == "qwen.yaml:6:75 (variant two)"
    assert rows["model.routingPolicy"] == "--set model.routingPolicy=kv"
    assert rows["model.worker.gpus"].startswith("derived: ")
    assert rows["platform.install"] == "default of the recipe language"


@pytest.mark.parametrize(
    ("path", "value", "source"),
    [
        ("model.worker.replicas", "2", "qwen.yaml:4:22"),
        ("model.frontend.replicas", "2", "qwen.yaml:6:75 (variant two)"),
        ("model.routingPolicy", "'kv'", "--set model.routingPolicy=kv"),
        ("dynamoNamespace", "'prod'", "profile.yaml:1:18"),
        ("model.tolerations[0].key", "'nvidia.com/gpu'", "hardware.gpu is l40s-48gb; facts/hardware.yaml"),
        ("model.nodeSelector.nvidia\\.com/gpu\\.product", "'NVIDIA-L40S'", "hardware.gpu is l40s-48gb"),
        ("model.worker.gpus", "1", "derived: the parallel sizes"),
        ("model.cache.size", "'100Gi'", "default of the recipe language"),
        ("model.revision", "null", "not set"),
        ("model.prefill", "null", "not set"),
        ("model.engine.args", "null", "not set"),
        ("benchmark.config.isl", "null", "not set"),
        ("variants.two.description", "'Two frontends.'", "qwen.yaml:6:22"),
    ],
)
def test_explain_says_where_a_value_comes_from(cli: Cli, path: str, value: str, source: str) -> None:
    Path("profile.yaml").write_text("dynamoNamespace: prod\nhardware: {gpu: l40s-48gb}\n")
    patches = ["--variant", "two", "-f", "profile.yaml", "--set", "model.routingPolicy=kv"]
    shown, origin, *_ = cli("explain", "./qwen.yaml", path, *patches).out.splitlines()

    assert shown.endswith(f" = {value}")
    assert source in origin


def test_explain_says_what_a_key_means(cli: Cli) -> None:
    assert "  what: Number of replicas." in cli("explain", "./qwen.yaml", "model.worker.replicas").out


def test_explain_of_an_unknown_key_gets_the_nearest(cli: Cli) -> None:
    answer = cli("explain", "./qwen.yaml", "model.wroker.replicas")

    assert answer.code == 2
    assert "did you mean 'worker'?" in answer.err


def test_schema_is_the_file_that_editors_read(cli: Cli) -> None:
    file = ROOT / "src/recipegen/schema/recipe.schema.json"

    assert cli("schema").out == file.read_text()


# ---- as a process -------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    done = process("render", "qwen-0.6b", shell="| head -1")

    assert done.stdout.startswith("# recipegen")
    assert done.stderr == ""


def test_a_full_disk_is_4() -> None:
    done = process("render", "qwen-0.6b", shell="> /dev/full")

    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_a_closed_standard_output_is_no_fault_of_ours() -> None:
    done = process("render", "qwen-0.6b", shell=">&-")

    assert done.returncode == 4
    assert "fault" not in done.stderr


@pytest.mark.parametrize(("name", "code"), [("Mein Modell ä.yaml", 0), ("a\udcff.yaml", 1)])
def test_any_name_is_printed_whatever_the_terminal_says(tmp_path: Path, name: str, code: int) -> None:
    (tmp_path / name).write_text(RECIPE)
    done = process("render", str(tmp_path / name), PYTHONIOENCODING="ascii")

    assert done.returncode == code
    assert "fault" not in done.stderr


@pytest.mark.parametrize("module", ["recipegen.cli", "argparse", "pydantic"])
def test_an_interrupt_is_130_and_silent_while_modules_are_read_too(module: str) -> None:
    code = f"""
import signal, sys
from recipegen.__main__ import run

class Interrupt:
    def find_spec(self, name, *_):
        if name == "{module}":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["recipegen", "list"]
sys.exit(run())
"""
    done = in_new_python(code, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_version_is_told() -> None:
    assert process("--version").stdout == f"recipegen {__version__}\n"


@pytest.mark.parametrize("command", ["list", "show", "render", "validate", "check", "explain", "schema"])
def test_every_command_has_help(command: str) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])

    assert left.value.code == 0


def test_a_wrong_recipe_ends_the_process_with_1() -> None:
    done = process("render", "qwen-0.6b", "--set", "model.nam=x")

    assert (done.returncode, done.stdout) == (1, "")
