"""`recipegen show`: the page of a recipe, for people and for programs."""

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import sizing
from recipegen.cli import layout, main
from recipegen.memory import GIB
from recipegen.overview import Form
from recipegen.page import page
from samples import Answer, Cli, catalog_forms, objects, releases

RECIPE = """\
about:
  title: A large one
  description: For tests.
  notes: >-
    Weights: 8 billion parameters at 2 bytes, which is
    more than one could think: 16 GB.

    Experts on a GPU:
      default: 36
      wide: 9

    KV cache: 128 KiB a token.
  sources: [A document, Another one]
dynamoNamespace: large
hardware: {gpu: h100-sxm-80gb}
model:
  name: deepseek-ai/DeepSeek-R1
  revision: "0123456789abcdef0123"
  backend: {type: sglang}
  engine: {tensorParallel: 16, maxModelLen: 65536, args: ["--chat-template", "x.jinja"]}
  worker: {nodes: 2, sharedMemory: 32Gi}
variants:
  wide:
    description: Experts over both nodes.
    patch: {model: {engine: {expertParallel: 16}}}
  wrong:
    patch: {model: {engine: {tensorParallel: 15}}}
"""


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """`recipegen show` in a folder with `large.yaml`."""
    monkeypatch.chdir(tmp_path)
    Path("large.yaml").write_text(RECIPE)

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(["show", *arguments])
        return Answer(code, *capsys.readouterr())

    return run


def rows(answer: Answer) -> dict[str, str]:
    """The lines of the page's head, by their first word."""
    assert answer.code == 0
    head = answer.out.split("\n\n")[1]
    return {line.split()[0]: " ".join(line.split()[1:]) for line in head.splitlines() if line[0] != " "}


def section(answer: Answer, title: str) -> list[str]:
    (found,) = [part for part in answer.out.split("\n\n") if part.splitlines()[0] == title]
    return found.splitlines()[1:]


def test_the_head_says_what_runs_where(show: Cli) -> None:
    found = rows(show("./large.yaml"))

    assert found["model"] == "deepseek-ai/DeepSeek-R1 at 0123456789ab, licence MIT"
    assert found["engine"].startswith(
        "sglang 0.5.21 of Dynamo 1.6.1, nvcr.io/nvidia/ai-dynamo/sglang-runtime:"
    )
    assert found["hardware"].startswith("16 GPUs in all: h100-sxm-80gb, 79.6 GiB each; nodes with")
    assert found["worker"] == "1 replica of 16 GPUs on 2 nodes each, TP16, context 64k, /dev/shm 32Gi"
    assert found["evidence"] == "rendered"


def test_the_model_is_described_by_its_facts(show: Cli) -> None:
    words = " ".join(show("./large.yaml").out.split())

    assert "671B parameters, 38B active; 626.9 GiB of weights in fp8; context 160k" in words
    assert "61 layers, MLA with 128 heads; 256 experts, 8 a token" in words


def test_a_model_that_nothing_is_known_of_has_its_name_alone(show: Cli) -> None:
    Path("own.yaml").write_text("dynamoNamespace: own\nmodel: {name: Org/Own}\n")

    assert rows(show("./own.yaml"))["model"] == "Org/Own, licence not stated"


def test_folded_notes_are_shown_in_their_paragraphs(show: Cli) -> None:
    assert section(show("./large.yaml"), "why these numbers") == [
        "  Weights: 8 billion parameters at 2 bytes, which is more than one could think: 16 GB.",
        "  Experts on a GPU:",
        "    default: 36",
        "    wide: 9",
        "  KV cache: 128 KiB a token.",
    ]
    assert section(show("./large.yaml"), "sources") == ["  A document", "  Another one"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", []),
        ("What is known.\n\nWhat is not.\n", ["  What is known.", "  What is not."]),
        ("In GiB:\n  " + "wide " * 20, ["  In GiB:", f"    {'wide ' * 19}".rstrip(), "    wide"]),
    ],
)
def test_a_line_of_notes_is_a_paragraph_with_its_indentation(given: str, shown: list[str]) -> None:
    assert layout.prose(given) == shown


def test_memory_is_reckoned_for_each_role_and_says_where_its_arithmetic_is(show: Cli) -> None:
    lines = section(show("deepseek-r1", "--variant", "disagg"), "memory")
    sized = {role.role: role.fit for role in sizing.size("deepseek-r1", variant="disagg").roles}

    assert [line.split()[0] for line in lines[:2]] == list(sized)
    for line, fit in zip(lines, sized.values(), strict=False):
        weights, room = fit.weights / GIB, fit.stage.room / GIB
        assert f"weights {weights:.1f} GiB, KV cache {room:.1f} GiB a GPU; " in line
        assert f"{fit.concurrency:.1f} requests of 128k tokens" in line
    assert lines[2:] == [
        "  Reckoned, not measured: `recipegen size deepseek-r1 --variant disagg` has the arithmetic."
    ]


def test_what_does_not_fit_is_said_to(show: Cli) -> None:
    lines = section(show("gemma-4-31b", "--set", "model.engine.gpuMemoryUtilization=0.5"), "memory")

    assert "a replica: it does not fit" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("name", ["qwen-0.6b", "./own.yaml"])
