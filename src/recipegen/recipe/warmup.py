"""The `warmup` block."""

from recipegen.recipe.forms import Block


class Warmup(Block):
    """Images and room on nodes before workers come."""

    enabled: bool = False
    """Whether there is any. Default: `false`."""
