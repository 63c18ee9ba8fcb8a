"""Stage 3: fill in everything that follows from what was written. Nothing is decided after this stage."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from recipegen import facts, rules
from recipegen.errors import Path, Problem, RecipeError
from recipegen.load import Loaded
from recipegen.recipe import Recipe, Role, Worker
from recipegen.rules.images import release_in
from recipegen.rules.roles import engine_of, gpus_of_replica, workers
from recipegen.validate import Checked, placed


@dataclass(frozen=True)
class Plan:
    """A complete recipe: every key has its value, every name is known."""

    loaded: Loaded
    recipe: Recipe
    tree: dict[str, Any]
    """The complete recipe as plain data, a valid recipe too: the parent chart's values without `global`."""
    reasons: dict[Path, str]
    """Why each value that nobody wrote is what it is."""
    graph: str
    """Name of the DynamoGraphDeployment and of the model's release."""
    warnings: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """What the recipe is called."""
        return self.loaded.name

    @property
    def variant(self) -> str:
        """The chosen variant."""
        return self.loaded.variant

    @property
    def namespace(self) -> str:
        """Kubernetes namespace of the graph."""
        return self.recipe.dynamo_namespace

    @property
    def dynamo_namespace(self) -> str:
        """Effective Dynamo namespace, as the operator computes it: `<Kubernetes namespace>-<graph>`."""
        return f"{self.namespace}-{self.graph}"

    @property
    def workers(self) -> dict[Role, Worker]:
        """Workers by role."""
        return workers(self.recipe.model)

    @property
    def gpus(self) -> int:
        """GPUs of all replicas of all workers; none for a graph that is not created or runs the mocker."""
        if self.recipe.model.mocker or not self.recipe.model.deployment.create:
            return 0
        return sum(w.replicas * w.nodes * (w.gpus or 0) for w in self.workers.values())

    @property
    def shared(self) -> dict[str, Any]:
        """The identity that all components share: the charts' `global` values."""
        token = self.recipe.model.hugging_face_token_secret
        return {
            "graph": self.graph,
            "model": self.recipe.model.name,
            "dynamoNamespace": self.dynamo_namespace,
            "modelDigest": _digest(self.tree["model"])[:16],
            **({"huggingFaceTokenSecret": token} if token else {}),
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the complete recipe, in hex: equal plans have equal digests."""
        return _digest([self.graph, self.tree])


def resolve(checked: Checked) -> Plan:
    """Return the plan of a checked recipe.

    Raises:
        RecipeError: when a derived name is too long or not allowed.
    """
    recipe = checked.recipe
    tree = recipe.model_dump(by_alias=True, exclude_none=True, exclude={"variants"})
    reasons: dict[Path, str] = {}
    for path, value, reason in _derived(recipe):
        _put(tree, path, value)
        reasons[path] = reason
    plan = Plan(
        loaded=checked.loaded,
        recipe=Recipe.model_validate(tree),
        tree=tree,
        reasons=reasons,
        graph=graph_name(checked.loaded.name),
    )
    problems = [placed(problem, checked.loaded.document) for problem in rules.of_plan(plan)]
    wrong = [problem for problem in problems if not problem.warning]
    if wrong:
        raise RecipeError(*wrong)
    return replace(plan, warnings=(*checked.warnings, *problems))


def graph_name(recipe_name: str) -> str:
    """Return the graph's name: lower case, everything outside a-z, 0-9 and '-' becomes '-'."""
    return re.sub(r"[^a-z0-9-]", "-", recipe_name.lower()).strip("-")


def _derived(recipe: Recipe) -> Iterator[tuple[Path, Any, str]]:
    """Yield path, value and reason of each value that follows from others."""
    model = recipe.model
    newest = facts.newest_dynamo()
    if model.backend.version is None:
        tagged = release_in(model.backend.image or "")
        reason = (
            "the tag of model.backend.image" if tagged else "the newest Dynamo release in facts/dynamo.yaml"
        )
        yield ("model", "backend", "version"), tagged or newest, reason
    if recipe.platform.version is None:
        chart = facts.dynamo()[newest]["platformChart"]
        yield ("platform", "version"), chart, f"chart of Dynamo {newest} in facts/dynamo.yaml"
    yield from _images(recipe)
    if recipe.gateway.inference_pool is None:
        picker = model.endpoint_picker.enabled
        yield (
            ("gateway", "inferencePool"),
            picker,
            f"model.endpointPicker.enabled is {str(picker).lower()}",
        )
    if recipe.hardware:
        fact = facts.hardware()[recipe.hardware.gpu]
        reason = f"hardware.gpu is {recipe.hardware.gpu}; facts/hardware.yaml"
        if model.node_selector is None:
            yield ("model", "nodeSelector"), {GPU_LABEL: fact["product"]}, reason
        elif GPU_LABEL not in model.node_selector:
            # Labels of one's own, such as a node pool, say nothing about the GPUs there.
            yield ("model", "nodeSelector", GPU_LABEL), fact["product"], reason
        if model.tolerations is None:
            yield ("model", "tolerations"), [GPU_TAINT], reason
    engines = [engine_of(model, worker) for worker in workers(model).values()]
    if model.routing_policy == "kv" and any(engine.block_size is None for engine in engines):
        backend = model.backend.type
        reason = f"model.routingPolicy is kv, which needs one; backends/{backend}.yaml of the model chart"
        yield ("model", "engine", "blockSize"), facts.engine(backend)["blockSize"], reason
    for role, worker in workers(model).items():
        path: Path = ("model", role)
        if getattr(model, role) is None:
            mode = str(model.disaggregation).lower()
            reason = f"model.disaggregation is {mode} and the recipe says nothing about this role"
            yield path, worker.model_dump(by_alias=True, exclude_none=True), reason
        if worker.gpus is None:
            gpus = gpus_of_replica(model, worker) // worker.nodes
            yield (*path, "gpus"), gpus, "the parallel sizes of the engine, over the nodes of a replica"
    yield from _observability(recipe)
    yield from _benchmark(recipe)


def _observability(recipe: Recipe) -> Iterator[tuple[Path, Any, str]]:
    """Yield what the charts of dashboards and alerts cannot see: the `model` block is not theirs."""
    model, block = recipe.model, recipe.observability
    if block.dashboards is None:
        dashboards = ["frontend", "workers", "cache"]
        dashboards += ["router"] if model.routing_policy == "kv" else []
        dashboards += ["disaggregation"] if model.disaggregation else []
        yield ("observability", "dashboards"), dashboards, "model.routingPolicy and model.disaggregation"
    alerts = block.alerts
    watched = alerts.enabled and "DynamoWorkersMissing" not in alerts.without
    # How many workers a graph has that exists already, only its own recipe knows.
    if watched and alerts.workers is None and model.deployment.create:
        replicas = {role: worker.replicas for role, worker in workers(model).items()}
        yield ("observability", "alerts", "workers"), replicas, "the replicas of each role of the model"


def _benchmark(recipe: Recipe) -> Iterator[tuple[Path, Any, str]]:
    """Yield what a benchmark needs that is switched on."""
    benchmark, model = recipe.benchmark, recipe.model
    if not benchmark.enabled:
        return
    if benchmark.image is None:
        yield ("benchmark", "image"), facts.images()["python"], "python in facts/images.yaml"
    if benchmark.aiperf_version is None and benchmark.install:
        yield ("benchmark", "aiperfVersion"), facts.images()["aiperf"], "aiperf in facts/images.yaml"
    # Of a graph that others create, only the person knows how large it is.
    gpus = sum(w.replicas * gpus_of_replica(model, w) for w in workers(model).values())
    if benchmark.gpus is None and model.deployment.create and gpus:
        yield ("benchmark", "gpus"), gpus, "GPUs of all replicas of all workers"


def _images(recipe: Recipe) -> Iterator[tuple[Path, Any, str]]:
    """Yield the images of what runs a script and nothing else."""
    chosen: dict[Path, str | None] = {
        ("platform", "gate"): recipe.platform.gate.image,
        ("troubleshooting",): recipe.troubleshooting.image,
        ("faultInjection",): recipe.fault_injection.image,
    }
    for path, image in chosen.items():
        if image is None:
            yield (*path, "image"), facts.images()["python"], "facts/images.yaml"


# The label by which the NVIDIA GPU operator tells GPU types apart.
GPU_LABEL = "nvidia.com/gpu.product"
# The taint that GPU node pools of the large clouds carry.
GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def _digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _put(tree: Any, path: Path, value: Any) -> None:
    for segment in path[:-1]:
        tree = tree[segment]
    tree[path[-1]] = value
