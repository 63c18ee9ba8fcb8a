"""The `ingestion` block."""

from recipegen.recipe.forms import Block


class Ingestion(Block):
    """A Job that brings the model's files into an object store."""

    enabled: bool = False
    """Whether there is any. Default: `false`."""
