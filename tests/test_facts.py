"""Facts that stand in more than one place: each place says the same."""

import re
from itertools import chain, pairwise

import pytest
import yaml

from conftest import ROOT
from recipegen import facts
from recipegen.twin import runtime

VALUES = ROOT / "charts/stack/charts/benchmark/values.yaml"


def test_the_benchmark_chart_installs_the_aiperf_of_the_table() -> None:
    assert yaml.safe_load(VALUES.read_text())["aiperfVersion"] == facts.images()["aiperf"]


def test_the_twin_installs_the_aiperf_of_the_table() -> None:
    locked = [line for line in runtime.AIPERF.requirements.read_text().splitlines() if "aiperf==" in line]

    assert locked[0].startswith(f"aiperf=={facts.images()['aiperf']} ")
    assert f"aiperf=={facts.images()['aiperf']}" in runtime.AIPERF.requirements.with_suffix(".in").read_text()


# What CUDA calls the architectures of each compute capability's major and minor number.
ARCHITECTURES = {
    "8.0": "ampere", "8.6": "ampere", "8.9": "ada", "9.0": "hopper",
    "10.0": "blackwell", "10.3": "blackwell", "12.0": "blackwell",
}  # fmt: skip
GPUS = facts.hardware()


@pytest.mark.parametrize("gpu", GPUS)
def test_a_gpu_type_is_complete_and_plausible(gpu: str) -> None:
    fact = GPUS[gpu]
    size = int(re.findall(r"-([0-9]+)gb$", gpu)[0])

    assert fact["memoryBytes"] == size * 2**30
    assert 0.93 <= fact.get("visibleBytes", fact["memoryBytes"]) / fact["memoryBytes"] <= 1
    assert 0.97 <= fact["usableBytes"] / fact["visibleBytes"] < 1
    assert fact["architecture"] == ARCHITECTURES[fact["computeCapability"]]
    assert fact["gpusPerNode"] in (1, 2, 4, 8)
    assert fact.get("gpusPerRack", fact["gpusPerNode"]) % fact["gpusPerNode"] == 0
    assert fact.get("cpu", "arm64") == "arm64"
    for link in ("within", "between"):
        assert 16 <= fact.get(link, {"gigabytesPerSecond": 16})["gigabytesPerSecond"] <= 900


# The compute capability from which tensor cores know a format.
FIRST_TO_KNOW = {"bfloat16": (8, 0), "fp8": (8, 9), "fp4": (10, 0)}


@pytest.mark.parametrize("gpu", GPUS)
def test_a_gpu_type_computes_in_the_formats_of_its_generation_and_each_half_as_wide_twice_as_fast(
    gpu: str,
) -> None:
    fact = GPUS[gpu]
    speed = fact["teraflops"]
    capability = tuple(map(int, fact["computeCapability"].split(".")))

    assert list(speed) == [name for name, first in FIRST_TO_KNOW.items() if capability >= first]
    assert all(1.9 <= fast / slow <= 3.2 for slow, fast in pairwise(speed.values()))


@pytest.mark.parametrize("gpu", GPUS)
def test_a_gpu_type_reads_its_memory_in_the_time_that_cards_of_its_kind_take(gpu: str) -> None:
    fact = GPUS[gpu]
    seconds = fact["memoryBytes"] / 1e9 / fact["bandwidthGigabytesPerSecond"]

    # HBM from the quick 94 GB of an H100 NVL to the 270 GB of a B300; GDDR of an L4 is slowest.
    assert 0.02 <= seconds <= 0.09
    assert 30 <= fact["teraflops"]["bfloat16"] * 1e3 / fact["bandwidthGigabytesPerSecond"] <= 450


@pytest.mark.parametrize("label", ["product", "gke"])
def test_no_two_gpu_types_have_the_same_label(label: str) -> None:
    values = [fact[label] for fact in GPUS.values() if label in fact]

    assert len(values) == len(set(values))
    assert all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", value) for value in values)


def test_gpu_types_have_no_key_that_the_file_does_not_explain() -> None:
    head = (ROOT / "src/recipegen/facts/hardware.yaml").read_text().split("\n\n", 1)[0]
    keys = set(chain.from_iterable(GPUS.values()))

    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", head)] == []
