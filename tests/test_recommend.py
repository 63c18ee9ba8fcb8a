"""`recipegen recommend`: what fits, what it would do, what wins, and why everything else does not."""

import inspect
import json
import math
import statistics
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import checkpoints
from clock import cpu_seconds
from conftest import ROOT
from recipegen import catalog, facts, pipeline, verbs, yamlio
from recipegen.cli import main
from recipegen.errors import RecipeError, UsageError
from recipegen.memory import Setup, fit
from recipegen.sizing.recommend import VIEWS, Candidate, Load, Recommendation, patch, recommend, setups
from recipegen.sizing.recommend.roofline import Roofline
from recipegen.sizing.recommend.rooms import Rooms
from recipegen.sizing.recommend.serving import aggregated, disaggregated
from recipegen.sizing.settings import Wishes

TIMES = yamlio.read_file(Path(__file__).with_name("step_times.yaml"), "step_times.yaml").data["rows"]
H100 = "h100-sxm-80gb"


def model(name: str) -> Any:
    found = facts.model(name)
    assert found is not None
    return found


def everything(found: Recommendation) -> list[Candidate]:
    """All deployments that fit: winners and losers."""
    losers = [loser.candidate for loser in found.losers if loser.candidate]
    return [*dict.fromkeys(found.winners.values()), *losers]


def estimated(name: str, **asked: Any) -> Recommendation:
    return recommend(name, source="estimated", **{"isl": 4000, "osl": 500, "concurrency": 32, **asked})


def test_wishes_of_the_library_are_those_that_are_taken() -> None:
    taken = inspect.signature(recommend).parameters.values()

    # Which recipe it is, is no wish.
    assert [*Wishes.__annotations__, "variants"] == [e.name for e in taken if e.kind is e.KEYWORD_ONLY]


def test_the_library_recommends_what_the_verb_does() -> None:
    found = verbs.recommend("qwen3-32b", gpu_count=4, source="estimated")

    assert found.winners == recommend("qwen3-32b", gpu_count=4, source="estimated").winners


# What divides a model.


def test_tensor_parallelism_takes_powers_of_two_of_a_node() -> None:
    found = [setups.label(each) for each in setups.setups(model("Qwen/Qwen3-32B"), Setup(H100))]

    assert found == ["TP 1", "TP 2", "TP 4", "TP 8"]


def test_heads_that_cannot_be_shared_are_left_out() -> None:
    # 12 query heads and 2 KV heads.
    found = [each.tensor for each in setups.setups(model("Qwen/Qwen2.5-1.5B"), Setup(H100))]

    assert found == [1, 2, 4]


def test_only_mixtures_spread_experts_and_only_latents_split_attention_by_requests() -> None:
    mixture = [setups.label(each) for each in setups.setups(model("Qwen/Qwen3-30B-A3B"), Setup(H100))]
    latent = [setups.label(each) for each in setups.setups(model("deepseek-ai/DeepSeek-R1"), Setup(H100))]

    assert "TP 4 + EP 4" in mixture
    assert not any(label.startswith("DP") for label in mixture)
    assert "DP 8 + EP 8" in latent


def test_experts_whose_blocks_would_be_cut_are_spread() -> None:
    # 1536 numbers wide, of which 128 share a scale: four GPUs get three blocks each, eight one and a half.
    found = estimated("Qwen/Qwen3-235B-A22B-FP8", gpu=H100)
    labels = {setups.label(part.setup) for each in everything(found) for part in each.parts}

    assert found.subject.model.quantization.block == 128
    assert "TP 8" not in labels
    assert "TP 8 + EP 8" in labels


@pytest.mark.parametrize("backend", ["vllm", "sglang", "trtllm"])
def test_data_parallel_attention_takes_as_many_gpus_as_it_has_ranks(backend: str) -> None:
    found = setups.setups(model("deepseek-ai/DeepSeek-R1"), Setup(H100, backend))

    assert all(each.gpus == each.copies for each in found if each.data > 1)


def test_several_nodes_are_looked_at_only_where_one_is_too_small() -> None:
    small, large = estimated("qwen3-32b"), estimated("deepseek-r1", gpu=H100)

    assert {setups.nodes(part.setup) for each in everything(small) for part in each.parts} == {1}
    assert {setups.nodes(part.setup) for each in everything(large) for part in each.parts} == {2, 4}
    assert any(loser.group == "does not fit" and "weights" in loser.why for loser in large.losers)


# What fits.


