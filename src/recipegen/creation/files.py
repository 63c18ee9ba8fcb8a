"""The file of a new recipe: where it goes, whether it may, and writing it whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from recipegen import catalog
from recipegen.errors import Problem, ToolError, escape


def refuse(path: Path, *, force: bool) -> None:
    """Refuse a file that may not be written: one that is there, or the name of a recipe of the catalog.

    Raises:
        ToolError: It may not.
    """
    shown = escape(str(path))
    if path.is_dir():
        raise ToolError(Problem("tool", (), f"{shown} is a directory", f"name a file: -o {shown}/NAME.yaml"))
    if not path.parent.is_dir():
        raise ToolError(Problem("tool", (), f"{escape(str(path.parent))} is no directory", "make it first"))
    if force:
        return
    if path.exists() or path.is_symlink():
        hint = "--force writes the whole file anew, and what was changed in it is lost; -o names another one"
        raise ToolError(Problem("exists", (), f"{shown} is there already", hint))
    if path.stem in catalog.recipes():
        message = f"the catalog has a recipe called {path.stem} already"
        hint = (
            f"`recipegen show {path.stem}` tells what it is, `recipegen render {path.stem}` takes it; "
            "--name gives this one another name, --force the same one"
        )
        raise ToolError(Problem("exists", (), message, hint))


def write(text: str, path: Path, *, force: bool = False) -> None:
    """Write a recipe; the file is there as a whole or not at all, and without `force` only where none was.

    Raises:
        ToolError: A file is there, or it cannot be written.
    """
    # Not beside a link but where it points to.
    target = Path(os.path.realpath(path)) if force else path
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".recipegen-", suffix=".yaml")
    except OSError as error:
        raise ToolError(f"{escape(str(path))}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o666 & ~_umask())
        if force:
            Path(temporary).replace(target)
        else:
            _place(temporary, target)
    except FileExistsError as error:
        raise ToolError(f"{escape(str(path))} is there already, since a moment ago") from error
    except OSError as error:
        raise ToolError(f"{escape(str(path))}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            Path(temporary).unlink()


def _place(temporary: str, target: Path) -> None:
    """Give the file its name, which nothing may have yet."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links.
        if target.exists():
            raise FileExistsError(str(target)) from None
        Path(temporary).replace(target)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
