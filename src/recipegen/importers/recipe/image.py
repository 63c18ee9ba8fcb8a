"""Engine, image and Dynamo release."""

import re

from recipegen import facts
from recipegen.errors import show
from recipegen.importers.nodes import Node
from recipegen.importers.recipe.builder import Builder, Data
from recipegen.importers.view.graph import Key
from recipegen.rules.images import REFERENCE, VERSION_TAG

REGISTRY = "nvcr.io/nvidia/ai-dynamo"
# Tags that stand for one which somebody has yet to choose.
PLACEHOLDER = re.compile(r":(?:\$\{[^{}]*\}|\$[A-Za-z_]+|<[^<>]*>)$")
NO_TAG = ("", "latest", "my-tag", "none", "main", "tag", "placeholder")


def backend_of(make: Builder, roles: list[str]) -> Data:
    """Return engine and image; one image serves frontend and workers."""
    view = make.view
    found: Data = {"type": view.backend}
    if view.mocker:
        named = next((make.options(role).get("--engine-type") for role in roles), None)
        if named:
            make.origins["model", "backend", "type"] = named
    images = {
        role: view.values[role, "main", "image"]
        for role in view.components
        if (role, "main", "image") in view.values
    }
    overrides = [node for (role, key, *_), node in view.values.items() if key == "runtimeVersionOverride"]
    first = next((images[role] for role in roles if role in images), None)
    if first is None or not isinstance(first.value, str):
        at = view.components[roles[0]].node
        make.problems.append(at.problem("image", "the workers name no image"))
        return found
    for role in roles:
        if role in images and images[role].value != first.value:
            message = f"a recipe has one image, {show(first.value)}; {role} has {show(images[role].value)}"
            make.claim("second-image", images[role], message, (role, "main", "image"))
    for role in view.components:
        if role not in roles and role in images and images[role].value != first.value:
            message = f"the image of {role}, {show(images[role].value)}, is another than that of the workers"
            make.claim("one-image", images[role], message, (role, "main", "image"))
    stated = str(overrides[0].value) if overrides else ""
    return found | _image(make, first, stated)


def _image(make: Builder, node: Node, stated: str) -> Data:
    """Return the keys of the backend that say this image."""
    image = str(node.value)
    filled = PLACEHOLDER.sub(":placeholder", image)
    match = REFERENCE.fullmatch(filled)
    tag = (match["tag"] or "") if match else ""
    pinned = bool(match and match["digest"])
    path = filled.partition("@")[0]
    registry, _, name = (path.removesuffix(f":{tag}") if tag else path).rpartition("/")
    for key in ("image", "registry", "version"):
        make.origins["model", "backend", key] = node
    version = VERSION_TAG.fullmatch(tag)
    inside = stated or (version["version"] if version else "")
    own = name == ("dynamo-planner" if make.view.mocker else make.table["image"])
    known, newest = facts.dynamo(), facts.newest_dynamo()
    place = {} if registry == REGISTRY else {"registry": registry}
    if make.view.mocker and not own:
        message = f"the mocker runs in Dynamo's planner image of {newest}, got {show(image)}"
        make.claim("image", node, message, *_keys(make))
        return {"version": newest}
    if own and registry and not pinned and tag == inside and tag in known:
        return {"version": tag, **place}
    if own and registry and not pinned and tag == inside and version:
        message = f"Dynamo {tag} is not known here: {newest} in its place, in whose words the recipe is"
        make.claim("release", node, message, *_keys(make))
        return {"version": newest, **place}
    if own and registry and not pinned and tag in NO_TAG and not stated:
        message = f"the tag of {show(image)} is still to be chosen: {newest}, the newest release, is taken"
        make.claim("release", node, message, *_keys(make))
        return {"version": newest, **place}
    if inside in known:
        return {"image": image, "version": inside} if stated else {"image": image}
    what = f"Dynamo {inside} is not known here" if inside else "which Dynamo is inside is not said"
    message = f"{what}: {newest} is taken to be in the image, got {show(image)}"
    make.claim("release", node, message, *_keys(make))
    return {"image": image, "version": newest}


def _keys(make: Builder) -> list[Key]:
    """Return the keys of every image in the graph."""
    roles = [*make.view.components]
    keys: list[Key] = [(role, "runtimeVersionOverride") for role in roles]
    return keys + [(role, container, "image") for role in roles for container in ("main", "sidecar")]
