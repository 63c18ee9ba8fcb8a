"""Stage 3: fill in everything that follows from what was written. Nothing is decided after this stage."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

from recipegen import rules
from recipegen.derive import derived
from recipegen.endpoints import graph_name, marks
from recipegen.errors import Path, Problem, RecipeError
from recipegen.load import Loaded
from recipegen.recipe import Recipe, Role, Worker
from recipegen.roles import workers
from recipegen.scaling import Span, replicas
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
        """GPUs of all replicas of all workers, at most; none for a graph not created, or with the mocker."""
        return self._gpus("most")

    @property
    def fewest_gpus(self) -> int:
        """GPUs while every scaled role has its fewest replicas."""
        return self._gpus("least")

    @property
    def gpus_words(self) -> str:
        """GPUs as people say it: `4 GPUs`, or `1 to 4 GPUs`."""
        return f"{Span(self.fewest_gpus, self.gpus).words} GPU{'' if self.gpus == 1 else 's'}"

    def _gpus(self, bound: Literal["least", "most"]) -> int:
        """Return what `gpus` says, with one bound of each role's replicas."""
        if self.recipe.model.mocker or not self.recipe.model.deployment.create:
            return 0
        spans = replicas(self.recipe)
        each = {role: worker.nodes * (worker.gpus or 0) for role, worker in self.workers.items()}
        return sum(getattr(spans[role], bound) * count for role, count in each.items())

    @property
    def shared(self) -> dict[str, Any]:
        """The identity that all components share: the charts' `global` values."""
        token = self.recipe.model.hugging_face_token_secret
        measured = {key: value for key, value in self.tree["model"].items() if key not in NOT_MEASURED}
        return {
            "graph": self.graph,
            "model": self.recipe.model.served_name or self.recipe.model.name,
            # The name that clients ask for need not lead to a tokenizer.
            **({"tokenizer": self.recipe.model.name} if self.recipe.model.served_name else {}),
            "dynamoNamespace": self.dynamo_namespace,
            "modelDigest": _digest(measured)[:16],
            **({"huggingFaceTokenSecret": token} if token else {}),
            **marks(self.recipe),
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
    graph = graph_name(checked.loaded.name, recipe.endpoint)
    for path, value, reason in derived(recipe, graph):
        _put(tree, path, value)
        reasons[path] = reason
    _leave_to_others(tree)
    plan = Plan(
        loaded=checked.loaded,
        recipe=Recipe.model_validate(tree),
        tree=tree,
        reasons=reasons,
        graph=graph,
    )
    problems = [placed(problem, checked.loaded.document) for problem in rules.of_plan(plan)]
    wrong = [problem for problem in problems if not problem.warning]
    if wrong:
        raise RecipeError(*wrong)
    return replace(plan, warnings=(*checked.warnings, *problems))


def _leave_to_others(tree: dict[str, Any]) -> None:
    """Take away the replicas of roles that something else scales, which Helm would write back."""
    for role in get_args(Role):
        if tree["model"].get(role, {}).get("scalingAdapter"):
            tree["model"][role].pop("replicas", None)


# How weights come to a worker changes nothing of what it does with them, nor how pods come and go.
NOT_MEASURED = ("cache", "modelExpressUrl", "rollout", "disruptionBudget", "priorityClass")


def _digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _put(tree: Any, path: Path, value: Any) -> None:
    for segment in path[:-1]:
        tree = tree[segment]
    tree[path[-1]] = value
