"""An engine's arguments in the mocker's spelling."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import facts
from recipegen.recipe import BackendType
from recipegen.twin import mocker
from recipegen.twin.graph import Component, option

BACKENDS = get_args(BackendType)


def test_what_has_a_meaning_for_the_mocker_is_carried_over_and_the_rest_is_named() -> None:
    found = mocker.of(
        worker(
            "vllm", "--model", "a/b", "--block-size=32", "--tensor-parallel-size", "8", "--trust-remote-code"
        )
    )

    assert found.argv == ("--model-path", "a/b", "--block-size", "32", "--engine-type", "vllm")
    assert found.left_out == ("--tensor-parallel-size", "--trust-remote-code")


def test_weights_on_a_volume_are_not_here_so_the_models_id_stands_for_them() -> None:
    found = mocker.of(worker("vllm", "--model", "/opt/models/b-1234", "--served-model-name", "b"))

    assert found.argv[:4] == ("--model-path", "a/b", "--model-name", "b")


def test_a_switch_is_carried_over() -> None:
    found = mocker.of(worker("sglang", "--disable-radix-cache", "--page-size", "64"))

    assert found.argv == ("--no-enable-prefix-caching", "--block-size", "64", "--engine-type", "sglang")


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_option_of_the_table_is_one_that_the_backend_has(backend: str) -> None:
    table = facts.engine(backend)
    known = {table["model"], table["servedName"], *table["flags"].values(), "--disaggregation-mode"}
    known |= {
        token for switch in table["switches"].values() for tokens in switch.values() for token in tokens
    }
    # Dynamo's for every worker, and vLLM's own: given through `args`.
    known |= {"--endpoint", "--num-gpu-blocks-override"}

    assert {*table["mocker"]["options"], *table["mocker"]["switches"]} <= known


@given(st.sampled_from(BACKENDS), st.data())
def test_no_option_is_lost(backend: str, data: st.DataObject) -> None:
    table = facts.engine(backend)["mocker"]
    others = st.sampled_from(["--host", "--some-flag", "--tensor-parallel-size"])
    names = data.draw(st.lists(st.sampled_from([*table["options"]]) | others, unique=True))
    values = data.draw(st.lists(st.from_regex(r"[a-z0-9][a-z0-9/.-]*", fullmatch=True), min_size=len(names)))
    given_options = dict(zip(names, values, strict=False))
    found = mocker.of(worker(backend, *(token for pair in given_options.items() for token in pair)))

    carried = {name: value for name, value in given_options.items() if name in table["options"]}
    assert {table["options"][name]: value for name, value in carried.items()} == {
        name: option(found.argv, name) for name in found.argv[:-2:2]
    }
    assert found.left_out == tuple(name for name in given_options if name not in carried)


@pytest.mark.parametrize(
    ("argv", "value"),
    [
        (("--a", "1", "--a", "2"), "2"),
        (("--a=1",), "1"),
        (("--ab", "1"), None),
        (("--a",), None),
        ((), None),
    ],
)
def test_the_value_of_an_option_is_the_last_one_given(argv: tuple[str, ...], value: str | None) -> None:
    assert option(argv, "--a") == value


def worker(backend: str, *argv: str) -> Component:
    return Component("worker", 1, facts.engine(backend)["module"], argv, {}, "a/b")
