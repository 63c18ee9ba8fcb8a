"""A complete recipe held to a policy: each problem names the recipe's line, and in its hint the policy's."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from recipegen.errors import Path, Problem, show
from recipegen.policyfile.language import Size
from recipegen.policyfile.reading import Policy
from recipegen.recipe import Component, Recipe
from recipegen.resolve import Plan
from recipegen.rules.hardware import asked
from recipegen.rules.images import image_of
from recipegen.rules.resources import amount
from recipegen.scaling import replicas, scaled_role
from recipegen.validate import placed

# Kubernetes' name of each number of a policy.
RESOURCES = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "storage"}


def hold(plan: Plan, policy: Policy) -> list[Problem]:
    """Return where a recipe does not keep to a policy, in the order of the policy's keys."""
    found = [problem for check in CHECKS for problem in check(plan, policy)]
    return [placed(problem, plan.loaded.document) for problem in found]


def _labels(plan: Plan, policy: Policy) -> Iterator[Problem]:
    keys = policy.keys.labels
    endpoint = plan.recipe.endpoint
    given = endpoint.labels if endpoint else {}
    path: Path = ("endpoint", "labels")
    for index, name in enumerate(keys.required or []):
        if name not in given:
            hint = f"add it: the policy asks for it, {policy.place('labels', 'required', index)}"
            yield Problem("policy-label", (*path, name), f"the label {name} is missing", hint)
    for index, name in enumerate(keys.reserved or []):
        if name in given:
            hint = f"take another key: the policy reserves it, {policy.place('labels', 'reserved', index)}"
            yield Problem("policy-reserved-label", (*path, name), f"{name} is reserved", hint)
    for name, values in (keys.values or {}).items():
        if name in given and given[name] not in values:
            message = f"is none of {', '.join(values)}, got {show(given[name])}"
            hint = f"the policy has its values, {policy.place('labels', 'values', name)}"
            yield Problem("policy-label-value", (*path, name), message, hint)


def _annotations(plan: Plan, policy: Policy) -> Iterator[Problem]:
    endpoint, together = plan.recipe.endpoint, policy.keys.annotations.together or []
    missing = [name for name in together if endpoint and name not in endpoint.annotations]
    if missing and len(missing) < len(together):
        message = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing beside the others"
        hint = f"the policy asks for all of them or none, {policy.place('annotations', 'together')}"
        yield Problem("policy-annotations", ("endpoint", "annotations"), message, hint)


def _environment(plan: Plan, policy: Policy) -> Iterator[Problem]:
    for path, env in _environments(plan):
        for index, name in enumerate(policy.keys.environment.reserved or []):
            if name in env:
                place = policy.place("environment", "reserved", index)
                hint = f"leave it out: the policy reserves it, {place}"
                yield Problem("policy-variable", (*path, name), f"{name} is reserved", hint)


def _images(plan: Plan, policy: Policy) -> Iterator[Problem]:
    registries = policy.keys.registries
    if registries is None:
        return
    for path, image in _all_images(plan):
        # As a node reads it: a name without a host is Docker Hub's.
        host, slash, _ = image.partition("/")
        named = bool(slash) and ("." in host or ":" in host or host == "localhost")
        whole = image if named else f"docker.io/{image if slash else f'library/{image}'}"
        if not any(whole.startswith(f"{registry.rstrip('/')}/") for registry in registries):
            message = f"comes from none of {', '.join(registries)}, got {show(image)}"
            hint = f"mirror it there, and name it here: the policy has the list, {policy.place('registries')}"
            yield Problem("policy-registry", path, message, hint)


def _amounts(plan: Plan, policy: Policy) -> Iterator[Problem]:
    most = policy.keys.max_replicas
    place = policy.place("maxReplicas")
    for role, span in replicas(plan.recipe).items():
        if most is not None and span.most > most:
            message = f"is more than {most}, got {span.most}"
            scaled = plan.recipe.scaling.enabled and role == scaled_role(plan.recipe)
            path: Path = ("scaling", "maxReplicas") if scaled else ("model", role, "replicas")
            yield Problem("policy-replicas", path, message, f"the policy has the number, {place}")
    clusters = plan.recipe.endpoint.clusters if plan.recipe.endpoint else {}
    # As many of each role; what something else scales stays as it is.
    there = {name: cluster.replicas for name, cluster in clusters.items() if cluster.replicas is not None}
    for name, number in there.items():
        if most is not None and number > most:
            message = f"is more than {most}, got {number}"
            path = ("endpoint", "clusters", name, "replicas")
            yield Problem("policy-replicas", path, message, f"the policy has the number, {place}")
    warmup = plan.recipe.warmup
    held = warmup.placeholders.count * (warmup.placeholders.gpus or 0) if warmup.enabled else 0
    yield from _gpus(policy, ("model",), plan.gpus + held)
    for name, number in there.items():
        path = ("endpoint", "clusters", name, "replicas")
        yield from _gpus(policy, path, _with(plan, number).gpus + held)


def _with(plan: Plan, number: int) -> Plan:
    """Return the plan with a cluster's number of replicas."""
    model = plan.tree["model"]
    roles = {role: {**model.get(role, {}), "replicas": number} for role in plan.workers}
    return replace(plan, recipe=Recipe.model_validate({**plan.tree, "model": {**model, **roles}}))


