"""What is kept of each kind of object; whatever is not named here is left in the cluster."""

from typing import Any

from recipegen.cluster.scrub import clean

# What is kept of each kind: a map is entered, a list of one shape is walked, ANY is kept as it is.
ANY = True
_META = {
    "name": ANY,
    "generation": ANY,
    "deletionTimestamp": ANY,
    "ownerReferences": [{"kind": ANY, "name": ANY}],
}
_LABELLED = {**_META, "labels": {}}
_RESOURCES = {"limits": ANY, "requests": ANY}
_STATE = {
    "waiting": {"reason": ANY, "message": ANY},
    "running": {"startedAt": ANY},
    "terminated": {"reason": ANY, "message": ANY, "exitCode": ANY},
}
_CONTAINER_STATUS = {
    "name": ANY, "image": ANY, "ready": ANY, "started": ANY, "restartCount": ANY,
    "state": _STATE, "lastState": _STATE,
}  # fmt: skip
_CONDITION = {"type": ANY, "status": ANY, "reason": ANY, "message": ANY}
_REFERENCE = {"name": ANY, "key": ANY, "optional": ANY}
_CONTAINER = {
    "name": ANY,
    "image": ANY,
    "resources": _RESOURCES,
    "env": [{"name": ANY, "valueFrom": {"secretKeyRef": _REFERENCE}}],
    "envFrom": [{"secretRef": _REFERENCE}],
}
_VOLUME = {"name": ANY, "persistentVolumeClaim": {"claimName": ANY}, "configMap": {"name": ANY}}
_POD_SPEC = {
    "nodeName": ANY,
    "nodeSelector": ANY,
    "tolerations": ANY,
    "schedulingGates": [{"name": ANY}],
    "initContainers": [_CONTAINER],
    "containers": [_CONTAINER],
    "volumes": [_VOLUME],
}
SHAPES: dict[str, Any] = {
    "api": {"versions": [{"version": ANY}]},
    "graph": {
        "metadata": _META,
        "spec": {
            "components": [
                {
                    "name": ANY, "type": ANY, "replicas": ANY, "runtimeVersionOverride": ANY,
                    "multinode": {"nodeCount": ANY}, "podTemplate": {"spec": _POD_SPEC},
                }
            ]
        },
        "status": {
            "state": ANY, "observedGeneration": ANY, "conditions": [_CONDITION], "components": ANY,
        },
    },
    "pods": {
        "metadata": _LABELLED,
        "spec": _POD_SPEC,
        "status": {
            "phase": ANY, "reason": ANY, "message": ANY, "conditions": [_CONDITION],
            "initContainerStatuses": [_CONTAINER_STATUS], "containerStatuses": [_CONTAINER_STATUS],
        },
    },
    "events": {
        "involvedObject": {"kind": ANY, "name": ANY}, "type": ANY, "reason": ANY, "message": ANY,
    },
    "claims": {
        "metadata": _META,
        "spec": {"storageClassName": ANY, "accessModes": ANY, "resources": _RESOURCES},
        "status": {"phase": ANY},
    },
    "jobs": {
        "metadata": _LABELLED,
        "status": {"conditions": [_CONDITION], "active": ANY, "succeeded": ANY, "failed": ANY},
    },
    "services": {"metadata": _META, "spec": {"selector": ANY, "ports": [{"name": ANY, "port": ANY}]}},
    "endpoints": {"metadata": _META, "endpoints": [{"conditions": {"ready": ANY}}]},
    "secrets": {"name": ANY, "keys": ANY, "exists": ANY},
    "logs": {"pod": ANY, "container": ANY, "sign": ANY, "line": ANY},
    "nodes": {
        "metadata": {"name": ANY, "labels": ANY},
        "spec": {"unschedulable": ANY, "taints": [{"key": ANY, "value": ANY, "effect": ANY}]},
        "status": {"allocatable": ANY, "conditions": [_CONDITION]},
    },
    "classes": {"metadata": {"name": ANY}, "default": ANY, "volumeBindingMode": ANY},
    "used": {"node": ANY, "resources": ANY},
}  # fmt: skip
SHAPES["operator"] = SHAPES["pods"]

# Labels of pods and Jobs that tell what they belong to.
LABELS = (
    "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
    "nvidia.com/dynamo-graph-deployment-name", "nvidia.com/dynamo-component",
    "nvidia.com/dynamo-component-type", "nvidia.com/dynamo-namespace",
)  # fmt: skip
_LABELLED["labels"] = dict.fromkeys(LABELS, ANY)
GPU_LABEL = "nvidia.com/gpu.product"
# By these `hardware` may place workers: the label above, that of GKE, and the instance type of other clouds.
NODE_LABELS = {GPU_LABEL, "cloud.google.com/gke-accelerator", "node.kubernetes.io/instance-type"}
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def kept(value: Any, shape: Any) -> Any:
    """Return the part of the data that the shape names."""
    if isinstance(shape, dict):
        there = value if isinstance(value, dict) else {}
        return {key: kept(there[key], inner) for key, inner in shape.items() if key in there}
    if isinstance(shape, list):
        return [kept(inner, shape[0]) for inner in value] if isinstance(value, list) else []
    return clean(value)
