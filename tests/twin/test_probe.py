"""Probe and Dynamo's real frontend: what it answers is taken, and what it refuses is told."""

import json
import re
from dataclasses import replace

import pytest

import recipegen
from conftest import ROOT, Golden
from recipegen import pipeline, twin
from recipegen.cli import main
from recipegen.twin import client

pytestmark = pytest.mark.usefixtures("dynamo")


def probed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["probe", "qwen-0.6b", *arguments])
    return code, *capsys.readouterr()


def test_t20_m13_dynamos_frontend_passes_with_and_without_a_stream(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[tuple[int, str, str]] = []

    def ask(verdict: twin.Verdict) -> None:
        listed = client.get(int(verdict.url.rpartition(":")[2]), "/v1/models").data
        assert [entry["id"] for entry in listed["data"]] == [verdict.model]
        seen.append(probed(capsys, "--url", verdict.url))
        seen.append(probed(capsys, "--url", verdict.url, "--stream", "--format", "json"))
        seen.append(probed(capsys, "--url", verdict.url, "--set", "model.servedName=team/other"))
        seen.append(probed(capsys, "--url", f"{verdict.url}/team"))

    recipegen.simulate("qwen-0.6b", while_up=ask)
    whole, streamed, other, elsewhere = seen

    assert whole[0] == 0, whole[2]
    assert "ok  finish  finish_reason length" in whole[1]
    assert streamed[0] == 0, streamed[2]
    assert json.loads(streamed[1])["firstTokenSeconds"] > 0
    assert (other[0], other[1]) == (5, "")
    assert "/v1/models lists Qwen/Qwen3-0.6B, and not team/other" in other[2]
    assert (elsewhere[0], elsewhere[1]) == (5, "")
    assert "it answered 404" in elsewhere[2]


def test_t20_m13_a_frontend_without_a_worker_lists_no_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Decode workers alone register no model: the frontend is up, and there is nothing to ask."""
    seen: list[tuple[int, str, str]] = []
    bundle = pipeline.bundle("qwen-0.6b", "disagg")
    # recipegen's own rules would refuse this.
    releases = tuple(
        replace(each, values={**each.values, "prefill": {**each.values["prefill"], "replicas": 0}})
        if each.labels["component"] == "model"
        else each
        for each in bundle.releases
    )
    twin.simulate(
        replace(bundle, releases=releases),
        while_up=lambda verdict: seen.append(probed(capsys, "--url", verdict.url)),
    )
    [(code, out, err)] = seen

    assert (code, out) == (5, "")
    assert "/v1/models lists no model, and not Qwen/Qwen3-0.6B" in err
    assert "no worker of it is ready: recipegen doctor qwen-0.6b" in err


PAGE = ROOT / "docs/status.md"
SHOWN = re.compile(r"(?<=```text\n)\$ recipegen probe (.*?)\n.*?(?=```)", re.DOTALL)
# What differs from one request to the next.
WORDS = re.compile(r"word1\d{3}( word1\d{3})*")
SECONDS = re.compile(r"\d+\.\d\d s")


def test_the_page_shows_what_the_frontend_answers(golden: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text()
    found = SHOWN.search(text)
    assert found
    arguments = found[1].split()
    seen: list[tuple[int, str, str]] = []

    def ask(verdict: twin.Verdict) -> None:
        there = [verdict.url if each.startswith("http://") else each for each in arguments[1:]]
        code, out, err = probed(capsys, *there)
        seen.append((code, out.replace(verdict.url, "http://127.0.0.1:8000"), err))

    recipegen.simulate(arguments[0], while_up=ask)
    [(code, out, err)] = seen
    shown = SECONDS.sub("0.02 s", WORDS.sub("word1482 word1907 word1126 …", out))

    assert (code, err) == (0, "")
    golden.file(PAGE, SHOWN.sub(lambda found: f"$ recipegen probe {found[1]}\n{shown}", text))
