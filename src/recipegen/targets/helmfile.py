"""The helmfile document: one part, block style, every string quoted, a last line that shows it is whole."""

from typing import Any

from recipegen import yamlio
from recipegen.compile import Bundle, Release
from recipegen.resolve import Plan
from recipegen.version import __version__

# `helmfile.d/recipe.yaml.gotmpl` refuses a document without this last line, so half a pipe applies nothing.
SENTINEL = "# end of recipe\n"


def emit(plan: Plan, bundle: Bundle) -> str:
    """Return the document that `helmfile apply` reads, with values inline."""
    del plan
    return document(bundle, [_entry(release, release.values) for release in bundle.releases])


def document(bundle: Bundle, releases: list[dict[str, Any]]) -> str:
    """Return the state document around the given releases."""
    about = f"{bundle.name}, variant {bundle.variant}, recipe sha256:{bundle.digest}"
    state: dict[str, Any] = {}
    if bundle.repositories:
        named = [{"name": name, "url": url} for name, url in bundle.repositories.items()]
        state["repositories"] = named
    state["releases"] = releases
    return f"# recipegen {__version__}: {about}\n{yamlio.write(state)}{SENTINEL}"


def _entry(release: Release, values: object) -> dict[str, Any]:
    return entry(release, [values] if values else [])


def entry(release: Release, values: list[Any]) -> dict[str, Any]:
    """Return one release in helmfile's words; keys that every helmfile since 1.4.4 knows."""
    waits = release.installed and release.waits
    found: dict[str, Any] = {
        "name": release.name,
        "namespace": release.namespace,
        "chart": release.chart,
        "version": release.version,
        "installed": release.installed,
        "needs": list(release.needs),
        # Our charts lie unpacked with all they need. Not in helmDefaults: there it also keeps
        # helmfile from adding the repositories above.
        "skipDeps": not release.version,
        # helmfile leaves a release alone whose manifest is that of its last try, even where that failed: the
        # next apply heals only what was taken back. Helm then waits, and in its older way for its own kinds
        # alone: a graph is ready when its weights are loaded, a Job when it is done, which may take hours.
        "atomic": waits,
        "wait": waits,
        "trackMode": "helm-legacy" if waits else "",
        "timeout": release.timeout if waits else 0,
        "disableValidationOnInstall": release.brings_own_kinds,
        "labels": release.labels,
        "values": values,
    }
    # What is false or empty is helmfile's default, but for `installed`.
    return {key: value for key, value in found.items() if value or key == "installed"}
