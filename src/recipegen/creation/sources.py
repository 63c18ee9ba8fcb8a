"""Where a model's configuration is read: a file, a directory, or the Hub."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from recipegen import facts, yamlio
from recipegen.creation import card, hub
from recipegen.creation.card import Card
from recipegen.errors import Problem, ToolError, escape

CONFIG, QUANT, INDEX, TOKENIZER = (
    "config.json", "hf_quant_config.json", "model.safetensors.index.json", "tokenizer_config.json",
)  # fmt: skip
LICENSES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
# Files that hold a chat template of their own.
TEMPLATES = ("chat_template.jinja", "chat_template.json")
# Where huggingface_hub keeps what it downloaded: the folder names the model and its commit.
SNAPSHOT = re.compile(r"models--(?P<org>[^/]+?)--(?P<name>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})(/|$)")


@dataclass(frozen=True)
class Source:
    """What was found of a model, before anything was made of it."""

    name: str
    """What messages call the configuration: the file as the user named it, or the Hub's."""
    config: str
    """The text of config.json."""
    quant: str | None = None
    """The text of hf_quant_config.json."""
    model: str = ""
    """The model's id, where the place says it."""
    revision: str = ""
    """The commit of the weights, where the place says it."""
    card: Card = field(default_factory=Card)
    gated: bool | None = None
    """Whether the Hub asks for the terms to be accepted first; None where that is not known."""
    weights: int = 0
    """Bytes of the weights as their index or their one file states them; 0 where there is neither."""
    chat: bool | None = None
    """Whether there is a chat template; None where that cannot be seen."""


def identity(config: str) -> tuple[str, str]:
    """Return model id and commit that a path in Hugging Face's cache says; elsewhere two empty texts."""
    found = SNAPSHOT.search(str(Path(config).absolute()))
    return (f"{found['org']}/{found['name']}", found["commit"]) if found else ("", "")


def of_path(config: str) -> Source:
    """Return what is at a path: a config.json, or a directory with one.

    Beside a config.json that is called so, hf_quant_config.json belongs to it, and nothing else is looked at.

    Raises:
        ToolError: It is not there, or cannot be read.
    """
    path = Path(config)
    model, revision = identity(config)
    if not path.is_dir():
        quant = path.with_name(QUANT) if path.name == CONFIG else None
        read = _read(quant, str(quant)) if quant and quant.is_file() else None
        return Source(config, _read(path, config), read, model, revision)
    file = path / CONFIG
    if not file.is_file():
        hint = "give the directory of a model as published, or a config.json itself"
        raise ToolError(Problem("tool", (), f"{escape(config)}: has no {CONFIG}", hint))
    own = {each.name: each for each in path.iterdir() if each.is_file()}
    texts = {name: _read(own[name], str(own[name])) for name in (CONFIG, QUANT) if name in own}
    described = _card(own)
    return Source(
        str(file),
        texts[CONFIG],
        texts.get(QUANT),
        model,
        revision,
        described,
        described.gated,
        _weights(_maybe(own.get(INDEX))) or _single(own),
        _chat(frozenset(own), _maybe(own.get(TOKENIZER))),
    )


def of_hub(model: str) -> Source:
    """Return what the Hub has of a model; raises as `hub.fetch` does."""
    found = hub.fetch(model)
    described = card.of_data(found.card, f"the card of {model}", gated=found.gated)
    weights = _weights(found.texts.get(INDEX)) or found.weights
    return Source(
        f"{model}/{CONFIG}",
        found.texts[CONFIG],
        found.texts.get(QUANT),
        model,
        found.commit,
        described,
        found.gated,
        weights,
        _chat(found.names, found.texts.get(TOKENIZER)),
    )


def license_of(source: Source, model: str) -> Card:
    """Return the licence that the card says, or else what recipegen's facts know of that model."""
    known = facts.model_license(model)
    if source.card.license or known is None:
        return source.card
    return Card(known, "recipegen's facts of the model", source.card.gated, source.card.trouble)


def _card(own: dict[str, Path]) -> Card:
    """Return what the files of a directory say of licence and access."""
    readme = _maybe(own.get("README.md"))
    found = card.of_readme(readme, "README.md") if readme else Card()
    for name in () if found.license else LICENSES:
        text = _maybe(own.get(name))
        named = card.of_license_file(text, name) if text else Card()
        if named.license:
            return Card(named.license, named.source, found.gated, found.trouble)
    return found


def _read(path: Path, name: str) -> str:
    """Return the text of a file that has to be read."""
    try:
        return yamlio.read_bytes(path, name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(f"{escape(name)}: is not UTF-8 text") from error


def _maybe(path: Path | None) -> str | None:
    """Return the text of a file that a recipe does without, or None."""
    if path is None:
        return None
    try:
        return yamlio.read_bytes(path, path.name).decode("utf-8")
    except (ToolError, UnicodeDecodeError):
        return None


def _weights(index: str | None) -> int:
    """Return the bytes that the index of the weights states; 0 where it states none."""
    try:
        found = json.loads(index or "{}")["metadata"]["total_size"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
    return int(found) if isinstance(found, int | float) and 0 < found < 2**60 else 0


def _single(own: dict[str, Path]) -> int:
    """Return the size of weights in one file, whose head of some kilobytes does not matter."""
    return own["model.safetensors"].stat().st_size if "model.safetensors" in own else 0


def _chat(names: frozenset[str], tokenizer: str | None) -> bool | None:
    """Return whether any file has a chat template; None where no file was seen that could have one."""
    if any(name in names for name in TEMPLATES):
        return True
    if tokenizer is None:
        return None
    return '"chat_template"' in tokenizer
