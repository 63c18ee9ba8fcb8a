"""`recipegen create`: what it writes, what it asks for, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import recipegen
from conftest import ROOT
from recipegen import catalog, pipeline
from recipegen.cli import main
from recipegen.creation.endpoint.wanted import KINDS
from recipegen.errors import RecipeError, RecipegenError, ToolError, UsageError
from test_new import SMALL, at_terminal

BASE = """\
# A base, as `new` writes one.
dynamoNamespace: qwen
hardware: {gpu: h100-sxm-80gb}
model:
  name: Qwen/Qwen3-8B
  backend: {type: vllm}
  engine: {maxModelLen: 32768}
  worker: {replicas: 2}
"""
DIPPY = ("--kind", "dedicated", "--prefix", "dippy", "--owner", "user-1")


# What the kinds have to be told beside whose they are.
MORE = {
    "batch": ("batch.input.url=https://data.example/requests.jsonl", "batch.output.size=10Gi"),
    "async": (
        "scaling.maxReplicas=4",
        "scaling.keda.queue.address=redis.queues:6379",
        "scaling.keda.queue.name=tasks",
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user's own, with one base in it."""
    (tmp_path / "base.yaml").write_text(BASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*flags: str) -> int:
    return main(["create", *flags])


def data(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(path).read_text())
    return found


def refused(capsys: pytest.CaptureFixture[str], code: int, *flags: str) -> str:
    there = {path.name for path in Path().iterdir()}
    assert run(*flags) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert {path.name for path in Path().iterdir()} == there, "a refusal writes nothing"
    return err


# What is written.


