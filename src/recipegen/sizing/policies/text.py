"""The terms of a policy's arithmetic as text."""

from collections.abc import Iterable
from typing import Literal

from recipegen.memory import Term

SIZES = {"GB": 10**9, "GiB": 2**30}


def lines(terms: Iterable[Term], unit: Literal["GB", "GiB"]) -> list[str]:
    """Return a line a term: name, value, formula; bytes in the unit that the policy counts in."""
    rows = [(term.name, _value(term, unit), term.formula) for term in terms]
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    return [f"  {name:<{first}}  {value:<{second}}  {formula}" for name, value, formula in rows]


def _value(term: Term, unit: str) -> str:
    if term.unit == "B":
        return f"{term.value / SIZES[unit]:.2f} {unit}"
    return f"{term.value:.0f} {term.unit}".rstrip()
