"""Where the twin's packages are installed, and what is said when they cannot be."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from recipegen.errors import ToolError
from recipegen.twin import runtime

NOWHERE = "http://127.0.0.1:9/simple"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty cache, and no package index."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    return tmp_path


def test_without_a_package_index_the_reason_and_the_way_out_are_said(empty: Path) -> None:
    told: list[str] = []
    with pytest.raises(ToolError) as caught:
        runtime.python(runtime.DYNAMO, told.append)
    [problem] = caught.value.problems

    assert problem.message.startswith("could not install dynamo: ")
    assert "PIP_INDEX_URL" in problem.hint
    assert told[0].startswith(f"installing dynamo into {empty}/recipegen/dynamo-")


@pytest.mark.usefixtures("empty")
def test_what_was_not_installed_to_the_end_is_not_used(tmp_path: Path) -> None:
    environment = local(tmp_path, "recipegen-no-such-package==1 --hash=sha256:" + "0" * 64)
    for _ in range(2):
        with pytest.raises(ToolError):
            runtime.python(environment, print)

    assert not (runtime.place(environment) / ".ready").exists()


@pytest.mark.usefixtures("empty")
def test_what_is_installed_is_found_again_without_a_word(tmp_path: Path) -> None:
    environment = local(tmp_path, "")
    told: list[str] = []
    first = runtime.python(environment, told.append)
    second = runtime.python(environment, told.append)

    assert first == second
    assert len(told) == 2


@pytest.mark.usefixtures("empty")
def test_what_lost_its_python_is_installed_anew(tmp_path: Path) -> None:
    environment = local(tmp_path, "")
    python = runtime.python(environment, print)
    python.unlink()

    assert subprocess.run([runtime.python(environment, print), "--version"], check=False).returncode == 0


@pytest.mark.usefixtures("empty")
def test_who_comes_second_waits_for_who_installs(tmp_path: Path) -> None:
    environment = local(tmp_path, "")
    told: list[str] = []
    threads = [threading.Thread(target=runtime.python, args=(environment, told.append)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([line for line in told if line.startswith("installing")]) == 1


def test_other_packages_and_another_python_have_a_folder_of_their_own(tmp_path: Path) -> None:
    places = {runtime.place(local(tmp_path, text)).name for text in ("", "a==1", "a==2")}

    assert len(places) == 3
    assert all(name.endswith(f"-python3.{sys.version_info.minor}") for name in places)


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipegen").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(ToolError, match="cannot install"):
        runtime.python(runtime.DYNAMO, print)


def test_elsewhere_than_on_linux_it_says_what_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")

    with pytest.raises(ToolError, match="published for Linux only"):
        runtime.python(runtime.DYNAMO, print)


@pytest.mark.parametrize("environment", [runtime.DYNAMO, runtime.AIPERF], ids=lambda each: each.name)
def test_every_package_is_locked_with_its_hashes(environment: runtime.Environment) -> None:
    text = environment.requirements.read_text().replace("\\\n", "")
    packages = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert packages
    assert [line for line in packages if "==" not in line or "--hash=sha256:" not in line] == []


def local(folder: Path, text: str) -> runtime.Environment:
    requirements = folder / f"requirements-{len(text)}.txt"
    requirements.write_text(text)
    return runtime.Environment("try", requirements, "nothing to download")
