"""Facts that stand in more than one place: each place says the same."""

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
