"""A Helm chart repository on loopback that serves the stand-in platform chart."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.tools import Machine

HERE = Path(__file__).parent
PLATFORM = HERE / "platform"
CRDS = HERE.parent / "crds"


@contextmanager
def serve(folder: Path, machine: Machine, *, kinds: bool = True) -> Iterator[str]:
    """Package the platform chart into `folder`, serve it, and give the repository's address.

    Like upstream's: `index.yaml` at the top, archives below `charts/`. The chart brings the kinds, or leaves
    that to an operator.
    """
    _package(folder, machine, kinds=kinds)
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _package(folder: Path, machine: Machine, *, kinds: bool) -> None:
    chart = folder / "source"
    shutil.copytree(PLATFORM, chart)
    # Upstream's CRDs come from the operator, outlive the release and are not in its manifest;
    # a chart's crds folder is what comes closest where no operator runs.
    if kinds:
        shutil.copytree(CRDS, chart / "crds", ignore=shutil.ignore_patterns("*.md"))
    charts = folder / "charts"
    charts.mkdir()
    machine.output(["helm", "package", str(chart), "--destination", str(charts)])
    machine.output(["helm", "repo", "index", str(folder)])
    shutil.rmtree(chart)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: a request is no news."""