@settings(max_examples=12, deadline=None)
@given(
    isl=st.integers(1, 30_000), osl=st.integers(1, 5000), concurrency=st.integers(1, 300),
    name=st.sampled_from(["qwen3-32b", "qwen-0.6b", "gpt-oss-20b", "qwen3-30b-a3b"]),
)  # fmt: skip
def test_every_candidate_holds_its_load_and_every_other_says_why(
    isl: int, osl: int, concurrency: int, name: str
) -> None:
    found = estimated(name, gpu=H100, isl=isl, osl=osl, concurrency=concurrency, gpu_count=16)

    for each in everything(found):
        assert each.gpus <= 16
        holder = each.parts[-1]
        held = fit(found.subject.model, holder.setup).held(isl + osl, settled=True)
        assert held * holder.replicas >= concurrency or held >= math.ceil(concurrency / holder.replicas)
    assert all(loser.why and loser.group and loser.words for loser in found.losers)


def test_a_context_that_a_recipe_serves_has_to_fit_too() -> None:
    # 6.85 GiB are room for the load, and not for one request of the recipe's 40960 tokens.
    found = estimated("qwen3-32b", isl=100, osl=100, concurrency=1)

    assert any("maxModelLen, 40960" in loser.why for loser in found.losers if loser.words == "TP 1")


# What clients see.


@settings(max_examples=60, deadline=None)
@given(
    isl=st.integers(1, 30_000), osl=st.integers(1, 4000), concurrency=st.integers(1, 500),
    counts=st.tuples(st.integers(1, 8), st.integers(1, 8)), moved=st.floats(0, 500),
)  # fmt: skip
def test_requests_in_flight_are_their_rate_times_their_latency(
    isl: int, osl: int, concurrency: int, counts: tuple[int, int], moved: float
) -> None:
    readers, replicas = counts
    load = Load(isl, osl, concurrency)
    steps = Roofline(Rooms(model("Qwen/Qwen3-32B"), load), H100)
    setup = Setup(H100, tensor=4)
    for served in (
        aggregated(steps, setup, replicas, load),
        disaggregated(steps, (setup, readers), (setup, replicas), moved, load),
    ):
        in_flight = served.throughput / osl * served.latency(load) / 1000
        assert in_flight == pytest.approx(concurrency, rel=1e-3)
        assert served.ttft >= served.steps[0].milliseconds * 0.999
        assert served.itl >= 0


def test_a_prefill_worker_more_never_makes_the_first_token_later() -> None:
    load = Load(4000, 500, 64)
    steps = Roofline(Rooms(model("Qwen/Qwen3-32B"), load), H100)
    setup = Setup(H100, tensor=2)
    found = [disaggregated(steps, (setup, count), (setup, 2), 5.0, load).ttft for count in range(1, 9)]

    assert all(more <= fewer for fewer, more in pairwise(found))


@pytest.mark.parametrize("name", ["Qwen/Qwen3-32B", "Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-R1"])
def test_estimates_grow_with_batch_and_context_and_shrink_with_gpus(name: str) -> None:
    steps = Roofline(Rooms(model(name), Load(4000, 500, 32)), H100)

    def decode(tensor: int, batch: int, context: int) -> float:
        return steps.decode(Setup(H100, tensor=tensor), batch, context).milliseconds

    assert decode(4, 1, 1000) < decode(4, 8, 1000) < decode(4, 64, 1000)
    assert decode(4, 8, 1000) < decode(4, 8, 30_000)
    assert decode(8, 8, 1000) < decode(4, 8, 1000)
    assert (
        steps.prefill(Setup(H100, tensor=8), 8000).milliseconds
        < steps.prefill(Setup(H100, tensor=4), 8000).milliseconds
    )


def test_no_estimate_is_faster_than_the_data_sheet() -> None:
    steps = Roofline(Rooms(model("Qwen/Qwen3-32B"), Load(4000, 500, 32)), H100)
    setup = Setup(H100)
    size = model("Qwen/Qwen3-32B").weights_bytes - 2 * 151936 * 5120

    assert steps.least(setup, 0) == pytest.approx(size / 3350e9 * 1000, rel=0.01)
    assert steps.decode(setup, 1, 100).milliseconds > steps.least(setup, 0)
    assert steps.prefill(setup, 4000).milliseconds > steps.least(setup, 4000)


