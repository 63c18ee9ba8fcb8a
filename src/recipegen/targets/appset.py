"""An Argo CD ApplicationSet: an element for each cluster of the endpoint, over the parent chart's values.

Argo CD runs Go templates in every string of it. Values hold none, because no rule lets braces into a recipe;
the few templates here name keys of an element. Source: Argo CD's documentation of ApplicationSets, list
generator and Go templates, and of Helm charts in OCI registries. Nothing of it was run against Argo CD.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from recipegen import yamlio
from recipegen.compile import Bundle, stack_values
from recipegen.document import marked, merge
from recipegen.errors import Mark, Path, Problem, RecipeError, UsageError, dotted, show
from recipegen.recipe.endpoint import Cluster
from recipegen.resolve import Plan, resolve
from recipegen.rules.text import BRACES
from recipegen.validate import validate
from recipegen.version import __version__

CHART = "stack"
OCI = "oci://"
# Where Argo CD fetches charts of Helm from: a registry, or a chart repository.
FETCHED = (OCI, "https://", "http://")


def emit(plan: Plan, bundle: Bundle) -> str:
    """Return the ApplicationSet of an endpoint.

    Raises:
        RecipeError: when the endpoint has no clusters, or cannot be what it has to be in one of them.
        UsageError: when the charts are where Argo CD does not fetch them, such as in a folder.
    """
    endpoint = plan.recipe.endpoint
    clusters = endpoint.clusters if endpoint else {}
    if not clusters:
        message = "is empty, and an ApplicationSet has an element for each cluster"
        mark = plan.loaded.document.mark(("endpoint", "clusters"))
        hint = "write endpoint: {clusters: {us-east: {replicas: 2}}}"
        raise RecipeError(Problem("missing-key", ("endpoint", "clusters"), message, hint, mark))
    if not bundle.charts.startswith(FETCHED):
        wrong = "is neither a registry nor a chart repository"
        wrong = wrong if "://" in bundle.charts else "is a folder of this machine"
        message = f"Argo CD fetches the chart, and {show(bundle.charts)} {wrong}"
        hint = "give --charts oci://REGISTRY/PATH or the address of a chart repository, with the charts in it"
        raise UsageError(Problem("usage", (), message, hint))
    _refuse_same_place(plan, clusters)
    values = stack_values(plan)
    _refuse_templates(values, ())
    there = {name: _there(plan, name, cluster) for name, cluster in clusters.items()}
    differing = sorted({path for own in there.values() for path in _differences(values, own)}, key=dotted)
    about = f"{bundle.name}, variant {bundle.variant}, recipe sha256:{bundle.digest}"
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": plan.graph, **_marks(plan)},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"list": {"elements": [*_elements(plan, clusters, there, differing)]}}],
            "template": _template(plan, bundle, clusters, values, differing),
        },
    }
    operator = "The operator is no part of it: each cluster has to have it."
    return f"# recipegen {__version__}: {about}\n# {operator}\n{yamlio.write(document)}"


def _refuse_same_place(plan: Plan, clusters: dict[str, Cluster]) -> None:
    """Refuse two Applications of one release: each would undo what the other does, for ever."""
    first: dict[tuple[str, str], str] = {}
    for name, cluster in clusters.items():
        if cluster.server is None:
            continue
        server, namespace = cluster.server.rstrip("/").lower(), cluster.namespace or plan.namespace
        other = first.setdefault((server, namespace), name)
        if other != name:
            path: Path = ("endpoint", "clusters", name, "server")
            message = f"{other} and {name} are one place: {cluster.server}, namespace {namespace}"
            hint = "leave one of the two out, or give it another server or namespace"
            mark = plan.loaded.document.mark(path)
            raise RecipeError(Problem("clusters-in-one-place", path, message, hint, mark))


def _there(plan: Plan, name: str, cluster: Cluster) -> dict[str, Any]:
    """Return the parent chart's values in a cluster: those of the recipe with what is different there."""
    data: dict[str, Any] = {}
    if cluster.replicas is not None:
        data["model"] = {role: {"replicas": cluster.replicas} for role in plan.workers}
    if cluster.namespace is not None:
        data["dynamoNamespace"] = cluster.namespace
    document = plan.loaded.document
    mark = document.mark(("endpoint", "clusters", name)) or Mark("")
    merged = merge(document, marked(data, replace(mark, label=f"cluster {name}")))
    return stack_values(resolve(validate(replace(plan.loaded, document=merged))))


