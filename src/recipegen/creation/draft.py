"""What was decided of a recipe that is not yet written."""

from dataclasses import dataclass

from recipegen.creation import engine
from recipegen.creation.card import Card
from recipegen.creation.sizes import Replica
from recipegen.creation.sources import Source
from recipegen.modelfacts import ModelFacts


@dataclass(frozen=True)
class Draft:
    """All that was decided of a recipe."""

    name: str
    namespace: str
    model: ModelFacts
    source: Source
    licence: Card
    backend: str
    replica: Replica
    replicas: int
    disaggregated: bool
    block_size: int | None
    parsers: engine.Defaults
    rest: engine.Defaults

    @property
    def routed(self) -> bool:
        """Whether several workers read prompts, so that routing by cache has a choice."""
        return self.replicas > 1
