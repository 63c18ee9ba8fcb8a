"""What a user wants the size of: a config.json, a folder with its weights, a file or an index of weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from recipegen import yamlio
from recipegen.catalog import shown
from recipegen.errors import Mark, Problem, RecipeError, escape
from recipegen.modelfacts import Files, ModelFacts
from recipegen.sizing.checkpoint import config, folder, jsontext, weights
from recipegen.sizing.checkpoint.config import Configuration
from recipegen.sizing.checkpoint.folder import CONFIG, INDEX, NUMBERED, QUANT, WEIGHTS, Folder
from recipegen.sizing.checkpoint.jsontext import Json
from recipegen.sizing.checkpoint.snapshots import identity

_PIPES = "pipes and devices are not read: write a file first, or give its text on standard input, as -"


@dataclass(frozen=True)
class Checkpoint:
    """A model, its weights where they were counted, and what is odd about either."""

    model: ModelFacts
    """As it is configured."""
    config: Mapping[str, Any] = field(repr=False)
    """Its config.json."""
    quant: Mapping[str, Any] | None = field(default=None, repr=False)
    """Its hf_quant_config.json, where it has one."""
    weights: Files | None = None
    """As the files have them; None where there are none, and `model` has what is configured."""
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def loaded(self) -> ModelFacts:
        """Return the model with its weights as they are in files, where they were counted."""
        return replace(self.model, files=self.weights) if self.weights else self.model


def read(source: str | PathLike[str], name: str = "") -> Checkpoint:
    """Return the model that a file or folder describes, with its weights where they can be counted.

    Args:
        source: A config.json of any name, or `-` for one on standard input; a folder with a config.json; a
            `.safetensors` file or a `.safetensors.index.json` with a config.json beside it.
        name: What the model is called; by default as its folder in a hub's cache, or else as the source.

    Raises:
        ToolError: Something cannot be read.
        RecipeError: It is no model, none that can be sized, or says what cannot be.
    """
    if source == "-":
        return checked(_bytes("-", "-"), "-", name=name)
    path = Path(source)
    label = shown(path)
    called = name or identity(path)[0] or label
    if path.is_dir():
        return _of_folder(folder.look(path, label), called)
    if path.name.endswith((WEIGHTS, INDEX)):
        return _of_weights(path, label, called)
    text = _bytes(path, label)
    quant = path.with_name(QUANT)
    # Only beside the name that belongs to it: any other file may have come from anywhere.
    beside = quant if path.name == CONFIG and quant.is_file() else None
    return _of(_configuration(text, label, beside, called))


def checked(
    config_text: bytes | str, source_name: str, quant_text: bytes | str | None = None, name: str = ""
) -> Checkpoint:
    """Return the model that the text of a config.json describes.

    Args:
        config_text: The text; bytes are UTF-8.
        source_name: What messages call it.
        quant_text: The text of its hf_quant_config.json, where it has one.
        name: What the model is called; by default as the text.

    Raises:
        RecipeError: As `read`.
    """
    return _of(config.read(config_text, source_name, quant_text, name=name))


def plain(source: str) -> Json:
    """Return the text of a config.json as data, with the places of its keys, however little there is in it.

    Raises:
        ToolError: It cannot be read.
        RecipeError: It is no JSON.
    """
    path = Path(source) / CONFIG if Path(source).is_dir() else Path(source)
    where: Path | Literal["-"] = "-" if source == "-" else path
    label = "-" if source == "-" else shown(path)
    return jsontext.read(_bytes(where, label), label, config.MAX_BYTES)


def _of(found: Configuration) -> Checkpoint:
    return Checkpoint(found.model, found.config, found.quant, warnings=found.warnings)


def _of_folder(found: Folder, called: str, index: str = "") -> Checkpoint:
    if found.config is None:
        raise RecipeError(folder.no_config(found))
    label = found.source(CONFIG)
    described = _configuration(_bytes(found.config, label), label, found.quant, called)
    files, odd = weights.read(found, described.model, index)
    return replace(_of(described), weights=files, warnings=(*described.warnings, *odd))


def _of_weights(path: Path, label: str, called: str) -> Checkpoint:
    """Return the model of a file or an index of weights, described beside it."""
    # That it is there and regular, before its neighbours are looked at.
    yamlio.read_bytes(path, label, most=8, instead=_PIPES)
    parent = folder.look(path.parent, shown(path.parent) or ".")
    if parent.config is None:
        message = f"has no {CONFIG} beside it, which says how its weights are used"
        raise RecipeError(Problem("no-config", (), message, f"put the model's {CONFIG} there", Mark(label)))
    if path.name.startswith("adapter_model"):
        message = "has the weights of a LoRA adapter, not of a model"
        raise RecipeError(Problem("adapter", (), message, "give the base model", Mark(label)))
    part = NUMBERED.match(path.name)
    if part and int(part["count"]) > 1:
        message = f"is one of {int(part['count'])} files of a model"
        hint = f"give the folder that they are in, {escape(parent.shown)}"
        raise RecipeError(Problem("weights-missing", (), message, hint, Mark(label)))
    return _of_folder(parent, called, path.name)


def _configuration(text: bytes, label: str, quant: Path | None, called: str) -> Configuration:
    if quant is None:
        return config.read(text, label, name=called)
    beside = shown(quant)
    return config.read(text, label, _bytes(quant, beside), beside=beside, name=called)


def _bytes(path: Path | Literal["-"], label: str) -> bytes:
    return yamlio.read_bytes(path, label, most=config.MAX_BYTES, instead=_PIPES)
