"""How model families differ from a plain decoder, as `facts/decoders.yaml` has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from recipegen import yamlio

# Not through `recipegen.facts`, which lies above: configurations are read without any other fact.
FILE = Path(__file__).parents[1] / "facts" / "decoders.yaml"


@dataclass(frozen=True)
class Architecture:
    """What holds of a family of models without any key of a configuration saying so."""

    gated: bool = True
    """Whether its MLP has a gate: three matrices in place of two."""
    tied: bool = False
    """Whether embedding and head are one where nothing is said."""
    width: int = 0
    """Width of its MLP in hidden sizes where no key says it; 0: a key has to."""
    positions: int | None = None
    """Rows of learned positions beside those of the context; None where positions are not learned."""
    latent: bool = True
    """Whether a latent, where there is one, is what is cached."""
    mixers: Mapping[str, str] = field(default_factory=dict)
    """What the kinds of layers are in this family."""
    spellings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys, each with the names that it is looked for under."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What its configuration class assumes of keys that files leave out."""


def architecture(model_type: str) -> Architecture | None:
    """Return what is known of a family, a plain decoder for an empty name, or None where nothing is."""
    table = _table()
    row = table["families"].get(model_type) if model_type else {}
    if row is None:
        return None
    own, everyone = row.get("spellings", {}), table["spellings"]
    spellings = {key: (*own.get(key, ()), key, *everyone.get(key, ())) for key in (*own, *everyone)}
    return Architecture(**{**row, "spellings": spellings})


def families() -> tuple[str, ...]:
    """Return the families that are known, in their order."""
    return tuple(_table()["families"])


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = yamlio.read_file(FILE, str(FILE)).data
    return found
