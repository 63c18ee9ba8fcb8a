"""Where each value of a plan comes from."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipegen import origin
from recipegen.errors import SHOWN, UsageError, dotted
from samples import KEYS, MINIMAL, leaves, plan_of, recipes

DISAGGREGATED = {**MINIMAL, "model": {**MINIMAL["model"], "disaggregation": True}}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("model", ("model",)),
        ("model.engine.args[0]", ("model", "engine", "args", 0)),
        (r"model.nodeSelector.a\.b/c", ("model", "nodeSelector", "a.b/c")),
        ('model.nodeSelector."a.b/c"', ("model", "nodeSelector", "a.b/c")),
        ('"a.b"[0]."c\\"d"', ("a.b", 0, 'c"d')),
        ("a[1][22].b", ("a", 1, 22, "b")),
    ],
)
def test_a_path_is_keys_and_places(text: str, path: tuple[str | int, ...]) -> None:
    assert origin.parse(text) == path


@pytest.mark.parametrize(
    "text", ["", "a..b", ".a", "a.", "a[x]", "a[1", "[0]", "a[-1]", "a[0]b", '"a', 'a"b"', '"a"b', '"\\q"']
)
def test_what_is_no_path_is_said_so(text: str) -> None:
    with pytest.raises(UsageError, match="is no path"):
        origin.parse(text)


@given(recipes())
@settings(max_examples=40, deadline=None)
def test_every_value_of_a_plan_has_an_origin(data: dict[str, Any]) -> None:
    plan = plan_of(data)
    found = {path: origin.origin(plan, path) for path, _ in origin.leaves(plan.tree)}

    for path, _ in leaves(data):
        if path in found:
            assert found[path].startswith("qwen.yaml:")
    assert {words.split(":")[0] for words in found.values()} <= {
        "qwen.yaml",
        "derived",
        "default of the recipe language",
    }


@given(st.lists(KEYS.filter(lambda key: len(json.dumps(key)) < SHOWN), min_size=1, max_size=4))
def test_a_path_is_read_as_it_is_printed(keys: list[str]) -> None:
    assert origin.parse(dotted(tuple(keys))) == tuple(keys)


@given(recipes())
@settings(max_examples=20, deadline=None)
def test_every_value_is_found_by_its_own_path(data: dict[str, Any]) -> None:
    plan = plan_of(data)

    for path, value in origin.leaves(plan.tree):
        assert origin.value_at(plan, path) == value


def test_a_null_that_became_something_else_is_not_its_origin() -> None:
    plan = plan_of({**MINIMAL, "model": {**MINIMAL["model"], "worker": None, "revision": None}})

    assert origin.origin(plan, ("model", "worker", "replicas")).startswith(
        "derived: model.disaggregation is false"
    )
    assert origin.origin(plan, ("model", "worker")).startswith("derived: ")
    assert origin.origin(plan, ("model", "revision")) == "qwen.yaml:5:13"


def test_a_block_that_was_derived_says_why() -> None:
    words = origin.origin(plan_of(DISAGGREGATED), ("model", "decode", "replicas"))

    assert words == "derived: model.disaggregation is true and the recipe says nothing about this role"


def test_a_label_beside_the_written_ones_says_why() -> None:
    data = {**MINIMAL, "hardware": {"gpu": "l40s-48gb"}}
    plan = plan_of({**data, "model": {**MINIMAL["model"], "nodeSelector": {"pool": "big"}}})
    selector = ("model", "nodeSelector")

    assert origin.origin(plan, (*selector, "pool")).startswith("qwen.yaml:")
    assert origin.origin(plan, (*selector, "nvidia.com/gpu.product")).startswith("derived: hardware.gpu is")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("tensorParallel", "not set; model.engine.tensorParallel is in force, 8, from: qwen.yaml:"),
        ("args", "not set; model.engine.args is in force, ['--enforce-eager'], from: qwen.yaml:"),
        (
            "blockSize",
            "not set; model.engine.blockSize is in force, 16, from: derived: model.routingPolicy is kv",
        ),
        ("maxNumSeqs", "qwen.yaml:"),
        ("prefixCaching", "not set"),
    ],
)
def test_what_a_worker_does_not_set_names_the_shared_setting_in_force(key: str, words: str) -> None:
    shared = {"tensorParallel": 8, "args": ["--enforce-eager"], "maxNumSeqs": 4}
    worker = {"engine": {"maxNumSeqs": 8}}
    block = {**MINIMAL["model"], "engine": shared, "routingPolicy": "kv", "worker": worker}
    plan = plan_of({**MINIMAL, "model": block})

    assert origin.origin(plan, ("model", "worker", "engine", key)).startswith(words)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        (("modle",), "did you mean 'model'?"),
        (("model", "wroker"), "did you mean 'worker'?"),
        (("model", "engine", "args", 0), "model.engine.args has no such item"),
        (("hardware", "xyz"), "the keys here are gpu"),
    ],
    ids=dotted,
)
def test_a_path_that_leads_nowhere_gets_a_hint(path: tuple[str | int, ...], hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        origin.value_at(plan_of(MINIMAL), path)

    assert raised.value.problems[0].hint == hint


def test_a_key_of_a_free_map_that_is_not_set_is_null() -> None:
    assert origin.value_at(plan_of(MINIMAL), ("model", "frontend", "env", "A")) is None
