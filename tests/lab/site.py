"""A whole site: a cluster with nodes, a stand-in operator, and the machine from which recipes are applied."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import cluster as control_plane
from lab import loops, processes, recipes, repository, tools, volumes
from lab.cluster import Cluster, wait_until
from lab.dynamo_operator import Operator, platform_values
from lab.tools import Machine

# What helmfile ends with where a run changed something, where it did not, and where it failed.
UNCHANGED, CHANGED, FAILED = 0, 2, 1
READY_SECONDS = 30


@dataclass(frozen=True)
class Site:
    """A cluster, its operator (which a test has to start), and who applies recipes to it from where."""

    cluster: Cluster
    operator: Operator
    machine: Machine
    profile: Path
    """The patch file of this cluster."""

    def render(self, namespace: str, *arguments: str) -> str:
        """The document of the quickstart recipe in a namespace."""
        return recipes.render(
            self.machine, "-f", str(self.profile), "--set", f"dynamoNamespace={namespace}", *arguments
        )

    def apply(self, document: str, machine: Machine | None = None) -> tuple[int, str]:
        """Apply a document; helmfile's exit code, and what it said."""
        command = ["helmfile", "-f", "-", "apply", "--detailed-exitcode"]
        answer = (machine or self.machine).run(command, stdin=document)
        return answer.returncode, answer.stdout + answer.stderr

    def graph(self, namespace: str) -> Any:
        """The namespace's graph as it is now; None without one."""
        path = recipes.graphs(self.cluster, namespace)
        found = self.cluster.items(path) if path else []
        return found[0] if found else None

    def until_ready(self, namespace: str) -> None:
        """Wait until the graph is ready and every Job has finished."""

        def ready() -> bool:
            jobs = self.cluster.items(f"/apis/batch/v1/namespaces/{namespace}/jobs")
            done = all(each["status"].get("succeeded") for each in jobs)
            return done and condition(self.graph(namespace), "Ready") == "True"

        wait_until(ready, f"the graph in {namespace} is ready, its Jobs are done", seconds=READY_SECONDS)


def condition(graph: Any, kind: str) -> str:
    """A condition's status, `True`, `False` or `Unknown`."""
    conditions = (graph or {}).get("status", {}).get("conditions", [])
    return next((each["status"] for each in conditions if each["type"] == kind), "Unknown")


@contextmanager
def open_site(programs: Path, folder: Callable[[str], Path]) -> Iterator[Site]:
    """Start an empty cluster with nodes and all that stands in for the world around it, but its operator.

    It knows the Gateway API; Dynamo's kinds come with the operator.

    Args:
        programs: folder of the lab's tools.
        folder: makes a new folder with a name.
    """
    with ExitStack() as stack:
        cluster = stack.enter_context(control_plane.start(programs, folder("cluster"), nodes=True))
        stack.enter_context(loops.repeated(lambda: volumes.step(cluster)))
        stack.enter_context(processes.run(cluster, folder("processes")))
        machine = tools.machine(folder("machine"), programs, cluster.kubeconfig)
        cluster.create_kinds(repository.CRDS, "*.networking.k8s.io_*.yaml")
        operator = Operator(cluster)
        place = repository.serve(folder("repository"), machine, kinds=False)
        profile = folder("profile") / "lab.yaml"
        values = {"repository": stack.enter_context(place), "values": platform_values(operator)}
        profile.write_text(yaml.safe_dump({"platform": values}))
        yield Site(cluster, operator, machine, profile)
