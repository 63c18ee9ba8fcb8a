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
MODEL = Component("model", "model", "", lambda recipe: recipe.model.deployment.create, ("platform",))
COMPONENTS = (
    MODEL,
    Component("gateway", "gateway", "-gateway", lambda recipe: recipe.gateway.enabled),
    Component("observability", "metrics", "-metrics", lambda recipe: recipe.observability.enabled),
    Component("benchmark", "benchmark", "-benchmark", lambda recipe: recipe.benchmark.enabled),
    Component(
        "troubleshooting",
        "troubleshooting",
        "-troubleshooting",
        lambda recipe: recipe.troubleshooting.enabled,
    ),
    Component(
        "faultInjection", "fault-injection", "-fault-injection", lambda recipe: recipe.fault_injection.enabled
    ),
)

# Releases of the `platform` block, which all recipes of a cluster share: the upstream operator, called as its
# chart is, and the gate that waits until its webhook answers.
PLATFORM = "dynamo-platform"
GATE = f"{PLATFORM}-ready"
GATE_CHART = "platform-ready"

# Also counts the components that are to come, so that a name that fits today fits then.
LONGEST_SUFFIX = "-troubleshooting"
