"""What a graph says, independent of how it is written: one value for each canonical key.

Original and rendered graph are seen through the same eyes, so what differs between the two views is what an
import changes. Nothing that a graph says may be missing here, or the comparison would be blind to it.

Keys begin with `graph` or with the role of a component: frontend, worker, prefill, decode, epp, or its name.
"""

from collections.abc import Mapping

from recipegen.importers.nodes import Node
from recipegen.importers.view.containers import describe
from recipegen.importers.view.graph import View, put_leaves
from recipegen.importers.view.pods import read_component
from recipegen.importers.view.roles import assign_roles


def see(graph: Node, config_maps: Mapping[str, Node]) -> View:
    """Return what a v1beta1 graph says; its problems are why it cannot be understood."""
    view = View(config_maps)
    top = view.reader.fields(graph)
    _metadata(view, top.get("metadata"))
    spec = view.reader.fields(top.get("spec"))
    for key, node in top.items():
        if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
            put_leaves(view, ("graph", key), node)
    for key, node in spec.items():
        # Those of all components, beside the graph's own.
        shared = key in ("labels", "annotations")
        if key not in ("components", "env"):
            put_leaves(view, ("graph", "spec", key) if shared else ("graph", key), node)
    if not view.reader.items(spec.get("components")) and not view.problems:
        hint = "`services` are v1alpha1's: correct apiVersion" if "services" in spec else ""
        view.problems.append(graph.problem("no-components", "the graph has no components", hint))
    parts = [
        read_component(view, item, spec.get("env")) for item in view.reader.items(spec.get("components"))
    ]
    assign_roles(view, [part for part in parts if part])
    for role, part in view.components.items():
        describe(view, role, part)
    return view


def _metadata(view: View, node: Node | None) -> None:
    given = view.reader.fields(node)
    for key, below in given.items():
        if key in SERVER_OWNED:
            continue
        if key in ("labels", "annotations"):
            for name, value in view.reader.fields(below).items():
                if name not in SERVER_ANNOTATIONS:
                    view.put(("graph", key, name), value)
        elif key in ("name", "namespace"):
            view.put(("graph", key), below, view.reader.text(below))
        else:
            put_leaves(view, ("graph", key), below)


# The API server writes these; they say nothing of what is wanted.
SERVER_OWNED = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generation",
    "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid",
)  # fmt: skip


SERVER_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "nvidia.com/dynamo-operator-origin-version",
)