def _template(
    plan: Plan, bundle: Bundle, clusters: dict[str, Cluster], values: dict[str, Any], differing: list[Path]
) -> dict[str, Any]:
    destination = {key: f"{BRACES}.{key}}}}}" for key in ("name", "server") if _used(clusters, key)}
    parameters = [
        {
            "name": ".".join(str(key).replace(".", r"\.") for key in path),
            "value": f"{BRACES}.{_key(path)}}}}}",
            **({"forceString": True} if isinstance(_at(values, path), str) else {}),
        }
        for path in differing
    ]
    return {
        "metadata": {"name": f"{plan.graph}-{BRACES}.cluster}}}}", **_marks(plan)},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": bundle.charts.removeprefix(OCI).rstrip("/"),
                "chart": CHART,
                "targetRevision": __version__,
                "helm": {
                    "releaseName": plan.graph,
                    "valuesObject": values,
                    **({"parameters": parameters} if parameters else {}),
                },
            },
            "destination": {**destination, "namespace": f"{BRACES}.namespace}}}}"},
            "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
        },
    }


def _elements(
    plan: Plan, clusters: dict[str, Cluster], there: dict[str, dict[str, Any]], differing: list[Path]
) -> Iterator[dict[str, str]]:
    """Yield what is different in each cluster, as text: Go prints large numbers in powers of ten."""
    for name, cluster in clusters.items():
        place = {"server": cluster.server or "", "name": "" if cluster.server else name}
        yield {
            "cluster": name,
            **{key: text for key, text in place.items() if _used(clusters, key)},
            "namespace": cluster.namespace or plan.namespace,
            **{_key(path): _text(_at(there[name], path)) for path in differing},
        }


def _used(clusters: dict[str, Cluster], key: str) -> bool:
    """Return whether Argo CD knows one of the clusters by its address, or by its name."""
    return any((cluster.server is not None) == (key == "server") for cluster in clusters.values())


def _differences(one: Any, other: Any, path: Path = ()) -> Iterator[Path]:
    """Yield where two trees differ, which a parameter of Helm can say.

    Raises:
        RecipeError: where it cannot: a list, or a key that only one of them has.
    """
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key, value in one.items():
            yield from _differences(value, other[key], (*path, key))
    elif one != other:
        if isinstance(one, dict | list) or isinstance(other, dict | list) or type(one) is not type(other):
            message = "differs between the clusters in more than a value, which an ApplicationSet cannot say"
            hint = "make an endpoint of its own for the cluster where it is different"
            raise RecipeError(Problem("no-parameter", path, message, hint))
        yield path


def _refuse_templates(value: Any, path: Path) -> None:
    """Refuse what Argo CD would run; a recipe cannot hold it, and neither may what is derived."""
    if isinstance(value, dict):
        for key, below in value.items():
            _refuse_templates(key, path)
            _refuse_templates(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            _refuse_templates(below, (*path, index))
    elif isinstance(value, str) and BRACES in value:
        message = f"holds {BRACES!r}, which Argo CD would execute, got {show(value)}"
        raise RecipeError(Problem("executable-text", path, message, "write it without"))


def _marks(plan: Plan) -> dict[str, Any]:
    return {key: plan.shared[key] for key in ("labels", "annotations") if plan.shared.get(key)}


def _key(path: Path) -> str:
    """Return the key of an element for a path: `model.worker.replicas` is `modelWorkerReplicas`."""
    words = ["".join(c for c in str(step) if c.isalnum()) for step in path]
    return words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:])


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
