"""Requests and limits: what a container can be given, and GPUs, which have a key of their own."""

import re
from collections.abc import Iterator
from fractions import Fraction

from recipegen.errors import Path, Problem, show
from recipegen.recipe import ModelExpress, Recipe, Resources
from recipegen.roles import workers

# What Kubernetes knows by a bare name; everything else has a domain before it, such as nvidia.com/gpu.
OWN = ("cpu", "memory", "ephemeral-storage")
FACTORS = {"": Fraction(1), "m": Fraction(1, 1000)}
FACTORS |= {unit: Fraction(1000**power) for power, unit in enumerate("kMGTP", start=1)}
FACTORS |= {f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTP", start=1)}


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield resources that Kubernetes does not have, GPUs outside `gpus`, and requests unlike their limit."""
    model = recipe.model
    yield from _resources(("model", "frontend"), model.frontend.resources, None)
    picker, path = model.endpoint_picker, ("model", "endpointPicker")
    yield from _resources(path, picker.resources, None)
    yield from _resources((*path, "sidecar"), picker.sidecar.resources, None)
    if recipe.model_express.enabled:
        # The chart's defaults stay where the recipe says nothing, so a request keeps to their limit too.
        own: Resources = ModelExpress.model_fields["resources"].default
        given = recipe.model_express.resources
        merged = Resources(requests=own.requests | given.requests, limits=own.limits | given.limits)
        yield from _resources(("modelExpress",), merged, None)
    for role, worker in workers(model).items():
        yield from _resources(("model", role), worker.resources, model.gpu_resource)
    held = recipe.warmup.placeholders.resources
    if held is not None:
        gpu = recipe.warmup.gpu_resource or model.gpu_resource
        yield from _resources(("warmup", "placeholders"), held, gpu)


def _resources(path: Path, resources: Resources, gpu: str | None) -> Iterator[Problem]:
    for half, amounts in {"requests": resources.requests, "limits": resources.limits}.items():
        for name in amounts:
            place = (*path, "resources", half, name)
            if name == gpu:
                worker = path[0] == "model"
                whose = "a worker" if worker else "a placeholder"
                message = f"has no effect: the GPUs of {whose} are those of `gpus`"
                hint = f"leave it out, and set `gpus`{' or the parallel sizes' if worker else ''}"
                yield Problem("gpu-among-resources", place, message, hint)
            elif name not in OWN and not given_whole(name):
                hint = f"known are {', '.join(OWN)}, hugepages-SIZE, and names such as nvidia.com/gpu"
                yield Problem("unknown-resource", place, "is no resource that Kubernetes has", hint)
    for name, request in resources.requests.items():
        limit = resources.limits.get(name)
        place = (*path, "resources", "requests", name)
        if name != gpu and given_whole(name) and (limit is None or amount(request) != amount(limit)):
            message = f"needs a limit of the same number, which is {limit or 'missing'}, got {request!r}"
            hint = f"write it under limits alone, {name}: {show(request)}, which is the request too"
            yield Problem("request-unlike-limit", place, message, hint)
        elif limit is not None and amount(request) > amount(limit):
            message = f"is more than the limit, {limit}, got {request!r}"
            yield Problem("request-beyond-limit", place, message)


def given_whole(name: str) -> bool:
    """Return whether a container gets as much as its limit says and no less: devices and huge pages."""
    return "/" in name or name.startswith("hugepages-")


def amount(quantity: str) -> Fraction:
    """Return a Kubernetes quantity as a number: bytes, CPUs or pieces."""
    number, unit = re.split(r"(?=[a-zA-Z]|$)", quantity, maxsplit=1)
    return Fraction(number) * FACTORS[unit]
