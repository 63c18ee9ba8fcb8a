"""What components, pods and containers say, put into the view key by key."""

import re

from recipegen.errors import show
from recipegen.importers.nodes import Node, node_of
from recipegen.importers.view.files import take_file
from recipegen.importers.view.graph import (
    WORKERS,
    Component,
    Key,
    View,
    defaults,
    flags_of,
    put_leaves,
)
from recipegen.importers.view.mounts import mounts_of, put_mounts
from recipegen.importers.view.pods import command_of, variables_of
from recipegen.importers.view.roles import options_of
from recipegen.importers.view.values import same_text
from recipegen.rules.arguments import FRONTEND_OPTIONS

# What Kubernetes fills in where nothing is said.
POD_DEFAULTS = {
    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
    "securityContext": {}, "affinity": {}, "tolerations": [], "nodeSelector": {}, "volumes": [],
}  # fmt: skip


CONTAINER_DEFAULTS = {
    "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File", "securityContext": {}, "resources": {}, "ports": [],
}  # fmt: skip


GPU = re.compile(r"(nvidia|amd|habana|gpu\.intel)\.(com|ai)/(gpu.*|mig-.*|gaudi|i915|xe)")


def describe(view: View, role: str, part: Component) -> None:
    """Put what a component says into the view."""
    view.put((role, "name"), part.fields["name"])
    view.put((role, "type"), part.fields.get("type", part.node), part.type)
    for key, node in part.fields.items():
        if key in ("name", "type", "podTemplate"):
            continue
        _put_own(view, role, key, node)
    view.values.setdefault((role, "replicas"), Node(1, part.node.path, part.node.mark))
    view.values.setdefault((role, "nodes"), Node(1, part.node.path, part.node.mark))
    for key, node in part.metadata.items():
        for name, value in (
            view.reader.fields(node).items() if key in ("labels", "annotations") else [("", node)]
        ):
            put_leaves(view, (role, "pod", key, *([name] if name else [])), value)
    used = _describe_pod(view, role, part)
    for name, volume in part.volumes.items():
        if name not in used:
            put_leaves(view, (role, "pod", "volumes", name), node_of(volume))


def _put_own(view: View, role: str, key: str, node: Node) -> None:
    """Put a field of a component into the view."""
    if key == "replicas":
        view.put((role, key), node, view.reader.number(node, 1))
    elif key == "multinode":
        view.put((role, "nodes"), node, view.reader.number(view.reader.fields(node).get("nodeCount"), 2))
    elif key == "sharedMemorySize":
        view.put((role, "sharedMemory"), node, view.reader.amount(node))
    elif key == "frontendSidecar":
        view.put((role, key), node, "")
    elif key == "scalingAdapter":
        # The map is the switch; it has no fields, so those that it has are told by themselves.
        fields = view.reader.fields(node)
        if isinstance(node.value, dict):
            view.put((role, key), node, {})
        for name, below in fields.items():
            put_leaves(view, (role, key, name), below)
    else:
        put_leaves(view, (role, key), node)


def _describe_pod(view: View, role: str, part: Component) -> set[str]:
    """Put in what the pod says, and return the volumes that its main container mounts."""
    sidecar = view.reader.text(part.fields.get("frontendSidecar"))
    for key, node in part.pod.items():
        if key not in ("containers", "volumes") and POD_DEFAULTS.get(key, ...) != node.plain():
            _describe_field(view, role, key, node)
    used: set[str] = set()
    for name, container in part.containers.items():
        if name == "main":
            used = _describe_container(view, (role, "main"), container, part)
        elif name == sidecar:
            inner = Component(**{**part.__dict__, "role": "", "options": {}})
            inner.variables = variables_of(view, container, None)
            inner.command = command_of(view, container, inner.variables, "frontend")
            inner.options = options_of(view, inner, "frontend")
            _describe_container(view, (role, "sidecar"), container, inner)
        else:
            put_leaves(view, (role, "container", name), container["name"].here(container))
    if sidecar and sidecar not in part.containers:
        message = f"no container of the pod is called {show(sidecar)}"
        view.problems.append(part.fields["frontendSidecar"].problem("sidecar", message))
    return used


def _describe_field(view: View, role: str, key: str, node: Node) -> None:
    """Put in one field of a pod's spec."""
    if key == "initContainers":
        for name, container in view.reader.named(node).items():
            put_leaves(view, (role, "init", name), node.here(container))
    elif key == "affinity" and (labels := _labels(node)) is not None:
        for name, value in labels.items():
            view.put((role, "pod", "nodeSelector", name), node, value)
    elif key == "tolerations":
        for item in view.reader.items(node):
            view.put((role, "pod", key, _flat(item)), item, item.plain())
    else:
        put_leaves(view, (role, "pod", key), node)


