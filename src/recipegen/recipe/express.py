"""The `modelExpress` block."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import REDIS_URL, Block, ObjectName, Quantity
from recipegen.recipe.model import Resources


class Redis(Block):
    """A Redis that the cluster has."""

    url: Annotated[str, Field(pattern=REDIS_URL, max_length=300)] | None = None
    """Address, `redis://HOST:PORT`. Either this or `secret`."""
    secret: ObjectName | None = None
    """Secret with the key REDIS_URL, for an address with a password. Either this or `url`."""


class ModelExpress(Block):
    """A Model Express server of this graph alone: it downloads weights once and tells workers which others have them on their GPUs. Workers load through it; without a `model.cache` the first of them gets the weights from the server's volume."""

    enabled: bool = False
    """Whether there is one. Default: `false`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image of the server, for a mirror or for the release of the workers' client. Default: `modelExpress` in `facts/images.yaml`."""
    metadata: Literal["kubernetes", "redis"] = "kubernetes"
    """Where it keeps what it knows: `kubernetes`, in objects whose kinds ModelMetadata and ModelCacheEntry the cluster has to have, or `redis`. Default: `kubernetes`."""
    redis: Redis = Redis.model_construct()
    """The Redis, with `metadata: redis` alone. Default: none."""
    size: Quantity = "100Gi"
    """Size of its volume, which holds the weights. Default: 100Gi."""
    storage_class: ObjectName | None = None
    """StorageClass of its volume. Default: the cluster's default class."""
    resources: Resources = Resources(requests={"cpu": "500m", "memory": "1Gi"}, limits={"memory": "4Gi"})
    """CPU and memory of the server. Default: requests 500m and 1Gi, limit 4Gi."""
