"""The terms of a size: each number with its formula, where it comes from, and how sure it is."""

from dataclasses import dataclass
from typing import Any, Literal

GIB = 1024**3
Kind = Literal["measured", "published", "rule of thumb", "chosen"]


@dataclass(frozen=True)
class Term:
    """One number of the arithmetic."""

    name: str
    value: float
    unit: str
    """B (bytes), tokens, requests, or empty for a plain number."""
    formula: str
    """How it was worked out, with the numbers put in."""
    kind: Kind
    """measured: read off files or printed by an engine; published: follows from a published
    configuration, data sheet or source text; rule of thumb; chosen: the user's own setting or a default."""
    source: str
    uncertainty: str = ""
    """How far it may be off, such as ±1 %; empty: exact."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as data."""
        value = int(self.value) if float(self.value).is_integer() else round(self.value, 6)
        return {
            "name": self.name, "value": value, "unit": self.unit, "formula": self.formula,
            "kind": self.kind, "source": self.source, "uncertainty": self.uncertainty,
        }  # fmt: skip


def gib(size: float) -> str:
    """Return bytes in GiB, with two digits."""
    return f"{size / GIB:.2f} GiB"
