"""aiconfigurator's answers: held to the question, to the data sheet and to the estimate before they count.

A program stands in for it where its nonsense is what matters. Those with the real one run where it is
installed, or where RECIPEGEN_AICONFIGURATOR names a Python that has it; CI has none, for it takes 850 MB.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from recipegen import facts, yamlio
from recipegen.cli import main
from recipegen.errors import ToolError
from recipegen.sizing.recommend import Recommendation, measured, recommend

REAL = os.environ.get(measured.PYTHON) or (sys.executable if find_spec("aiconfigurator") else "")
TIMES = yamlio.read_file(Path(__file__).with_name("step_times.yaml"), "step_times.yaml").data["rows"]
# Answers as they should be: what was asked, and times that an H100 can have.
PROGRAM = """#!{python}
import json, sys
asked = json.load(sys.stdin)
answers = []
for question in asked["questions"]:
    answers.append({{
        "milliseconds": 400.0 if question["mode"] == "static_ctx" else 30.0, "measured": 0.9, "memory": False,
        "gemm": "bfloat16", "moe": "bfloat16", "kvcache": "bfloat16",
        "system": asked["system"], "backend": asked["backend"], "version": "0.24.0",
        "tp": question["tp_size"], "pp": question["pp_size"], "dp": question["attention_dp_size"],
        "bs": question["batch_size"], "isl": question["isl"], "osl": question["osl"],
    }})
found = {{"release": "0.12.0", "data": "0.24.0", "answers": answers, "fallbacks": []}}
{change}
print(json.dumps(found))
"""
ORIGIN = "measured (aiconfigurator 0.12.0, system h100_sxm, vllm 0.24.0)"
StandIn = Callable[[str], None]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Put a program in aiconfigurator's place, which changes its answers by the code."""

    def make(change: str) -> None:
        program = tmp_path / "aiconfigurator"
        program.write_text(PROGRAM.format(python=sys.executable, change=change))
        program.chmod(0o755)
        monkeypatch.setenv(measured.PYTHON, str(program))

    return make


def asked(**given: Any) -> Recommendation:
    return recommend("qwen3-32b", isl=4000, osl=500, concurrency=32, **given)


def steps(found: Recommendation) -> set[tuple[float, str]]:
    return {(step.milliseconds, step.origin) for each in found.winners.values() for step in each.served.steps}


def test_times_that_can_be_count_as_measured_with_their_corrections(stand_in: StandIn) -> None:
    stand_in("")
    found = asked()

    assert set(found.origins) == {ORIGIN}
    assert {milliseconds for milliseconds, _ in steps(found)} == {400 * 1.1, 30 * 1.08}
    assert "its data are of vllm 0.24.0, this is 0.31.0" in found.notes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("for a in answers: a['tp'] = 16", "it answered for tp 16 in place of "),
        (
            "for a in answers: a['system'] = 'h200_sxm'",
            "it answered for system h200_sxm in place of h100_sxm",
        ),
        ("for a in answers: a['milliseconds'] = float('nan')", "it answered nan ms"),
        ("for a in answers: a['milliseconds'] = 0.0", "it answered 0.0 ms"),
        ("for a in answers: a['milliseconds'] = -1.0", "it answered -1.0 ms"),
        ("for a in answers: a['milliseconds'] = 0.01", "less than the GPU needs by its data sheet"),
        ("for a in answers: a['milliseconds'] = 1e7", "more than 20 times the estimate"),
        ("for a in answers: a['milliseconds'] = '30'", "it answered no number"),
        ("for a in answers: a.clear()", "it answered no number"),
        ("for a in answers: a['kvcache'] = 'fp8'", "it answered for kvcache fp8 in place of bfloat16"),
        ("for a in answers: a['gemm'] = 'fp8'", "it took the weights for fp8"),
        (
            "answers[:] = [{'error': 'ValueError: no such table'} for a in answers]",
            "ValueError: no such table",
        ),
    ],
)
def test_an_answer_that_cannot_be_is_not_taken(change: str, words: str, stand_in: StandIn) -> None:
    stand_in(change)
    found = asked()

    assert set(found.origins) == {"estimated (roofline)"}
    assert any(words in note for note in found.notes), found.notes
    with pytest.raises(ToolError, match="answered nothing that can be taken"):
        asked(source="measured")


