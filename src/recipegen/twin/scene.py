"""What the parts of the twin share: a graph with its processes, and a statement about them."""

from dataclasses import dataclass

from recipegen.twin.graph import Graph
from recipegen.twin.processes import LOOPBACK, Process


@dataclass(frozen=True)
class Check:
    """One statement of the verdict."""

    name: str
    holds: bool
    detail: str
    """What was seen; where it does not hold, why."""


@dataclass(frozen=True)
class Scene:
    """The processes of a graph, by component."""

    graph: Graph
    processes: dict[str, list[Process]]

    @property
    def all(self) -> list[Process]:
        """Every process."""
        return [process for each in self.processes.values() for process in each]

    @property
    def frontends(self) -> list[Process]:
        """The frontend's replicas."""
        return self.processes[self.graph.frontend.name]

    @property
    def frontend(self) -> Process:
        """The frontend that is asked."""
        return self.frontends[0]

    @property
    def url(self) -> str:
        """Where that frontend listens."""
        return f"http://{LOOPBACK}:{self.frontend.port}"

    @property
    def workers(self) -> dict[str, list[Process]]:
        """The processes of each worker component."""
        return {worker.name: self.processes[worker.name] for worker in self.graph.workers}
