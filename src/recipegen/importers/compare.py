"""Differences between the graph that was given and the one that its recipe renders, each with its reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from typing import Any

from recipegen import yamlio
from recipegen.errors import Problem, redact, show
from recipegen.importers.nodes import Node
from recipegen.importers.view.graph import Claim, Key, View
from recipegen.importers.view.values import same
from recipegen.rules.configs import NO_SECRET, SECRET_NAME

# Steps of a key that are containers of settings, not settings: each thing below is reported by itself.
OPEN = ("option", "env", "envFrom", "mount", "labels", "annotations", "init", "container", "volumes", "file",
        "nodeSelector", "tolerations", "securityContext", "limits", "requests", "gpus")  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that is not in both graphs alike."""

    reason: str
    """A row of reasons.yaml; empty where there is none."""
    how: str
    """lost, added, changed, or anew: the same thing in other words."""
    what: str
    """Where in the graph it is, such as `decode main option --model`."""
    message: str
    hint: str = ""
    node: Node | None = None

    @property
    def refused(self) -> bool:
        """Whether the graph would do something else without it."""
        return bool(self.reason and reasons()[self.reason].get("refuse"))

    def problem(self, code: str = "", *, warning: bool = True) -> Problem:
        """Return it as a problem, in the place where it was written."""
        node = self.node or Node(None)
        return Problem(
            code or self.reason or "unexplained", node.path, self.message, self.hint, node.mark, warning
        )


@cache
def reasons() -> dict[str, Any]:
    """Return the reasons by name, in the order in which they are tried."""
    return yamlio.read_file(File(__file__).parent / "reasons.yaml", "reasons.yaml").data


def compare(given: View, rendered: View, claims: Iterable[Claim]) -> list[Difference]:
    """Return what differs between two graphs, in the order of the given one; claims are tried first."""
    found: dict[tuple[str, ...], Difference] = {}
    used: dict[int, str] = {}
    every = [*claims]
    for key in [*given.values, *(key for key in rendered.values if key not in given.values)]:
        one, other = given.values.get(key), rendered.values.get(key)
        if one is not None and other is not None and same(key, one.value, other.value):
            continue
        how = "changed" if one is not None and other is not None else "lost" if one is not None else "added"
        claim = next(
            (c for c in every if any(key[: len(each)] == each for each in c.keys) and _fits(c.reason, how)),
            None,
        )
        if claim:
            used.setdefault(id(claim), how)
            continue
        reason, depth = _reason(key, how, given)
        prefix = key[: _depth(key, depth)]
        name = (*prefix, reason, how)
        if name not in found:
            found[name] = _difference(reason, how, prefix, key, (given, rendered))
    claimed = [_claimed(claim, used.get(id(claim), "")) for claim in every]
    # What the graph says once for all components is told once.
    told = {(each.reason, each.message, each.node and each.node.mark): each for each in claimed if each}
    return [*told.values(), *found.values()]


def refusals(given: View) -> Iterator[Difference]:
    """Yield what is in a graph that no recipe could say, before one is made of it."""
    found: dict[tuple[str, ...], Difference] = {}
    for key in given.values:
        reason, depth = _reason(key, "lost", given)
        row = reasons().get(reason, {})
        if row.get("refuse"):
            found.setdefault(
                (*key[:depth], reason), _difference(reason, "lost", key[:depth], key, (given, View({})))
            )
    yield from found.values()


def beside(objects: Iterable[tuple[str, Node]]) -> Iterator[Difference]:
    """Yield the objects of the file that are no graph, and what of a recipe stands for them."""
    for kind, node in objects:
        reason, row = next(
            (name, row) for name, row in reasons().items() if {kind, "*"} & {*row.get("kinds", [])}
        )
        metadata = node.value.get("metadata")
        name = metadata.value.get("name") if metadata and isinstance(metadata.value, dict) else None
        what = f"{kind} {name.value}" if name else kind
        at = Node(None, (), node.value["kind"].mark if "kind" in node.value else node.mark)
        yield Difference(
            reason, "beside", what, f"{show(what)[1:-1]}: {row['why']}", row.get("instead", ""), at
        )


