"""What all workers share: the Secret, GPUs, node labels and taints."""

from typing import Any

from recipegen.errors import show
from recipegen.importers.nodes import Node
from recipegen.importers.recipe.builder import Builder, Data

TOLERATION = ("key", "operator", "value", "effect")


def secret_of(make: Builder) -> Data:
    """Return the one Secret whose keys become variables of frontend and workers."""
    view = make.view
    named: dict[str, Node] = {}
    for role in [*view.workers, *view.components]:
        for name, node in view.under(role, "main", "envFrom").items():
            if node.value == "":
                named.setdefault(name, node)
    if not named:
        return {}
    first, *others = named
    for name in others:
        message = f"a recipe has one Secret for variables, {first}; got {show(name)}"
        keys = [
            (role, container, "envFrom", name)
            for role in view.components
            for container in ("main", "sidecar")
        ]
        make.claim("second-secret", named[name], message, *keys)
    make.origins["model", "huggingFaceTokenSecret"] = named[first]
    return {"huggingFaceTokenSecret": first}


def placement_of(make: Builder, roles: list[str]) -> Data:
    """Return GPU resource, node labels and tolerations, which all workers share."""
    view = make.view
    if view.mocker:
        return {}
    found: Data = {}
    resources = {name for role in roles for name in view.under(role, "main", "gpus")}
    if resources and "nvidia.com/gpu" not in resources:
        found["gpuResource"] = min(resources)
    for key, shape in (("nodeSelector", dict), ("tolerations", list)):
        each = {role: view.under(role, "pod", key) for role in roles}
        plain = {role: {name: node.value for name, node in nodes.items()} for role, nodes in each.items()}
        first = plain[roles[0]] or next((value for value in plain.values() if value), {})
        for role in roles:
            if plain[role] != first:
                at = next(iter(each[role].values()), view.components[role].node)
                message = f"all workers of a recipe share their {key}; those of {role} differ"
                make.claim("placement", at, message, (role, "pod", key))
        for role in roles:
            for node in each[role].values():
                extra = set(node.value) - set(TOLERATION) if isinstance(node.value, dict) else set()
                if extra:
                    message = (
                        f"a recipe's toleration has no {', '.join(sorted(extra))}, got {show(node.value)}"
                    )
                    make.claim("placement", node, message, (role, "pod", key))
        if not first:
            continue
        source = next(nodes for role, nodes in each.items() if plain[role] == first)
        for name, node in source.items():
            make.origins["model", key, name] = node
        found[key] = first if shape is dict else [_toleration(value) for value in first.values()]
        make.origins["model", key] = next(iter(source.values()))
    return found


def _toleration(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    plain = {key: value[key] for key in TOLERATION if value.get(key) not in (None, "")}
    return {key: each for key, each in plain.items() if (key, each) != ("operator", "Equal")}
