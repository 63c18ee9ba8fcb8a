"""Wrong and odd recipes, each beside the exact message that `recipegen validate` prints for it."""

from pathlib import Path

import pytest

from conftest import ROOT, Golden
from recipegen.cli import main

# Folder to exit code: a warning keeps no recipe out.
FOLDERS = {"invalid": 1, "warned": 0}
MISTAKES = [path for folder in FOLDERS for path in sorted((ROOT / "tests" / folder).glob("*.yaml"))]


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_gets_its_message(
    path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(path.parent)
    code = main(["validate", f"./{path.name}"])
    out, err = capsys.readouterr()

    assert code == FOLDERS[path.parent.name]
    if code:
        assert out == ""
    assert err
    golden.file(path.with_suffix(".txt"), err)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_message_belongs_to_a_mistake(folder: str) -> None:
    messages = {path.stem for path in (ROOT / "tests" / folder).glob("*.txt")}

    assert messages == {path.stem for path in MISTAKES if path.parent.name == folder}
