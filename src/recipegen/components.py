"""The components of a recipe, written out: which block, which chart, which release, when."""

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
    needs_graph: bool = True
    """Whether it is installed after the graph."""


MODEL = Component("model", "model", "", lambda recipe: recipe.model.deployment.create, needs_graph=False)
COMPONENTS = (
    MODEL,
    Component("observability", "metrics", "-metrics", lambda r: r.observability.enabled, needs_graph=False),
    Component("benchmark", "benchmark", "-benchmark", lambda recipe: recipe.benchmark.enabled),
)

# Release and chart of the upstream operator, which is no component of a recipe: all recipes share it.
PLATFORM = "dynamo-platform"

# Also counts the components that are to come, so that a name that fits today fits then.
LONGEST_SUFFIX = "-troubleshooting"
