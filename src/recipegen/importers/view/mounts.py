"""Volumes in containers, and the files on them that commands and variables name."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from recipegen.importers.nodes import Node
from recipegen.importers.view.graph import Component, EngineFile, Key, View


@dataclass(frozen=True)
class Mount:
    """A volume in a container, and where."""

    node: Node
    path: str
    volume: str
    sub_path: str
    read_only: bool


def mounts_of(view: View, container: dict[str, Node]) -> list[Mount]:
    """Return what a container mounts."""
    found = []
    for item in view.reader.items(container.get("volumeMounts")):
        given = view.reader.fields(item)
        path = view.reader.text(given.get("mountPath"))
        read_only = given.get("readOnly")
        found.append(
            Mount(
                item,
                path.rstrip("/") or path,
                view.reader.text(given.get("name")),
                view.reader.text(given.get("subPath")),
                bool(read_only and read_only.value is True),
            )
        )
    return found


def absolute(view: View, path: Node, part: Component) -> Node:
    """Return the path of a file in the container, from its root."""
    text = str(path.value)
    folder = part.command.directory or part.main.get("workingDir")
    if text.startswith("/") or folder is None:
        return path
    base = PurePosixPath(view.reader.text(folder) or "/")
    parts: list[str] = []
    for step in [*base.parts[1:], *PurePosixPath(text).parts]:
        if step == "..":
            parts = parts[:-1]
        else:
            parts.append(step)
    return path.here("/" + "/".join(parts))


def in_a_config_map(view: View, path: Node, mounts: list[Mount], part: Component) -> EngineFile:
    """Return what a file in the container is: of a ConfigMap, where one is mounted there."""
    where = PurePosixPath(str(path.value))
    for mount in mounts:
        source = view.reader.fields(part.volumes.get(mount.volume, {}).get("configMap"))
        name = view.reader.text(source.get("name"))
        at = PurePosixPath(mount.path or "/")
        if not name or (where != at and at not in where.parents):
            continue
        inner = mount.sub_path if where == at else str(where.relative_to(at))
        keys = {
            view.reader.text(view.reader.fields(item).get("path")): view.reader.text(
                view.reader.fields(item).get("key")
            )
            for item in view.reader.items(source.get("items"))
        }
        key = keys.get(inner, inner)
        held = view.reader.fields(view.config_maps.get(name))
        content = held[key].value if key in held else None
        return EngineFile(path, name, key, content)
    return EngineFile(path)


def _pointed_at(part: Component, folder: str) -> list[str]:
    """Return the files below a folder that variables and options name."""
    texts = [node.value for node in part.variables.values() if isinstance(node.value, str)]
    texts += [str(word.value) for given in part.options.values() for words in given for word in words]
    return sorted({text for text in texts if text == folder or text.startswith(f"{folder}/")})


def put_mounts(view: View, place: Key, mounts: list[Mount], part: Component) -> set[str]:
    """Put the mounts of a container into the view, and return the volumes that they are of."""
    file = view.files.get(place[0]) if place[1] == "main" else None
    for mount in mounts:
        volume = part.volumes.get(mount.volume, {})
        claim = view.reader.fields(volume.get("persistentVolumeClaim"))
        memory = view.reader.fields(volume.get("emptyDir"))
        config = view.reader.text(view.reader.fields(volume.get("configMap")).get("name"))
        what: dict[str, Any] = {key: node.plain() for key, node in volume.items() if key != "name"}
        if claim:
            read_only = mount.read_only or bool(claim.get("readOnly") and claim["readOnly"].value)
            what = {"claim": view.reader.text(claim.get("claimName")), "readOnly": read_only}
        if memory and mount.path == "/dev/shm" and "sizeLimit" in memory:
            size = memory["sizeLimit"]
            view.put((place[0], "sharedMemory"), size, view.reader.amount(size))
        elif config and file and config == file.config_map:
            # Its content is in the view already.
            continue
        elif config and _put_files(view, place, mount, part):
            continue
        else:
            what = {
                **(what or {"volume": mount.volume}),
                **({"subPath": mount.sub_path} if mount.sub_path else {}),
            }
            view.put((*place, "mount", mount.path), mount.node, what)
    return {mount.volume for mount in mounts}


def _put_files(view: View, place: Key, mount: Mount, part: Component) -> bool:
    """Put in the files of a ConfigMap that variables and options name; return whether there are any."""
    paths = _pointed_at(part, mount.path)
    for path in paths:
        found = in_a_config_map(view, mount.node.here(path), [mount], part)
        reference = {"configMap": found.config_map, "key": found.key}
        content = found.content if isinstance(found.content, str) else reference
        view.put((*place, "configured", path), mount.node, content)
    return bool(paths)
