"""The endpoint picker against the graph that it picks from, and against what asks it."""

from collections.abc import Iterator

from recipegen.errors import Problem, show
from recipegen.language import key_names
from recipegen.recipe import EndpointPicker, Recipe

PATH = ("model", "endpointPicker")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a picker that knows no cache, that is not there or not asked, and settings of one that is off."""
    picker = recipe.model.endpoint_picker
    if not picker.enabled:
        yield from _without_effect(picker)
        return
    policy = recipe.model.routing_policy
    if policy != "kv":
        message = (
            f"the endpoint picker needs KV routing, in which workers tell what they cache, got {policy!r}"
        )
        hint = "set it to kv, or model.endpointPicker.enabled to false"
        yield Problem("picker-without-kv", ("model", "routingPolicy"), message, hint)
    if picker.replicas == 0:
        message = "a gateway refuses requests while nobody picks their endpoint, got 0"
        hint = "set it to 1 or more, or model.endpointPicker.enabled to false"
        yield Problem("picker-without-replicas", (*PATH, "replicas"), message, hint)
    if not recipe.gateway.enabled or recipe.gateway.inference_pool is False:
        message = "no route of this recipe leads to it"
        hint = "write a route to the InferencePool <graph>-pool yourself, or set gateway.enabled to true"
        if recipe.gateway.enabled:
            hint = (
                "write a route to the InferencePool <graph>-pool yourself, or leave gateway.inferencePool out"
            )
        yield Problem("picker-not-asked", (*PATH, "enabled"), message, hint, warning=True)


def _without_effect(picker: EndpointPicker) -> Iterator[Problem]:
    for key, name in key_names(EndpointPicker).items():
        value = getattr(picker, name)
        if value != EndpointPicker.model_fields[name].default:
            written = value if isinstance(value, int | dict) else "settings"
            message = f"has no effect while model.endpointPicker.enabled is false, got {show(written)}"
            hint = "set model.endpointPicker.enabled to true, or leave it out"
            yield Problem("no-effect", (*PATH, key), message, hint, warning=True)
