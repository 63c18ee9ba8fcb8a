"""A file that a command writes: whether it may, and writing it whole or not at all."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from recipegen.errors import Problem, ToolError, escape


def refuse(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, and without `force` one that is there.

    Raises:
        ToolError: It may not be written.
    """
    shown = escape(str(path))
    if path.is_dir():
        raise ToolError(Problem("tool", (), f"{shown} is a directory", f"name a file: -o {shown}/NAME.yaml"))
    if not path.parent.is_dir():
        raise ToolError(Problem("tool", (), f"{escape(str(path.parent))} is no directory", "make it first"))
    if not force and (path.exists() or path.is_symlink()):
        hint = "--force writes the whole file anew, and what was changed in it is lost; -o names another one"
        raise ToolError(Problem("exists", (), f"{shown} is there already", hint))


def write(text: str, path: Path, *, force: bool = False) -> None:
    """Write a file, which is there as a whole or not at all, and without `force` only where none was.

    Raises:
        ToolError: A file is there, or it cannot be written.
    """
    # Not beside a link but where it points to.
    target = Path(os.path.realpath(path)) if force else path
    try:
        if force and target.exists() and not target.is_file():
            # A pipe or a device is written to, not replaced.
            target.write_text(text, encoding="utf-8")
        else:
            _write_whole(text, target, force=force)
    except FileExistsError as error:
        raise ToolError(f"{escape(str(path))} is there already, since a moment ago") from error
    except OSError as error:
        raise ToolError(f"{escape(str(path))}: {error.strerror}") from error


def _write_whole(text: str, target: Path, *, force: bool) -> None:
    """Write beside the file, and give it the name once all is written."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".recipegen-", suffix=".yaml")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            there = force and target.exists()
            os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode) if there else 0o666 & ~_umask())
        if force:
            Path(temporary).replace(target)
        else:
            _place(temporary, target)
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
