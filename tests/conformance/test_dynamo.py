"""Dynamo's own parsers accept every command line that recipegen renders.

The engines' options are left over by Dynamo and checked no further than against the backend's data file.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any, get_args

import pytest

from recipegen import facts, helm, pipeline
from recipegen.compile import compile_plan
from recipegen.document import from_set
from recipegen.facts import flags
from recipegen.recipe import BackendType, RoutingPolicy
from recipegen.roles import engine_of
from recipegen.twin import mocker, runtime
from recipegen.twin.graph import FRONTEND, Component
from samples import FORMS

HERE = Path(__file__).parent
RECIPE = str(HERE / "recipe.yaml")
BACKENDS = get_args(BackendType)
MODES = {"aggregated": "false", "disaggregated": "true"}
# One value for every engine field that a backend may have an option for.
ENGINE: dict[str, Any] = {
    "tensorParallel": 2,
    "pipelineParallel": 2,
    "dataParallel": 2,
    "expertParallel": 2,
    "maxModelLen": 1048576,
    "maxNumSeqs": 256,
    "maxNumBatchedTokens": 8192,
    "blockSize": 64,
    "gpuMemoryUtilization": 0.85,
    "kvCacheDtype": "fp8_e4m3",
    "prefixCaching": True,
    "trustRemoteCode": True,
    "toolCallParser": "hermes",
    "reasoningParser": "qwen3",
}

pytestmark = pytest.mark.usefixtures("dynamo")


@dataclass(frozen=True)
class Command:
    """What one component of a graph runs."""

    module: str
    argv: list[str]


@dataclass(frozen=True)
class Answer:
    """What Dynamo's parser says to a command."""

    accepted: bool
    message: str
    warnings: list[str]
    leftover: list[str]


@pytest.fixture(scope="session")
def catalog_complaints(request: pytest.FixtureRequest) -> dict[tuple[str, str | None], list[str]]:
    """What Dynamo says to the commands of every form, and to those of the mocker in the engines' place."""
    request.getfixturevalue("dynamo")
    engines = {form: rendered(*form) for form in FORMS}
    commands = {form: [*own, *mocked(own)] for form, own in engines.items()}
    answers = iter(ask(list(chain(*commands.values()))))
    return {
        form: [problem for each in own for problem in wrong(each, next(answers), added(*form))]
        for form, own in commands.items()
    }


@pytest.mark.parametrize(("name", "variant"), FORMS, ids=str)
def test_the_catalog_is_accepted(
    name: str, variant: str | None, catalog_complaints: dict[tuple[str, str | None], list[str]]
) -> None:
    assert catalog_complaints[name, variant] == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_routing_policy_is_accepted(backend: str, mode: str) -> None:
    graphs = [
        rendered(
            RECIPE,
            None,
            f"model.backend.type={backend}",
            f"model.disaggregation={MODES[mode]}",
            f"model.routingPolicy={policy}",
        )
        for policy in get_args(RoutingPolicy)
    ]

    assert complaints(list(chain(*graphs))) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_typed_engine_field_is_accepted(backend: str) -> None:
    table = facts.engine(backend)
    engine = {field: ENGINE[field] for field in [*table["flags"], *table["switches"], *table["extras"]]}
    for field, factors in table["mustEqual"].items():
        engine[field] = prod(ENGINE[factor] for factor in factors)
    if "configBlockSize" in table:
        # The engine takes this from its file alone; the option has to say the same.
        engine["blockSize"] = table["blockSize"]
    commands = rendered(RECIPE, None, f"model.backend.type={backend}", f"model.engine={json.dumps(engine)}")
    worker = commands[-1].argv

    assert [option for option in table["flags"].values() if option not in worker] == []
    assert complaints(commands) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_switches_turned_off_are_accepted(backend: str) -> None:
    engine = dict.fromkeys(facts.engine(backend)["switches"], False)
    commands = rendered(RECIPE, None, f"model.backend.type={backend}", f"model.engine={json.dumps(engine)}")

    assert complaints(commands) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_revision_and_configuration_file_are_accepted(backend: str) -> None:
    commands = rendered(
        RECIPE,
        None,
        f"model.backend.type={backend}",
        "model.revision=main",
        "model.worker.extraConfig.content={dtype: auto}",
    )

    assert complaints(commands) == []


