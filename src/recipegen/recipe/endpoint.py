"""The `endpoint` block: what a deployment of a model is to those who use and pay for it."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import LABEL, OWNER, Block, LabelKey, LabelValue

EndpointKind = Literal["serverless", "dedicated", "reserved", "batch", "async"]


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
