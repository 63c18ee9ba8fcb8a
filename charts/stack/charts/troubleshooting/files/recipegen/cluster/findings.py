# Written by `make regen` from src/recipegen/cluster/findings.py.
"""From a bundle to findings: what was seen, why it is so, and which line of the recipe to change.

A rule looks at the present state alone: an event counts only while the object that it is about still waits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from recipegen.cluster import around, graph, pods
from recipegen.cluster.plain import rows, text
from recipegen.cluster.scene import ERROR, Finding, Scene
from recipegen.cluster.scrub import scrub


@dataclass(frozen=True)
class Unseen:
    """Something that could not be looked at, which is not to say that it is fine."""

    what: str
    why: str


@dataclass(frozen=True)
class Diagnosis:
    """What was found in a cluster, and what was looked at for it."""

    namespace: str
    graph: str
    ready: bool
    """Whether the operator calls the graph ready."""
    findings: tuple[Finding, ...]
    seen: tuple[str, ...]
    """What was looked at, with how much of it there is."""
    unseen: tuple[Unseen, ...]

    @property
    def errors(self) -> int:
        """Number of findings that are more than warnings."""
        return sum(finding.severity == ERROR for finding in self.findings)


def diagnose(bundle: Any) -> Diagnosis:
    """Return what a bundle tells; any plain data will do, and data of another shape tells nothing."""
    scene = Scene(bundle)
    found = [finding for rule in RULES for finding in rule(scene)]
    if not any(finding.severity == ERROR for finding in found):
        found += graph.not_ready(scene)
    errors_first = sorted(_joined(found), key=lambda finding: finding.severity != ERROR)
    return Diagnosis(
        namespace=scene.subject.namespace,
        graph=scene.subject.graph,
        ready=scene.ready,
        findings=tuple(errors_first),
        seen=tuple(scene.seen()),
        unseen=tuple(
            Unseen(*map(scrub, (text(row, "what"), text(row, "why")))) for row in rows(bundle, "unseen")
        ),
    )


RULES: tuple[Callable[[Scene], Iterator[Finding]], ...] = (
    graph.kinds,
    graph.graph,
    graph.operator,
    graph.releases,
    around.claims,
    around.secrets,
    pods.waiting,
    pods.created,
    around.jobs,
    graph.frontend,
    graph.dynamo_namespace,
)


def _joined(found: list[Finding]) -> list[Finding]:
    """Return the findings with one for each cause, whichever pods it was seen at, without secrets."""
    joined: dict[tuple[object, ...], Finding] = {}
    for finding in found:
        key = (finding.code, finding.cause, finding.paths)
        first = joined.setdefault(key, replace(finding, objects=()))
        objects = tuple(dict.fromkeys((*first.objects, *finding.objects)))
        joined[key] = replace(first, objects=objects)
    return [_scrubbed(finding) for finding in joined.values()]


def _scrubbed(finding: Finding) -> Finding:
    """Return the finding without what looks like a secret: a bundle may have been written by hand."""
    return replace(
        finding,
        objects=tuple(map(scrub, finding.objects)),
        symptom=scrub(" ".join(finding.symptom.split())),
        cause=scrub(finding.cause),
        remedy=scrub(finding.remedy),
    )
