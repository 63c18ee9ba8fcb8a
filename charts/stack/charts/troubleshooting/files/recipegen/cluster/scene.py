# Written by `make regen` from src/recipegen/cluster/scene.py.
"""A bundle by kind, and what a finding about it is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from recipegen.cluster import signs
from recipegen.cluster.collect import WORDS, subject_of
from recipegen.cluster.plain import at, condition, name, number, rows, table, text
from recipegen.cluster.signs import Sign

ERROR, WARNING = "error", "warning"
WORKERS = ("worker", "prefill", "decode")
IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
START_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
# Blocks of the recipe, by the component label of their pods.
BLOCKS = {
    "benchmark": "benchmark",
    "batch": "batch",
    "model-express": "modelExpress",
    "gateway": "gateway",
    "epp": "model.endpointPicker",
    "troubleshooting": "troubleshooting",
    "fault-injection": "faultInjection",
    "storage-load": "faultInjection",
    "ingestion": "ingestion",
    "images": "warmup",
    "placeholder": "warmup",
}
# Keys of `model.frontend`.
OF_FRONTEND = ("args", "env", "resources", "replicas")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong in the cluster."""

    code: str
    """Short name of the kind of finding, for programs: gpus-taken, image-missing, secret-missing, …"""
    severity: str
    """`error`, or `warning` for what may pass by itself or does no harm yet."""
    objects: tuple[str, ...]
    """What it was seen at, as `Kind name`."""
    symptom: str
    cause: str
    remedy: str
    paths: tuple[str, ...] = ()
    """Lines of the recipe to change, the likeliest first; none where no recipe can help."""


class Scene:
    """The bundle, by kind."""

    def __init__(self, bundle: Any) -> None:
        self._bundle = bundle
        self.subject = subject_of(bundle)
        self.graph = next(iter(self.of("graph")), {})
        self.parts = rows(self.graph, "spec", "components")
        self.jobs = self.of("jobs")
        self.finished = {name(job) for job in self.jobs if condition(job, "Complete").get("status") == "True"}
        self.pods = [pod for pod in self.of("pods") if self._counts(pod)]
        state = text(self.graph, "status", "state")
        self.ready = state == "successful" or condition(self.graph, "Ready").get("status") == "True"

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the objects of one kind; none where it was not looked at."""
        return rows(self._bundle, "objects", kind)

    def looked(self, kind: str) -> bool:
        """Return whether all objects of one kind could be looked at."""
        missed = [text(row, "what") for row in rows(self._bundle, "unseen")]
        return isinstance(at(self._bundle, "objects", kind), list) and WORDS[kind] not in missed

    def seen(self) -> Iterator[str]:
        """Yield what was looked at."""
        for kind, words in WORDS.items():
            if self.looked(kind):
                yield f"{words} ({len(self.of(kind))})"

    def events(self, *names: str, reasons: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Return the events about the objects of these names, with one of the reasons if any are given."""
        return [
            event
            for event in self.of("events")
            if text(event, "involvedObject", "name") in names
            and (not reasons or event.get("reason") in reasons)
        ]

    def log(self, pod: str, container: str) -> dict[str, Any]:
        """Return what was kept of a container's log."""
        found = (row for row in self.of("logs") if (row.get("pod"), row.get("container")) == (pod, container))
        return next(found, {})

    def replicas(self, role: str) -> int:
        """Return the replicas that the graph in the cluster asks for; none of what it does not have."""
        part = next((part for part in self.parts if text(part, "name") == role), {"replicas": 0})
        return number(part, "replicas", default=1)

    def _counts(self, pod: dict[str, Any]) -> bool:
        """Return whether the pod belongs to the present: not going, not done, not of a Job that is done."""
        owners = {text(owner, "name") for owner in rows(pod, "metadata", "ownerReferences")}
        going = at(pod, "metadata", "deletionTimestamp") or text(pod, "status", "phase") == "Succeeded"
        doctor = role_of(pod) == "troubleshooting"
        return not going and not doctor and not owners & self.finished


def role_of(item: dict[str, Any]) -> str:
    """Return the part of the recipe that a pod or Job belongs to: worker, frontend, download and so on."""
    labels = table(item, "metadata", "labels")
    found = text(labels, "app.kubernetes.io/component") or text(labels, "nvidia.com/dynamo-component")
    return found.lower()


def paths_for(paths: tuple[str, ...], role: str) -> tuple[str, ...]:
    """Return the recipe lines of a sign for one role; other components have their block and little else."""
    if role in WORKERS:
        return tuple(path.format(role=role) for path in paths)
    if role == "frontend":
        return tuple(dict.fromkeys(_frontend(path) for path in paths if not path.startswith("model.engine")))
    if role in ("download", "cache"):
        plain = tuple(path for path in paths if "{role}" not in path)
        return plain or ("model.cache",)
    if role in BLOCKS:
        return (BLOCKS[role],)
    return tuple(dict.fromkeys(path.partition(".{role}")[0] for path in paths))


def signed(
    group: tuple[Sign, ...],
    seen: str,
    pod: dict[str, Any] | None,
    searched: str,
    *,
    about: tuple[str, ...] = (),
    role: str = "",
) -> Iterator[Finding]:
    """Yield the finding of the first sign of the group that the text holds."""
    found = signs.first(group, searched)
    if found:
        sign, match = found
        words = {key: value or "" for key, value in match.groupdict().items()}
        role = role_of(pod) if pod else role
        objects = about or ((called(pod),) if pod else ())
        cause = sign.cause.format(**words)
        yield Finding(sign.code, ERROR, objects, seen, cause, sign.remedy, paths_for(sign.paths, role))


def statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the status of every container of a pod."""
    return rows(pod, "status", "initContainerStatuses") + rows(pod, "status", "containerStatuses")


def called(pod: dict[str, Any]) -> str:
    """Return what a finding calls a pod."""
    return f"Pod {name(pod)}"


def complaint(item: dict[str, Any]) -> str:
    """Return what the conditions that do not hold say, the longest first."""
    wrong = [row for row in rows(item, "status", "conditions") if row.get("status") != "True"]
    words = [": ".join(filter(None, (text(row, "reason"), text(row, "message")))) for row in wrong]
    return max(words, key=len, default="")


def _frontend(path: str) -> str:
    block, _, key = path.partition(".{role}.")
    key = key.removeprefix("engine.")
    return f"{block}.frontend.{key}" if key in OF_FRONTEND else path.partition(".{role}")[0]
