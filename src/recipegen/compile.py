"""Stage 4: turn a plan into releases. A release is one chart with its complete values."""

from dataclasses import dataclass, field
from typing import Any

from recipegen import catalog
from recipegen.components import COMPONENTS, MODEL, PLATFORM, Component
from recipegen.errors import Problem, UsageError, show
from recipegen.resolve import Plan
from recipegen.rules.text import EXECUTED
from recipegen.version import __version__

# The name under which helmfile adds the platform's chart repository to the user's Helm.
REPOSITORY = "nvidia-ai-dynamo"


@dataclass(frozen=True)
class Release:
    """A Helm release."""

    name: str
    namespace: str
    chart: str
    """Folder, or address of a chart."""
    labels: dict[str, str]
    """What `helmfile -l` selects by."""
    values: dict[str, Any] = field(default_factory=dict)
    version: str = ""
    """Version of a chart that is fetched; empty for a folder."""
    installed: bool = True
    """False: helmfile uninstalls it."""
    needs: tuple[str, ...] = ()
    """Releases that come first, as NAMESPACE/NAME."""
    wait: bool = False
    """Whether helmfile waits until its objects are ready."""
    brings_own_kinds: bool = False
    """Whether the kinds of its objects arrive with another release of the same run."""


@dataclass(frozen=True)
class Bundle:
    """Everything that is applied for one recipe."""

    name: str
    variant: str
    digest: str
    graph: str
    releases: tuple[Release, ...]
    repositories: dict[str, str]
    """Chart repositories that releases fetch from: name to address."""


def compile_plan(plan: Plan, charts: str | None = None) -> Bundle:
    """Return the releases of a plan, in the order they are installed.

    Args:
        plan: the complete recipe.
        charts: folder of the charts, or an `oci://` address; default: the packaged charts.

    Raises:
        UsageError: when that folder or address holds what helmfile would execute.
    """
    place = _harmless(charts or str(catalog.charts()))
    platform = (_platform(plan),) if plan.recipe.platform.install else ()
    components = [c for c in COMPONENTS if c is not MODEL or c.enabled(plan.recipe)]
    releases = (*platform, *(_release(plan, component, place) for component in components))
    address = plan.recipe.platform.repository
    http = bool(platform) and not address.startswith("oci://")
    repositories = {REPOSITORY: address} if http else {}
    return Bundle(plan.name, plan.variant, plan.digest, plan.graph, releases, repositories)


def stack_values(plan: Plan) -> dict[str, Any]:
    """Return the values of the parent chart: the complete recipe and `global`."""
    return {**plan.tree, "global": plan.shared}


def _harmless(place: str) -> str:
    """Return the place of the charts: the one string of a document that no rule of the recipe has seen."""
    token = next((token for token in EXECUTED if token in place), None)
    if token:
        message = f"the charts' place holds {token!r}, which helmfile would execute, got {show(place)}"
        raise UsageError(Problem("executable-text", (), message, "keep the charts in another folder"))
    return place


def _platform(plan: Plan) -> Release:
    """Return the upstream operator's release: from the `platform` block alone, the same for every recipe."""
    platform = plan.recipe.platform
    oci = platform.repository.startswith("oci://")
    place = platform.repository.rstrip("/") if oci else REPOSITORY
    return Release(
        name=PLATFORM,
        namespace=platform.namespace,
        chart=f"{place}/{PLATFORM}",
        version=str(platform.version),
        labels={"component": "platform"},
        values=platform.values,
        wait=True,
    )


def _release(plan: Plan, component: Component, charts: str) -> Release:
    needs = []
    if component is MODEL and plan.recipe.platform.install:
        needs.append(f"{plan.recipe.platform.namespace}/{PLATFORM}")
    if component.needs_graph and MODEL.enabled(plan.recipe):
        needs.append(f"{plan.namespace}/{plan.graph}")
    enabled = component.enabled(plan.recipe)
    remote = "://" in charts
    return Release(
        name=plan.graph + component.suffix,
        namespace=plan.namespace,
        chart=f"{charts}/{component.chart}" if remote else f"{charts}/stack/charts/{component.chart}",
        version=__version__ if remote else "",
        labels={"recipe": plan.graph, "component": component.chart},
        values={**plan.tree[component.key], "global": plan.shared} if enabled else {},
        installed=enabled,
        needs=tuple(needs) if enabled else (),
        brings_own_kinds=component is MODEL,
    )
