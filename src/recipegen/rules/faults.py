"""Fault injection: what has to be said before a graph is broken, and which experiments it takes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.language import key_names, setting
from recipegen.recipe import Experiment, Recipe
from recipegen.roles import workers
from recipegen.scaling import replicas, scaled_role, scaler

if TYPE_CHECKING:
    from recipegen.resolve import Plan

BLOCK = "faultInjection"
# What every experiment takes; the others stand in the table, with the experiments that take them.
ALWAYS = ("name", "maxRecoverySeconds")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield experiments that do not fit the graph, or lack something, or have something without effect."""
    faults = recipe.fault_injection
    # Settings of what is off wait for it.
    if not faults.enabled:
        return
    if not faults.experiments:
        known = ", ".join(facts.faults()["experiments"])
        hint = f"name what is broken, such as [{{name: kill-frontend}}]; there are {known}"
        yield Problem("missing-key", (BLOCK, "experiments"), "is empty, so nothing would be broken", hint)
    if recipe.benchmark.enabled:
        message = "a benchmark and faults at the same time measure each other"
        hint = "switch one of the two off, and run it when the other is done"
        yield Problem("benchmark-beside-faults", (BLOCK, "enabled"), message, hint)
    yield from _answers(recipe)
    names = [experiment.name for experiment in faults.experiments]
    for number, experiment in enumerate(faults.experiments):
        path: Path = (BLOCK, "experiments", number)
        if experiment.name in names[:number]:
            message = f"stands twice, got {show(experiment.name)}"
            hint = f"raise {BLOCK}.run to run all experiments once more"
            yield Problem("experiment-twice", (*path, "name"), message, hint)
        yield from _fits(recipe, experiment, path)
        yield from _keys(experiment, path)


def allowed(plan: "Plan") -> Iterator[Problem]:
    """Yield what is still missing before this very graph in this very namespace may be broken."""
    recipe, faults = plan.recipe, plan.recipe.fault_injection
    if not faults.enabled:
        return
    target = f"{plan.namespace}/{plan.graph}"
    if faults.acknowledge != target:
        message = f"has to name the graph that is broken, {target}, got {show(faults.acknowledge)}"
        hint = f"write {target}, if it is that one; whoever copies the recipe has to say so again"
        yield Problem("not-acknowledged", (BLOCK, "acknowledge"), message, hint)
    if plan.namespace not in faults.allowed_namespaces:
        message = f"does not hold the recipe's namespace, got {show(faults.allowed_namespaces)}"
        hint = f"add {plan.namespace} in the patch file of a cluster where faults are welcome"
        yield Problem("namespace-not-allowed", (BLOCK, "allowedNamespaces"), message, hint)
    for number, experiment in enumerate(faults.experiments):
        workload = experiment.workload
        if workload and workload.name.startswith(f"{plan.graph}-"):
            message = f"is named like a part of the graph itself, got {show(workload.name)}"
            place = (BLOCK, "experiments", number, "workload", "name")
            yield Problem(
                "workload-of-the-graph",
                place,
                message,
                "name the workload of NATS or etcd; kill-… breaks the graph",
            )
    refused = {*facts.faults()["refusedNamespaces"], recipe.platform.namespace}
    for path, namespaces in {
        ("dynamoNamespace",): [plan.namespace],
        (BLOCK, "allowedNamespaces"): faults.allowed_namespaces,
    }.items():
        for namespace in namespaces:
            if namespace in refused:
                message = f"nothing is ever broken in {show(namespace)}, which belongs to the cluster"
                yield Problem("refused-namespace", path, message, "give the graph a namespace of its own")


def _answers(recipe: Recipe) -> Iterator[Problem]:
    """Yield roles without a pod: then there is nobody to answer requests, by which a recovery is seen."""
    model = recipe.model
    if not model.deployment.create:
        return
    places: dict[str, Path] = {role: ("model", role, "replicas") for role in ("frontend", *workers(model))}
    fewest: dict[str, int] = {"frontend": model.frontend.replicas}
    fewest |= {role: span.least for role, span in replicas(recipe).items()}
    if scaler(recipe) in ("hpa", "keda"):
        places[scaled_role(recipe)] = ("scaling", "minReplicas")
    for role in (role for role, number in fewest.items() if number == 0):
        message = "a graph that answers no request cannot be seen to recover, got 0"
        hint = f"set it to 1 or more, or {BLOCK}.enabled to false"
        yield Problem("recovery-unseen", places[role], message, hint)


def _fits(recipe: Recipe, experiment: Experiment, path: Path) -> Iterator[Problem]:
    row = facts.faults()["experiments"][experiment.name]
    mode = "disaggregated" if recipe.model.disaggregation else "aggregated"
    if row["graph"] not in ("any", mode):
        message = f"is for {row['graph']} graphs, and this one is {mode}, got {show(experiment.name)}"
        fitting = [name for name, each in facts.faults()["experiments"].items() if each["graph"] == mode]
        yield Problem("experiment-of-other-graph", (*path, "name"), message, f"take {' or '.join(fitting)}")
    cached = recipe.model.cache.enabled and not recipe.model.mocker
    if "claim" in row.get("keys", []) and experiment.claim is None and not cached:
        message = f"reads the volume of the weights, and the graph has none, got {show(experiment.name)}"
        hint = "switch model.cache.enabled on, or name the claim of another volume with `claim`"
        yield Problem("experiment-without-volume", (*path, "name"), message, hint)


def _keys(experiment: Experiment, path: Path) -> Iterator[Problem]:
    row = facts.faults()["experiments"][experiment.name]
    for key in key_names(Experiment):
        given = setting(experiment, key) is not None
        if given and key not in (*ALWAYS, *row.get("keys", [])):
            yield Problem("no-effect", (*path, key), f"has no effect on {experiment.name}", "leave it out")
        if not given and key in row.get("requires", []):
            message = f"{experiment.name} needs to be told its {key}"
            hint = {
                "workload": "such as {kind: StatefulSet, name: nats}, in the graph's namespace",
                "node": "the name of one node, whose pods of the graph have room on others",
            }[key]
            yield Problem("missing-key", (*path, key), message, hint)
