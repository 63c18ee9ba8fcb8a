"""recipegen: one recipe in, one applyable document out, around an NVIDIA Dynamo model graph."""

from typing import TYPE_CHECKING

from recipegen.version import __version__

if TYPE_CHECKING:
    from recipegen.cluster import Diagnosis, Finding
    from recipegen.cluster.preflight import Preflight
    from recipegen.cluster.probing import Probe
    from recipegen.cluster.states import Status
    from recipegen.compile import Bundle
    from recipegen.creation import Created, new
    from recipegen.creation.endpoint import CreatedEndpoint, create_endpoint
    from recipegen.errors import Problem, RecipeError, RecipegenError
    from recipegen.importers import Difference, Import
    from recipegen.pipeline import bundle, plan, render
    from recipegen.recipe import Recipe
    from recipegen.resolve import Plan
    from recipegen.sizing import Size
    from recipegen.sizing.recommend import Recommendation
    from recipegen.twin import Verdict
    from recipegen.verbs import (
        doctor,
        import_graph,
        preflight,
        probe,
        recommend,
        simulate,
        size,
        status,
    )

__all__ = [
    "Bundle", "Created", "CreatedEndpoint", "Diagnosis", "Difference", "Finding", "Import", "Plan",
    "Preflight", "Probe", "Problem", "Recipe", "RecipeError", "RecipegenError", "Recommendation", "Size",
    "Status", "Verdict", "__version__", "bundle", "create_endpoint", "doctor", "import_graph", "new", "plan",
    "preflight", "probe", "recommend", "render", "simulate", "size", "status",
]  # fmt: skip

_HOMES = {
    "Bundle": "compile",
    "Created": "creation",
    "CreatedEndpoint": "creation.endpoint",
    "Diagnosis": "cluster",
    "Difference": "importers",
    "Finding": "cluster",
    "Import": "importers",
    "Preflight": "cluster.preflight",
    "Plan": "resolve",
    "Probe": "cluster.probing",
    "Problem": "errors",
    "Recipe": "recipe",
    "RecipeError": "errors",
    "RecipegenError": "errors",
    "Recommendation": "sizing.recommend",
    "Size": "sizing",
    "Status": "cluster.states",
    "Verdict": "twin",
    "bundle": "pipeline",
    "create_endpoint": "creation.endpoint",
    "new": "creation",
    "plan": "pipeline",
    "render": "pipeline",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `--version` does not wait for pydantic."""
    if name not in __all__:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"recipegen.{_HOMES.get(name, 'verbs')}"), name)
