"""Import: a DynamoGraphDeployment becomes a recipe, and the recipe is rendered to prove it.

What the rendered graph has otherwise than the given one is listed with its reason; what would make the graph
do something else is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import getitem
from os import PathLike
from typing import Any, cast

from recipegen import helm, yamlio
from recipegen.compile import compile_plan
from recipegen.errors import Path, Problem, RecipeError, dotted
from recipegen.importers import alpha, compare, recipe
from recipegen.importers.compare import Difference
from recipegen.importers.nodes import Node, Reader, leaves, node_of
from recipegen.importers.read import GRAPH, Found, read
from recipegen.importers.recipe.builder import Builder
from recipegen.importers.view import see
from recipegen.importers.view.graph import Claim, View
from recipegen.load import Loaded
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate
from recipegen.version import __version__

__all__ = ["Difference", "Import", "import_graph"]

ALPHA = "nvidia.com/v1alpha1"
# Parts of a recipe that --lossy may take out where a rule refuses them.
MAX_LEFT_OUT = 50
# Problems that no loss would heal.
OF_THE_GRAPH = ("name", "name-too-long", "namespace", "missing-key")


@dataclass(frozen=True)
class Import:
    """A recipe that was made of a graph."""

    name: str
    """What the recipe is to be called; its graph is called so."""
    recipe: str
    """The recipe's text."""
    differences: tuple[Difference, ...]
    """What the recipe's graph has otherwise, and what stands beside the graph in the file."""
    warnings: tuple[Problem, ...] = ()
    """What is odd about the recipe."""

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """Differences without a known reason; whoever uses the recipe should look at them."""
        return tuple(each for each in self.differences if not each.reason)


def import_graph(
    source: str | PathLike[str],
    *,
    graph: str | None = None,
    namespace: str | None = None,
    name: str | None = None,
    lossy: bool = False,
) -> Import:
    """Return the recipe of a DynamoGraphDeployment, v1beta1 or v1alpha1, and what it could not carry over.

    Args:
        source: file with Kubernetes objects, or `-` for standard input; ConfigMaps that the graph names
            become part of the recipe.
        graph: name of the graph to take, where the file has several.
        namespace: Kubernetes namespace; default: the graph's, or else its name.
        name: name of the recipe and so of its graph; default: the graph's.
        lossy: whether to import also what a recipe cannot say, without it.

    Raises:
        ToolError: when the file cannot be read, or there is no Helm to render with.
        RecipeError: with every reason why the graph cannot be a recipe.
    """
    found = read(source, graph)
    reader = Reader()
    document = alpha.beta(found.graph, reader) if found.version == ALPHA else found.graph
    view = see(document, found.config_maps)
    problems = [*reader.problems, *view.problems]
    refused = [] if lossy else [each.problem("cannot-say", warning=False) for each in compare.refusals(view)]
    if problems:
        raise RecipeError(*dict.fromkeys([*problems, *refused]))
    called = view.values.get(("graph", "name"))
    named = name or (str(called.value) if called else "") or "recipe"
    data, made = recipe.build(view, namespace or "", named)
    claims = [*_version_claim(found), *view.claims, *made.claims]
    refused += _refused(claims) if not lossy else []
    if made.problems or refused:
        raise RecipeError(*dict.fromkeys([*made.problems, *map(_with_hint, refused)]))
    plan, data = _valid(data, made, named, claims, lossy=lossy)
    rendered = _rendered(plan)
    differences = compare.compare(view, rendered, claims)
    if not lossy:
        refused = [each.problem("cannot-say", warning=False) for each in differences if each.refused]
        if refused:
            raise RecipeError(*map(_with_hint, dict.fromkeys(refused)))
    text = _head(found, source) + yamlio.write_by_hand(data)
    differences += compare.beside(_beside(found))
    return Import(named, text, tuple(differences), plan.warnings)


def _version_claim(found: Found) -> list[Claim]:
    if found.version != ALPHA:
        return []
    node = found.graph.value["apiVersion"]
    return [
        Claim(
            "v1alpha1",
            node,
            "the graph is v1alpha1, which Dynamo has deprecated; recipes are rendered as v1beta1",
        )
    ]


def _refused(claims: list[Claim]) -> list[Problem]:
    rows = compare.reasons()
    return [
        claim.node.problem("cannot-say", claim.message, rows[claim.reason].get("instead", ""))
        for claim in claims
        if rows[claim.reason].get("refuse")
    ]


def _with_hint(problem: Problem) -> Problem:
    lossy = "--lossy imports the graph without it"
    return replace(problem, hint=f"{problem.hint}; {lossy}" if problem.hint else lossy)


