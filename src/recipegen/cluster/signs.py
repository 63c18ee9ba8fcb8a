"""What Kubernetes and container runtimes say, what it means, and the recipe line to change.

Within one group the first pattern that is found counts, so the particular stands before the general.
`{role}` in a path is the worker's role; other names in braces are groups of the pattern. The texts of
Kubernetes are those of 1.30 to 1.36. What processes say as they end is in `log_signs`.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """A text that gives a cause away."""

    code: str
    """Short name of the finding, for programs."""
    pattern: str
    """Regular expression, searched without regard to case."""
    cause: str
    remedy: str
    paths: tuple[str, ...] = ()
    """Recipe lines to change, the likeliest first; none where no recipe can help."""


def first(signs: tuple[Sign, ...], text: str) -> tuple[Sign, re.Match[str]] | None:
    """Return the first sign that the text holds, and where."""
    for sign in signs:
        found = re.search(sign.pattern, text, re.IGNORECASE)
        if found:
            return sign, found
    return None


def rank(signs: tuple[Sign, ...], text: str) -> int:
    """Return the place of the first sign that the text holds; the lower, the more particular."""
    found = first(signs, text)
    return signs.index(found[0]) if found else len(signs)


BACKEND = ("model.backend.version", "model.backend.image", "model.backend.registry")

# Of a container that waits for its image: its own message, and the events of its pod.
IMAGE = (
    Sign(
        "image-rate-limit",
        r"toomanyrequests|429 Too Many|rate limit",
        "The registry refuses further pulls for now.",
        "Pull through a mirror, or with an account.",
        ("model.backend.registry",),
    ),
    Sign(
        "image-denied",
        r"unauthorized|authorization failed|authentication required|no basic auth|denied|\b40[13]\b",
        "The registry does not give this image to the cluster: it wants an account, or has none such.",
        "Create a pull Secret for the registry in this namespace, or take the image from a mirror.",
        ("model.backend.registry", "model.backend.image"),
    ),
    Sign(
        "image-missing",
        r"not found|manifest unknown|name unknown|does not exist",
        "The registry has no image of that name and tag.",
        "Name a release that exists; images of one release come out together.",
        BACKEND,
    ),
    Sign(
        "image-platform",
        r"no match for platform|exec format error",
        "The image was not built for the processor of this node.",
        "Choose nodes of the image's architecture, or another image.",
        ("model.nodeSelector", "model.backend.image"),
    ),
    Sign(
        "registry-unreachable",
        r"no such host|i/o timeout|connection refused|deadline exceeded|x509|TLS handshake|dial tcp|no route",
        "The node does not reach the registry, or does not trust its certificate.",
        "Take images from a registry that the nodes reach.",
        ("model.backend.registry",),
    ),
    Sign(
        "image-name",
        r"InvalidImageName|invalid reference format|couldn't parse image",
        "The name of the image is no valid one.",
        "Correct the image's name.",
        ("model.backend.image",),
    ),
    Sign("image-pull", r"", "The image cannot be pulled.", "Read what the registry answered.", BACKEND),
)

# Of a container that cannot be made or started although its image is there.
START = (
    Sign(
        "secret-missing",
        r'secret "(?P<name>[^"]+)" not found',
        "The Secret {name} is not in the graph's namespace.",
        "Create it there, or name the one that exists.",
        ("model.huggingFaceTokenSecret",),
    ),
    Sign(
        "secret-key",
        r"couldn't find key (?P<key>\S+) in Secret \S*?(?P<name>[^/\s]+)$",
        "The Secret {name} has no key {key}.",
        "Add the key, or name another Secret.",
        ("model.huggingFaceTokenSecret",),
    ),
    Sign(
        "config-missing",
        r'configmap "(?P<name>[^"]+)" not found',
        "The ConfigMap {name} is not in the graph's namespace.",
        "Create it there, or write the file into the recipe with `content`.",
        ("model.{role}.extraConfig", "model.{role}.extraConfigs"),
    ),
    Sign(
        "config-key",
        r"couldn't find key (?P<key>\S+) in ConfigMap \S*?(?P<name>[^/\s]+)$|non-existent config key",
        "The ConfigMap has no such key.",
        "Name the key that it has.",
        ("model.{role}.extraConfig.key", "model.{role}.extraConfigs"),
    ),
    Sign(
        "image-runs-as-root",
        r"runAsNonRoot and image will run as root",
        "The image wants to run as root, and the pod may not.",
        "Use an image with a user of its own.",
        ("model.backend.image",),
    ),
    Sign(
        "gpu-driver",
        r"nvidia-container|libcuda|CUDA driver|unsatisfied condition: cuda",
        "The node's NVIDIA driver or container toolkit does not fit the image.",
        "Choose nodes with a newer driver (Dynamo 1.6 wants 580 or newer), or another release.",
        ("model.nodeSelector", "model.backend.version"),
    ),
    Sign(
        "not-a-dynamo-image",
        r"executable file not found|no such file or directory: unknown|python3\W.*not found",
        "The image has no python3: it is not one of Dynamo's runtimes.",
        "Name an image that holds Dynamo and the engine.",
        ("model.backend.image", "model.backend.type"),
    ),
    Sign("container-start", r"", "The container cannot be started.", "Read the message.", ("model.{role}",)),
)

# Of volumes, from the events of a pod that has not started.
MOUNT = (
    *START[:1],
    *START[2:4],
    Sign(
        "volume-elsewhere",
        r"Multi-Attach error",
        "The volume can be on one node at a time, and is on another.",
        "Use a storage class with ReadWriteMany, or keep all pods on one node.",
        ("model.cache.accessMode", "model.cache.storageClass"),
    ),
    Sign(
        "volume-driver",
        r"driver name \S+ not found|not found in the list of registered CSI drivers",
        "The storage driver of this class does not run on the node.",
        "Use another storage class, or install the driver on GPU nodes too.",
        ("model.cache.storageClass",),
    ),
    Sign(
        "volume-mount",
        r"",
        "A volume of the pod cannot be attached or mounted.",
        "Read what the storage answered.",
        ("model.cache.storageClass", "model.cache.accessMode"),
    ),
)

# Of pods that were never made, from the events of their owner.
CREATE = (
    Sign(
        "quota",
        r"exceeded quota: (?P<name>[^,\s]+)",
        "The namespace's quota {name} is used up.",
        "Ask for less, or have the quota raised.",
        ("model.{role}.replicas", "model.{role}.resources"),
    ),
    Sign(
        "quota-unstated",
        r"failed quota: (?P<name>[^:\s]+).*must specify",
        "The namespace's quota {name} wants requests or limits that the pod does not state.",
        "State them.",
        ("model.{role}.resources",),
    ),
    Sign(
        "limit-range",
        r"(maximum|minimum) \S+ usage per (Container|Pod)",
        "The namespace has a LimitRange that the pod does not keep.",
        "Keep within it.",
        ("model.{role}.resources",),
    ),
    Sign(
        "pod-security",
        r'violates PodSecurity "(?P<name>[^"]+)"',
        "The namespace admits only pods of the level {name}, and engines need more.",
        "Use a namespace with the level `baseline`, or `privileged` for RDMA.",
        ("dynamoNamespace",),
    ),
    Sign(
        "webhook-silent",
        r'failed calling webhook "(?P<name>[^"]+)"',
        "The webhook {name} has to agree and does not answer.",
        "Look after the operator that it belongs to: its pod, its Service, its certificate.",
        ("platform.install", "platform.version"),
    ),
    Sign(
        "webhook-refused",
        r'admission webhook "(?P<name>[^"]+)" denied',
        "The webhook {name} refuses the object.",
        "Change what it names.",
        ("model",),
    ),
    Sign("not-created", r"", "The pod was refused.", "Read what the API server answered.", ("model.{role}",)),
)

# Of a volume claim that stays Pending, from its events.
CLAIM = (
    Sign(
        "no-storage-class",
        r"no storage class is set",
        "The claim names no storage class, and the cluster has no default one.",
        "Name a class of this cluster: `kubectl get storageclass` lists them.",
        ("model.cache.storageClass",),
    ),
    Sign(
        "no-such-storage-class",
        r'storageclass\S* "(?P<name>[^"]+)" not found',
        "The cluster has no storage class {name}.",
        "Name a class of this cluster: `kubectl get storageclass` lists them.",
        ("model.cache.storageClass",),
    ),
    Sign(
        "access-mode",
        r"MULTI_NODE_MULTI_WRITER|access ?mode|ReadWriteMany|Volume capabilities not supported",
        "The storage class cannot make a volume that several nodes write to.",
        "Use a class that can (a file system such as NFS), or ReadWriteOnce with all pods on one node.",
        ("model.cache.storageClass", "model.cache.accessMode"),
    ),
    Sign(
        "storage-exhausted",
        r"insufficient|exhausted|no space|exceeded quota|OutOfCapacity",
        "The storage has no room for a volume of this size, or the namespace's quota is used up.",
        "Ask for less, or have storage added.",
        ("model.cache.size",),
    ),
    Sign(
        "claim-pending",
        r"",
        "The volume is not made.",
        "Read what the storage answered.",
        ("model.cache.storageClass",),
    ),
)
