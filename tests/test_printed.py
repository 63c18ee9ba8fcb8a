"""Numbers that engines printed beside recipegen's, as a table of predicted, observed and error."""

import sys

import pytest

from recipegen.sizing.printed import Compared, compared

FOUR_BITS = "openai/gpt-oss"
# How far off each may be. Kernels for MXFP4 repack the experts by rules that changed with each version.
BANDS = {"files": 0.01, "weights": 0.01, "activations": 0.07, "room": 0.03, "tokens": 0.03, "requests": 0.03}
OF_FOUR_BITS = {"weights": 0.09, "room": 0.10}

ROWS = list(compared())


def band(each: Compared) -> float:
    if each.row["model"].startswith(FOUR_BITS):
        return OF_FOUR_BITS.get(each.name, BANDS[each.name])
    return BANDS[each.name]


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{'model':48} {'setup':46} {'what':11} {'predicted':>11} {'observed':>11}   error"]
    for each in ROWS:
        setup = " ".join(f"{key}={value}" for key, value in each.row.get("setup", {}).items())
        numbers = f"{each.predicted:11.2f} {each.observed:11.2f} {each.error:+7.1%}"
        lines.append(f"{each.row['model']:48} {setup[:46]:46} {each.name:11} {numbers}")
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))

    assert len(lines) > 80


@pytest.mark.parametrize("each", ROWS, ids=lambda each: f"{each.row['model']}-{each.name}")
def test_a_number_is_within_its_band_of_what_was_printed(each: Compared) -> None:
    # Requests are whole numbers: one more or less is no error.
    assert each.predicted == pytest.approx(
        each.observed, rel=band(each), abs=1 if each.name == "requests" else 0
    )
