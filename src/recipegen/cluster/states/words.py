"""The words in which `recipegen status` puts what a cluster says, each with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass

from recipegen.cluster.scrub import scrub
from recipegen.errors import escape

# Of a graph.
PENDING, IN_PROGRESS, READY = "PENDING", "IN_PROGRESS", "READY"
# Of a graph and of a load.
FAILED = "FAILED"
DELETING = "DELETING"
# Of a load; UNSPECIFIED: recipegen loads nothing, so nothing is waited for.
REQUESTED, LOADING, SUCCEEDED, UNSPECIFIED = "REQUESTED", "LOADING", "SUCCEEDED", "UNSPECIFIED"
# Of both: it could not be looked at.
UNKNOWN = "UNKNOWN"

LONGEST_REASON = 500


@dataclass(frozen=True)
class State:
    """A word, and why it holds."""

    word: str
    reason: str = ""
    """On one line, without secrets, at most 500 characters; empty where there is nothing to add."""


def state(word: str, reason: str = "") -> State:
    """Return a state with its reason made fit to be shown."""
    said = escape(scrub(" ".join(reason.split())))
    return State(word, said if len(said) <= LONGEST_REASON else said[: LONGEST_REASON - 1] + "…")


@dataclass(frozen=True)
class Component:
    """One component of a graph."""

    name: str
    ready: int
    """Replicas that serve."""
    wanted: int
    """Replicas that the graph in the cluster asks for."""


@dataclass(frozen=True)
class Batch:
    """One run of a batch."""

    job: str
    state: State
    """In LLM Engine's words: queued, running, completed, failed, cancelled, unknown."""


@dataclass(frozen=True)
class Load:
    """One way in which weights come to the graph: a Job's, or none that recipegen knows of."""

    name: str
    """`download`, `ingestion`, or `weights` where no Job loads them."""
    state: State
    job: str = ""
    """Name of the Job; empty without one."""
    source: str = ""
    """What fetches them, as a command."""
    folder: str = ""
    """Where they go, on the volume."""
    claim: str = ""
    """The volume's claim."""
    steps: Mapping[str, str] | None = None
    """Of a Job with several steps, each with waiting, running, done or failed."""