@pytest.mark.usefixtures("folder")
def test_t15_an_endpoint_is_a_recipe_of_its_own_that_extends_its_base(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run("./base.yaml", *DIPPY, "--gpus", "2", "--replicas", "3", "--cluster", "us-east=2")
    out, err = capsys.readouterr()
    plan = pipeline.plan("./dippy-base.yaml")

    assert (code, out) == (0, "dippy-base.yaml\n")
    assert "next: recipegen check ./dippy-base.yaml" in err
    assert data("dippy-base.yaml") == {
        "extends": "./base.yaml",
        "endpoint": {
            "kind": "dedicated",
            "prefix": "dippy",
            "owner": "user-1",
            "clusters": {"us-east": {"replicas": 2}},
        },
        "model": {"engine": {"tensorParallel": 2}, "worker": {"replicas": 3}},
    }
    assert (plan.graph, plan.namespace, plan.gpus) == ("dippy-base", "qwen", 6)
    assert Path("dippy-base.yaml").read_text().count("#") >= 6
    assert main(["check", "./dippy-base.yaml"]) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("folder")
def test_t02_every_kind_of_endpoint_is_made_and_renders(kind: str) -> None:
    whose = ("--prefix", "dippy", "--owner", "user-1") if kind in ("dedicated", "reserved") else ()
    created = recipegen.create_endpoint("qwen3-8b", kind, prefix=whose[1] if whose else None,
        owner=whose[3] if whose else None, changes=MORE.get(kind, ()))  # fmt: skip
    Path(f"{created.name}.yaml").write_text(created.recipe)
    document = yaml.safe_load(pipeline.render(f"./{created.name}.yaml"))

    assert created.name == f"{'dippy' if whose else kind}-qwen3-8b"
    values = next(r for r in document["releases"] if r["labels"].get("component") == "model")["values"][0]
    assert values["global"]["labels"]["recipegen/endpoint"] == kind


@pytest.mark.usefixtures("folder")
def test_t15_only_what_differs_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    run("./base.yaml", "--type", "serverless", "--gpu", "h100-sxm-80gb", "--engine", "vllm",
        "--gpus", "1", "--replicas", "2")  # fmt: skip
    _, err = capsys.readouterr()

    assert data("serverless-base.yaml") == {"extends": "./base.yaml", "endpoint": {"kind": "serverless"}}
    for option in ("--gpu h100-sxm-80gb", "--engine vllm", "--gpus 1", "--replicas 2"):
        assert f"note: {option}: ./base.yaml has that already" in err


def test_t05_any_directory_will_do(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "endpoints").mkdir()

    def called(*command: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "recipegen", *command], cwd=elsewhere, check=True, capture_output=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip

    written = folder / "endpoints/acme.yaml"
    called("create", str(folder / "base.yaml"), *DIPPY, "-o", str(written))
    called("check", str(written))
    called("render", str(written), "-o", "out")

    assert data(str(written))["extends"] == "../base.yaml"
    assert (elsewhere / "out/helmfile.yaml").is_file()


def test_a_base_of_the_catalog_is_named_as_the_catalog_names_it(folder: Path) -> None:
    run("qwen3-8b", *DIPPY)

    assert data(str(folder / "dippy-qwen3-8b.yaml"))["extends"] == "qwen3-8b"


@pytest.mark.usefixtures("folder")
def test_variants_of_the_base_that_are_nothing_here_are_taken_out() -> None:
    own: dict[str, Any] = {"sglang": {"patch": {"model": {"backend": {"type": "sglang"}}}}}
    own |= {"three": {"patch": {"model": {"worker": {"replicas": 3}}}}}
    Path("base.yaml").write_text(f"{BASE}variants: {json.dumps(own)}\n")
    run("./base.yaml", *DIPPY, "--engine", "sglang")

    assert data("dippy-base.yaml")["variants"] == {"sglang": None}
    assert main(["validate", "./dippy-base.yaml"]) == 0


@pytest.mark.usefixtures("folder")
def test_standard_output_gets_the_recipe_and_no_file_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    run("./base.yaml", *DIPPY, "-o", "-")

    assert yaml.safe_load(capsys.readouterr().out)["endpoint"]["owner"] == "user-1"
    assert [path.name for path in Path().iterdir()] == ["base.yaml"]


@pytest.mark.usefixtures("folder")
def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    run("./base.yaml", *DIPPY, "--format", "json")
    found = json.loads(capsys.readouterr().out)

    assert found["recipe"] == Path("dippy-base.yaml").read_text()
    assert (found["name"], found["file"], found["graph"]) == ("dippy-base", "dippy-base.yaml", "dippy-base")


@pytest.mark.usefixtures("folder")
def test_the_library_writes_no_file() -> None:
    found = recipegen.create_endpoint("qwen3-8b", "reserved", prefix="acme", owner="a@b.example", gpus=2)

    assert found.plan.graph == "acme-qwen3-8b"
    assert yaml.safe_load(found.recipe)["model"] == {"engine": {"tensorParallel": 2}}
    assert not Path("acme-qwen3-8b.yaml").exists()


# Whose it is.


@pytest.mark.usefixtures("folder")
def test_t21_prefix_and_owner_stand_in_name_and_labels() -> None:
    run("./base.yaml", *DIPPY)
    plan = pipeline.plan("./dippy-base.yaml")

    assert plan.graph.startswith("dippy-")
    assert plan.shared["labels"]["recipegen/prefix"] == "dippy"
    assert plan.shared["labels"]["recipegen/owner"] == "user-1"


@pytest.mark.parametrize("kind", ["dedicated", "reserved"])
@pytest.mark.usefixtures("folder")
def test_t21_a_customers_endpoint_needs_prefix_and_owner(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "needs --prefix P; and --owner O" in refused(capsys, 2, "./base.yaml", "--kind", kind)


@pytest.mark.parametrize("kind", ["serverless", "batch", "async"])
@pytest.mark.usefixtures("folder")
def test_t21_prefix_and_owner_are_for_customers_alone(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys, 2, "./base.yaml", "--kind", kind, *DIPPY[2:])

    assert (
        f"--prefix is for the kinds dedicated and reserved, which are one customer's own; this one is {kind}"
        in err
    )
    assert "--owner is for the kinds" in err


@pytest.mark.usefixtures("folder")
def test_t22_an_address_becomes_the_id_that_the_owners_file_has() -> None:
    Path("owners.yaml").write_text("ann@b.example: user-77\n")
    run("./base.yaml", *DIPPY[:4], "--owner", "Ann@b.example", "--owners-file", "owners.yaml")

    assert data("dippy-base.yaml")["endpoint"]["owner"] == "user-77"


@pytest.mark.usefixtures("folder")
def test_t22_without_such_a_file_the_address_itself_is_the_owner() -> None:
    run("./base.yaml", *DIPPY[:4], "--owner", "ann@b.example")

    assert data("dippy-base.yaml")["endpoint"]["owner"] == "ann@b.example"


@pytest.mark.parametrize(
    ("owners", "owner", "code", "words"),
    [
        ("ann@b.example: user-77\n", "amn@b.example", 1, "did you mean 'ann@b.example'?"),
        ("ann@b.example: 77\n", "ann@b.example", 1, 'owners.yaml:1:16: "ann@b.example": needs an id'),
        ("ann@b.example: user-77\n", "user-1", 2, "leave it out for an id"),
        ("- ann@b.example\n", "ann@b.example", 1, "expected a mapping"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_t22_an_owner_that_the_file_cannot_say_is_refused(
    owners: str, owner: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("owners.yaml").write_text(owners)

    assert words in refused(
        capsys, code, "./base.yaml", *DIPPY[:4], "--owner", owner, "--owners-file", "owners.yaml"
    )


# What is missing.


@pytest.mark.usefixtures("folder")
def test_t16_gpu_engine_and_count_that_nothing_says_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bare.yaml").write_text("dynamoNamespace: qwen\nmodel: {name: Qwen/Qwen3-8B}\n")
    err = refused(capsys, 2, "./bare.yaml", "--kind", "serverless")

    assert "`recipegen create` needs --engine E; --gpu GPU; and --gpus N" in err
    assert "--engine is one of vllm, sglang, trtllm; --gpu is one of a100-sxm-40gb" in err
    assert (
        run(
            "./bare.yaml", "--kind", "serverless", "--engine", "vllm", "--gpu", "h100-sxm-80gb", "--gpus", "2"
        )
        == 0
    )
    assert pipeline.plan("./serverless-bare.yaml").gpus == 2
    assert data("serverless-bare.yaml")["model"]["backend"] == {"type": "vllm"}


def test_t16_a_person_at_a_terminal_is_asked_and_nobody_elsewhere(folder: Path) -> None:
    answers = "dedicatet\ndedicated\nwaytoolongprefix\ndippy\nuser-1\n"
    code, seen = at_terminal(folder, answers, "create", "./base.yaml")

    assert code == 0, seen
    assert "kind of the endpoint (serverless, dedicated, reserved, batch, async): " in seen
    assert "no kind of endpoint is called 'dedicatet'" in seen
    assert "short name of the customer" in seen
    assert data(str(folder / "dippy-base.yaml"))["endpoint"] == {
        "kind": "dedicated",
        "prefix": "dippy",
        "owner": "user-1",
    }
    piped = subprocess.run(
        [sys.executable, "-m", "recipegen", "create", "./base.yaml"], input=answers, cwd=folder,
        capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert (piped.returncode, piped.stdout) == (2, "")
    assert "needs --kind K" in piped.stderr


# What cannot be.


@pytest.mark.usefixtures("folder")
def test_t04_an_endpoint_that_is_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    run("./base.yaml", *DIPPY)
    capsys.readouterr()

    assert "dippy-base.yaml is there already" in refused(capsys, 4, "./base.yaml", *DIPPY)


@pytest.mark.usefixtures("folder")
def test_t04_the_same_graph_in_another_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    run("./base.yaml", *DIPPY)
    capsys.readouterr()
    err = refused(capsys, 4, "qwen3-8b", "--kind", "serverless", "-o", "dippy.base.yaml")

    assert "dippy-base.yaml is the endpoint dippy-base in the namespace qwen already" in err


def test_a_link_that_leads_to_itself_is_written_over_when_asked(folder: Path) -> None:
    (folder / "here.yaml").symlink_to("here.yaml")
    assert run("./base.yaml", *DIPPY, "-o", "here.yaml", "--force") == 0
    assert data("here.yaml")["extends"] == "./base.yaml"


@pytest.mark.usefixtures("folder")
def test_the_engine_is_named_by_the_option_that_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, 2, "./base.yaml", *DIPPY, "--engine", "vlm").startswith("--engine: no engine")


@pytest.mark.usefixtures("folder")
def test_an_endpoint_is_no_base(capsys: pytest.CaptureFixture[str]) -> None:
    run("qwen3-8b", *DIPPY)
    capsys.readouterr()
    err = refused(capsys, 2, "./dippy-qwen3-8b.yaml", "--kind", "serverless")

    assert "is an endpoint itself, and no base" in err
    assert "hint: make the new one on qwen3-8b, which it extends" in err


@pytest.mark.parametrize(("base", "code"), [("qwen3-9b", 2), ("./nothing.yaml", 4)])
@pytest.mark.usefixtures("folder")
def test_t01_a_base_that_is_not_there_leads_to_new(
    base: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "`recipegen new` writes a base" in refused(capsys, code, base, "--kind", "serverless")


@pytest.mark.usefixtures("folder")
def test_every_wrong_value_is_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(
        capsys, 2, "./base.yaml", "--kind", "dedicated", "--prefix", "salesforce-inc", "--owner", "a b",
        "--gpu", "h100", "--engine", "vlm", "--gpus", "0", "--cluster", "US=1",
        "--cluster", "a", "--cluster", "a",
    )  # fmt: skip

    for part in (
        "at most 12, got 'salesforce-inc'",
        "--owner takes an id",
        "there is h100-sxm-80gb",
        "did you mean 'vllm'",
        "--gpus takes a whole number from 1",
        "got 'US'",
        "--cluster 'a' is there twice",
    ):
        assert part in err


@pytest.mark.usefixtures("folder")
def test_what_the_model_cannot_do_is_told_with_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys, 1, "./base.yaml", *DIPPY, "--gpus", "3")

    assert "32 attention heads, which 3 GPUs cannot share" in err
    assert "change --gpus" in err


@pytest.mark.usefixtures("folder")
def test_gpus_of_two_roles_are_not_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    roles = "  disaggregation: true\n  prefill: {replicas: 1}\n  decode: {replicas: 1}\n"
    Path("base.yaml").write_text(BASE.replace("  worker: {replicas: 2}\n", roles))
    err = refused(capsys, 1, "./base.yaml", *DIPPY, "--gpus", "8")

    assert "--gpus 8: 8 GPUs of a replica do not say how many are prefill's" in err


@pytest.mark.parametrize("cluster", ["us=", "us=many", "us=-1"])
@pytest.mark.usefixtures("folder")
def test_replicas_of_a_cluster_are_a_number(cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "write NAME, or NAME=REPLICAS" in refused(capsys, 2, "./base.yaml", *DIPPY, "--cluster", cluster)


# Options and a --set beside them.


def test_variants_that_a_set_takes_out_are_not_taken_out_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run("qwen3-8b", "--kind", "serverless", "--set", "variants=null")

    assert code == 0
    assert data(str(folder / "serverless-qwen3-8b.yaml"))["variants"] is None
    assert "taken out" not in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_replicas_that_a_queue_decides_cannot_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    more = [word for each in MORE["async"] for word in ("--set", each)]
    err = refused(capsys, 1, "./base.yaml", "--kind", "async", "--replicas", "3", *more)

    assert "an autoscaler writes the replicas of this role, got 3" in err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("extends=qwen-0.6b", "extends is said by an argument of its own"),
        ("endpoint=null", "say it with --kind"),
        ("endpoint.kind=batch", "say it with --kind"),
        ("endpoint={kind: batch}", "say it with --kind"),
        ("endpoint.owner=user-2", "say it with --owner"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_no_set_replaces_the_base_or_whose_it_is(
    change: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, 2, "./base.yaml", *DIPPY, "--set", change)


@pytest.mark.usefixtures("folder")
def test_what_else_an_endpoint_has_can_be_set() -> None:
    assert run("./base.yaml", *DIPPY, "--set", "endpoint.labels.team=chat") == 0
    assert data("dippy-base.yaml")["endpoint"]["labels"] == {"team": "chat"}


@pytest.mark.parametrize(
    ("option", "change", "said"),
    [
        (("--gpus", "2"), "model.engine.tensorParallel=4", "--gpus 2: a --set makes it 4"),
        (("--gpus", "1"), "model.engine.tensorParallel=2", "--gpus 1: a --set makes it 2"),
        (("--gpu", "h100-sxm-80gb"), "hardware.gpu=h200-sxm-141gb", "a --set makes it 'h200-sxm-141gb'"),
        (("--engine", "vllm"), "model.backend.type=sglang", "--engine vllm: a --set makes it 'sglang'"),
        (("--replicas", "3"), "model.worker.replicas=5", "--replicas 3: a --set makes it 5"),
        (("--cluster", "us=2"), "endpoint.clusters.us.replicas=4", "--cluster us=2: a --set makes it 4"),
        (("--cluster", "us"), "endpoint.clusters=null", "--cluster us: a --set takes it out"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_option_that_a_set_takes_back_is_refused(
    option: tuple[str, ...], change: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, 2, "./base.yaml", *DIPPY, *option, "--set", change)


@pytest.mark.usefixtures("folder")
def test_gpus_that_the_base_has_already_are_no_reason_for_other_settings() -> None:
    run("./base.yaml", *DIPPY, "--gpus", "1", "--set", "model.engine.maxModelLen=4096")

    assert "as asked for" not in Path("dippy-base.yaml").read_text()


# One base a model.


def new(*flags: str) -> int:
    return main(["new", "--config", "config.json", "--backend", "vllm", "--gpu", "h100-sxm-80gb", *flags])


def test_t04_new_refuses_a_second_base_and_names_the_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.json").write_text(json.dumps(SMALL))
    assert new("--model", "example/Small-8B", "--name", "first") == 0
    capsys.readouterr()

    assert new("--model", "example/Small-8B", "--name", "second") == 4
    err = capsys.readouterr().err
    assert "./first.yaml is a base for example/Small-8B already" in err
    assert "`recipegen create ./first.yaml --kind KIND`" in err
    assert not (folder / "second.yaml").exists()
    assert new("--model", "example/Small-8B", "--name", "second", "--force") == 0


def test_t01_new_knows_the_bases_of_the_catalog(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.json").write_text(json.dumps(SMALL))

    assert new("--model", "meta-llama/Llama-3.1-8B-Instruct", "--name", "mine") == 4
    assert "is a base for meta-llama/Llama-3.1-8B-Instruct already" in capsys.readouterr().err


def test_t01_an_endpoint_is_no_second_base(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(SMALL))
    assert new("--model", "example/Small-8B", "--name", "first") == 0
    assert run("./first.yaml", *DIPPY) == 0
    (folder / "first.yaml").rename(folder / "first.txt")

    assert new("--model", "example/Small-8B", "--name", "second") == 0


def test_t10_a_configuration_becomes_a_base_and_a_base_an_endpoint(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(SMALL))
    new("--model", "example/Small-8B")
    run("./small-8b.yaml", *DIPPY)
    base, endpoint = pipeline.plan("./small-8b.yaml"), pipeline.plan("./dippy-small-8b.yaml")

    assert base.tree["model"]["engine"] == endpoint.tree["model"]["engine"]
    assert base.recipe.model.name == endpoint.recipe.model.name == "example/Small-8B"
    assert (base.graph, endpoint.graph) == ("small-8b", "dippy-small-8b")


def test_t12_the_description_is_the_bases_and_can_be_the_endpoints_own(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(SMALL))
    new("--model", "example/Small-8B")
    described = pipeline.plan("./small-8b.yaml").recipe.about.description
    run("./small-8b.yaml", *DIPPY)
    run("./small-8b.yaml", "--kind", "serverless", "--set", "about.description=For the chat of team search.")

    assert described
    assert pipeline.plan("./dippy-small-8b.yaml").recipe.about.description == described
    own = pipeline.plan("./serverless-small-8b.yaml").recipe.about.description
    assert own == "For the chat of team search."


@pytest.mark.parametrize("name", catalog.recipes())
def test_t12_recipes_of_the_catalog_describe_themselves(name: str) -> None:
    assert pipeline.plan(name).recipe.about.description


def test_the_catalog_has_one_base_a_model_but_for_those_that_differ_on_purpose() -> None:
    models = [pipeline.plan(name).recipe.model.name for name in catalog.recipes()]

    assert len(set(models)) >= len(models) - 2


def test_errors_are_of_their_kinds(folder: Path) -> None:
    (folder / "x.yaml").write_text("model: {nam: x}\n")

    for base, kind in (("nothing", UsageError), ("./nothing.yaml", ToolError), ("./x.yaml", RecipegenError)):
        with pytest.raises(kind):
            recipegen.create_endpoint(base, "serverless", gpu="h100-sxm-80gb", gpus=1, backend="vllm")
    with pytest.raises(RecipeError):
        recipegen.create_endpoint("qwen3-8b", "serverless", gpus=3)