def test_estimates_are_near_what_was_recorded_of_aiconfigurator() -> None:
    ratios: dict[str, list[float]] = {"prefill": [], "decode": []}
    for gpu, backend, name, tensor, kind, batch, isl, recorded in TIMES:
        steps = Roofline(Rooms(model(name), Load(isl, 200, batch)), gpu)
        setup = Setup(gpu, backend, tensor=tensor)
        step = steps.prefill(setup, isl) if kind == "prefill" else steps.decode(setup, batch, isl + 100)
        ratios[kind].append(step.milliseconds / recorded)
    for kind, found in ratios.items():
        low, *_, high = statistics.quantiles(found, n=10)
        stated = facts.speed()["checked"][kind]
        # A sample of sixty scatters: what is stated, with a quarter more on each side.
        assert low > stated["low"] * 0.75
        assert high < stated["high"] * 1.25
        assert 0.8 < statistics.median(found) < 1.25


# What wins.


@settings(max_examples=15, deadline=None)
@given(
    ttft=st.none() | st.integers(50, 5000), itl=st.none() | st.integers(3, 100),
    throughput=st.none() | st.integers(10, 10_000), budget=st.none() | st.integers(1, 200),
)  # fmt: skip
def test_winners_meet_the_targets_and_nothing_that_does_is_better(
    ttft: int | None, itl: int | None, throughput: int | None, budget: int | None
) -> None:
    found = estimated("qwen3-32b", ttft=ttft, itl=itl, throughput=throughput, budget=budget, gpu_price=2.5)

    def good(each: Candidate) -> bool:
        served = each.served
        return (
            (ttft is None or served.ttft <= ttft)
            and (itl is None or served.itl <= itl)
            and (throughput is None or served.throughput >= throughput)
            and (budget is None or each.gpus * 2.5 <= budget)
        )

    meeting = [each for each in everything(found) if good(each)]
    if not found.winners:
        assert meeting == []
        assert found.closest is not None
        assert found.missed
        assert found.problem() is not None
        return
    assert list(found.winners) == list(VIEWS)
    cost, quick, balanced = found.winners.values()
    assert all(good(each) for each in (cost, quick, balanced))
    assert cost.gpus == min(each.gpus for each in meeting)
    assert quick.latency <= 1.05 * min(each.latency for each in meeting)
    assert not any(each.gpus <= balanced.gpus and each.latency < balanced.latency for each in meeting)
    assert not any(
        good(loser.candidate) for loser in found.losers if loser.candidate and "misses" in loser.group
    )


