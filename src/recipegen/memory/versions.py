"""Facts that changed from one version of an engine to the next."""

import re
from typing import Any


def since(rows: dict[str, Any], version: str) -> Any:
    """Return the fact of a version: the newest row that is not newer; without a version the newest of all."""
    known = {_order(start): fact for start, fact in rows.items()}
    asked = _order(version) if version else max(known)
    return known[max(start for start in known if start <= asked)]


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
