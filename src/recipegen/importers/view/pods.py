"""Components and their pods, with what the main container runs and the variables that it has."""

from recipegen.errors import show
from recipegen.importers import commands
from recipegen.importers.commands import Command
from recipegen.importers.nodes import Node
from recipegen.importers.view.graph import FRONTEND, Component, View


def read_component(view: View, item: Node, shared: Node | None) -> Component | None:
    """Return a component, or None, with a problem, where it cannot be one."""
    given = view.reader.fields(item)
    name = view.reader.text(given.get("name"))
    if not name:
        view.reader.problems.append(item.problem("missing-key", "a component without a name"))
        return None
    template = view.reader.fields(given.get("podTemplate"))
    pod = view.reader.fields(template.get("spec"))
    part = Component(
        name=name,
        node=item,
        fields=given,
        type=view.reader.text(given.get("type")),
        metadata=view.reader.fields(template.get("metadata")),
        pod=pod,
        containers=view.reader.named(pod.get("containers")),
        volumes=view.reader.named(pod.get("volumes")),
    )
    if not part.main:
        at = pod.get("containers") or given.get("podTemplate") or item
        message = f"component {show(name)} has no container called main"
        view.reader.problems.append(at.problem("no-main", message, "the operator refuses it too"))
        return None
    part.variables = variables_of(view, part.main, shared)
    part.command = command_of(view, part.main, part.variables, part.type)
    part.variables |= part.command.env
    return part


def variables_of(view: View, container: dict[str, Node], shared: Node | None) -> dict[str, Node]:
    """Return the variables of a container: text where it is in the file, else what they refer to."""
    found: dict[str, Node] = {}
    for source in view.reader.items(container.get("envFrom")):
        given = view.reader.fields(source)
        reference = view.reader.fields(given.get("configMapRef"))
        held = view.config_maps.get(view.reader.text(reference.get("name"))) if reference else None
        prefix = view.reader.text(given.get("prefix"))
        for key, value in (view.reader.fields(held) if held else {}).items():
            if isinstance(value.value, str):
                found[prefix + key] = source.here(value.value)
    for item in [*view.reader.items(shared), *view.reader.items(container.get("env"))]:
        given = view.reader.fields(item)
        name = view.reader.text(given.get("name"))
        if not name:
            view.reader.problems.append(item.problem("missing-key", "a variable without a name"))
        elif "valueFrom" in given:
            found[name] = _referred(view, given["valueFrom"])
        else:
            value = given.get("value", item.here(""))
            text = view.reader.text(value)
            # Kubernetes puts in what was set before.
            found[name] = commands.expanded(value.here(text), found, {}, view.reader.problems)
    return found


def _referred(view: View, node: Node) -> Node:
    """Return the text that a variable takes from a ConfigMap of the file, else the reference."""
    reference = view.reader.fields(view.reader.fields(node).get("configMapKeyRef"))
    held = view.reader.fields(view.config_maps.get(view.reader.text(reference.get("name"))))
    value = held.get(view.reader.text(reference.get("key")))
    return node.here(value.value) if value is not None and isinstance(value.value, str) else node


def command_of(view: View, container: dict[str, Node], variables: dict[str, Node], kind: str) -> Command:
    """Return what a container runs, with the operator's own command where it says none."""
    words = [*view.reader.items(container.get("command")), *view.reader.items(container.get("args"))]
    for word in words:
        if not isinstance(word.value, str):
            view.reader.text(word)
    words = [word.here(word.value) for word in words if isinstance(word.value, str)]
    if not view.reader.items(container.get("command")) and kind in ("frontend", "epp", ""):
        at = container["name"]
        if kind == "epp":
            return Command("epp", at, words)
        # The operator's own command, and its own arguments where there are none.
        if words and str(words[0].value) == "-m":
            words = [at.here("python3"), *words]
        elif not words or str(words[0].value).startswith("-"):
            words = [at.here("python3"), at.here("-m"), at.here(FRONTEND), *words]
    return commands.parse(words, variables, view.reader.problems)
