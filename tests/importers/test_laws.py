"""What holds for every import: a graph that recipegen rendered comes back, and nothing ends in a crash."""

import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipegen import helm, importers, yamlio
from recipegen.errors import RecipeError
from recipegen.importers.view.graph import defaults
from samples import VALUES, leaves, plan_of, recipes, releases

CASES = Path(__file__).parent / "cases"
BASES = [path for path in sorted(CASES.glob("*.yaml")) if path.stem not in ("no-graph", "two-graphs")]
GRAPH = "DynamoGraphDeployment"
DEFAULTS = {option: value for options in defaults().values() for option, value in options.items()}


def as_engines_take_them(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with an option before the words of `args`, which would be values of another one."""
    model = recipe["model"]
    for block in (model, *(model.get(role, {}) for role in ("frontend", "worker", "prefill", "decode"))):
        holder = block if "args" in block else block.get("engine", {})
        if holder.get("args"):
            holder["args"] = ["--own-option", *holder["args"]]
    # A volume that recipegen makes and fills is more than the graph tells.
    if not model.get("cache", {}).get("claim"):
        model.pop("cache", None)
    return recipe


@settings(max_examples=40, deadline=None)
@given(recipes().map(as_engines_take_them))
def test_a_rendered_graph_comes_back_as_the_same_graph(
    tmp_path_factory: pytest.TempPathFactory, recipe: dict[str, Any]
) -> None:
    try:
        plan = plan_of(recipe)
    except RecipeError:
        return
    objects = helm.objects(releases(plan)["model"])
    file = tmp_path_factory.mktemp("law") / "graph.yaml"
    for item in objects:
        item["metadata"]["namespace"] = plan.namespace
    file.write_text("---\n".join(map(yamlio.write, objects)))
    found = importers.import_graph(file)
    again = plan_of(yamlio.read(found.recipe, "again").data)

    assert not found.differences
    assert graph_of(helm.objects(releases(again)["model"])) == graph_of(objects)


def graph_of(objects: list[dict[str, Any]]) -> Any:
    """The graph, without what says the same otherwise: order of arguments, sums over texts."""
    graph = copy.deepcopy(next(item for item in objects if item["kind"] == GRAPH))
    graph["metadata"].pop("namespace", None)
    for component in graph["spec"]["components"]:
        component["podTemplate"]["metadata"].pop("annotations", None)
        for container in component["podTemplate"]["spec"]["containers"]:
            words = container.get("args", [])
            # What holds without being said is left out of an imported recipe.
            said = {option for option, value in pairwise(words) if DEFAULTS.get(option) == value}
            container["args"] = sorted(
                word for i, word in enumerate(words) if not said & {word, *words[i - 1 : i]}
            )
    return graph


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(BASES), st.data())
def test_whatever_a_graph_holds_it_becomes_a_recipe_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, base: Path, data: st.DataObject
) -> None:
    objects = [each.data for each in yamlio.read_all(base.read_text(), base.name)]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path, _ in leaves(objects) if len(path) > 1]))
        path = path[: data.draw(st.integers(2, len(path)))]
        parent: Any = objects
        for step in path[:-1]:
            parent = parent[step]
        change = data.draw(st.sampled_from(["replace", "remove", "odd"]))
        if change == "remove":
            parent.pop(path[-1])
        else:
            odd = st.sampled_from(
                ["$(A)", "${A}", "--x", "{{", "a b", "/x/y", "a=b", "=", "'", "32k", "-", "", "\n"]
            )
            parent[path[-1]] = copy.deepcopy(data.draw(VALUES if change == "replace" else odd))
    file = tmp_path_factory.mktemp("fuzz") / "graph.yaml"
    file.write_text("---\n".join(map(yamlio.write, objects)))
    lossy = data.draw(st.booleans())
    try:
        found = importers.import_graph(file, lossy=lossy)
    except RecipeError:
        return
    plan_of(yamlio.read(found.recipe, "imported").data, name=found.name)
