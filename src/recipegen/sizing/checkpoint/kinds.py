"""Which kind of model a configuration describes: one that is known, that is refused, or that is assumed."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, nearest, show
from recipegen.modelfacts import ModelFacts
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
    known = facts.architectures()["known"]
    if model.families and model.families[0] in known:
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
    hint = nearest(name, known) or "give the folder with its weights: their size is then exact"
    return _warning(config, path, message, hint)


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
