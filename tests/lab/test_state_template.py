"""`helmfile.d/recipe.yaml.gotmpl`: what `helmfile` makes of standard input without `-f -`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab import tools
from lab.cluster import Cluster
from lab.tools import Machine

DOCUMENT = """\
# recipegen: a document of the form that the template reads
releases:
- name: "graph"
  namespace: "here"
  chart: "{chart}"
  installed: true
  skipDeps: true
  labels:
    recipe: "graph"
  values:
  - context: 1048576
    revision: "7e12345"
    share: 0.9
    text: "one\\n---\\nreleases: []\\n{{\\"a\\": {{\\"b\\": 1}}}}\\n"
# end of recipe
"""


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A document with one release of a chart that has nothing in it."""
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: graph\nversion: 0.1.0\n")
    return DOCUMENT.format(chart=chart)


@pytest.fixture
def machine(new_machine: Callable[[Cluster | None], Machine]) -> Machine:
    """A machine without a cluster."""
    return new_machine(None)


def test_an_empty_standard_input_is_refused_with_the_command_to_type(machine: Machine) -> None:
    answer = machine.run(["helmfile", "apply"])

    assert answer.returncode == 1
    assert "no recipe on standard input; type: set -o pipefail; recipegen render" in answer.stderr


def test_a_document_without_its_last_line_is_refused(machine: Machine, document: str) -> None:
    answer = machine.run(["helmfile", "apply"], stdin=document.replace("# end of recipe\n", ""))

    assert answer.returncode == 1
    assert "the recipe on standard input is cut short; nothing was applied" in answer.stderr


def test_the_last_line_needs_no_line_break(machine: Machine, document: str) -> None:
    answer = machine.run(["helmfile", "list"], stdin=document.rstrip("\n"))

    assert answer.returncode == 0


def test_the_last_line_counts_only_at_the_end(machine: Machine, document: str) -> None:
    answer = machine.run(["helmfile", "list"], stdin=f"{document}- name: more\n")

    assert answer.returncode == 1


@pytest.mark.parametrize("extra", ["", "helmDefaults:\n  timeout: 1200\n"], ids=["plain", "defaults"])
def test_helmfile_reads_the_same_releases_with_and_without_the_template(
    machine: Machine, document: str, extra: str
) -> None:
    text = document.replace("releases:", f"{extra}releases:", 1)
    build = ["build", "--embed-values"]
    by_template = machine.output(["helmfile", *build], stdin=text)
    by_flag = machine.output(["helmfile", "-f", "-", *build], stdin=text)

    assert _state(by_template) == _state(by_flag)
    assert "name: graph" in by_template
    assert "context: 1048576" in by_template


def test_a_repository_is_added_with_the_template_too(machine: Machine, document: str, platform: str) -> None:
    repository = f'repositories:\n- name: "lab"\n  url: "{platform}"\n'
    text = document.replace("releases:", f"{repository}releases:", 1)
    machine.output(["helmfile", "repos"], stdin=text)

    assert platform in machine.output(["helm", "repo", "list"])


def _state(built: str) -> list[str]:
    """The lines of a built state that do not name the file it was read from."""
    return [line for line in built.splitlines() if "Source:" not in line and "filepath:" not in line]


def test_the_checkout_has_no_second_state_file() -> None:
    # helmfile reads the files of helmfile.d in parallel, and standard input can be read once.
    found = [path.name for path in (tools.ROOT / "helmfile.d").iterdir()]

    assert found == ["recipe.yaml.gotmpl"]
