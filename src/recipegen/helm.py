"""Render releases through Helm: the embedded engine where it is installed, else the `helm` on PATH."""

import os
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from recipegen import yamlio
from recipegen.compile import Release
from recipegen.errors import ToolError

if TYPE_CHECKING:
    from helm_python import Chart

TIMEOUT = 60
"""Seconds that one run of helm may take."""

# What helm needs of the environment; the rest, with other people's HELM_* settings, stays out.
PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")


def engine() -> str:
    """Return which Helm renders: `embedded`, or the path of the one on PATH.

    Raises:
        ToolError: when there is neither.
    """
    if find_spec("helm_python"):
        return "embedded"
    found = which("helm")
    if found is None:
        raise ToolError("no Helm: install `recipegen[helm]` for the embedded engine, or put helm on PATH")
    return found


def objects(release: Release) -> list[dict[str, Any]]:
    """Return the Kubernetes objects that Helm applies of a release whose chart is a folder.

    Those of `helm test` are not among them: no install and no upgrade makes them.

    Raises:
        ToolError: when there is no Helm, or Helm refuses chart or values.
    """
    return [item for item in _rendered(release) if not _of_a_test(item)]


def tests(release: Release) -> list[dict[str, Any]]:
    """Return the objects that `helm test` makes of such a release.

    Raises:
        ToolError: likewise.
    """
    return [item for item in _rendered(release) if _of_a_test(item)]


def _rendered(release: Release) -> list[dict[str, Any]]:
    helm = engine()
    text = _embedded(release) if helm == "embedded" else _on_path(helm, release)
    return yamlio.read_objects(text)


def _of_a_test(item: dict[str, Any]) -> bool:
    return bool(item["metadata"].get("annotations", {}).get("helm.sh/hook") == "test")


def _embedded(release: Release) -> str:
    import helm_python

    try:
        # Of subcharts, a render leaves only those that were on for the next one.
        whole = (Path(release.chart) / "charts").is_dir()
        chart = helm_python.Chart.load(release.chart) if whole else _chart(release.chart)
        files = chart.render(release.values, name=release.name, namespace=release.namespace)
    except helm_python.HelmError as error:
        raise ToolError(f"helm refuses release {release.name}: {error}") from error
    manifests = (text for path, text in sorted(files.items()) if path.endswith((".yaml", ".yml")))
    return "\n---\n".join(manifests)


@cache
def _chart(folder: str) -> "Chart":
    """Return the chart in a folder, read once: a check of the catalog renders the same few over and over."""
    import helm_python

    return helm_python.Chart.load(folder)


def _on_path(helm: str, release: Release) -> str:
    """Run `helm template`, without a shell and with a clean environment."""
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder) / "values.yaml"
        values.write_text(yamlio.write(release.values), encoding="utf-8")
        command = [helm, "template", release.name, release.chart, "--namespace", release.namespace]
        try:
            done = subprocess.run(
                [*command, "--values", values],
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"{helm} did not render release {release.name}: {error}") from error
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()
        raise ToolError(f"helm refuses release {release.name}: {message}")
    return done.stdout.decode(errors="replace")
