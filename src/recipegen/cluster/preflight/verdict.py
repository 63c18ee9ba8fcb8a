"""The verdict: what was looked at, what to change, and whether the recipe fits with all of it changed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recipegen import facts, yamlio
from recipegen.cluster.findings import Unseen
from recipegen.cluster.preflight import access, room, stores
from recipegen.cluster.preflight.inventory import Inventory
from recipegen.cluster.preflight.items import CANNOT, CHANGE, UNKNOWN, Change, Item
from recipegen.cluster.preflight.survey import Survey
from recipegen.cluster.preflight.wants import Wants, wants
from recipegen.document import merge
from recipegen.errors import RecipeError
from recipegen.resolve import Plan, resolve
from recipegen.rules.hardware import NODE_LABELS
from recipegen.validate import validate

FITS, FITS_WITH, CANNOT_FIT = "fits", "fits with", "cannot"
ROUNDS = 4
"""How often changes are put into the recipe and judged again: one may need another."""

RULES: tuple[Callable[[Wants, Survey], Iterator[Item]], ...] = (
    access.login,
    access.namespaces,
    access.kinds,
    access.rights,
    room.room,
    room.allowed,
    access.security,
    stores.storage,
    stores.named,
    stores.addresses,
    stores.metrics,
    stores.scraping,
)


@dataclass(frozen=True)
class Outcome:
    """What one form of a recipe comes to in a cluster."""

    variant: str
    verdict: str
    """`fits`, `fits with` changes, or `cannot`."""
    items: tuple[Item, ...]
    """What was looked at for the recipe as it stands."""
    changes: tuple[Change, ...]
    """With all of these in the recipe, it was judged again."""
    reasons: tuple[Item, ...]
    """What keeps it from fitting with them; empty where it fits."""
    told: bool
    """Whether everything that was asked could be told, of the recipe as it stands and with the changes."""


@dataclass(frozen=True)
class Preflight:
    """Whether a recipe fits a cluster, and with which changes."""

    server: str
    version: str
    context: str
    outcome: Outcome
    variants: tuple[Outcome, ...]
    """The other forms of the recipe."""
    inventory: Inventory
    unseen: tuple[Unseen, ...]

    @property
    def verdict(self) -> str:
        """`fits`, `fits with` changes, or `cannot`."""
        return self.outcome.verdict

    @property
    def changes(self) -> tuple[Change, ...]:
        """What to change in the recipe, each a key and its value."""
        return self.outcome.changes


def judge(plan: Plan, others: Sequence[Plan], survey: Survey) -> Preflight:
    """Return the verdict on a plan, and on the other forms of its recipe.

    Raises:
        NoAnswerError: when the cluster does not answer, or does not know who asks.
        ToolError: when there is no Helm to render with.
    """
    version = survey.version()
    outcome = settle(plan, survey)
    return Preflight(
        server=survey.connection.server,
        version=version,
        context=survey.connection.context,
        outcome=outcome,
        variants=tuple(settle(other, survey) for other in others if other.variant != plan.variant),
        inventory=room.stock(wants(plan), survey),
        unseen=survey.unseen,
    )


def settle(plan: Plan, survey: Survey) -> Outcome:
    """Return what one form comes to; changes are put into the recipe, and that is judged like any other."""
    first = current = _items(plan, survey)
    changes: dict[Any, Change] = {}
    for _ in range(ROUNDS):
        wanted = {c.path: c for item in current for c in item.changes}
        if not wanted:
            break
        changes |= wanted
        try:
            current = _items(patched(plan, changes.values()), survey)
        except RecipeError as error:
            words = "; ".join(problem.message for problem in error.problems)
            current = [Item("changes", CANNOT, f"the recipe is wrong with them: {words}")]
            break
    reasons = tuple(item for item in current if item.state in (CANNOT, CHANGE))
    verdict = CANNOT_FIT if reasons else FITS_WITH if changes else FITS
    told = not any(item.state == UNKNOWN for item in (*first, *current))
    return Outcome(plan.variant, verdict, tuple(first), tuple(changes.values()), reasons, told)


def patched(plan: Plan, changes: Iterable[Change]) -> Plan:
    """Return the plan of the same recipe with some values changed.

    Raises:
        RecipeError: when the recipe is wrong with them.
    """
    tree: dict[str, Any] = {}
    for change in changes:
        block = tree
        for step in change.path[:-1]:
            block = block.setdefault(str(step), {})
        block[str(change.path[-1])] = change.value
    document = merge(plan.loaded.document, yamlio.read(yamlio.write(tree), "preflight", lines=False))
    return resolve(validate(replace(plan.loaded, document=document)))


def _items(plan: Plan, survey: Survey) -> list[Item]:
    asked = wants(plan)
    items = [item for rule in RULES for item in rule(asked, survey)]
    if any(item.check == "room" and item.state == CANNOT for item in items):
        other = _other_hardware(plan, survey)
        items = [_with(item, other) if other else item for item in items]
    return items


def _with(item: Item, changes: tuple[Change, ...]) -> Item:
    stuck = item.check == "room" and item.state == CANNOT
    return replace(item, state=CHANGE, remedy="", changes=changes) if stuck else item


def _other_hardware(plan: Plan, survey: Survey) -> tuple[Change, ...]:
    """Return the changes to GPUs that the cluster has and that have room for the recipe, if any."""
    hardware = plan.recipe.hardware
    if hardware is None:
        return ()
    nodes = [node for node in room.stock(wants(plan), survey).nodes if not node.closed]
    found = dict.fromkeys(pair for node in nodes for pair in _hardware_of(node.labels))
    here = (hardware.cluster, hardware.gpu)
    for cluster, gpu in sorted(
        found, key=lambda pair: (pair[1] != hardware.gpu, pair[0] != hardware.cluster)
    ):
        changes = []
        if gpu != hardware.gpu:
            changes.append(Change(("hardware", "gpu"), gpu, "the cluster has such GPUs, and room on them"))
        if cluster != hardware.cluster:
            changes.append(
                Change(("hardware", "cluster"), cluster, "its nodes have the labels of such a cluster")
            )
        try:
            if (cluster, gpu) != here and _roomy(patched(plan, changes), survey):
                return tuple(changes)
        except RecipeError:
            # The model does not run on those GPUs, or not as the recipe has it.
            continue
    return ()


def _roomy(plan: Plan, survey: Survey) -> bool:
    """Return whether there is room for a plan, if need be for fewer replicas of it."""
    return not any(item.state == CANNOT for item in room.room(wants(plan), survey))


def _hardware_of(labels: Any) -> Iterator[tuple[str, str]]:
    """Yield the kinds of cluster and GPU that a node's labels stand for."""
    for gpu, fact in facts.hardware().items():
        for cluster, key in (("gpu-operator", "product"), ("gke", "gke")):
            if fact.get(key) and labels.get(NODE_LABELS[cluster]) == fact[key]:
                yield cluster, gpu
    machine = facts.nodes()["types"].get(labels.get(NODE_LABELS["eks"]))
    if machine and machine["cluster"] in ("eks", "aks"):
        yield machine["cluster"], machine["gpu"]
