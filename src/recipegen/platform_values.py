"""The values of the upstream operator's chart, from the `platform` block alone."""

import copy
from collections.abc import Iterator
from typing import Any

from recipegen import facts
from recipegen.language import setting
from recipegen.recipe import Platform

Place = tuple[str, ...]


def upstream_values(platform: Platform) -> dict[str, Any]:
    """Return the chart's values: what the typed keys stand for, and `values` beside them."""
    found = copy.deepcopy(platform.values)
    for _, place, value in typed(platform):
        below = found
        for segment in place[:-1]:
            below = below.setdefault(segment, {})
        below[place[-1]] = value
    return found


def typed(platform: Platform) -> Iterator[tuple[str, Place, Any]]:
    """Yield each typed key that says something, its place in the chart's values, and what stands there."""
    table = facts.platform()
    for key, place in table["values"].items():
        value = setting(platform, key)
        if value is not None:
            yield key, tuple(place), value
    for key, choices in table["switches"].items():
        choice = setting(platform, key)
        if choice != "none":
            yield key, tuple(choices[choice]), True
    if platform.grove == platform.kai_scheduler == "install":
        yield "kaiScheduler", tuple(table["groveWithKai"]["path"]), table["groveWithKai"]["value"]
