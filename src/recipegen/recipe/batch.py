"""The `batch` block."""

from recipegen.recipe.forms import Block


class Batch(Block):
    """Jobs that send the requests of a file to the graph."""

    enabled: bool = False
    """Whether there is any. Default: `false`."""
