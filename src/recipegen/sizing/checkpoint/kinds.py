"""Which kind of model a configuration describes: one that is known, that is refused, or that is assumed."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.modelfacts import ModelFacts, decoders
from recipegen.sizing.checkpoint.jsontext import Json
from recipegen.sizing.checkpoint.lookalikes import NESTED


def refusal(config: Json) -> Problem | None:
    """Return why a model is none whose memory recipegen can tell, or None."""
    data = config.data
    stated = [*_architectures(data), *stated_types(data)]
    for row in facts.architectures()["refused"]:
        for path, name in stated:
            patterns = row["architectures" if path[0] == "architectures" else "types"]
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                message = f"{show(name)} is {row['what']}"
                return config.problem("not-a-language-model", path, message, row["remedy"])
    if data.get("is_encoder_decoder") is True:
        message = "an encoder with a decoder is not sized"
        hint = "Sizes are those of models that only decode."
        return config.problem("not-a-language-model", ("is_encoder_decoder",), message, hint)
    return None


def assumption(config: Json, model: ModelFacts) -> Problem | None:
    """Return the warning that layers are taken to be plain ones, or None where they are known."""
    if model.families and model.families[0] in decoders.families():
        return None
    if not model.families:
        message = "no model_type: its layers are taken to be plain ones, so sizes may be wrong"
        return _warning(config, (), message, "add the model_type of the family")
    name = model.families[0]
    path = next((path for path, stated in stated_types(config.data) if stated == name), ("model_type",))
    message = (
        f"{show(name)} is no architecture that recipegen knows: its layers are taken to be plain ones"
        " (attention and a gated feed-forward part), so sizes may be wrong"
    )
    return _warning(config, path, message, "give the folder with its weights: their size is then exact")


# Keys of a configuration that speak of what layers are made of and of what they keep.
_LAYERS = re.compile(
    r"expert|(^|_)moe(_|$)|mamba|ssm|(^|_)conv|recurrent|rwkv|lightning|linear_attn|(^|_)lru(_|$)|kv_heads|n_kv"
    r"|lora_rank|latent|layer_types|layers_block|block_types|block_pattern|attn_type|sliding|cross_attention|d_inner"
    r"|state_size|attn_layer_|expansion_ratio|shared_kv|head_dim|dense"
)
# Among those, what is none of the size: training, routing, switches of a kernel.
_RUN = re.compile(
    r"drop|aux|init|loss|_norm|norm_|bias|act(ivation)?(_fn)?$|output_|top_?k|per_tok|scal|freq|coef|capacity|noise"
    r"|jitter|theta|cache|impl|eps|group|score|scoring|method|func|rope|rotary|max_window|_dtype|chunk"
)


class Seen(dict[str, Any]):
    """A map that remembers which of its keys were asked for."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take what is in it."""
        super().__init__(data)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        """Return what stands under a key."""
        self.asked.add(key)
        return super().get(key, default)


def watched(data: dict[str, Any]) -> Seen:
    """Return a configuration whose keys, and those of nested language models, are watched."""
    nested = {name: Seen(data[name]) for name in NESTED if isinstance(data.get(name), dict)}
    return Seen({**data, **nested})


def unread(config: Json, seen: Seen) -> list[Problem]:
    """Return the keys that speak of the layers of a model, and that nothing has asked for."""
    language = next((name for name in NESTED if isinstance(seen.get(name), Seen)), "")
    part = seen[language] if language else seen
    return [
        config.problem(
            "unknown-layout",
            (language, key) if language else (key,),
            f"{show(value)} speaks of layers that recipegen does not know, of a family that it does not know",
            "no size of it would be more than a guess; measure it on a GPU",
        )
        for key, value in part.items()
        if key not in part.asked and _is_size(value) and _LAYERS.search(key) and not _RUN.search(key)
    ]


def _is_size(value: Any) -> bool:
    """Return whether a value can say something of sizes: no switch, and not nothing."""
    return bool(value) and not isinstance(value, bool)


def _warning(config: Json, path: Path, message: str, hint: str) -> Problem:
    return Problem("unknown-architecture", path, message, hint, config.mark(path), warning=True)


def _architectures(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    stated = data.get("architectures")
    for index, name in enumerate(stated if isinstance(stated, list) else ()):
        if isinstance(name, str):
            yield ("architectures", index), name


def stated_types(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield what `model_type` says, of the whole and of nested parts, each with its path."""
    for place in ("", *NESTED):
        part = data.get(place) if place else data
        name = part.get("model_type") if isinstance(part, Mapping) else None
        if isinstance(name, str) and name:
            yield ((place, "model_type") if place else ("model_type",)), name
