"""`recipegen explain`: facts with their lines, engine options, limits of the model, and rules."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from recipegen import facts, language
from recipegen.cli import main
from recipegen.derive import Because
from recipegen.errors import Path as Keys
from recipegen.explain import explain, rules_at
from recipegen.recipe import Block, Recipe
from samples import MINIMAL, catalog_plans, plan_of


def of(path: Keys, **model: Any) -> dict[str, Any]:
    """What is said of a path of a recipe for H100."""
    recipe = {**MINIMAL, "hardware": {"gpu": "h100-sxm-80gb"}, "model": {**MINIMAL["model"], **model}}
    return explain(plan_of(recipe), path)


def places() -> list[tuple[Path, tuple[str, ...]]]:
    """File and path of every fact that decides something in the catalog."""
    reasons = [reason for plan in catalog_plans().values() for reason in plan.reasons.values()]
    found = {(each.file, tuple(map(str, each.place))): None for each in reasons if isinstance(each, Because)}
    return [*found]


@pytest.mark.parametrize(
    ("file", "at"), places(), ids=lambda part: ".".join(part) if isinstance(part, tuple) else part.name
)
def test_a_fact_stands_where_it_is_said_to(file: Path, at: tuple[str, ...]) -> None:
    assert at[-1] in file.read_text().splitlines()[facts.place(file, at) - 1]


def test_the_line_of_a_fact_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = of(("model", "nodeSelector", "nvidia.com/gpu.product"))
    place, _, words = found["fact"].rpartition(": ")
    file, _, line = place.rpartition(":")

    assert (file, words) == ("src/recipegen/facts/hardware.yaml", "h100-sxm-80gb.product")
    assert (ROOT / file).read_text().splitlines()[int(line) - 1] == "  product: NVIDIA-H100-80GB-HBM3"


def test_an_instance_type_is_a_fact_of_the_nodes() -> None:
    recipe = {**MINIMAL, "hardware": {"gpu": "h100-sxm-80gb", "cluster": "eks"}}
    found = explain(plan_of(recipe), ("model", "nodeSelector"))

    assert found["fact"].endswith(": types.p5.48xlarge")


def test_a_gpu_type_stands_for_its_facts() -> None:
    found = of(("hardware", "gpu"))

    assert found["fact"].endswith(": h100-sxm-80gb.memoryBytes")
    assert found["limit"] == "79.6 GiB each, 8 on a usual node; hopper, compute capability 9.0"


def test_what_was_written_has_no_fact() -> None:
    assert "fact" not in of(("model", "name"))


@pytest.mark.parametrize(
    ("path", "option"),
    [
        (("model", "engine", "maxModelLen"), {"name": "--max-model-len", "type": "int"}),
        (("model", "worker", "engine", "tensorParallel"), {"name": "--tensor-parallel-size", "type": "int"}),
        (
            ("model", "engine", "prefixCaching"),
            {"tokens": ["--enable-prefix-caching", "--no-enable-prefix-caching"], "type": "bool"},
        ),
        (("model", "name"), {"name": "--model", "engine": "vllm 0.31.0"}),
        (("model", "revision"), {"name": "--revision"}),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_a_key_of_the_engine_becomes_an_option(path: Keys, option: dict[str, Any]) -> None:
    assert option.items() <= of(path)["option"].items()


def test_a_key_that_the_engine_lacks_becomes_no_option() -> None:
    assert "option" not in of(("model", "engine", "args"))
    assert "option" not in of(("model", "worker", "replicas"))


@pytest.mark.parametrize(
    ("key", "limit"),
    [
        ("maxModelLen", "40960 tokens, the longest context of Qwen/Qwen3-0.6B"),
        ("tensorParallel", "divides the 16 heads of Qwen/Qwen3-0.6B, which has 8 KV heads"),
        ("pipelineParallel", "the 28 layers of Qwen/Qwen3-0.6B"),
        ("expertParallel", "no experts of Qwen/Qwen3-0.6B"),
    ],
)
def test_the_models_own_limit_is_told(key: str, limit: str) -> None:
    assert of(("model", "worker", "engine", key))["limit"] == limit


def test_a_model_that_nothing_is_known_of_has_no_limit() -> None:
    assert "limit" not in of(("model", "engine", "maxModelLen"), name="Org/Own")


@pytest.mark.parametrize(
    ("path", "codes", "others"),
    [
        (("hardware", "mig"), {"mig-unknown", "mig-parallel"}, {"node-limits"}),
        (("model", "decode", "engine", "tensorParallel"), {"gpu-count", "unsupported"}, {"one-node"}),
        (("model", "worker", "resources", "limits", "memory"), {"node-limits", "unknown-resource"}, set()),
        (("model", "tolerations"), {"toleration-without-key"}, {"gpu-count"}),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_the_rules_that_look_at_a_key_are_named(path: Keys, codes: set[str], others: set[str]) -> None:
    found = {rule["code"] for rule in of(path).get("rules", [])}

    assert codes <= found
    assert not others & found


def test_every_rule_with_paths_looks_at_a_key_of_the_language() -> None:
    keys = [(*path, key) for path, block in _blocks() for key in language.key_names(block)]
    covered = {rule["code"] for key in keys for rule in rules_at(key)}
    free = {code for section in facts.rules().values() for code, row in section.items() if "paths" in row}

    # What is looked at there is no key of a recipe, or lies in free-form text.
    assert sorted(free - covered) == ["not-a-recipe"]


def _blocks(path: Keys = (), block: type[Block] = Recipe) -> Iterator[tuple[Keys, type[Block]]]:
    """Every block of the language, with its path; of lists the first item."""
    yield path, block
    for key in language.key_names(block):
        for step in ((key,), (key, 0), (key, "any")):
            inner = language.block_at((*path, *step))
            if inner is not None:
                yield from _blocks((*path, *step), inner)


def test_people_read_a_line_for_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["explain", "qwen-0.6b", "model.engine.toolCallParser"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[3].startswith("  option: --dyn-tool-call-parser of vllm 0.31.0; one of ")
    assert re.search(r", and [0-9]+ more", lines[3])
    assert "  rule: unsupported: The engine has an option for the key." in lines


def test_programs_get_a_map(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "qwen-0.6b", "model.worker.replicas", "--format", "json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["path"], found["value"]) == ("model.worker.replicas", 2)
    file, line, _ = found["from"].rsplit(":", 2)
    assert "worker: {replicas: 2}" in Path(file).read_text().splitlines()[int(line) - 1]