def test_memory_is_left_out_where_model_or_gpu_is_not_known(show: Cli, name: str) -> None:
    Path("own.yaml").write_text("dynamoNamespace: own\nmodel: {name: Org/Own}\n")
    answer = show(name)
    found = json.loads(show(name, "--format", "json").out)

    assert "\n\nmemory\n" not in answer.out
    assert [role["memory"] for role in found["roles"]] == [None]


def test_forms_are_a_line_each_and_the_one_shown_is_marked(show: Cli) -> None:
    lines = section(show("./large.yaml", "--variant", "wide"), "forms")

    assert lines == [
        "  default  sglang  agg multi-node          16 h100  The recipe without a variant.",
        "* wide     sglang  agg multi-node wide-ep  16 h100  Experts over both nodes.",
    ]


def test_the_command_that_applies_it_repeats_what_was_given(show: Cli) -> None:
    answer = show(
        "./large.yaml", "--variant", "wide", "--set", "model.worker.replicas=2", "--without", "platform"
    )

    assert section(answer, "apply") == [
        "  recipegen render ./large.yaml --variant wide --set model.worker.replicas=2 --without platform"
        " | helmfile -f - apply"
    ]


def test_releases_say_what_they_make(show: Cli) -> None:
    lines = section(show("./large.yaml"), "releases")

    assert lines[0] == "  dynamo-system/dynamo-platform: chart nvidia-ai-dynamo/dynamo-platform 1.6.1"
    assert lines[-1] == "  large/large: DynamoGraphDeployment"


def test_a_page_is_no_wider_than_its_width(show: Cli) -> None:
    words = [line for line in show("./large.yaml").out.splitlines() if "{" not in line]

    assert max(map(len, words)) <= layout.WIDTH


def test_without_helm_the_page_says_what_is_missing(show: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipegen.helm.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "/nowhere")
    answer = show("./large.yaml")

    assert answer.code == 0
    assert section(answer, "commands")[0].startswith("  not rendered: no Helm: install `recipegen[helm]`")
    assert section(answer, "releases")[-1] == "  large/large: chart model"


def test_programs_get_the_same_page(show: Cli) -> None:
    found = json.loads(show("./large.yaml", "--format", "json").out)
    (role,) = found["roles"]

    assert (found["name"], found["variant"], found["modes"]) == (
        "large",
        "default",
        ["aggregated", "multi-node"],
    )
    assert found["hardware"]["visibleBytes"] == 85520809984
    assert found["model"]["parameters"] == 671026294272
    assert (role["role"], role["gpus"], role["nodes"], role["parallel"]) == ("worker", 8, 2, {"TP": 16})
    assert role["command"][-2:] == ["--chat-template", "x.jinja"]
    assert [form["variant"] for form in found["variants"]] == ["default", "wide"]
    assert found["sources"] == ["A document", "Another one"]
    assert found["size"] == "recipegen size ./large.yaml"
    sized = sizing.size("./large.yaml").as_dict()
    assert role["memory"]["weights"]["bytesPerGpu"] == sized["weights"]["bytesPerGpu"]
    assert role["memory"]["kvCache"]["bytesPerGpu"] == sized["kvCache"]["bytesPerGpu"]
    assert {key: role["memory"][key] for key in ("maxModelLen", "concurrency", "fits")} == {
        key: sized[key] for key in ("maxModelLen", "concurrency", "fits")
    }


@pytest.mark.parametrize("option", ["--source", "--resolved", "--origin"])
def test_every_form_of_the_recipe_is_json_where_programs_ask(show: Cli, option: str) -> None:
    assert json.loads(show("./large.yaml", option, "--format", "json").out)


# Helm is slow: one form of each way to lay out a graph.
SHAPES = {(form.backend, form.modes): form for form in catalog_forms()}


@pytest.mark.parametrize("form", SHAPES.values(), ids=lambda form: f"{form.name}-{form.variant}")
def test_commands_are_those_of_the_rendered_graph(form: Form) -> None:
    found = page(form, [form], [form.name])
    (graph,) = [o for o in objects(releases(form.plan)["model"]) if o["kind"] == "DynamoGraphDeployment"]
    rendered = {}
    for part in graph["spec"]["components"]:
        main_container = part["podTemplate"]["spec"]["containers"][0]
        rendered[part["name"]] = [*main_container["command"], *main_container["args"]]
    shown = {role["role"]: role["command"] for role in found["roles"]}
    text = layout.text(found)

    assert rendered == {**shown, "frontend": found["frontend"]["command"]}
    for name, command in rendered.items():
        block = text.partition(f"\n  {name}:\n")[2].partition(":\n")[0].partition("\n\n")[0]
        assert shlex.split(block.replace("\\\n", ""))[: len(command)] == command


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1), min_size=1))
def test_a_command_is_typed_as_a_shell_reads_it(command: list[str]) -> None:
    typed = "\n".join(layout.typed(command))

    assert shlex.split(typed.replace(" \\\n", " ")) == command
