"""Wrong recipes, each beside the exact message that `recipegen validate` prints for it."""

from pathlib import Path

import pytest

from conftest import ROOT, Golden
from recipegen.cli import main

MISTAKES = sorted((ROOT / "tests/invalid").glob("*.yaml"))


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_gets_its_message(
    path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(path.parent)
    code = main(["validate", f"./{path.name}"])
    out, err = capsys.readouterr()

    assert code == 1
    assert out == ""
    golden.file(path.with_suffix(".txt"), err)


def test_every_message_belongs_to_a_mistake() -> None:
    messages = {path.stem for path in (ROOT / "tests/invalid").glob("*.txt")}

    assert messages == {path.stem for path in MISTAKES}
