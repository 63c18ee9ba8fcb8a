"""The tables of rotary positions that engines keep beside the weights, one for each kind of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from recipegen.modelfacts.config import Part
from recipegen.modelfacts.context import SCALED, kind, rope
from recipegen.modelfacts.layers import Layer, heads


@dataclass(frozen=True)
class Table:
    """One table: a row for each position, sines and cosines in it."""

    rows: int
    width: int
    """Numbers of a row."""
    sections: bool = False
    """Whether positions have parts for time, height and width, as those of images have."""


def tables(config: Part, found: list[Layer]) -> tuple[Table, ...]:
    """Return the tables of a language model whose layers are known.

    Source: get_rope in vLLM 0.31.0, vllm/model_executor/layers/rotary_embedding, which keeps one for each way
    of turning. Scaled ones have the rows of the scaled context, also where the file's number has them.
    """
    if config.family.positions is not None:
        return ()
    length = config.number("max_position_embeddings", "model_max_length", default=0)
    made = (_table(config, said, length, sliding=sliding) for said, sliding in _ropes(config, found))
    return tuple(table for table in made if table.rows and table.width)


def _ropes(config: Part, found: list[Layer]) -> Iterator[tuple[Part, bool]]:
    """Yield what is said of each way of turning, and whether it is that of sliding layers."""
    named = config.map("rope_parameters")
    if any(isinstance(each, Mapping) for each in named.values.values()):
        for name, each in named.values.items():
            if isinstance(each, Mapping):
                yield Part(each, named.path(str(name)), file=named.file), name == "sliding_attention"
        return
    yield rope(config), False
    # Gemma 3 turns sliding layers by another base, which its files need not name.
    if "gemma3" in config.text("model_type") and any(layer.mixer == "sliding" for layer in found):
        yield Part({}, named.at, file=named.file), True


def _table(config: Part, said: Part, length: int, *, sliding: bool) -> Table:
    name = kind(said)
    factor = said.real("factor", 1.0) if name in SCALED else 1.0
    whole = name == "proportional"
    return Table(
        int(length * factor),
        _width(config, said, sliding=sliding, whole=whole),
        bool(said.value("mrope_section")),
    )


def _width(config: Part, said: Part, *, sliding: bool, whole: bool) -> int:
    own = config.number("qk_rope_head_dim", default=0)
    if own:
        return own
    _, _, size = heads(config, full=not sliding, sliding=sliding)
    part = "partial_rotary_factor"
    if whole:
        return size
    if said.find(part):
        return int(size * said.real(part))
    stated = next((name for name in (part, "rotary_pct") if config.find(name)), "")
    return int(size * config.real(stated)) if stated else config.number("rotary_dim", default=size) or size
