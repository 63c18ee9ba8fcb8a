"""`recipegen status`: how far a cluster is with what a recipe asks for. Reads, and changes nothing.

`snapshot` asks, `graphs` and `loading` judge plain objects, `words` are what they answer with.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from recipegen.cluster import batches, client
from recipegen.cluster.plain import name
from recipegen.cluster.states.graphs import components, graph_state
from recipegen.cluster.states.loading import created, load
from recipegen.cluster.states.snapshot import Snapshot, snapshot
from recipegen.cluster.states.words import (
    FAILED,
    PENDING,
    READY,
    SUCCEEDED,
    UNKNOWN,
    UNSPECIFIED,
    Batch,
    Component,
    Load,
    State,
    state,
)
from recipegen.cluster.wire import Get, NoAnswerError
from recipegen.errors import ClusterError, Problem
from recipegen.resolve import Plan

__all__ = ["Batch", "Component", "Load", "State", "Status", "ask", "judge", "settled", "status"]

POLL_SECONDS = 5.0
MOST_BATCHES = 10


@dataclass(frozen=True)
class Status:
    """How far a cluster is with a recipe."""

    namespace: str
    graph: str
    """Name of the DynamoGraphDeployment."""
    state: State
    """PENDING, IN_PROGRESS, READY, FAILED or DELETING; UNKNOWN where it could not be looked at."""
    components: tuple[Component, ...]
    loads: tuple[Load, ...]
    """How the weights come: REQUESTED, LOADING, SUCCEEDED, FAILED; UNSPECIFIED where no Job loads them."""
    batches: tuple[Batch, ...]
    """The runs of a batch, the newest first, at most ten."""
    unseen: dict[str, str]
    """What could not be looked at, and why."""

    @property
    def ready(self) -> bool:
        """Whether the graph serves and no load is awaited."""
        loaded = all(each.state.word in (SUCCEEDED, UNSPECIFIED) for each in self.loads)
        return self.state.word == READY and loaded

    @property
    def failed(self) -> bool:
        """Whether the graph or a load was given up."""
        return FAILED in (self.state.word, *(each.state.word for each in self.loads))

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {**asdict(self), "ready": self.ready, "failed": self.failed}


def status(plan: Plan, context: str | None = None) -> Status:
    """Return how far the cluster of a context is; default: the kubeconfig's current one.

    Raises:
        ToolError: when the package `kubernetes` or the kubeconfig is missing.
        ClusterError: when the cluster cannot be reached, or lets neither graph nor Jobs be looked at.
    """
    return ask(plan, client.reader(context))


def settled(
    plan: Plan,
    context: str | None,
    seconds: float,
    tell: Callable[[Status], None] = lambda _: None,
) -> Status:
    """Return the status once it is ready or failed, or what it is when time is up.

    Args:
        plan: the complete recipe.
        context: context of the kubeconfig.
        seconds: how long to wait at most.
        tell: called with each status that differs from the one before.

    Raises as `status` does.
    """
    get = client.reader(context)
    deadline = time.monotonic() + seconds
    told: Status | None = None
    while True:
        now = ask(plan, get)
        if now != told:
            tell(now)
            told = now
        left = deadline - time.monotonic()
        if now.ready or now.failed or left <= 0:
            return now
        time.sleep(min(POLL_SECONDS, left))


def ask(plan: Plan, get: Get) -> Status:
    """Return the status as an API server has it.

    Raises:
        ClusterError: as `status`.
    """
    try:
        found = snapshot(get, plan.namespace, plan.graph)
    except NoAnswerError as error:
        hint = "see that `kubectl get pods` works with the same context"
        raise ClusterError(Problem("cluster", (), str(error), hint)) from error
    if {"graphs", "jobs"} <= found.unseen.keys():
        message = f"neither graph nor Jobs of namespace {plan.namespace} can be looked at"
        raise ClusterError(f"{message}: {found.unseen['graphs']}")
    return judge(plan, found)


def judge(plan: Plan, found: Snapshot) -> Status:
    """Return the status that a snapshot tells."""
    graph = next(iter(found.of("graphs")), None)
    now = _graph(plan, found, graph)
    return Status(
        namespace=plan.namespace,
        graph=plan.graph,
        state=now,
        components=components(graph, found.of("pods")) if graph else (),
        loads=tuple(_loads(plan, found, serves=now.word == READY)),
        batches=tuple(_batches(found)),
        unseen=found.unseen,
    )


def _graph(plan: Plan, found: Snapshot, graph: Any) -> State:
    if "graphs" in found.unseen:
        return state(UNKNOWN, found.unseen["graphs"])
    if graph is not None:
        return graph_state(graph)
    if not found.served:
        return state(
            PENDING, "the cluster does not know the kind DynamoGraphDeployment: no operator is there"
        )
    return state(PENDING, f"namespace {plan.namespace} has no graph {plan.graph}: not applied, or taken away")


def _loads(plan: Plan, found: Snapshot, *, serves: bool) -> Iterator[Load]:
    if "jobs" in found.unseen:
        yield Load("weights", state(UNKNOWN, found.unseen["jobs"]))
        return
    if plan.recipe.ingestion.enabled:
        yield load("ingestion", found.of("jobs", name="ingestion"), found.of("pods"), found.log)
    yield _weights(plan, found, serves=serves)


def _batches(found: Snapshot) -> Iterator[Batch]:
    """Yield the runs of a batch, also of one that the recipe has switched off since."""
    jobs = sorted(found.of("jobs", name="batch"), key=created, reverse=True)
    for job in jobs[:MOST_BATCHES]:
        yield Batch(name(job), state(*batches.state(job)))


def _weights(plan: Plan, found: Snapshot, *, serves: bool) -> Load:
    """Return how the weights come onto the workers."""
    model, cache = plan.recipe.model, plan.recipe.model.cache
    jobs = found.of("jobs", component="download")
    if model.mocker:
        why = "nothing to load: the mocker has no weights"
    elif not cache.enabled:
        by = "through Model Express" if model.model_express_url else "for itself"
        why = f"not performed by a Job: each worker loads {by} when it starts"
    elif cache.claim:
        why = f"nothing to load: the volume of claim {cache.claim.name} is mounted as it is"
    elif not jobs and serves:
        # Workers wait for the marker that the Job writes last.
        why = "its Job is gone; the graph serves, so the weights are there"
    else:
        return load("download", jobs, found.of("pods"), found.log)
    return Load("weights", state(UNSPECIFIED, why), claim=cache.claim.name if cache.claim else "")
