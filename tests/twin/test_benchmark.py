"""The recipe's own benchmark against the twin, with the real aiperf."""

from dataclasses import replace
from typing import Any

import pytest

from recipegen import pipeline, twin
from recipegen.compile import Bundle
from recipegen.errors import ToolError

pytestmark = pytest.mark.usefixtures("dynamo", "aiperf")

SMALL = {"isl": 64, "osl": 16, "concurrency": [1, 2], "requestsPerConcurrency": 2}


def test_the_benchmark_of_the_recipe_runs_through() -> None:
    verdict = twin.simulate(with_benchmark(), bench=True)

    assert [check for check in verdict.checks if not check.holds] == []
    assert verdict.checks[-1].name == "benchmark"
    assert verdict.checks[-1].detail == ("6 requests at concurrency 1, 2, none failed; 64 tokens in, 16 out")


def test_requests_that_the_graph_refuses_are_red() -> None:
    """Longer than the model's context, which a recipe may not say: a careless benchmark calls it a result."""
    long = {"isl": 400, "osl": 16, "concurrency": [1], "requestsPerConcurrency": 2}
    short = {"maxModelLen": 160, "blockSize": 16}
    changes: dict[str, dict[str, Any]] = {"model": {"engine": short}, "benchmark": {"config": long}}
    bundle = with_benchmark()
    releases = (
        replace(release, values={**release.values, **changes.get(release.labels["component"], {})})
        for release in bundle.releases
    )
    verdict = twin.simulate(replace(bundle, releases=tuple(releases)), bench=True)
    failed = {check.name: check.detail for check in verdict.checks if not check.holds}

    assert list(failed) == ["benchmark"]
    assert failed["benchmark"].endswith("aiperf failed with concurrency 1")


def test_a_bundle_without_a_benchmark_has_none_to_run() -> None:
    with pytest.raises(ToolError, match="the recipe renders no benchmark"):
        twin.simulate(pipeline.bundle("qwen-0.6b"), bench=True)


def with_benchmark() -> Bundle:
    return pipeline.bundle("qwen-0.6b", patches=[{"benchmark": {"enabled": True, "config": SMALL}}])
