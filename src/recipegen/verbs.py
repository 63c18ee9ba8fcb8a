"""What the library does beside rendering. Each verb imports its package when it is called."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Unpack

from recipegen.pipeline import Name, Patch, bundle, chosen, documents, forms, plan, read

if TYPE_CHECKING:
    from recipegen.cluster import Diagnosis
    from recipegen.cluster.preflight import Preflight
    from recipegen.cluster.probing import Probe
    from recipegen.cluster.states import Status
    from recipegen.importers import Import
    from recipegen.sizing import Size
    from recipegen.sizing.recommend import Recommendation
    from recipegen.sizing.settings import Settings, Wishes
    from recipegen.twin import Verdict


def simulate(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    port: int = 0,
    requests: int = 8,
    max_replicas: int = 2,
    while_up: Callable[["Verdict"], None] = lambda _: None,
    variants: str | PathLike[str] | None = None,
) -> "Verdict":
    """Run a recipe's graph on this machine without a GPU, and return what was seen of it.

    Dynamo's real frontend runs with the rendered arguments, its mocker stands in for each worker's engine.
    The first call installs Dynamo's wheels into recipegen's cache.

    Args:
        name: as for `plan`, and so are `variant` and `patches`.
        variant: a variant of the recipe.
        patches: merge patches.
        port: port of the frontend on the loopback interface; 0 for any free one.
        requests: chat requests, several at a time, that show which workers are used.
        max_replicas: replicas of each component that are started at most.
        while_up: called with the verdict while the graph still answers at its `url`.
        variants: a variants file, whose documents become variants of the recipe.

    Raises:
        ToolError: when the runtime cannot be had or dies, or the port is in use; otherwise as `plan` does.
    """
    from recipegen import twin

    found = bundle(name, variant, patches, variants=variants)
    return twin.simulate(found, port=port, requests=requests, max_replicas=max_replicas, while_up=while_up)


def doctor(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    context: str | None = None,
    bundle: Mapping[str, Any] | str | PathLike[str] | None = None,
    save: str | PathLike[str] | None = None,
    variants: str | PathLike[str] | None = None,
) -> "Diagnosis":
    """Look into a cluster, without changing anything, and return what is wrong with a recipe's graph there.

    Each finding names the lines of the recipe to change; `recipegen.origin.origin` says where those stand.

    Args:
        name: as for `plan`, and so are `variant` and `patches`.
        variant: a variant of the recipe.
        patches: merge patches.
        context: context of the kubeconfig; default: the current one.
        bundle: what was seen before, or the file that it was saved to; no cluster is asked then.
        save: file to write what was seen to, without secrets; it must not exist yet.
        variants: a variants file, whose documents become variants of the recipe.

    Raises:
        ClusterError: when the cluster cannot be reached, or lets nothing be looked at.
        ToolError: when the package `kubernetes` or the kubeconfig is missing, or a file cannot be used.
        UsageError: when the bundle is of another graph, or a context is given beside it;
            otherwise as `plan` does.
    """
    from recipegen import cluster

    found = plan(name, variant, patches, variants=variants)
    seen = cluster.seen(found, context, bundle)
    diagnosis = cluster.examine(found, seen)
    if save is not None:
        cluster.save(seen, save)
    return diagnosis


def preflight(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    context: str | None = None,
    variants: str | PathLike[str] | None = None,
) -> "Preflight":
    """Ask a cluster, without changing anything, whether a recipe fits it, and with which changes it would.

    Nothing has to be installed there yet, and nothing is reserved.

    Args:
        name: as for `plan`, and so are `variant` and `patches`.
        variant: a variant of the recipe; the others are judged beside it.
        patches: merge patches.
        context: context of the kubeconfig; default: the current one.
        variants: a variants file, whose documents become variants of the recipe.

    Raises:
        ClusterError: when the cluster cannot be reached, or does not know who asks.
        ToolError: when the package `kubernetes`, the kubeconfig or Helm is missing; otherwise as `plan` does.
    """
    from recipegen.cluster import preflight as before

    # Read once: it may be standard input.
    recipe, patched = read(name, variants), documents(patches)
    found = chosen(recipe, variant, patched)
    return before.examine(found, forms(recipe, patched), context)


def probe(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    url: str | None = None,
    context: str | None = None,
    streamed: bool = False,
    headers: Mapping[str, str] | None = None,
    seconds: float = 60.0,
    variants: str | PathLike[str] | None = None,
) -> "Probe":
    """Ask a recipe's endpoint for its models and one chat answer, and return what was seen when it is right.

    Args:
        name: as for `plan`, and so are `variant` and `patches`.
        variant: a variant of the recipe.
        patches: merge patches.
        url: where the endpoint is; default: the frontend's pod, through a port-forward of the cluster.
        context: context of the kubeconfig, for the port-forward; default: the current one.
        streamed: whether to ask for the answer as a stream of events.
        headers: further headers of each request, such as Authorization.
        seconds: how long one answer may take.
        variants: a variants file, whose documents become variants of the recipe.

    Raises:
        ClusterError: when the endpoint cannot be reached, or with each thing that is wrong in its answer.
        ToolError: when the package `kubernetes` or the kubeconfig is missing, for a port-forward.
        UsageError: when the URL is none, or a context is given beside one; otherwise as `plan` does.
    """
    from recipegen.cluster import probing

    found = plan(name, variant, patches, variants=variants)
    return probing.probe(found, url=url, context=context, streamed=streamed, headers=headers, seconds=seconds)


def status(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    context: str | None = None,
    variants: str | PathLike[str] | None = None,
) -> "Status":
    """Return how far a cluster is with a recipe: graph, replicas, weights. Reads, and changes nothing.

    Args:
        name: as for `plan`, and so are `variant` and `patches`.
        variant: a variant of the recipe.
        patches: merge patches.
        context: context of the kubeconfig; default: the current one.
        variants: a variants file, whose documents become variants of the recipe.

    Raises:
        ClusterError: when the cluster cannot be reached, or lets nothing be looked at.
        ToolError: when the package `kubernetes` or the kubeconfig is missing; otherwise as `plan` does.
    """
    from recipegen.cluster import states

    return states.status(plan(name, variant, patches, variants=variants), context)


def import_graph(
    source: str | PathLike[str],
    *,
    graph: str | None = None,
    namespace: str | None = None,
    name: str | None = None,
    lossy: bool = False,
) -> "Import":
    """Return the recipe of a DynamoGraphDeployment, v1beta1 or v1alpha1, and what it could not carry over.

    The recipe is rendered again, and each difference between the two graphs is listed with its reason.

    Args:
        source: file with Kubernetes objects, or `-` for standard input; ConfigMaps that the graph names
            become part of the recipe.
        graph: name of the graph to take, where the file has several.
        namespace: Kubernetes namespace; default: the graph's, or else its name.
        name: name of the recipe and so of its graph; default: the graph's.
        lossy: whether to import also a graph that does what a recipe cannot say, without that.

    Raises:
        ToolError: when the file cannot be read, or there is no Helm to render with.
        RecipeError: with every reason why the graph cannot be a recipe.
    """
    from recipegen import importers

    return importers.import_graph(source, graph=graph, namespace=namespace, name=name, lossy=lossy)


def size(
    source: Name | None,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    config: str | PathLike[str] | None = None,
    variants: str | PathLike[str] | None = None,
    **settings: "Unpack[Settings]",
) -> "Size":
    """Return what the memory of the GPUs holds: weights, overhead, KV cache, and how much of a context.

    Every number is a term with formula, source and uncertainty. Nothing is measured here.

    Args:
        source: as for `plan`; or a model: its id where recipegen knows it, a config.json, the folder of a
            model, a file or index of its weights.
        variant: a variant of the recipe.
        patches: merge patches of the recipe.
        config: what describes the model in place of what is known of a recipe's, as for `source`.
        variants: a variants file, whose documents become variants of the recipe.
        settings: what the engine is set to, in place of the recipe's: the keys of
            `recipegen.sizing.settings.Settings`, such as `gpu`, `tensor_parallel`, `max_model_len`.

    Raises:
        RecipeError: when the recipe or the configuration is wrong, or cannot be sized.
        UsageError: when a setting is missing, unknown, or cannot be.
        ToolError: when a file cannot be read.
    """
    from recipegen import sizing

    changes = documents(patches)
    return sizing.size(source, config=config, variant=variant, patches=changes, variants=variants, **settings)


def recommend(
    name: Name,
    variant: str | None = None,
    patches: Sequence[Patch] = (),
    *,
    variants: str | PathLike[str] | None = None,
    **wishes: "Unpack[Wishes]",
) -> "Recommendation":
    """Return which deployments of a model meet targets best, and why the others do not. Nothing is run.

    Args:
        name: as `source` of `size`.
        variant: a variant of the recipe.
        patches: merge patches of the recipe.
        variants: a variants file, whose documents become variants of the recipe.
        wishes: GPUs, load and targets: the keys of `recipegen.sizing.settings.Wishes`, such as `gpu`,
            `isl`, `ttft`, `source`.

    Raises:
        UsageError: when no GPU type is given or known, a number cannot be, or a budget has no price.
        RecipeError: when the recipe or configuration is wrong, or the load is longer than the context.
        ToolError: when a file cannot be read, or aiconfigurator cannot be asked and has to be.
    """
    from recipegen.sizing.recommend import recommend as best

    return best(name, variant, documents(patches), variants=variants, **wishes)
