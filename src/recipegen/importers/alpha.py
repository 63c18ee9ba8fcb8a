"""A v1alpha1 graph in the shape of v1beta1; every part keeps the place where it was written.

What v1beta1 has no field for stays under its old name, so that whoever looks at the graph next finds it.
Source: the API reference of both versions.
"""

from recipegen.importers.nodes import Node, Reader
from recipegen.roles import SIDECAR

# The type that componentType and subComponentType stand for together.
TYPES = {("worker", "prefill"): "prefill", ("worker", "decode"): "decode", ("main", ""): "worker"}
TYPES |= {("main", "prefill"): "prefill", ("main", "decode"): "decode"}
TYPES |= {("", "prefill"): "prefill", ("", "decode"): "decode"}
# Fields of a service that have another place or form in v1beta1; all others stay.
MOVED = {
    "componentType", "subComponentType", "resources", "envs", "envFromSecret", "volumeMounts", "extraPodSpec",
    "extraPodMetadata", "livenessProbe", "readinessProbe", "sharedMemory", "scalingAdapter",
    "frontendSidecar", "annotations", "labels",
}  # fmt: skip


def beta(graph: Node, reader: Reader) -> Node:
    """Return a v1alpha1 graph as v1beta1 has it."""
    top = reader.fields(graph)
    spec = reader.fields(top.get("spec"))
    services = reader.fields(spec.get("services"))
    claims = {
        reader.text(each.get("name")): each for each in map(reader.fields, reader.items(spec.get("pvcs")))
    }
    made = [each.get("name", graph) for each in claims.values() if _is_true(each.get("create"))]
    moved = {key: below for key, below in spec.items() if key not in ("services", "pvcs", "envs")}
    if "envs" in spec:
        moved["env"] = spec["envs"]
    if made:
        moved["pvcs"] = spec["pvcs"].here(made)
    components = [_component(name, node, reader) for name, node in services.items()]
    at = spec.get("services", graph)
    moved["components"] = Node(components, at.path, at.mark)
    return graph.here({**top, "spec": top["spec"].here(moved) if "spec" in top else graph.here(moved)})


def _is_true(node: Node | None) -> bool:
    return node is not None and node.value is True


def _component(name: str, node: Node, reader: Reader) -> Node:
    service = reader.fields(node)
    found: dict[str, Node] = {"name": node.here(name)}
    kind = reader.text(service.get("componentType"))
    sub = reader.text(service.get("subComponentType"))
    at = service.get("subComponentType") or service.get("componentType") or node
    if kind or sub:
        found["type"] = at.here(TYPES.get((kind, sub), kind or sub))
    found |= {key: below for key, below in service.items() if key not in MOVED}
    memory = reader.fields(service.get("sharedMemory"))
    if "disabled" in memory and memory["disabled"].value is True:
        found["sharedMemorySize"] = memory["disabled"].here("0")
    elif "size" in memory:
        found["sharedMemorySize"] = memory["size"]
    adapter = service.get("scalingAdapter")
    settings = reader.fields(adapter)
    # Off by default there, while v1beta1 has an adapter as soon as the field is a map.
    if adapter and _is_true(settings.pop("enabled", None)):
        found["scalingAdapter"] = adapter.here(settings)
    pod = dict(reader.fields(service.get("extraPodSpec")))
    main = dict(reader.fields(pod.pop("mainContainer", None)))
    mounts, volumes, cache = _volumes(service, pod, reader)
    if cache:
        found["compilationCache"] = cache
    containers = [node.here(_main(service, main, mounts, node, reader))]
    if "frontendSidecar" in service:
        sidecar = service["frontendSidecar"]
        containers.append(_sidecar(sidecar, reader))
        found["frontendSidecar"] = sidecar.here(SIDECAR)
    pod["containers"] = node.here([*containers, *reader.items(pod.get("containers"))])
    if volumes:
        pod["volumes"] = node.here([*reader.items(pod.get("volumes")), *volumes])
    metadata = dict(reader.fields(service.get("extraPodMetadata")))
    metadata |= {key: service[key] for key in ("annotations", "labels") if key in service}
    template = {"spec": node.here(pod)}
    if metadata:
        template["metadata"] = node.here(metadata)
    found["podTemplate"] = node.here(template)
    return node.here(found)


def _main(
    service: dict[str, Node], main: dict[str, Node], mounts: list[Node], node: Node, reader: Reader
) -> dict[str, Node]:
    # Some say a name that the operator does not look at, or an empty one.
    found = {**main, "name": node.here("main")}
    env = [*reader.items(service.get("envs")), *reader.items(main.get("env"))]
    if env:
        found["env"] = node.here(env)
    sources = [*_secret(service.get("envFromSecret")), *reader.items(main.get("envFrom"))]
    if sources:
        found["envFrom"] = node.here(sources)
    every = [*mounts, *reader.items(main.get("volumeMounts"))]
    if every:
        found["volumeMounts"] = node.here(every)
    resources = _resources(service.get("resources"), reader)
    own = reader.fields(main.get("resources"))
    for half in {**resources, **own}:
        if half in resources and half in own and isinstance(own[half].value, dict):
            own[half] = own[half].here({**reader.fields(resources[half]), **own[half].value})
    if resources or own:
        found["resources"] = (service.get("resources") or main["resources"]).here({**resources, **own})
    found |= {key: service[key] for key in ("livenessProbe", "readinessProbe") if key in service}
    return found


def _secret(node: Node | None) -> list[Node]:
    return [node.here({"secretRef": node.here({"name": node})})] if node else []


def _sidecar(node: Node, reader: Reader) -> Node:
    given = reader.fields(node)
    found = {key: below for key, below in given.items() if key not in ("envs", "envFromSecret")}
    found["name"] = node.here(SIDECAR)
    if "envs" in given:
        found["env"] = given["envs"]
    sources = _secret(given.get("envFromSecret"))
    if sources:
        found["envFrom"] = node.here(sources)
    return node.here(found)


def _resources(node: Node | None, reader: Reader) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for half, amounts in reader.fields(node).items():
        if half not in ("limits", "requests"):
            found[half] = amounts
            continue
        given = reader.fields(amounts)
        kind = reader.text(given.get("gpuType")) or "nvidia.com/gpu"
        inner = {key: below for key, below in given.items() if key not in ("gpu", "gpuType", "custom")}
        if "gpu" in given:
            inner[kind] = given["gpu"]
        found[half] = amounts.here({**inner, **reader.fields(given.get("custom"))})
    return found


def _volumes(
    service: dict[str, Node], pod: dict[str, Node], reader: Reader
) -> tuple[list[Node], list[Node], Node | None]:
    """Return mounts, the volumes that they mean, and the compilation cache."""
    own = set(reader.named(pod.get("volumes")))
    mounts, volumes, cache = [], [], None
    for item in reader.items(service.get("volumeMounts")):
        given = reader.fields(item)
        name, place = given.get("name"), given.get("mountPoint") or given.get("mountPath")
        if name is None:
            reader.problems.append(item.problem("missing-key", "names no volume"))
            continue
        flag = given.get("useAsCompilationCache")
        if flag and flag.value is True:
            cache = item.here({"pvcName": name, **({"mountPath": place} if place else {})})
            continue
        rest = {
            key: below for key, below in given.items() if key not in ("mountPoint", "useAsCompilationCache")
        }
        mounts.append(item.here({**rest, **({"mountPath": place} if place else {})}))
        if str(name.value) not in own:
            own.add(str(name.value))
            claim = item.here({"claimName": name})
            volumes.append(item.here({"name": name, "persistentVolumeClaim": claim}))
    return mounts, volumes, cache
