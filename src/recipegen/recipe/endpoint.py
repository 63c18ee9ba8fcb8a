"""The `endpoint` block: what a deployment of a model is to those who use and pay for it."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import LABEL, OWNER, URL, Block, LabelKey, LabelValue, Namespace, Replicas

EndpointKind = Literal["serverless", "dedicated", "reserved", "batch", "async"]


class Cluster(Block):
    """What one cluster of an endpoint has of its own. `--target appset` makes an Argo CD ApplicationSet of them."""

    replicas: Replicas | None = None
    """Replicas of the workers there, of each role where prefill and decode are apart. Default: the recipe's."""
    server: Annotated[str, Field(pattern=URL, max_length=300)] | None = None
    """Address of the cluster's API server, by which Argo CD knows it. Default: Argo CD knows it by the name that it has here."""
    namespace: Namespace | None = None
    """Kubernetes namespace of the graph there. Default: `dynamoNamespace`."""


class Endpoint(Block):
    """One endpoint of a model. Kind, prefix, owner and labels are on every object and pod of the recipe."""

    kind: EndpointKind
    """`serverless`: for all, called as its model is. `dedicated`, `reserved`: one customer's, who has a `prefix` and an `owner`; a reserved one keeps a replica at all times. `async`: work comes from a queue (`scaling.keda`). `batch`: work comes from files (`batch`)."""
    prefix: Annotated[str, Field(pattern=LABEL, max_length=12)] | None = None
    """Short name of the customer, such as `dippy`: the graph's name begins with it. Required for `dedicated` and `reserved`, refused otherwise. Default: none."""
    owner: Annotated[str, Field(pattern=OWNER, max_length=254)] | None = None
    """Who pays: an id or an e-mail address. An annotation, and an id is a label too, since a label's value takes no `@`. Required for `dedicated` and `reserved`, refused otherwise. Default: none."""
    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] = {}
    """Labels of every object and pod, such as `{team: search, product: chat}`. Default: none."""
    annotations: Annotated[dict[LabelKey, Annotated[str, Field(max_length=4096)]], Field(max_length=32)] = {}
    """Annotations of every object, and of the graph's pods. Default: none."""
    clusters: Annotated[
        dict[Annotated[str, Field(pattern=LABEL, max_length=40)], Cluster], Field(max_length=100)
    ] = {}
    """Clusters that the endpoint is in, by name, such as `{us-east: {replicas: 2}}`, at most 100. Only `--target appset` reads them: what `helmfile apply` is given goes to the cluster of the current context. Default: none."""