def _gpus(policy: Policy, path: Path, gpus: int) -> Iterator[Problem]:
    most = policy.keys.max_gpus
    if most is not None and gpus > most:
        message = f"all replicas take {gpus} GPUs, and {most} are allowed"
        hint = f"take fewer replicas or smaller ones: the policy has the number, {policy.place('maxGpus')}"
        yield Problem("policy-gpus", path, message, hint)


def _gpu_types(plan: Plan, policy: Policy) -> Iterator[Problem]:
    types, hardware = policy.keys.gpus, plan.recipe.hardware
    if types is not None and (hardware is None or hardware.gpu not in types):
        message = "no GPU type is named" if hardware is None else f"{hardware.gpu} is not allowed"
        hint = f"take one of {', '.join(types)}: the policy has the list, {policy.place('gpus')}"
        path: Path = ("hardware",) if hardware is None else ("hardware", "gpu")
        yield Problem("policy-gpu-type", path, message, hint)


def _priority(plan: Plan, policy: Policy) -> Iterator[Problem]:
    keys, given = policy.keys.priority_class, plan.recipe.model.priority_class
    path: Path = ("model", "priorityClass")
    if keys.required and given is None:
        hint = f"name one: the policy asks for it, {policy.place('priorityClass', 'required')}"
        yield Problem("policy-priority", path, "is missing", hint)
    if keys.allowed is not None and given is not None and given not in keys.allowed:
        message = f"is none of {', '.join(keys.allowed)}, got {show(given)}"
        hint = f"the policy has the list, {policy.place('priorityClass', 'allowed')}"
        yield Problem("policy-priority", path, message, hint)


def _together(plan: Plan, policy: Policy) -> Iterator[Problem]:
    """Yield workers that state a part of what has to be stated whole, LLM Engine's rule for hardware."""
    names = policy.keys.resources.together or []
    place = policy.place("resources", "together")
    for role, worker in plan.workers.items():
        stated = {*worker.resources.requests, *worker.resources.limits}
        missing = [name for name in names if name not in stated]
        if missing and len(missing) < len(names):
            message = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing beside the others"
            hint = f"the policy asks for all of them or none, {place}"
            yield Problem("policy-resources", ("model", role, "resources"), message, hint)
        if names and not missing and plan.recipe.hardware is None:
            hint = f"name the GPU type: the policy asks for hardware whole or not at all, {place}"
            message = f"model.{role}.resources are stated, and no GPU type"
            yield Problem("policy-resources", ("hardware",), message, hint)


def _sizes(plan: Plan, policy: Policy) -> Iterator[Problem]:
    """Yield what a pod asks for beyond what the policy gives pods on nodes of its kind."""
    pods = policy.keys.pods
    pairs: list[tuple[str, Component, Size | None, Path]] = [
        ("frontend", plan.recipe.model.frontend, pods.without_gpus, ("pods", "withoutGpus"))
    ]
    hardware = plan.recipe.hardware
    for index, row in enumerate(pods.with_gpus or []):
        if hardware is not None and hardware.gpu in row.gpus and hardware.mig == row.mig:
            row_at: Path = ("pods", "withGpus", index)
            pairs += [(role, worker, row, row_at) for role, worker in plan.workers.items()]
    forwarder = plan.recipe.model.forwarder
    forwarded = pods.forwarder if forwarder is not None and forwarder.enabled else None
    for role, component, size, place in pairs:
        for path, resource, quantity in asked(role, component):
            limit = getattr(size, RESOURCES[resource]) if size else None
            limit = limit or (pods.storage if RESOURCES[resource] == "storage" else None)
            if limit is None:
                continue
            off = getattr(forwarded, RESOURCES[resource]) if forwarded else None
            most = amount(limit) - (amount(off) if off else Fraction(0))
            if amount(quantity) > most:
                less = f" less {off} for the forwarder" if off else ""
                message = f"is more than a pod may ask for, {limit}{less}, got {show(quantity)}"
                hint = f"ask for less: the policy has the number, {policy.place(*place)}"
                yield Problem("policy-pod-size", path, message, hint)


def _environments(plan: Plan) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield every `env` of the recipe, wherever it stands."""

    def below(path: Path, tree: Any) -> Iterator[tuple[Path, dict[str, str]]]:
        for key, value in tree.items() if isinstance(tree, dict) else ():
            if key == "env" and isinstance(value, dict):
                yield (*path, key), value
            else:
                yield from below((*path, key), value)

    yield from below((), plan.tree)


def _all_images(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Yield every image of what is switched on, derived ones too."""
    backend = plan.recipe.model.backend
    key = "image" if backend.image is not None else "registry"
    yield ("model", "backend", key), image_of(plan.recipe.model)

    def below(path: Path, tree: Any) -> Iterator[tuple[Path, str]]:
        if isinstance(tree, list):
            for index, value in enumerate(tree):
                yield from below((*path, index), value)
        if not isinstance(tree, dict) or tree.get("enabled") is False or tree.get("install") is False:
            return
        for key, value in tree.items():
            if key in ("image", "toolImage") and isinstance(value, str):
                yield (*path, key), value
            elif key == "images" and isinstance(value, list):
                yield from (((*path, key, index), image) for index, image in enumerate(value))
            else:
                yield from below((*path, key), value)

    for block, tree in plan.tree.items():
        # Theirs are among the others: the backend's is above, and a person's words are no images.
        if block not in ("about", "variants"):
            yield from (found for found in below((block,), tree) if found[0][:2] != ("model", "backend"))


CHECKS = (
    _labels,
    _annotations,
    _environment,
    _images,
    _amounts,
    _gpu_types,
    _priority,
    _together,
    _sizes,
)
