"""Facts that changed from one version of an engine to the next."""

import re
from typing import Any


def since(rows: dict[str, Any], version: str) -> Any:
    """Return the fact of a version: the newest row that is not newer; without a version the newest of all."""
    known = {order(start): fact for start, fact in rows.items()}
    asked = order(version) if version else max(known)
    return known[max(start for start in known if start <= asked)]


def order(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which versions are compared."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
