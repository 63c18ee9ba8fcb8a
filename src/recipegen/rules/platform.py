"""The `platform` block: what has no effect, and what is said twice."""

from collections.abc import Iterator

from recipegen.errors import Problem, show
from recipegen.language import key_names
from recipegen.platform_values import typed
from recipegen.recipe import Gate, Platform, Recipe

# What says where the operator is; the rest says how it is installed.
ALWAYS = ("install", "namespace", "repository", "version")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield further values that a typed key says already, and settings of a release that is left alone."""
    platform = recipe.platform
    if platform.install:
        yield from _said_twice(platform)
        return
    for key, name in key_names(Platform).items():
        value = getattr(platform, name)
        # What is written as it is by default says nothing that gets lost.
        default = Gate(image=platform.gate.image) if name == "gate" else Platform.model_fields[name].default
        if key not in ALWAYS and value != default:
            value = value.model_dump(by_alias=True, exclude_none=True) if name == "gate" else value
            message = f"has no effect while platform.install is false, got {show(value)}"
            yield Problem("no-effect", ("platform", key), message, "leave it out", warning=True)


def _said_twice(platform: Platform) -> Iterator[Problem]:
    for key, place, _ in typed(platform):
        found = platform.values
        for depth, segment in enumerate(place, start=1):
            if segment not in found:
                break
            found = found[segment]
            if depth == len(place) or not isinstance(found, dict):
                path = ("platform", "values", *place[:depth])
                message = f"says what platform.{key} says too, got {show(found)}"
                yield Problem("said-twice", path, message, "keep one of the two")
                break
