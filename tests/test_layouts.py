"""The layouts of a replica: what holds for all of them, whoever chooses among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import facts
from recipegen.creation.sizes import Wish, ways
from recipegen.memory import Setup, counts, divides, layouts
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.recommend import setups

MODELS = sorted(facts.known_models().values())
BACKENDS = sorted(facts.newest_engines())
GPUS = sorted(facts.hardware())


def model(name: str) -> ModelFacts:
    found = facts.model(name)
    assert found is not None
    return found


@given(st.sampled_from(MODELS), st.sampled_from(BACKENDS), st.sampled_from(GPUS), st.integers(1, 16))
def test_every_layout_takes_the_gpus_and_divides_the_model(
    name: str, backend: str, gpu: str, most_nodes: int
) -> None:
    known, base = model(name), Setup(gpu, backend, tensor=3, data=5)
    for gpus, nodes in counts(gpu, most_nodes):
        for each in layouts(known, base, gpus, nodes):
            assert each.gpus == gpus
            assert divides(known, each)
            assert each.data > 1 or each.tensor <= gpus // nodes


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_new_takes_no_layout_of_a_node_that_recommend_leaves_out(name: str, backend: str) -> None:
    known, gpu = model(name), "h100-sxm-80gb"
    base = Setup(gpu, backend)
    compared = {*setups.setups(known, base)}
    chosen = {each for count, _ in counts(gpu, 1) for each in ways(Wish(known, gpu, backend), base, count, 1)}

    # Stages within a node, where heads do not divide, and experts that vLLM spreads unevenly.
    odd = {each for each in chosen if each.pipeline > 1 or known.experts % each.expert}
    assert chosen - odd <= compared


def test_sizes_are_powers_of_two_of_gpus_and_then_of_nodes() -> None:
    assert [*counts("h100-sxm-80gb", 4)] == [(1, 1), (2, 1), (4, 1), (8, 1), (16, 2), (32, 4)]