@pytest.mark.parametrize("source", ["", "s3={uri: s3://models/qwen, secret: s3}", "claim={name: weights}"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_on_a_volume_are_accepted(backend: str, source: str) -> None:
    sets = ["model.cache.enabled=true", *([f"model.cache.{source}"] if source else [])]
    commands = rendered(RECIPE, None, f"model.backend.type={backend}", *sets)

    assert complaints(commands) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", [b for b in BACKENDS if "modelExpress" in facts.engine(b)])
def test_weights_through_model_express_are_accepted(backend: str, mode: str) -> None:
    sets = ["model.modelExpressUrl=http://server:8001", f"model.disaggregation={MODES[mode]}"]
    commands = rendered(RECIPE, None, f"model.backend.type={backend}", *sets)

    assert complaints(commands) == []


def test_several_frontends_with_kv_routing_are_accepted() -> None:
    commands = rendered(RECIPE, None, "model.routingPolicy=kv", "model.frontend.replicas=2")

    assert complaints(commands) == []


@pytest.mark.parametrize("mode", MODES)
def test_the_frontends_behind_an_endpoint_picker_are_accepted(mode: str) -> None:
    commands = rendered(
        RECIPE,
        None,
        f"model.disaggregation={MODES[mode]}",
        "model.routingPolicy=kv",
        "model.endpointPicker.enabled=true",
    )
    direct = Command("dynamo.frontend", ["--router-mode", "direct"])

    # One for each role; the picker itself has no Python module.
    assert commands.count(direct) == len(commands) // 2
    assert complaints(commands) == []


@pytest.mark.parametrize("field", ["toolCallParser", "reasoningParser"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_known_parsers_are_dynamos(backend: str, field: str) -> None:
    option = facts.engine(backend)["flags"][field]
    (complaint,) = complaints([Command(f"dynamo.{backend}", [option, "no-such-parser"])])
    _, choices = complaint.split("invalid choice: 'no-such-parser' (choose from ")

    table = flags.table(backend, facts.newest_dynamo())
    assert table is not None
    assert sorted(re.findall(r"[\w-]+", choices)) == sorted(table.flags[option]["choices"])


@pytest.mark.parametrize(
    ("module", "arguments", "complaint"),
    [
        ("dynamo.frontend", ["--router-mode", "none"], "invalid choice: 'none'"),
        ("dynamo.frontend", ["--store-kv", "etcd"], "Unknown arguments specified: ['--store-kv', 'etcd']"),
        ("dynamo.frontend", ["--router-mode", "kv", "true"], "Unknown arguments specified: ['true']"),
        ("dynamo.frontend", ["--router-temperature", "0.5"], "will be removed in v1.7"),
        ("dynamo.vllm", ["--store-kv", "etcd"], "--store-kv is no option of the engine"),
        ("dynamo.vllm", ["--is-prefill-worker"], "--is-prefill-worker is no option of the engine"),
        ("dynamo.vllm", ["--disaggregation-mode", "none"], "invalid choice: 'none'"),
        ("dynamo.vllm", ["--disaggregation-mode", "decode", "true"], "Dynamo takes these apart: ['true']"),
        ("dynamo.sglang", ["--store-kv", "etcd"], "--store-kv is no option of the engine"),
        ("dynamo.trtllm", ["--store-kv", "etcd"], "Unrecognized argument: --store-kv"),
        ("dynamo.trtllm", ["--disaggregation-mode", "prefill_and_decode"], "'prefill_and_decode'"),
        ("dynamo.trtllm", ["--override-engine-args", '{"a":1}', "--trtllm.b", "1"], "mutually exclusive"),
        # The beginning of an option is the option: the complaint is about the value.
        ("dynamo.frontend", ["--router-mod", "none"], "invalid choice: 'none'"),
        ("dynamo.sglang", ["--dyn-tool-call", "none"], "invalid choice: 'none'"),
        ("dynamo.trtllm", ["--disaggregation-mod", "none"], "invalid choice: 'none'"),
    ],
)
def test_a_wrong_command_is_complained_about(module: str, arguments: list[str], complaint: str) -> None:
    found = complaints([Command(module, arguments)])

    assert [complaint in each for each in found] == [True]


def rendered(name: str, variant: str | None, *settings: str) -> list[Command]:
    """Return the commands of all containers of a recipe's graph, frontend first."""
    plan = pipeline.plan(name, variant, [from_set(setting) for setting in settings])
    model = next(r for r in compile_plan(plan).releases if r.labels["component"] == "model")
    graph = next(o for o in helm.objects(model) if o["kind"] == "DynamoGraphDeployment")
    return [
        command(container)
        for component in graph["spec"]["components"]
        for container in component["podTemplate"]["spec"]["containers"]
        if component["type"] != "epp"
    ]


def mocked(commands: list[Command]) -> list[Command]:
    """Return the mocker's commands in place of the engines', as `simulate` has them and the chart too."""
    engines = [command for command in commands if command.module != FRONTEND]
    workers = [Component("worker", 1, c.module, tuple(c.argv), {}, "a/b") for c in engines]
    return [Command(mocker.MODULE, list(mocker.of(worker).argv)) for worker in workers]


def added(name: str, variant: str | None) -> frozenset[str]:
    """Return the options that a recipe gives its engines itself, of which Dynamo's parsers know nothing."""
    plan = pipeline.plan(name, variant)
    engines = [engine_of(plan.recipe.model, worker) for worker in plan.workers.values()]
    words = [word.partition("=")[0] for engine in engines for word in engine.args or []]
    return frozenset(word for word in words if word.startswith("-"))


def command(container: dict[str, Any]) -> Command:
    """Return what a container runs, without `python3 -m`."""
    words: list[str] = [*container["command"], *container["args"]]
    assert words[:2] == ["python3", "-m"]
    return Command(words[2], words[3:])


def complaints(commands: list[Command]) -> list[str]:
    """Return what Dynamo refuses, warns of, or leaves over although the engine has no such option."""
    return [
        f"{command.module} {' '.join(command.argv)}: {problem}"
        for command, answer in zip(commands, ask(commands), strict=True)
        for problem in wrong(command, answer)
    ]


def wrong(command: Command, answer: Answer, added: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield what is wrong with one command, whose engine has the added options too."""
    if not answer.accepted:
        yield answer.message
        return
    yield from answer.warnings
    groups = grouped(command.argv)
    left = [group for group in groups if group[0] in answer.leftover]
    if list(chain(*left)) != answer.leftover:
        yield f"Dynamo takes these apart: {answer.leftover}"
    if left:
        known = added | set(options(facts.engine(command.module.removeprefix("dynamo."))))
        names = [group[0].partition("=")[0] for group in left]
        yield from (f"{name} is no option of the engine" for name in names if name not in known)


def grouped(argv: list[str]) -> list[list[str]]:
    """Return each option with its values."""
    groups: list[list[str]] = []
    for token in argv:
        if token.startswith("-") or not groups:
            groups.append([])
        groups[-1].append(token)
    return groups


def options(table: Any) -> Iterator[str]:
    """Yield every option that a backend's data file can put into a command line."""
    if isinstance(table, dict):
        yield from chain(*map(options, table.values()))
    elif isinstance(table, list):
        yield from chain(*map(options, table))
    elif isinstance(table, str) and table.startswith("-"):
        yield table


def ask(commands: list[Command]) -> list[Answer]:
    """Return what Dynamo's parsers say, each in the environment of its wheels and no other."""
    asked = json.dumps([{"module": each.module, "argv": each.argv} for each in commands])
    done = subprocess.run(
        [runtime.python(runtime.DYNAMO, print), HERE / "parse.py"],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    return [Answer(**each) for each in json.loads(done.stdout)]
