"""The format of a model, from the names of its files alone."""

import re
from collections.abc import Iterator, Sequence

from recipegen import facts
from recipegen.errors import Problem, RecipeError, show
from recipegen.ingestion.listing import Listed

GGUF = "GGUF"
# One model in several files, as llama.cpp divides it.
PART = re.compile(r"(?P<whole>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


def detect(files: Sequence[Listed]) -> tuple[str, ...]:
    """Return the formats that the files have, in the order of facts/ingestion.yaml.

    Raises:
        RecipeError: with every reason why they are no model: no known format, an archive, GGUF beside
            weights of another format, several GGUF models beside another format, a part that is missing.
    """
    found = tuple(name for name in facts.ingestion()["formats"] if any(_is(name, f.path) for f in files))
    problems = [_archive(file) for file in files if _ends(file.path, facts.ingestion()["refused"])]
    if not found and not problems:
        problems.append(_unknown(files))
    if GGUF in found:
        problems += [*_beside(files, found), *_missing(files)]
    if problems:
        raise RecipeError(*problems)
    return found


def gguf_models(files: Sequence[Listed]) -> dict[str, Listed]:
    """Return the GGUF models of a folder: path without its end to the file, or to the first of its parts."""
    found: dict[str, Listed] = {}
    for file in sorted((file for file in files if _is(GGUF, file.path)), key=lambda file: file.path):
        part = PART.fullmatch(file.path)
        found.setdefault(part["whole"] if part else file.path.removesuffix(".gguf"), file)
    return found


def has_safetensors(files: Sequence[Listed]) -> bool:
    """Return whether weights are there in the one format that runs no code when it is read."""
    return any(file.path.endswith(".safetensors") for file in files)


def _is(name: str, path: str) -> bool:
    """Return whether a file shows a format."""
    shown = facts.ingestion()["formats"][name]
    return (
        path.startswith(f"{shown.get('folder', '')}/")
        or path in shown.get("names", ())
        or ("ends" in shown and f"/{path}".endswith(f"/{shown['ends']}"))
        or ("suffix" in shown and path.endswith(shown["suffix"]))
    )


def _ends(path: str, ends: Sequence[str]) -> bool:
    return path.endswith(tuple(ends))


def _archive(file: Listed) -> Problem:
    message = f"is an archive, which no engine opens, got {show(file.path)}"
    return Problem("format-archive", (), message, "unpack it, and list what was in it", file.mark)


def _unknown(files: Sequence[Listed]) -> Problem:
    """Return that no format is known by these files, and what may help."""
    deeper = next(
        (f for f in files if f.path.rpartition("/")[2] in ("config.json", "adapter_config.json")), None
    )
    hint = (
        "a model has config.json, adapter_config.json, tensorrt_llm/config.pbtxt, a folder blobs, or *.gguf"
    )
    if deeper:
        hint = (
            f"engines look for config.json at the top: list the folder {show(deeper.path.rpartition('/')[0])}"
        )
    names = ", ".join(file.path for file in files[:3])
    return Problem("format-unknown", (), f"is in no known format, got {show(names)}", hint, files[0].mark)


def _missing(files: Sequence[Listed]) -> Iterator[Problem]:
    """Yield the models in several GGUF files of which some are not there: nothing loads the others."""
    models: dict[tuple[str, int], dict[int, Listed]] = {}
    for file in files:
        if part := PART.fullmatch(file.path):
            models.setdefault((part["whole"], int(part["count"])), {})[int(part["number"])] = file
    for (_, count), parts in models.items():
        missing = [number for number in range(1, count + 1) if number not in parts]
        if missing:
            first = parts[min(parts)]
            message = (
                f"is one of {count} parts, and {len(missing)} are missing, the first is number {missing[0]}"
            )
            hint = "list the whole folder; where that is all of it, download the model again"
            yield Problem("format-part", (), f"{message}, got {show(first.path)}", hint, first.mark)


def _beside(files: Sequence[Listed], found: tuple[str, ...]) -> list[Problem]:
    """Return why GGUF files cannot lie beside what else is there."""
    models = gguf_models(files)
    first = next(iter(models.values()))
    hint = "give each format a folder, and so an id, of its own"
    other = next((f for f in files if _ends(f.path, facts.ingestion()["weights"])), None)
    if other and found != (GGUF,):
        message = f"is GGUF beside weights of another format, {show(other.path)}, got {show(first.path)}"
        return [Problem("format-mixed", (), message, hint, first.mark)]
    if len(models) > 1 and len(found) > 1:
        rest = ", ".join(name for name in found if name != GGUF)
        message = f"is one of {len(models)} GGUF models beside a model in {rest}, got {show(first.path)}"
        return [Problem("format-mixed", (), message, hint, first.mark)]
    return []
