"""Which layer of a model mixes tokens in which way, by the keys that say it."""

from recipegen.modelfacts.config import Part
from recipegen.modelfacts.context import context

# Kinds of layers as configurations spell them.
MIXERS = {
    "full_attention": "full", "sliding_attention": "sliding", "chunked_attention": "sliding",
    "linear_attention": "linear", "deepseek_sparse_attention": "full", "attention": "full",
    "indexed_attention": "full",
}  # fmt: skip


def mixers(config: Part, count: int) -> list[str]:
    """Return the kinds of layers, from the first key that is there of those which say it."""
    for key, read in LISTED.items():
        if config.find(key):
            return read(config, count)
    if _other(config):
        return _period(config, count) if config.find("attn_layer_period") else _whole(config, count)
    return _windows(config, count)


def _delta(config: Part, count: int) -> list[str]:
    # Counted from 1.
    linear = set(config.map("linear_attn_config").numbers("kda_layers"))
    return ["linear" if index + 1 in linear else "full" for index in range(count)]


def _words(config: Part, count: int) -> list[str]:
    # Families with states name those among their kinds of layers; in others they would be misread.
    states = {word: word for word in ("mamba", "conv") if word in config.family.mixers}
    mixers = config.words("layer_types", {**MIXERS, **states})
    same_length(config, "layer_types", count, len(mixers))
    return mixers


def _sliding(config: Part, count: int) -> list[str]:
    return ["sliding" if kind else "full" for kind in config.flags("hybrid_layer_pattern", length=count)]


def _lightning(config: Part, count: int) -> list[str]:
    return ["full" if whole else "linear" for whole in config.flags("attn_type_list", length=count)]


def _interval(config: Part, count: int) -> list[str]:
    interval = config.number("full_attention_interval")
    return ["full" if (index + 1) % interval == 0 else "linear" for index in range(count)]


def _crossing(config: Part, count: int) -> list[str]:
    crossing = set(config.numbers("cross_attention_layers"))
    return ["cross" if index in crossing else "full" for index in range(count)]


def _period(config: Part, count: int) -> list[str]:
    period, offset = config.number("attn_layer_period"), config.number("attn_layer_offset", least=0)
    return ["full" if index % period == offset else _other(config) for index in range(count)]


def _whole(config: Part, count: int) -> list[str]:
    config.need("full_attn_idxs")
    full = set(config.numbers("full_attn_idxs"))
    return ["full" if index in full else _other(config) for index in range(count)]


def _other(config: Part) -> str:
    return config.family.mixers.get("other", "")


LISTED = {
    "linear_attn_config": _delta,
    "layer_types": _words,
    "hybrid_layer_pattern": _sliding,
    "attn_type_list": _lightning,
    "full_attention_interval": _interval,
    "cross_attention_layers": _crossing,
}
"""Keys that say what layers are, with what reads them."""


def _windows(config: Part, count: int) -> list[str]:
    """Return the kinds of layers where only a window and how often a layer has none are stated."""
    window = config.number("sliding_window", default=0)
    if not window or not config.flag("use_sliding_window", default=True) or window >= context(config):
        return ["full"] * count
    every = _pattern(config)
    # Qwen's first layers have none.
    first = config.number("max_window_layers", default=0)
    return [
        "full" if index < first or (every and (index + 1) % every == 0) else "sliding"
        for index in range(count)
    ]


def _pattern(config: Part) -> int:
    """Return how often a layer has no window, 0 for never; EXAONE writes LLLG for every fourth."""
    found = config.find("sliding_window_pattern")
    if found and isinstance(found.data, str):
        if not found.data.endswith("G") or found.data.strip("L") != "G":
            raise found.must("a number, or letters L with one G at the end")
        return len(found.data)
    return config.number("sliding_window_pattern", default=0)


def same_length(config: Part, name: str, count: int, length: int) -> None:
    """Refuse a list that has another number of layers than the model."""
    if length != count:
        raise config.error(name, f"has {length} layers, num_hidden_layers {count}")
