"""Lists of files: one path a line, or what `aws s3 ls --recursive` prints."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from recipegen.errors import UNSAFE, Mark, Problem, RecipeError, ToolError, show

# Date, time and size, one space, then the path, in which there may be spaces.
OF_AWS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ (?P<path>.*)")
# What it prints of a folder that it does not look into.
FOLDER_OF_AWS = re.compile(r" *PRE .*/")
# What the download leaves beside the files for itself.
OWN_FOLDERS = (".cache", ".git")


@dataclass(frozen=True)
class Listed:
    """A file of a model: its path below the model's folder, and where that was read."""

    path: str
    mark: Mark | None = None


def read_listing(text: str, source: str) -> tuple[Listed, ...]:
    """Return the files of a list, each once, in its order; blank lines are left out.

    Args:
        text: the list.
        source: the file as the user named it.

    Raises:
        RecipeError: with every line that is no path below the folder, or because there is none at all.
    """
    found: dict[str, Listed] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        mark = Mark(source, number, 1)
        if FOLDER_OF_AWS.fullmatch(line):
            message = f"is a folder, and what lies in it is not listed, got {show(line.strip())}"
            problems.append(Problem("file-list", (), message, "list it with `aws s3 ls --recursive`", mark))
            continue
        of_aws = OF_AWS.fullmatch(line)
        # `find .` begins each path with "./", which no key of a store has.
        path = (of_aws["path"] if of_aws else line.strip()).removeprefix("./")
        problems += _wrong(path, mark)
        found.setdefault(path, Listed(path, mark))
    if problems:
        raise RecipeError(*problems)
    return _not_empty(tuple(found.values()), source)


def read_folder(folder: Path) -> tuple[Listed, ...]:
    """Return the files of a folder on this machine, by name, without what a download or git keeps.

    Raises:
        ToolError: when it cannot be read.
        RecipeError: when there is no file in it.
    """
    if not folder.is_dir():
        raise ToolError(f"{show(str(folder))} is no folder that can be read")
    try:
        paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise ToolError(f"{show(str(folder))}: {error.strerror}") from error
    found = tuple(Listed(path.as_posix()) for path in paths if path.parts[0] not in OWN_FOLDERS)
    return _not_empty(found, str(folder))


def below(files: tuple[Listed, ...], prefix: str) -> tuple[Listed, ...]:
    """Return the files by their paths below a folder, where all of them are whole keys of a bucket.

    That is how `aws s3 ls --recursive` prints them.
    """
    if not all(file.path.startswith(prefix) for file in files):
        return files
    return tuple(replace(file, path=file.path.removeprefix(prefix)) for file in files)


def _wrong(path: str, mark: Mark) -> Iterator[Problem]:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        hint = "name files below the model's own folder"
        yield Problem("file-escapes", (), f"lies outside of the folder, got {show(path)}", hint, mark)
    elif "" in parts or "." in parts or UNSAFE.search(path) or "\\" in path:
        hint = "write one path a line, with single '/' between names"
        yield Problem("file-list", (), f"is no path of a file, got {show(path)}", hint, mark)


def _not_empty(found: tuple[Listed, ...], source: str) -> tuple[Listed, ...]:
    if not found:
        hint = "a format is known by its files: give one path a line"
        raise RecipeError(Problem("file-list", (), "lists no file", hint, Mark(source)))
    return found
