"""The model's name, and the volume that holds its weights."""

import re

from recipegen.errors import show
from recipegen.importers.nodes import Node
from recipegen.importers.recipe.builder import Builder, Data
from recipegen.importers.recipe.env import in_lost_mount
from recipegen.importers.view.graph import Key
from recipegen.recipe.forms import INNER_PATH


def model_of(make: Builder, roles: list[str]) -> Data:
    """Return the model's name and revision, and the volume that holds it."""
    told = _told(make, roles, "--model-path" if make.view.mocker else make.table["model"])
    served = _told(make, roles, _served_option(make), needed=False)
    if not told:
        return {"name": "unknown"}
    _alike(make, told, "loads another model than the workers before it")
    _alike(make, served, "serves another name than the workers before it")
    first, at = next(iter(told.values()))
    alias, named = next(iter(served.values()), ("", at))
    make.origins["model", "name"] = at
    keys = _keys(make, roles)
    for _, node in served.values():
        if len(node.value[-1]) > 1:
            more = show(node.value[-1][1:])
            message = f"clients ask a recipe's model by one name, {show(alias)}; got also {more}"
            make.claim("served-name", node, message, *keys)
    if "://" in first:
        message = f"weights are loaded from an address, got {show(first)}"
        hint = "name the model's id, and see model.cache.s3, which downloads into a volume once"
        make.problems.append(at.problem("weights", message, hint))
    if first.startswith(("/", "./", "~")):
        return _on_a_volume(make, roles, first, alias, named)
    if not alias or alias == first:
        return {"name": first, **_revision(make, roles)}
    make.origins["model", "servedName"] = named
    return {"name": first, "servedName": alias, **_revision(make, roles)}


def _served_option(make: Builder) -> str:
    return "--model-name" if make.view.mocker else str(make.table["servedName"])


def _keys(make: Builder, roles: list[str]) -> list[Key]:
    names = ("--model-path", "--model", _served_option(make))
    return [(role, "main", "option", name) for role in roles for name in names]


def _told(
    make: Builder, roles: list[str], option: str, *, needed: bool = True
) -> dict[str, tuple[str, Node]]:
    """Return what each role says to an option, and where; a problem where it has to say something."""
    found: dict[str, tuple[str, Node]] = {}
    for role in roles:
        node = make.options(role).get(option)
        if node is not None and node.value[-1]:
            found[role] = (node.value[-1][0], node)
        elif needed:
            at = make.view.components[role].command.at
            make.problems.append(at.problem("no-model", f"{role}: the command names no model"))
    return found


def _alike(make: Builder, told: dict[str, tuple[str, Node]], what: str) -> None:
    first = next(iter(told.values()), ("", None))[0]
    for role, (text, node) in told.items():
        if text != first:
            message = f"{role} {what}, {show(first)}, got {show(text)}"
            make.problems.append(node.problem("second-model", message))


def _revision(make: Builder, roles: list[str]) -> Data:
    option = make.table["revision"]
    told = {} if make.view.mocker else _told(make, roles, option, needed=False)
    _alike(make, told, "loads another revision than the workers before it")
    for text, node in told.values():
        make.origins["model", "revision"] = node
        return {"revision": text}
    return {}


def _on_a_volume(make: Builder, roles: list[str], folder: str, alias: str, at: Node) -> Data:
    """Return name and volume of a model that is loaded from a folder."""
    for _, node in _told(make, roles, make.table["revision"], needed=False).values():
        keys: list[Key] = [(role, "main", "option", make.table["revision"]) for role in roles]
        make.claim("default", node, "a folder has no revision", *keys)
    make.origins["model", "name"] = at
    name = alias
    if not alias:
        name = folder.rstrip("/").rpartition("/")[2]
        message = f"clients ask for {show(name)}, the folder's name, got {show(folder)}"
        make.claim("served-name", at, message, *_keys(make, roles))
    return {"name": name, **_claim_cache(make, roles, folder, at)}


def _claim_cache(make: Builder, roles: list[str], folder: str, at: Node) -> Data:
    """Return the block `cache` for a folder of weights on a volume."""
    view = make.view
    for path, node in view.under(roles[0], "main", "mount").items():
        inside = folder == path or folder.startswith(f"{path}/")
        if not inside or not isinstance(node.value, dict) or "claim" not in node.value:
            continue
        inner = folder[len(path) :].strip("/")
        if node.value.get("subPath"):
            inner = "/".join(filter(None, [node.value["subPath"].strip("/"), inner]))
        claim: Data = {"name": node.value["claim"]}
        make.origins["model", "cache"] = node
        if inner and re.fullmatch(INNER_PATH, inner):
            claim["path"] = inner
        if not node.value["readOnly"]:
            claim["readOnly"] = False
        if path != "/opt/models":
            return {"cache": {"enabled": True, "claim": claim, "mountPath": path}}
        return {"cache": {"enabled": True, "claim": claim}}
    message = f"the model is a folder, but of no volume claim that the workers mount, got {show(folder)}"
    hint = "put the weights on a volume, or name the model's id"
    make.problems.append(at.problem("weights", message, hint))
    return {}


def claim_volumes(make: Builder) -> None:
    """Claim the volumes in containers that a recipe does not mount."""
    for role in make.view.components:
        for container in ("main", "sidecar"):
            for path, node in make.view.under(role, container, "mount").items():
                key = (role, container, "mount", path)
                what = node.value if isinstance(node.value, dict) else {}
                if "emptyDir" in what:
                    message = f"{path}: a recipe has no volume for scratch; the folder is the container's own"
                    make.claim("scratch", node, message, key)
                elif "configMap" in what:
                    message = f"{path}: no variable and no option names a file of it, got {show(what)}"
                    make.claim("unnamed-file", node, message, key)
                elif "claim" in what and in_lost_mount(make, path, {path: node}):
                    message = f"{path}: a recipe mounts a folder of weights alone, got {show(what)}"
                    make.claim("weights-volume", node, message, key)
