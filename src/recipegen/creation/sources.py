"""Where a model's configuration is read: a file, a directory, or the Hub."""

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from recipegen import facts, yamlio
from recipegen.creation import card, hub
from recipegen.creation.card import Card
from recipegen.errors import ToolError
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint import Checkpoint
from recipegen.sizing.checkpoint.exact import scaled
from recipegen.sizing.checkpoint.folder import CONFIG, QUANT

INDEX, TOKENIZER = "model.safetensors.index.json", "tokenizer_config.json"
MOST = 48 * 1024**2
"""Bytes that are read of a file: indexes of large models have many."""
MOST_WEIGHTS = 2**50
"""Bytes of weights that can be."""
LICENSES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
# Files that hold a chat template of their own.
TEMPLATES = ("chat_template.jinja", "chat_template.json")
# Where huggingface_hub keeps what it downloaded: the folder names the model and its commit.
SNAPSHOT = re.compile(r"models--(?P<org>[^/]+?)--(?P<name>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})(/|$)")


@dataclass(frozen=True)
class Source:
    """What was found of a model, before anything was made of it."""

    checkpoint: Checkpoint
    """The model, and its weights where they were counted."""
    revision: str = ""
    """The commit of the weights, where the place says it."""
    card: Card = field(default_factory=Card)
    gated: bool | None = None
    """Whether the Hub asks for the terms to be accepted first; None where that is not known."""
    chat: bool | None = None
    """Whether there is a chat template; None where that cannot be seen."""

    @property
    def remote_code(self) -> bool:
        """Whether the configuration names code of the repository's own."""
        return bool(self.checkpoint.config.get("auto_map"))


def identity(config: str) -> tuple[str, str]:
    """Return model id and commit that a path in Hugging Face's cache says; elsewhere two empty texts."""
    found = SNAPSHOT.search(str(Path(config).absolute()))
    return (f"{found['org']}/{found['name']}", found["commit"]) if found else ("", "")


def of_path(config: str, model: str) -> Source:
    """Return what is at a path: a config.json, `-` for one on standard input, or a directory with one.

    Of a directory the weights are counted, and README.md and LICENSE are read.

    Args:
        config: The path.
        model: Id of the model.

    Raises:
        ToolError: It is not there, or cannot be read.
        RecipeError: It is no configuration of a model; with file, line and key.
    """
    path, revision = Path(config), identity(config)[1]
    read = checkpoint.read(config, model)
    if config == "-" or not path.is_dir():
        return Source(read, revision)
    own = {each.name: each for each in path.iterdir() if each.is_file()}
    described = _card(own)
    return Source(
        read,
        revision,
        described,
        described.gated,
        _chat(frozenset(own), _maybe(own.get(TOKENIZER))),
    )


def of_hub(model: str) -> Source:
    """Return what the Hub has of a model; raises as `hub.fetch` and `of_path` do."""
    found = hub.fetch(model)
    described = card.of_data(found.card, f"the card of {model}", gated=found.gated)
    config, quant = found.texts[CONFIG], found.texts.get(QUANT)
    read = checkpoint.checked(config, f"{model}/{CONFIG}", quant, name=model)
    return Source(
        _with_weights(read, found.texts.get(INDEX), found.weights),
        found.commit,
        described,
        found.gated,
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


def _maybe(path: Path | None) -> str | None:
    """Return the text of a file that a recipe does without, or None."""
    if path is None:
        return None
    try:
        return yamlio.read_bytes(path, path.name, most=MOST).decode("utf-8")
    except (ToolError, UnicodeDecodeError):
        return None


def _with_weights(read: Checkpoint, index: str | None, size: int) -> Checkpoint:
    """Return a checkpoint with the size of its weights: the sum that the index states, or of the files.

    What an index lists is loaded, whatever else a repository holds.
    """
    try:
        stated = json.loads(index or "{}")
        names, total = [*stated["weight_map"]], int(stated["metadata"]["total_size"])
    except (ValueError, KeyError, TypeError, RecursionError):
        names, total = [], size
    if not 0 < total < MOST_WEIGHTS:
        return read
    what = f"{INDEX} of {read.model.id}" if names else f"the files of {read.model.id}"
    return replace(read, weights=scaled(total, names, read.model, what))


def _chat(names: frozenset[str], tokenizer: str | None) -> bool | None:
    """Return whether any file has a chat template; None where no file was seen that could have one."""
    if any(name in names for name in TEMPLATES):
        return True
    if tokenizer is None:
        return None
    return '"chat_template"' in tokenizer
