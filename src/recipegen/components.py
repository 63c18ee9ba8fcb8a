"""The components of a recipe, written out: which block, which chart, which release, when, after what."""

from collections.abc import Callable
from dataclasses import dataclass

from recipegen.recipe import Recipe


@dataclass(frozen=True)
class Component:
    """One subchart of `charts/stack`, and one release of the helmfile document."""

    key: str
    """Block of the recipe, which holds the chart's values."""
    chart: str
    """Folder of the subchart."""
    suffix: str
    """What the release's name has behind the graph's name."""
    enabled: Callable[[Recipe], bool]
    """Whether the recipe switches it on."""
    needs: tuple[str, ...] = ("model",)
    """Blocks whose releases come first, where they are installed."""


# In the order of installation.
MODEL_EXPRESS = Component(
    "modelExpress", "model-express", "-model-express", lambda r: r.model_express.enabled, ("platform",)
)
MODEL = Component(
    "model",
    "model",
    "",
    lambda r: r.model.deployment.create,
    ("platform", "modelExpress", "ingestion", "warmup"),
)
COMPONENTS = (
    Component("ingestion", "ingestion", "-ingestion", lambda r: r.ingestion.enabled, ()),
    Component("warmup", "warmup", "-warmup", lambda r: r.warmup.enabled, ()),
    MODEL_EXPRESS,
    MODEL,
    # A planner, or a fixed number of replicas, takes no object of ours.
    Component(
        "scaling",
        "scaling",
        "-scaling",
        lambda r: r.scaling.enabled and (r.scaling.hpa is not None or r.scaling.keda is not None),
    ),
    Component("gateway", "gateway", "-gateway", lambda r: r.gateway.enabled),
    Component("observability", "metrics", "-metrics", lambda r: r.observability.enabled),
    Component("benchmark", "benchmark", "-benchmark", lambda r: r.benchmark.enabled),
    Component("batch", "batch", "-batch", lambda r: r.batch.enabled),
    Component("troubleshooting", "troubleshooting", "-troubleshooting", lambda r: r.troubleshooting.enabled),
    Component("faultInjection", "fault-injection", "-fault-injection", lambda r: r.fault_injection.enabled),
)
LONGEST_SUFFIX = max((component.suffix for component in COMPONENTS), key=len)

# Releases of the `platform` block, which all recipes of a cluster share: the upstream operator, called as its
# chart is, and the gate that waits until its webhook answers.
PLATFORM = "dynamo-platform"
GATE = f"{PLATFORM}-ready"
GATE_CHART = "platform-ready"


def express_address(graph: str) -> str:
    """Return where a graph's own Model Express server listens."""
    return f"http://{graph}{MODEL_EXPRESS.suffix}:8001"
