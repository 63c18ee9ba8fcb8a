"""Plain data whose shape nobody vouches for, such as what a cluster or a saved file holds.

Each reader follows keys and gives an empty value of its own type where something else stands.
"""

from typing import Any


def at(value: Any, *path: str) -> Any:
    """Return what stands below the keys, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: Any, *path: str) -> str:
    """Return the text below the keys, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def number(value: Any, *path: str, default: int = 0) -> int:
    """Return the whole number below the keys, also one that stands in quotes, or the default."""
    found = at(value, *path)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 16:
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def rows(value: Any, *path: str) -> list[dict[str, Any]]:
    """Return the maps of the list below the keys."""
    found = at(value, *path)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def table(value: Any, *path: str) -> dict[str, Any]:
    """Return the map below the keys, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, dict) else {}


def name(value: Any) -> str:
    """Return the name of a Kubernetes object."""
    return text(value, "metadata", "name")


def condition(value: Any, kind: str) -> dict[str, Any]:
    """Return the condition of that type from an object's status, or an empty one."""
    return next((row for row in rows(value, "status", "conditions") if row.get("type") == kind), {})
