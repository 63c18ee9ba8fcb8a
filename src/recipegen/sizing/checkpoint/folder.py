"""Which files of a folder are a checkpoint's, and which are copies, adapters, or of another format."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from recipegen.errors import Mark, Problem, RecipeError, ToolError, escape, show

CONFIG = "config.json"
QUANT = "hf_quant_config.json"
INDEX = ".safetensors.index.json"
WEIGHTS = ".safetensors"
MAX_FILES = 100_000
MAX_SHARDS = 4096
SHOWN = 6

# A second copy of the weights in another layout, or weights of something else.
COPIES = re.compile(
    r"^(consolidated|adapter_model|original|optimizer|training_args|diffusion_pytorch_model)\b"
)
NUMBERED = re.compile(r"^(?P<stem>.*)-(?P<number>\d{5,6})-of-(?P<count>\d{5,6})\.safetensors$")
OLD = re.compile(r"\.(bin|pth|pt|ckpt|msgpack|h5|onnx)$")
SUPPORTED = "read are config.json, *.safetensors and *.safetensors.index.json"


@dataclass(frozen=True)
class Folder:
    """The files of a folder by what they are."""

    path: Path
    shown: str
    names: tuple[str, ...]
    """Of its files, links among them, and of its folders with a slash behind."""

    @property
    def config(self) -> Path | None:
        """Return its config.json."""
        return self.path / CONFIG if CONFIG in self.names else None

    @property
    def quant(self) -> Path | None:
        """Return its hf_quant_config.json."""
        return self.path / QUANT if QUANT in self.names else None

    def source(self, name: str) -> str:
        """Return what messages call one of its files."""
        return name if self.shown in ("", ".") else f"{self.shown.rstrip('/')}/{name}"

    def problem(self, code: str, message: str, hint: str = "") -> Problem:
        """Return a problem of the whole folder."""
        return Problem(code, (), message, hint, Mark(self.shown))


def look(path: Path, shown: str) -> Folder:
    """Return what is in a folder.

    Raises:
        ToolError: It cannot be read.
        RecipeError: More files are in it than any checkpoint has.
    """
    names: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if len(names) >= MAX_FILES:
                    message = f"has more than {MAX_FILES} files, which no checkpoint has"
                    raise RecipeError(
                        Problem("limit", (), message, "give the model's own folder", Mark(shown))
                    )
                names.append(f"{entry.name}/" if entry.is_dir() else entry.name)
    except OSError as error:
        raise ToolError(f"{escape(shown)}: {error.strerror or error}") from error
    return Folder(path, shown, tuple(sorted(names)))


def no_config(folder: Folder) -> Problem:
    """Return that a folder has no config.json, and what it looks like instead."""
    names = folder.names
    if "adapter_config.json" in names:
        message = "is a LoRA adapter, not a model: it has adapter_config.json and no config.json"
        return folder.problem("adapter", message, "give its base model, which that file names")
    if "model_index.json" in names:
        message = "is a diffusion model: it has model_index.json and no config.json"
        return folder.problem("not-a-language-model", message, "sizes are those of language models")
    if any(name.endswith(".gguf") for name in names):
        return folder.problem("weights-format", "has GGUF weights and no config.json", SUPPORTED)
    if "params.json" in names:
        message = "has params.json of an original checkpoint and no config.json"
        return folder.problem(
            "no-config", message, "give the checkpoint in the format of the Transformers library"
        )
    snapshots = "snapshots/" in names
    hint = "give one of the folders in its snapshots/" if snapshots else SUPPORTED
    below = [name for name in names if name.endswith("/") and (folder.path / name / CONFIG).is_file()]
    if below:
        hint = f"{show(folder.source(below[0] + CONFIG))} is there: give that"
    return folder.problem("no-config", f"has no config.json; it has {_listed(names)}", hint)


def index(folder: Folder) -> str:
    """Return the name of its index of safetensors, empty where it has none.

    Raises:
        RecipeError: It has several, and none has the usual name.
    """
    found = [name for name in folder.names if name.endswith(INDEX) and not COPIES.match(name)]
    if f"model{INDEX}" in found or len(found) < 2:
        return f"model{INDEX}" if f"model{INDEX}" in found else "".join(found)
    message = f"has {len(found)} weights indexes: {_listed(tuple(found))}"
    raise RecipeError(folder.problem("weights-ambiguous", message, "give the index that is meant"))


def shards(folder: Folder) -> list[str]:
    """Return its safetensors files, without copies; those of the one layout alone where it has no other.

    Raises:
        RecipeError: A file of a numbered series is missing, or there are more than any checkpoint has.
    """
    every = [name for name in folder.names if name.endswith(WEIGHTS) and not name.startswith("adapter_model")]
    found = [name for name in every if not COPIES.match(name)] or every
    if len(found) > MAX_SHARDS:
        message = f"has {len(found)} safetensors files, of at most {MAX_SHARDS}"
        raise RecipeError(folder.problem("limit", message, "give the model's own folder"))
    series: dict[tuple[str, int], set[int]] = {}
    for name in found:
        match = NUMBERED.match(name)
        if match:
            series.setdefault((match["stem"], int(match["count"])), set()).add(int(match["number"]))
    for (stem, count), numbers in series.items():
        if len(numbers) < count:
            message = f"has {len(numbers)} of the {count} files {stem}-…-of-{count:05}.safetensors"
            raise RecipeError(
                folder.problem("weights-missing", message, "download the rest, or give its config.json")
            )
    return found


def others(folder: Folder) -> tuple[list[str], list[str]]:
    """Return its files of GGUF, and of PyTorch's and other formats that are not read."""
    return (
        [name for name in folder.names if name.endswith(".gguf")],
        [name for name in folder.names if OLD.search(name) and not COPIES.match(name)],
    )


def _listed(names: tuple[str, ...]) -> str:
    if not names:
        return "nothing in it"
    shown = ", ".join(escape(name) for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