def test_targets_that_cannot_be_met_name_the_closest_and_what_to_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(
        ["recommend", "qwen3-32b", "--isl", "4000", "--osl", "500", "--ttft", "20", "--source", "estimated"]
    )
    shown = capsys.readouterr()

    assert code == 1
    assert shown.out == ""
    assert "nothing meets the targets; closest is " in shown.err
    assert "TTFT" in shown.err
    assert "hint: --ttft " in shown.err


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (["qwen-0.6b"], 2, "--gpu is missing, and the recipe has no hardware"),
        (["Qwen/Qwen3-8B"], 2, "--gpu is missing: a model's configuration says nothing of GPUs"),
        (["qwen3-32b", "--gpu", "h100"], 2, "there is h100-sxm-80gb and"),
        (["qwen3-32b", "--gpu", "tpu-v5"], 2, "no GPU type is called 'tpu-v5'"),
        (["qwen3-32b", "--budget", "5"], 2, "give --gpu-price"),
        (["qwen3-32b", "--backend", "sglang"], 2, "take --variant sglang or sglang-disagg"),
        (["qwen3-32b", "--backend", "trtllm"], 2, "give the model's config.json in place of the recipe"),
        (["qwen3-32b", "--isl", "50000"], 1, "the recipe's maxModelLen is 40960"),
        (["Qwen/Qwen3-8B", "--gpu", H100, "--isl", "50000"], 1, "the context of Qwen/Qwen3-8B is 40960"),
        (["qwen3-32b", "--ttft", "0"], 2, "a number above 0"),
        (["qwen3-32b", "--ttft", "nan"], 2, "a number above 0"),
        (["qwen3-32b", "--concurrency", "0"], 2, "a whole number from 1"),
        (["qwen3-32b", "--pick", "balanced"], 2, "--pick is for the patch that -o writes"),
        (["Qwen/Qwen3-8B", "--gpu", H100, "-o", "x.yaml"], 2, "this is a model without one"),
        (["qwen3-32b", "--gpu-count", "1"], 1, "TP 2: 2 GPUs > 1"),
        (
            ["nvidia/Llama-3.1-70B-Instruct-FP8", "--gpu", "a100-sxm-80gb", "--backend", "sglang"],
            1,
            "weights in another format",
        ),
        (["deepseek-r1", "--gpu", "l4-24gb"], 1, "GiB of weights a GPU >"),
        (["qwen3-32b", "--concurrency", "100000"], 1, "lower --concurrency"),
    ],
)
def test_what_cannot_be_is_an_error_that_says_what_to_change(
    given: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recommend", *given, "--source", "estimated"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err


def test_a_configuration_without_a_recipe_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = facts.configuration("Qwen/Qwen3-8B")
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in (str(tmp_path), str(tmp_path / "config.json")):
        assert main(["recommend", name, "--gpu", H100, "--source", "estimated", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["recommended"]["best cost"]["workers"]["worker"]["tensorParallel"] == 1
        assert found["measuredOnThisHardware"] is False


@pytest.mark.parametrize("name", ["Qwen/Qwen3-8B", "qwen/qwen3-8b"])
def test_a_known_model_is_found_by_its_id_in_any_case(name: str) -> None:
    assert estimated(name, gpu=H100).subject.model is model("Qwen/Qwen3-8B")


def test_the_weights_of_a_folder_are_those_of_its_files(tmp_path: Path) -> None:
    config, _ = facts.configuration("Qwen/Qwen3-0.6B")
    (tmp_path / "config.json").write_text(json.dumps(config))
    size = checkpoints.write(tmp_path / "model.safetensors", [*checkpoints.llama(config, normed=True)][:100])
    found = estimated(str(tmp_path), gpu=H100)

    assert found.subject.model.weights_bytes == size
    assert found.subject.warnings[0].code == "weights-differ"


def test_json_has_every_deployment_with_its_numbers_or_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "qwen3-32b", "--source", "estimated", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert set(found["recommended"]) == set(VIEWS)
    assert all(loser["why"] and loser["group"] for loser in found["losers"])
    assert sum("candidate" in loser for loser in found["losers"]) > 50
    assert set(found["origins"]) == {"estimated (roofline)"}


# What becomes of it.


@pytest.mark.parametrize("name", catalog.recipes())
def test_the_recipe_with_the_patch_has_the_sizes_of_the_winner(name: str) -> None:
    hardware = pipeline.plan(name).recipe.hardware
    found = estimated(name, gpu=None if hardware else H100, isl=2000, osl=200, concurrency=16)
    for view, winner in found.winners.items():
        try:
            text = patch.text(found, view)
        except UsageError:
            # The recipe has it already.
            assert pipeline.plan(name).gpus == winner.gpus
            continue
        plan = pipeline.plan(name, None, [yamlio.read(text, "patch.yaml")])
        assert plan.gpus == winner.gpus
        assert {role: worker.replicas for role, worker in plan.workers.items()} == {
            part.role: part.replicas for part in winner.parts
        }
        assert all("memory" not in problem.code for problem in plan.warnings)


def test_the_patch_is_written_once_and_can_be_rendered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "sized.yaml")
    given = ["recommend", "qwen3-32b", "--isl", "4000", "--osl", "500", "--source", "estimated"]
    given += ["--pick", "best latency", "-o", file]

    assert main(given) == 0
    assert f"recipegen render qwen3-32b -f {file}" in capsys.readouterr().err
    assert main(["validate", "qwen3-32b", "-f", file]) == 0
    assert "estimated (roofline)" in Path(file).read_text()
    assert main(given) == 4
    assert "is there already\n  hint: --force writes the whole file anew" in capsys.readouterr().err
    assert main([*given, "--force"]) == 0


def test_a_patch_that_breaks_a_rule_of_the_recipe_is_not_written(tmp_path: Path) -> None:
    recipe = yamlio.read_file(ROOT / "recipes/qwen3-32b.yaml", "qwen3-32b").data
    # A draft that the recipe says is on as many GPUs as its model.
    recipe["model"]["worker"]["gpus"] = 2
    recipe["model"]["engine"]["args"] = ["--data-parallel-size-local", "1"]
    path = tmp_path / "odd.yaml"
    path.write_text(yamlio.write_by_hand(recipe))

    with pytest.raises(RecipeError):
        patch.text(estimated(str(path)), "best latency")


def test_a_recommendation_takes_less_than_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("qwen3-32b", "deepseek-r1"):
        command = ["recommend", name, "--source", "estimated", "--concurrency", "256"]
        assert main(command) == 0
        assert cpu_seconds(partial(main, command)) < 1
    assert "Nothing ran" in capsys.readouterr().out
