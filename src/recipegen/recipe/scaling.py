"""The `scaling` block."""

from recipegen.recipe.forms import Block


class Scaling(Block):
    """An autoscaler for the workers of one role."""

    enabled: bool = False
    """Whether there is any. Default: `false`."""
