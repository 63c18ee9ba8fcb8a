"""What a message proposes to write instead."""

from typing import Any

import pytest

from recipegen.errors import RecipeError, nearest
from samples import MINIMAL, plan_of, with_value


def hint(path: str, value: Any) -> str:
    """The hint of the one problem that a recipe has with the value at the path."""
    with pytest.raises(RecipeError) as raised:
        plan_of(with_value(MINIMAL, tuple(path.split(".")), value))
    (problem,) = raised.value.problems
    return problem.hint


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model.worker.replicas", "2", "write it without quotes"),
        ("model.worker.replicas", "two", ""),
        ("model.worker.replicas", "2.5", ""),
        ("model.worker.replicas", "true", ""),
        ("model.engine.maxModelLen", "32k", "write 32768, or 32000"),
        ("model.engine.gpuMemoryUtilization", "1", "write it without quotes"),
        ("model.disaggregation", "yes", ""),
        ("model.disaggregation", "true", "write it without quotes"),
        ("model.disaggregation", "1", ""),
        ("model.revision", 12, "put it in quotes"),
        ("model.worker.env", {"A": True}, "put it in quotes"),
    ],
)
def test_quotes_are_proposed_where_they_help(path: str, value: Any, words: str) -> None:
    assert hint(path, value) == words


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model.worker.sharedMemory", 32, "write it with its unit, such as 32Gi"),
        ("model.decode.sharedMemory", 32, "write it with its unit, such as 32Gi"),
        ("model.cache.size", 0.5, "write it with its unit, such as 0.5Gi"),
        ("model.worker.resources", {"limits": {"memory": 64}}, "write it with its unit, such as 64Gi"),
        ("model.worker.resources", {"limits": {"cpu": 8}}, "put it in quotes"),
        ("model.worker.env", {"memory": 8}, "put it in quotes"),
        ("model.cache.size", True, "put it in quotes"),
        ("model.cache.size", "200GB", "write 200G or 200Gi"),
        ("model.cache.size", "200gb", "write 200G or 200Gi"),
        ("model.cache.size", "20 Gi", "write 20Gi"),
        ("model.cache.size", "1.5kb", "write 1.5k or 1.5Ki"),
        ("model.cache.size", "0GB", ""),
        ("model.cache.size", "big", ""),
    ],
)
def test_a_size_gets_a_unit_that_kubernetes_has(path: str, value: Any, words: str) -> None:
    assert hint(path, value) == words


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model.engine.args", "--x", "write [--x]"),
        ("model.engine.args", "--x 1", "write [--x, 1]"),
        ("model.engine.args", "--x '{\"a\": 1}'", "write it as a list, such as [a, b]"),
        ("benchmark.config", {"concurrency": 8}, "write [8]"),
        ("model.engine.args", {"x": 1}, ""),
    ],
)
def test_one_item_becomes_a_list_of_it(path: str, value: Any, words: str) -> None:
    assert hint(path, value) == words


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model.cache", True, "write {enabled: true}"),
        ("model.deployment", False, "write {create: false}"),
        ("platform", False, "write {install: false}"),
        ("model.worker", True, ""),
        ("model.cache", "on", ""),
    ],
)
def test_a_bare_switch_becomes_its_block(path: str, value: Any, words: str) -> None:
    assert hint(path, value) == words


@pytest.mark.parametrize(
    ("path", "value", "meant"),
    [
        ("model.routingPolicy", "KV", "kv"),
        ("model.backend.type", "vLLM", "vllm"),
        ("model.cache.accessMode", "RWX", "ReadWriteMany"),
        ("model.cache.accessMode", "rwo", "ReadWriteOnce"),
    ],
)
def test_a_word_is_known_in_capitals_and_by_its_short_name(path: str, value: str, meant: str) -> None:
    assert hint(path, value) == f"did you mean '{meant}'?"


def test_the_nearest_name_is_written_as_it_is_known() -> None:
    assert nearest("MAXMODELEN", ["maxModelLen", "maxNumSeqs"]) == "did you mean 'maxModelLen'?"