def _fits(reason: str, how: str) -> bool:
    return how in reasons()[reason]["how"]


def _reason(key: Key, how: str, given: View) -> tuple[str, int]:
    """Return the first reason that explains a key, and how many of its steps that names."""
    for name, row in reasons().items():
        if how not in row["how"]:
            continue
        for pattern in row.get("keys", []):
            if not _matches(key, pattern, given):
                continue
            if "only" in row and (len(key) <= len(pattern) or key[len(pattern)] not in row["only"]):
                continue
            if name == "no-frontend" and "frontend" in given.components:
                continue
            if name == "unknown-field" and not _is_field(key):
                continue
            return name, len(pattern) + ("only" in row)
    return "", len(key)


def _is_field(key: Key) -> bool:
    """Return whether a key is a field of graph or component, and nothing that a recipe has a place for."""
    if key[0] == "graph":
        return key[1] not in ("name", "namespace", "backendFramework")
    return key[1] not in ("name", "type", "replicas", "nodes", "sharedMemory", "pod", "main", "sidecar")


def _matches(key: Key, pattern: list[str], given: View) -> bool:
    if pattern[0].startswith("#"):
        part = given.components.get(key[0])
        return part is not None and part.type == pattern[0][1:]
    steps = zip(key, pattern, strict=False)
    # `*` in front means a component; the graph's own keys are named.
    own = pattern[0] == "*" and key[0] == "graph"
    return not own and len(key) >= len(pattern) and all(want in ("*", step) for step, want in steps)


def _depth(key: Key, depth: int) -> int:
    """Return how many steps of a key are reported as one thing."""
    if depth < len(key) and depth and key[depth - 1] in OPEN:
        return depth + 1
    return max(depth, 1)


def _difference(reason: str, how: str, prefix: Key, key: Key, views: tuple[View, View]) -> Difference:
    given, rendered = views
    one, other = given.values.get(key), rendered.values.get(key)
    row = reasons().get(reason, {})
    what = " ".join(prefix)
    node = one or _nearest(given, key)
    # Some of what is below may be carried over; that is none of what was lost.
    held = [k for k in given.values if k[: len(prefix)] == prefix and k not in rendered.values]
    if how == "changed":
        text = f"{_shown(key, one)} becomes {_shown(key, other)}"
    elif how == "added":
        text = f"{_shown(key, other)}" if prefix == key else ""
    else:
        text = _shown(key, one) if len(held) == 1 else f"{len(held)} settings"
    words = f"{what}: {text}" if text else what
    why = row.get("why", "no reason is known for this")
    return Difference(
        reason, "anew" if row.get("anew") else how, what, f"{words}: {why}", row.get("instead", ""), node
    )


def _claimed(claim: Claim, how: str) -> Difference | None:
    """Return what a claim tells; one that no difference needs is told where the graph is said anew."""
    row = reasons()[claim.reason]
    if not how and not row.get("anew"):
        return None
    how = "anew" if row.get("anew") else how
    what = " ".join(claim.keys[0]) if claim.keys else ""
    return Difference(claim.reason, how, what, claim.message, row.get("instead", ""), claim.node)


def _shown(key: Key, node: Node | None) -> str:
    if node is None:
        return ""
    value = node.value
    secret = len(key) > 3 and key[2] == "env" and SECRET_NAME.fullmatch(key[3])
    if secret and not NO_SECRET.fullmatch(str(value)):
        return "<redacted>"
    if len(key) > 3 and key[2] == "option" and isinstance(value, list):
        return show(" ".join(redact(word) for word in value[-1])) if value[-1] else "given"
    return show(value)


def _nearest(given: View, key: Key) -> Node | None:
    """Return where what is new would stand: with its component."""
    part = given.components.get(key[0])
    return part.node if part else None
