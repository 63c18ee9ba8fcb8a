"""The weights of a folder: each tensor counted from headers, or their sum taken from the index."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from recipegen import yamlio
from recipegen.errors import Mark, Problem, RecipeError, escape, show
from recipegen.modelfacts import Files, ModelFacts
from recipegen.sizing.checkpoint import folder, headers, jsontext
from recipegen.sizing.checkpoint.exact import apart, counted, scaled
from recipegen.sizing.checkpoint.folder import INDEX, Folder
from recipegen.sizing.checkpoint.headers import Shard, Tensor
from recipegen.sizing.checkpoint.tensors import OTHER

MAX_INDEX = 256 * 2**20
"""Bytes of an index; one of a model with a million tensors has half of it."""
MAX_SECONDS = 60.0
MAX_TOTAL = 2**50
"""Bytes of all weights; the largest model that was published has 3 * 2**40."""
UNKNOWN = 0.01
"""Share of tensors that fit no module before that is said."""


def read(found: Folder, model: ModelFacts, chosen: str = "") -> tuple[Files | None, tuple[Problem, ...]]:
    """Return the weights of a folder, None where it has none that are read, and what is odd.

    Args:
        found: The folder.
        model: What its configuration lets expect.
        chosen: The index or the file in it that was named, where one was.

    Raises:
        ToolError: A file cannot be read.
        RecipeError: A file is not what it has to be, or weights are missing whose size nothing says.
    """
    name = chosen or folder.index(found)
    if name.endswith(INDEX):
        files, odd = _indexed(found, name, model)
    else:
        names = [name] if name else folder.shards(found)
        if not names:
            return None, tuple(_unread(found))
        shards = list(_shards(found, names))
        files, odd = counted(_once(shards), model, _what(found, shards)), _cut(shards)
    if not files.bytes:
        raise RecipeError(found.problem("weights-file", "has weights of no bytes", "download them again"))
    return files, (*odd, *_apart(found, files, model), *_unknown(found, files))


def _indexed(found: Folder, name: str, model: ModelFacts) -> tuple[Files, list[Problem]]:
    label = found.source(name)
    index = jsontext.read(yamlio.read_bytes(found.path / name, label, most=MAX_INDEX), label, MAX_INDEX)
    places = index.data.get("weight_map")
    if (
        not isinstance(places, dict)
        or not places
        or not all(isinstance(each, str) for each in places.values())
    ):
        message = "must be a map from tensors to files"
        raise RecipeError(index.problem("weights-file", ("weight_map",), message, "download it again"))
    files = sorted(set(places.values()))
    missing = [file for file in files if file not in found.names]
    if not missing:
        shards = list(_shards(found, files))
        tensors = (each for each in _once(shards, places))
        return counted(tensors, model, _what(found, shards)), _cut(shards)
    metadata = index.data.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, Mapping) else None
    if total is None:
        what = f"{len(missing)} of its {len(files)} files are not there, such as {show(missing[0])}"
        message = f"{what}, and it has no metadata.total_size"
        raise RecipeError(
            index.problem("weights-missing", (), message, "download the rest, or give config.json alone")
        )
    size = _total(total)
    if size is None:
        message = f"must be a whole number of bytes from 1 to {MAX_TOTAL}, got {show(total)}"
        raise RecipeError(
            index.problem("weights-file", ("metadata", "total_size"), message, "download it again")
        )
    return scaled(size, places, model, f"metadata.total_size of {escape(label)}"), []


def _total(total: Any) -> int | None:
    whole = isinstance(total, int) or (isinstance(total, float) and total.is_integer())
    return int(total) if whole and not isinstance(total, bool) and 0 < total <= MAX_TOTAL else None


def _shards(found: Folder, names: list[str]) -> Iterator[Shard]:
    start = time.monotonic()
    for done, name in enumerate(names):
        if time.monotonic() - start > MAX_SECONDS:
            message = (
                f"read the headers of {done} of {len(names)} files in {MAX_SECONDS:.0f} seconds, and gave up"
            )
            raise RecipeError(
                found.problem("limit", message, "copy the headers near, or give config.json alone")
            )
        yield headers.read(found.path / name, found.source(name))


def _once(shards: list[Shard], places: Mapping[str, str] | None = None) -> Iterator[Tensor]:
    """Yield each tensor, from the file that the index names for it.

    Raises:
        RecipeError: It stands in two files, and no index says which is loaded.
    """
    seen: dict[str, str] = {}
    for shard in shards:
        file = shard.source.rpartition("/")[2]
        for tensor in shard.tensors:
            if places and places.get(tensor.name, file) != file:
                continue
            if tensor.name in seen:
                message = f"tensor {show(tensor.name)} is also in {escape(seen[tensor.name])}"
                hint = "leave one of the copies, or give the index that says which is loaded"
                raise RecipeError(Problem("weights-ambiguous", (), message, hint, Mark(shard.source)))
            seen[tensor.name] = shard.source
            yield tensor


def _what(found: Folder, shards: list[Shard]) -> str:
    if len(shards) == 1:
        return f"the header of {escape(shards[0].source)}"
    return f"the headers of {len(shards)} files in {escape(found.shown)}"


def _cut(shards: list[Shard]) -> list[Problem]:
    """Return a warning of files that are shorter than their headers say."""
    short = [shard for shard in shards if shard.missing]
    if not short:
        return []
    bytes_, more = sum(shard.missing for shard in short), f", as are {len(short) - 1} more files"
    message = (
        f"is cut short{more if len(short) > 1 else ''}: {bytes_} bytes are missing; sizes are of headers"
    )
    hint = "download again before it is served"
    return [Problem("weights-cut", (), message, hint, Mark(short[0].source), warning=True)]


def _unread(found: Folder) -> Iterator[Problem]:
    """Yield what is said of weights in formats that are not read; GGUF has sizes of its own."""
    packed, old = folder.others(found)
    if packed:
        message = f"has its weights as GGUF ({escape(packed[0])}), whose sizes config.json does not tell"
        raise RecipeError(found.problem("weights-format", message, folder.SUPPORTED))
    if old:
        message = f"its weights ({escape(old[0])}) are not read: sizes are those of its config.json"
        yield Problem("weights-format", (), message, folder.SUPPORTED, Mark(found.shown), warning=True)


def _apart(found: Folder, files: Files, model: ModelFacts) -> Iterator[Problem]:
    """Yield a warning where files and configuration speak of different sizes."""
    if not apart(files, model):
        return
    expected = model.weights_bytes
    message = (
        f"has {files.bytes / 1e9:.2f} GB of weights, but its config.json describes {expected / 1e9:.2f} GB:"
        " files of another model are in it, or the model has layers that recipegen does not know"
    )
    hint = "the size of the weights is that of the files; do not trust that of the cache"
    yield Problem("weights-differ", (), message, hint, Mark(found.shown), warning=True)


def _unknown(found: Folder, files: Files) -> Iterator[Problem]:
    """Yield a warning where much of the weights is of no module that could be told."""
    every = [*files.modules.items(), *files.predictors.items()]
    size = sum(size for name, size in every if name.rpartition(".")[2] == OTHER)
    share = size / sum(size for _, size in every)
    if share <= UNKNOWN:
        return
    message = (
        f"{share:.0%} of its weights have names that recipegen does not know: they are taken to be divided by"
        " tensor parallelism"
    )
    hint = "on one GPU nothing depends on it; on several, each may have more of them"
    yield Problem("weights-unknown", (), message, hint, Mark(found.shown), warning=True)
