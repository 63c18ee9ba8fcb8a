"""Which kind of model a configuration describes: one that is known, that is refused, or that is assumed."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.checkpoint.jsontext import Json
from recipegen.sizing.checkpoint.lookalikes import NESTED


def refusal(config: Json) -> Problem | None:
    """Return why a model is none whose memory recipegen can tell, or None."""
    data = config.data
    stated = [*_architectures(data), *stated_types(data)]
    for row in facts.refused_models()["refused"]:
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
    """Return the warning that layers are taken to be plain ones, or None where the family is stated."""
    if model.families:
        return None
    message = "no model_type: its layers are taken to be plain ones, so sizes may be wrong"
    return Problem(
        "unknown-architecture", (), message, "add the model_type of the family", config.mark(), warning=True
    )


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
