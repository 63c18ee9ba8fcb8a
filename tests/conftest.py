"""Fixtures for all tests: golden files, the checkout's own folders, and Dynamo's wheels."""

import os
import signal
from pathlib import Path

import pytest

from recipegen.errors import ToolError
from recipegen.twin import runtime

ROOT = Path(__file__).parents[1]

# What a shell starts in the background ignores the interrupt, and tests that interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen", action="store_true", help="write golden files anew")


class Golden:
    """Compares text with files on disk, or writes them under --regen."""

    def __init__(self, *, regen: bool) -> None:
        self.regen = regen

    def file(self, path: Path, text: str) -> None:
        """Hold one file to the text."""
        if self.regen:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: make regen"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: make regen, and review the diff"

    def tree(self, files: dict[str, str], root: Path) -> None:
        """Hold a folder to the files: none missing, none too many."""
        on_disk = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
        if self.regen:
            for name in on_disk - files.keys():
                (root / name).unlink()
            on_disk = set(files)
        for name, text in files.items():
            self.file(root / name, text)
        assert on_disk == set(files), f"{root} holds other files than expected: make regen"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(regen=request.config.getoption("--regen"))


@pytest.fixture(scope="session")
def dynamo() -> None:
    """Install Dynamo's wheels into recipegen's cache; skip where they cannot be had, unless they must."""
    _install(runtime.DYNAMO)


@pytest.fixture(scope="session")
def aiperf() -> None:
    """Install aiperf likewise."""
    _install(runtime.AIPERF)


def _install(environment: runtime.Environment) -> None:
    try:
        runtime.python(environment, print)
    except ToolError as error:
        if os.environ.get("RECIPEGEN_LAB_REQUIRED"):
            raise
        pytest.skip(f"{environment.name} cannot be installed: {error}")
