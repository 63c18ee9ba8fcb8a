"""What one look at a cluster says: whether something is as the recipe needs it, and what would make it so."""

from dataclasses import dataclass
from typing import Any

from recipegen.errors import Path, dotted
from recipegen.origin import leaves
from recipegen.resolve import Plan

OK, WARN, CHANGE, CANNOT, UNKNOWN = "ok", "warn", "change", "cannot", "unknown"
"""As it should be; so, but worth a look; would be with a change of the recipe; no change helps; not told."""


@dataclass(frozen=True)
class Change:
    """A key of the recipe, and the value with which it fits."""

    path: Path
    value: Any
    why: str

    @property
    def key(self) -> str:
        """The path as people write it."""
        return dotted(self.path)


@dataclass(frozen=True)
class Item:
    """One thing that was looked at."""

    check: str
    """What was looked at, in a word or two."""
    state: str
    words: str
    """What was seen."""
    remedy: str = ""
    """What to do where no change of the recipe helps."""
    changes: tuple[Change, ...] = ()
    """All of them are needed."""
    paths: tuple[str, ...] = ()
    """Lines of the recipe that decide it."""


def key_with(plan: Plan, value: str, block: str = "") -> tuple[str, ...]:
    """Return the keys of a plan that have this value, those of a block alone where one is named."""
    found = (path for path, there in leaves(plan.tree) if there == value and path[0] != "about")
    return tuple(dotted(path) for path in found if not block or path[0] == block)[:2]
