"""Stage 4: turn a plan into releases. A release is one chart with its complete values."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from recipegen import catalog
from recipegen.components import COMPONENTS, GATE, GATE_CHART, MODEL, PLATFORM, Component
from recipegen.errors import Problem, UsageError, show
from recipegen.platform_values import upstream_values
from recipegen.recipe import Batch
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
    timeout: int = 1800
    """How long Helm waits for claims, servers and hooks, in seconds, before it takes a release back."""
    waits: bool = True
    """Whether it waits for them at all."""
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
    charts: str = ""
    """Folder or address of the charts, the parent chart among them."""


def compile_plan(plan: Plan, charts: str | None = None) -> Bundle:
    """Return the releases of a plan, in the order they are installed.

    Args:
        plan: the complete recipe.
        charts: folder of the charts, or an `oci://` address; default: the packaged charts.

    Raises:
        UsageError: when that folder or address holds what helmfile would execute.
    """
    place = _harmless(charts or str(catalog.charts()))
    platform = tuple(_platform(plan, place))
    components = [c for c in COMPONENTS if c is not MODEL or c.enabled(plan.recipe)]
    releases = (*platform, *(_release(plan, component, place) for component in components))
    address = plan.recipe.platform.repository
    http = bool(platform) and not address.startswith("oci://")
    repositories = {REPOSITORY: address} if http else {}
    return Bundle(plan.name, plan.variant, plan.digest, plan.graph, releases, repositories, place)


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


def _platform(plan: Plan, charts: str) -> Iterator[Release]:
    """Yield the operator's release and its gate, from the `platform` block alone: no recipe has another."""
    platform = plan.recipe.platform
    if not platform.install:
        return
    oci = platform.repository.startswith("oci://")
    place = platform.repository.rstrip("/") if oci else REPOSITORY
    labels = {"component": "platform"}
    yield Release(
        name=PLATFORM,
        namespace=platform.namespace,
        chart=f"{place}/{PLATFORM}",
        version=str(platform.version),
        labels=labels,
        values=upstream_values(platform),
    )
    if platform.gate.enabled:
        chart, version = _chart(charts, GATE_CHART, GATE_CHART)
        gate = {"image": platform.gate.image, "timeoutSeconds": platform.gate.timeout_seconds}
        yield Release(
            name=GATE,
            namespace=platform.namespace,
            chart=chart,
            version=version,
            labels=labels,
            values={**gate, "version": platform.version},
            needs=(f"{platform.namespace}/{PLATFORM}",),
            # The Job, for which Helm waits because it is a hook, ends by itself before.
            timeout=platform.gate.timeout_seconds + 180,
        )


def _chart(charts: str, folder: str, name: str) -> tuple[str, str]:
    """Return place and version of one of our charts; a folder has no version of its own."""
    return (f"{charts}/{name}", __version__) if "://" in charts else (f"{charts}/{folder}", "")


def _release(plan: Plan, component: Component, charts: str) -> Release:
    enabled = component.enabled(plan.recipe)
    chart, version = _chart(charts, f"stack/charts/{component.chart}", component.chart)
    return Release(
        name=plan.graph + component.suffix,
        namespace=plan.namespace,
        chart=chart,
        version=version,
        labels={"recipe": plan.graph, "component": component.chart},
        values={**plan.tree[component.key], "global": plan.shared} if enabled else {},
        installed=enabled,
        needs=tuple(_needs(plan, component)) if enabled else (),
        timeout=_patience(plan) if component is MODEL else Release.timeout,
        waits=not (component.key == "batch" and _begins_later(plan.recipe.batch)),
        brings_own_kinds=component is MODEL,
    )


def _begins_later(batch: Batch) -> bool:
    """Return whether a batch has a volume of its own, and no pod that would have it made.

    Where volumes come with their first pod, Helm would wait for the hour of the schedule, or for the queue,
    and then take the batch back.
    """
    later = batch.schedule is not None or batch.suspend or batch.queue is not None
    return later and batch.output.size is not None


def _patience(plan: Plan) -> int:
    """Return how long the graph's release may take: its objects are made at once, but for the volume."""
    model = plan.recipe.model
    cache = model.cache
    if model.mocker or not cache.enabled or cache.claim or cache.access_mode != "ReadWriteOnce":
        return Release.timeout
    # Such a volume may come with the first worker that has a node, and a graph that waits for GPUs in a
    # cluster full of other work keeps its turn only while its release is not taken back.
    return max(Release.timeout, cache.deadline_seconds)


def _needs(plan: Plan, component: Component) -> Iterator[str]:
    """Yield the releases that come before a component's, of those that are installed."""
    platform = plan.recipe.platform
    if "platform" in component.needs and platform.install:
        yield f"{platform.namespace}/{GATE if platform.gate.enabled else PLATFORM}"
    for other in COMPONENTS:
        if other.key in component.needs and other.enabled(plan.recipe):
            yield f"{plan.namespace}/{plan.graph}{other.suffix}"
