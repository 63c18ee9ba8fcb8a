"""The `troubleshooting` block."""

from typing import Annotated

from pydantic import Field

from recipegen.recipe.forms import Block, Count


class Troubleshooting(Block):
    """A Job that looks at the graph, reading only, until it is ready, and says what is wrong and which line of the recipe to change. `recipegen doctor` does the same from outside, and needs no Job."""

    enabled: bool = False
    """Whether it runs. Default: `false`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with Python 3.11 or newer that runs its script, for a mirror. Default: `python` in `facts/images.yaml`."""
    wait_minutes: Annotated[int, Field(ge=0, le=1440)] = 30
    """How long it waits for the graph to be ready before its last report, in minutes. Default: 30."""
    cluster_read: bool = False
    """Whether it may also read nodes and storage classes, which belong to the whole cluster, through a ClusterRole. Default: `false`, its findings then say less about GPUs."""
    run: Count = 1
    """Another number runs it again. Default: 1."""
