"""What a model becomes in an object store: its formats, one or more ids, and a key for each file."""

from collections.abc import Sequence
from dataclasses import dataclass

from recipegen import facts
from recipegen.errors import Problem, RecipeError, show
from recipegen.ingestion.formats import GGUF, detect, gguf_models
from recipegen.ingestion.identity import Layout, base_folder, model_id, tuned_folder
from recipegen.ingestion.listing import Listed

# What describes an adapter at the top of its folder, as PEFT writes it, and what a model.
ADAPTER, CONFIG = "adapter_config.json", "config.json"


@dataclass(frozen=True)
class Stored:
    """One model of those that a folder holds."""

    id: str
    formats: tuple[str, ...]
    path: str
    """Where it lies in the bucket."""
    gguf: str = ""
    """Key of its GGUF file, or of the first part of it; empty for other formats."""
    adapter: bool = False
    """Whether it is an adapter, which an engine loads beside its base model alone."""

    @property
    def engines(self) -> dict[str, str]:
        """Engines that take one of its formats, each with the one that it likes best."""
        return _preferred(facts.ingestion()["engines"], self.formats)

    @property
    def workers(self) -> dict[str, str]:
        """Backends of a recipe whose workers load it as their model, each with the format."""
        return {} if self.adapter else _preferred(facts.ingestion()["workers"], self.formats)


@dataclass(frozen=True)
class Identified:
    """A model with all its files."""

    name: str
    folder: str
    """Where its files lie in the bucket, without '/' at its end."""
    keys: tuple[str, ...]
    models: tuple[Stored, ...]


def identify(
    name: str, files: Sequence[Listed], layout: Layout | None = None, *, base: str | None = None
) -> Identified:
    """Return formats, ids and keys of a model; nothing is read but the names of its files.

    Args:
        name: the model, ORG/NAME, `NAME:TAG` of Ollama, or ORG/NAME/FILE.gguf for one file of several.
        files: its files, below its folder.
        layout: where models lie in the bucket; default: model-manager's own.
        base: the base model, for an adapter or a fine-tuned model, which lie elsewhere.

    Raises:
        RecipeError: when the name cannot be a key, or the files are no model.
    """
    checked(name)
    repository, chosen = _chosen(*parted(name), files)
    folder = (tuned_folder if base else base_folder)(repository, layout or Layout())
    formats = detect(chosen)
    keys = tuple(f"{folder}/{file.path}" for file in chosen)
    return Identified(name, folder, keys, _models(name, folder, chosen, formats))


def checked(name: str) -> str:
    """Return the name of a model, if it can be part of a key.

    Raises:
        RecipeError: when it has empty parts, '.' or '..', or begins or ends with '/'.
    """
    parts = name.split("/")
    if (
        any(part in ("", ".", "..") for part in parts)
        or not name.isprintable()
        or "\\" in name
        or " " in name
    ):
        message = f"is no id of a model, got {show(name)}"
        hint = "write ORG/NAME, NAME:TAG for Ollama, or ORG/NAME/FILE.gguf"
        raise RecipeError(Problem("model-id", (), message, hint))
    return name


def parted(name: str) -> tuple[str, str]:
    """Return the repository that a name means, and the one GGUF file in it; empty for all of its files."""
    parts = name.split("/")
    if not name.endswith(".gguf") or len(parts) < 3:
        return name, ""
    return "/".join(parts[:2]), "/".join(parts[2:])


def _chosen(repository: str, path: str, files: Sequence[Listed]) -> tuple[str, Sequence[Listed]]:
    """Return the repository, and its files or the one that the name selects."""
    if not path:
        return repository, files
    chosen = [file for file in files if file.path == path]
    if not chosen:
        hint = f"the list has {', '.join(file.path for file in files[:3])}"
        raise RecipeError(Problem("format-unknown", (), f"is not among the files, got {show(path)}", hint))
    return repository, chosen


def _models(name: str, folder: str, files: Sequence[Listed], formats: tuple[str, ...]) -> tuple[Stored, ...]:
    """Return one model, or one for each GGUF model where there are several.

    The end of the file's name is kept where a file was named, and dropped where several were found.
    """
    found = gguf_models(files) if GGUF in formats else {}
    if len(found) > 1:
        return tuple(
            Stored(model_id(f"{name}/{stem}"), formats, f"{folder}/{stem}", f"{folder}/{file.path}")
            for stem, file in found.items()
        )
    gguf = next((f"{folder}/{file.path}" for file in found.values()), "")
    names = {file.path for file in files}
    adapter = ADAPTER in names and not gguf and CONFIG not in names
    return (Stored(model_id(name), formats, folder, gguf, adapter),)


def _preferred(takers: dict[str, list[str]], formats: tuple[str, ...]) -> dict[str, str]:
    """Return who takes one of the formats, each with the first of its own list that is there."""
    return {
        taker: next(each for each in taken if each in formats)
        for taker, taken in takers.items()
        if set(taken) & set(formats)
    }