def _labels(affinity: Node) -> dict[str, str] | None:
    """Return the node labels that an affinity asks for, or None where it says more than that."""
    plain = affinity.plain()
    try:
        required = plain["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        (terms,) = required["nodeSelectorTerms"]
        (only,) = plain.values()
        found = {each["key"]: each for each in terms["matchExpressions"]}
        simple = len(only) == 1 and terms.keys() == {"matchExpressions"}
        labels = {key: each["values"][0] for key, each in found.items()}
        if simple and all(e["operator"] == "In" and len(e["values"]) == 1 for e in found.values()):
            return labels if all(isinstance(each, str) for each in (*labels, *labels.values())) else None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        pass
    return None


def _flat(node: Node) -> str:
    plain = node.plain()
    if isinstance(plain, dict):
        plain = {"operator": "Equal", **plain}
        return ", ".join(f"{key}={plain[key]}" for key in sorted(plain))
    return str(plain)


def _describe_container(
    view: View,
    place: Key,
    container: dict[str, Node],
    part: Component,
) -> set[str]:
    for key, node in container.items():
        if key in ("name", "command", "args", "env", "envFrom", "resources", "volumeMounts"):
            continue
        if CONTAINER_DEFAULTS.get(key, ...) != node.plain():
            put_leaves(view, (*place, key), node)
    view.put((*place, "module"), part.command.at, part.command.module)
    if place[0] not in (*WORKERS, "frontend") and place[1] == "main" and part.command.words:
        words = part.command.words
        view.put((*place, "words"), words[0], [word.value for word in words])
    if part.command.directory:
        view.put((*place, "workingDir"), part.command.directory)
    for index, node in enumerate(part.command.left_out):
        view.put((*place, "shell", str(index)), node)
    _resources(view, place, container.get("resources"))
    for source in view.reader.items(container.get("envFrom")):
        _source(view, place, source)
    mounts = mounts_of(view, container)
    if place[0] in view.workers and place[1] == "main":
        take_file(view, place[0], part, mounts)
    _put_options(view, place, part)
    _put_variables(view, place, part)
    return put_mounts(view, place, mounts, part)


def _resources(view: View, place: Key, node: Node | None) -> None:
    given = view.reader.fields(node)
    halves = {half: view.reader.fields(given.get(half)) for half in ("limits", "requests")}
    for key, other in given.items():
        if key not in halves:
            put_leaves(view, (*place, "resources", key), other)
    for half, amounts in halves.items():
        for name, amount in amounts.items():
            if GPU.fullmatch(name):
                text = view.reader.amount(amount)
                if not re.fullmatch("[0-9]{1,4}", text):
                    view.reader.problems.append(
                        amount.problem("wrong-type", f"needs a number of GPUs, got {show(text)}")
                    )
                elif int(text):
                    view.put((*place, "gpus", name), amount, int(text))
            elif half == "limits" or "/" not in name or name not in halves["limits"]:
                # Of what is not shared, such as network cards, the request is the limit.
                view.put((*place, "resources", half, name), amount, view.reader.amount(amount))


def _source(view: View, place: Key, node: Node) -> None:
    given = view.reader.fields(node)
    secret = view.reader.text(view.reader.fields(given.get("secretRef")).get("name"))
    plain = node.plain()
    if secret and not view.reader.text(given.get("prefix")):
        view.put((*place, "envFrom", secret), node, "")
    elif view.reader.text(view.reader.fields(given.get("configMapRef")).get("name")) not in view.config_maps:
        view.put((*place, "envFrom", show(plain)), node, plain)


def _put_variables(view: View, place: Key, part: Component) -> None:
    for name, node in part.variables.items():
        reference = view.reader.fields(node).get("secretKeyRef") if isinstance(node.value, dict) else None
        secret = view.reader.fields(reference)
        table = flags_of("frontend") if place[0] == "frontend" else None
        option = table.variables.get(name, "") if table else ""
        if name == "HF_TOKEN" and view.reader.text(secret.get("key")) == name:
            view.put((*place, "envFrom", view.reader.text(secret.get("name"))), node, "")
        elif option in FRONTEND_OPTIONS and isinstance(node.value, str):
            # Dynamo takes these where the option is not given.
            switch = option == "--router-replica-sync"
            said = not switch or node.value.lower() in ("1", "true", "yes", "on")
            if said and option not in part.options:
                view.put((*place, "option", option), node, [[] if switch else [node.value]])
        else:
            view.put((*place, "env", name), node, node.plain())


def _put_options(view: View, place: Key, part: Component) -> None:
    without = defaults().get(part.command.module, {})
    for option, occurrences in part.options.items():
        last = [str(word.value) for word in occurrences[-1]]
        if len(last) == 1 and option in without and same_text(last[0], without[option]):
            continue
        node = occurrences[-1][0] if occurrences[-1] else part.command.at
        raw = [[str(word.value) for word in words] for words in occurrences]
        view.put((*place, "option", option), node, raw)
