"""Stand-in for a storage provider: makes an empty volume for each claim whose pod has a node."""

from typing import Any

from lab.cluster import Cluster

VOLUMES = "/api/v1/persistentvolumes"
CLAIMS = "/api/v1/persistentvolumeclaims"


def step(cluster: Cluster) -> None:
    """Make a volume for each claim that needs one, and remove those whose claim is gone."""
    for claim in cluster.items(CLAIMS):
        metadata = claim["metadata"]
        chosen = metadata.get("annotations", {}).get("volume.kubernetes.io/selected-node")
        if chosen and not claim["spec"].get("volumeName"):
            # 409 where the last step made it and the claim is not bound yet.
            cluster.request("POST", VOLUMES, _volume(claim))
    for volume in cluster.items(VOLUMES):
        if volume["status"].get("phase") == "Released":
            cluster.request("DELETE", f"{VOLUMES}/{volume['metadata']['name']}")


def bind_on_paper(cluster: Cluster) -> None:
    """Say of each claim that it is bound, on a cluster where no pod runs that could need a volume."""
    for claim in cluster.items(CLAIMS):
        if claim["status"].get("phase") != "Bound":
            metadata = claim["metadata"]
            path = f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}"
            body = {"status": {"phase": "Bound"}}
            cluster.request("PATCH", f"{path}/status", body, content="application/merge-patch+json")


def _volume(claim: Any) -> Any:
    metadata, spec = claim["metadata"], claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"lab-{metadata['uid']}"},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": spec["storageClassName"],
            "hostPath": {"path": "/lab"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{key: metadata[key] for key in ("name", "namespace", "uid")},
            },
        },
    }