def _valid(
    data: dict[str, Any], made: Builder, name: str, claims: list[Claim], *, lossy: bool
) -> tuple[Plan, dict[str, Any]]:
    """Return the plan of the recipe; with `lossy`, without the parts that rules refuse."""
    problems: list[Problem] = []
    for _ in range(MAX_LEFT_OUT):
        try:
            document = yamlio.read(yamlio.write(data), "the imported recipe", lines=False)
            return resolve(validate(Loaded(name, "default", document))), data
        except RecipeError as error:
            removable = [p for p in error.problems if len(p.path) > 2 and p.code not in OF_THE_GRAPH]
            placed = {problem: _placed(problem, made) for problem in error.problems}
            problems = [_with_hint(placed[p]) if p in removable else placed[p] for p in error.problems]
            if not lossy or not removable:
                raise RecipeError(*problems) from error
            left = removable[0]
            claims.append(
                Claim(
                    "left-out", _origin(left.path, made), placed[left].message, _keys(left.path, data, made)
                )
            )
            data = _without(data, left.path, made)
    raise RecipeError(*problems)


def _keys(path: Path, data: dict[str, Any], made: Builder) -> tuple[tuple[str, ...], ...]:
    """Return the keys of the graph that a part of a recipe becomes."""
    roles = ("frontend", "worker", "prefill", "decode")
    each = [str(step) for step in path if step in roles][:1] or list(roles)
    steps = path[1:]
    below: tuple[str, ...] = ("main",)
    if "args" in steps:
        words = reduce(getitem, path[: path.index("args") + 1], cast(Any, data))
        below = ("main", "option", _option_at(words, path[-1]))
    elif "env" in steps:
        below = ("main", "env", str(path[-1]))
    elif "engine" in steps:
        field = str(path[-1])
        below = ("main", "option", made.table["flags"].get(field, field))
    elif "extraConfig" in steps:
        below = ("main", "file")
    return tuple((one, *below) for one in each)


def _option_at(words: list[str], place: Any) -> str:
    """Return the option that the word at a place is, or is a value of."""
    before = words[: place + 1] if isinstance(place, int) else words
    option = next((word for word in reversed(before) if word.startswith("-")), "")
    return option.partition("=")[0]


def _without(data: Any, path: Path, made: Builder, above: Path = ()) -> Any:
    """Return plain data without what stands at the path; an option goes with its values."""
    step, *rest = path
    if isinstance(data, dict) and step in data:
        inner = _without(data[step], tuple(rest), made, (*above, step)) if rest else None
        kept = {key: value for key, value in data.items() if key != step}
        return kept if inner in (None, {}, []) else {**data, step: inner}
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        begin, end = step, step + 1
        if above[-1] == "args":
            begin = max((i for i in range(end) if str(data[i]).startswith("-")), default=step)
            end = next((i for i in range(end, len(data)) if str(data[i]).startswith("-")), len(data))
        # What follows moves up, and so does where it comes from.
        origins = [made.origins.pop((*above, index), None) for index in range(len(data))]
        for index, node in enumerate(origins[:begin] + origins[end:]):
            if node is not None:
                made.origins[(*above, index)] = node
        return data[:begin] + data[end:]
    return {} if isinstance(data, dict) and len(data) == 1 else data


def _placed(problem: Problem, made: Builder) -> Problem:
    """Return a problem of the recipe in the place of the graph that it comes from."""
    node = _origin(problem.path, made)
    place = dotted(problem.path) or "the recipe"
    return replace(
        problem, path=node.path, mark=node.mark, message=f"as {place} of a recipe: {problem.message}"
    )


def _origin(path: Path, made: Builder) -> Node:
    for length in range(len(path), 0, -1):
        if path[:length] in made.origins:
            return made.origins[path[:length]]
    role = next((step for step in path if step in made.view.components), None)
    if role is not None:
        return made.view.components[str(role)].node
    return made.view.values.get(("graph", "name"), Node(None))


def _rendered(plan: Plan) -> View:
    """Return what the recipe's graph says, as Helm renders it."""
    (release,) = [each for each in compile_plan(plan).releases if each.labels["component"] == "model"]
    objects = helm.objects(release)
    graph = next(item for item in objects if item["kind"] == GRAPH)
    maps: Mapping[str, Node] = {
        item["metadata"]["name"]: node_of(item["data"]) for item in objects if item["kind"] == "ConfigMap"
    }
    graph["metadata"]["namespace"] = plan.namespace
    return see(node_of(graph), maps)


def _beside(found: Found) -> list[tuple[str, Node]]:
    """Return the other objects of the file, without the ConfigMaps that the graph names."""
    named = {leaf.value for _, leaf in leaves(found.graph) if isinstance(leaf.value, str)}
    maps = [("ConfigMap", node) for name, node in found.config_map_objects.items() if name not in named]
    return [*found.others, *maps]


def _head(found: Found, source: str | PathLike[str]) -> str:
    name = found.graph.value.get("metadata", Node({})).value
    shown = name["name"].value if isinstance(name, dict) and "name" in name else "without a name"
    origin = "standard input" if str(source) == "-" else str(source).rpartition("/")[2]
    said = f"# Imported by recipegen {__version__} from {origin}: graph {shown}, {found.version}."
    return "".join(character for character in said if character.isprintable()) + "\n"