def test_what_is_refused_of_some_answers_is_estimated_and_said(stand_in: StandIn) -> None:
    stand_in("for a in answers:\n    if a['tp'] == 8: a['milliseconds'] = 0.0")
    found = asked()

    assert set(found.origins) == {ORIGIN, "estimated (roofline)"}
    assert any("were not taken, and estimated: it answered 0.0 ms" in note for note in found.notes)


def test_a_time_of_which_little_was_measured_is_called_an_estimate(stand_in: StandIn) -> None:
    stand_in("for a in answers: a['measured'] = 0.2")

    assert set(asked().origins) == {ORIGIN.replace("measured", "estimated", 1)}


def test_times_that_fall_as_the_batch_grows_are_pointed_out(stand_in: StandIn) -> None:
    stand_in("for a in answers:\n    if a['bs'] == 1: a['milliseconds'] *= 3")

    assert any("fall as the batch grows" in note for note in asked().notes)


def test_doubts_of_memory_are_passed_on(stand_in: StandIn) -> None:
    stand_in("for a in answers: a['memory'] = True")

    assert any("it doubts that memory suffices" in note for note in asked().notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("sys.exit('out of luck')", "aiconfigurator failed: out of luck"),
        ("found = 'nonsense'", "aiconfigurator failed"),
        ("found = []", "aiconfigurator failed"),
        ("answers.pop()", "aiconfigurator failed"),
        ("found['release'] = 12", "aiconfigurator failed"),
        ("found['release'] = '0.13.0'", "aiconfigurator is 0.13.0, and only 0.12 is known"),
        ("found['data'] = ''", "has no data on h100_sxm with vllm"),
        ("print('what it logs goes elsewhere')", "aiconfigurator failed"),
    ],
)
def test_a_program_that_is_no_such_aiconfigurator_leaves_estimates(
    change: str, words: str, stand_in: StandIn
) -> None:
    stand_in(change)

    assert any(words in note for note in asked().notes)
    with pytest.raises(ToolError, match="aiconfigurator"):
        asked(source="measured")


def test_a_gpu_without_data_is_not_asked_about(stand_in: StandIn) -> None:
    stand_in("raise SystemExit('asked')")

    assert "aiconfigurator 0.12 has no data on h20-96gb" in asked(gpu="h20-96gb").notes


def test_without_aiconfigurator_measured_times_are_an_error_that_says_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(measured.PYTHON, "/nowhere/python")

    assert main(["recommend", "qwen3-32b", "--source", "measured"]) == 4
    assert "pip install 'recipegen[measured]'" in capsys.readouterr().err


@pytest.mark.skipif(not REAL, reason="aiconfigurator is not installed")
def test_the_real_one_still_says_what_was_recorded() -> None:
    rows = [row for row in TIMES if row[0] == "h100-sxm-80gb" and row[1] == "vllm"]
    for gpu, backend, name, tensor, kind, batch, isl, recorded in rows:
        config, quant = facts.configuration(name)
        files = {"config.json": json.dumps(config)}
        if quant:
            files["hf_quant_config.json"] = json.dumps(quant)
        question: dict[str, Any] = {
            "mode": "static_ctx" if kind == "prefill" else "static_gen", "isl": isl,
            "osl": 2 if kind == "prefill" else 200, "batch_size": batch, "tp_size": tensor,
        }  # fmt: skip
        known = facts.model(name)
        if known and known.experts:
            question |= {"moe_tp_size": tensor, "moe_ep_size": 1}
        found = measured.ask(
            {
                "release": "0.12", "system": facts.speed()["aiconfigurator"]["systems"][gpu],
                "backend": backend, "name": "", "files": files, "questions": [question],
            }
        )  # fmt: skip
        assert found["answers"][0]["milliseconds"] == pytest.approx(recorded, rel=0.01), name
    assert rows


@pytest.mark.skipif(not REAL, reason="aiconfigurator is not installed")
@pytest.mark.parametrize("name", ["qwen3-32b", "deepseek-r1", "qwen3-30b-a3b", "gpt-oss-120b", "kimi-k2"])
def test_the_real_one_s_answers_are_taken(name: str) -> None:
    found = recommend(name, gpu="h200-sxm-141gb", isl=4000, osl=500, concurrency=32, source="measured")

    assert any(origin.startswith("measured (aiconfigurator 0.12.") for origin in found.origins)
    assert found.winners
