"""A self-contained directory: state file, values and charts, with relative paths only."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recipegen import catalog, yamlio
from recipegen.compile import compile_plan
from recipegen.errors import UNSAFE, Problem, ToolError, UsageError, escape
from recipegen.resolve import Plan
from recipegen.targets import helmfile

CHARTS = "./charts"
STATE = "helmfile.yaml"
# Names the recipe and lists what recipegen wrote, so that it removes its own old files and never
# anybody else's.
MANIFEST = ".recipegen"
# One name for all runs: what an interrupted one left there, the next one removes.
STAGING = ".recipegen-staging"
RECIPE = "# recipe: "
ELSEWHERE = "choose another directory"

Files = dict[str, str]


def files(plan: Plan) -> Files:
    """Return the directory's files: path inside it to text."""
    bundle = compile_plan(plan, CHARTS)
    found: Files = {}
    entries = []
    for release in bundle.releases:
        path = f"values/{release.name}.yaml"
        entries.append(helmfile.entry(release, [path] if release.values else []))
        if release.values:
            found[path] = yamlio.write(release.values)
    found[STATE] = helmfile.document(bundle, entries)
    source = catalog.charts()
    for file in sorted(source.rglob("*")):
        # Python leaves these beside the benchmark's script when somebody imports it.
        if file.is_file() and file.parent.name != "__pycache__":
            found[f"charts/{file.relative_to(source).as_posix()}"] = file.read_text(encoding="utf-8")
    found[MANIFEST] = _listing(plan.name, found)
    return found


def write(wanted: Files, folder: Path) -> None:
    """Make the folder hold the files; what was there before is kept until all of them are written.

    The list of files is there before the first of them and the state file comes last: a run that was
    interrupted leaves nothing that helmfile would apply anew, and the next one goes on from there.

    Raises:
        UsageError: when the folder is part of the installation.
        ToolError: when the folder holds files of somebody else, or cannot be written.
    """
    # Not Path.resolve, which raises for links in a circle.
    real = Path(os.path.realpath(folder))
    for own in (catalog.charts(), catalog.folder()):
        if real.is_relative_to(own.resolve()):
            message = f"{folder} is where recipegen's own {own.name} lie"
            raise UsageError(Problem("usage", (), message, ELSEWHERE))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _put(wanted, folder)
    except FileExistsError as error:
        raise ToolError(f"{folder} is no directory") from error
    except OSError as error:
        raise ToolError(f"{folder}: {error.strerror or error}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other run writes the folder, and keep others waiting."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # A file system without locks is written without one.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _put(wanted: Files, folder: Path) -> None:
    listed = _manifest(folder)
    old = set(listed) - wanted.keys()
    _refuse_other_recipe(wanted, folder)
    _refuse_foreign(wanted, folder)
    _refuse_blocked({*wanted, *old}, folder)
    staging = folder / STAGING
    if staging.exists():
        shutil.rmtree(staging)
    try:
        for name, text in wanted.items():
            _write(staging / name, text)
        _write(staging / STAGING, _listing(_recipe(wanted[MANIFEST]), {*wanted, *listed} - {MANIFEST}))
        (staging / STAGING).replace(folder / MANIFEST)
        for name in [*sorted(wanted.keys() - {STATE, MANIFEST}), STATE]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(folder / name)
        for name in old:
            (folder / name).unlink(missing_ok=True)
        (staging / MANIFEST).replace(folder / MANIFEST)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def differences(wanted: Files, folder: Path) -> str:
    """Return a unified diff from the folder to the files, and what else lies among them; or nothing.

    Raises:
        ToolError: when the folder is none, or a file cannot be read.
    """
    from difflib import unified_diff

    if folder.exists() and not folder.is_dir():
        raise ToolError(f"{folder} is no directory")
    found = []
    for name in sorted({*wanted, *_manifest(folder)}):
        path = folder / name
        before, after = _bytes(path), wanted[name].encode() if name in wanted else None
        if before != after:
            old, new = (_decoded(side).splitlines(keepends=True) for side in (before, after))
            diff = list(unified_diff(old, new, str(path), "rendered"))
            found += diff or [f"{path} {'is missing' if before is None else 'differs'}\n"]
    found += [f"{folder / name} is not recipegen's\n" for name in strangers(wanted, folder)]
    return "".join(found)


def strangers(wanted: Files, folder: Path) -> list[str]:
    """Return what lies among charts and values and is not recipegen's, though Helm would read it.

    Raises:
        ToolError: when a folder cannot be read.
    """
    own = {*wanted, *_manifest(folder)}
    try:
        below = [path for top in ("charts", "values") for path in (folder / top).rglob("*")]
        names = {
            path.relative_to(folder).as_posix() for path in below if path.is_symlink() or not path.is_dir()
        }
    except OSError as error:
        raise ToolError(f"{folder}: {error.strerror or error}") from error
    return sorted(names - own)


def _bytes(path: Path) -> bytes | None:
    """Return what the file holds, whatever wrote it; None when there is none."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror or error}") from error


def _decoded(content: bytes | None) -> str:
    return (content or b"").decode(errors="replace")


def _listing(recipe: str, names: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in (RECIPE + escape(recipe), *sorted(names)))


def _recipe(manifest: str) -> str:
    """Return the recipe that a manifest names; empty when it names none."""
    first = manifest.partition("\n")[0]
    return first.removeprefix(RECIPE) if first.startswith(RECIPE) else ""


def _manifest(folder: Path) -> list[str]:
    """Return the files that the folder's list names; a list that was tampered with reaches no other ones."""
    lines = _decoded(_bytes(folder / MANIFEST)).splitlines()
    names = [line for line in lines if line and not line.startswith(RECIPE) and not UNSAFE.search(line)]
    return [name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()]


def _refuse_other_recipe(wanted: Files, folder: Path) -> None:
    there, own = _recipe(_decoded(_bytes(folder / MANIFEST))), _recipe(wanted[MANIFEST])
    # Older lists name no recipe.
    if there and there != own:
        message = f"{folder} holds the recipe {there}, which {own} would replace"
        raise ToolError(Problem("tool", (), message, ELSEWHERE))


def _refuse_foreign(wanted: Files, folder: Path) -> None:
    own = {MANIFEST, *_manifest(folder)}
    for name in wanted:
        path = folder / name
        if path.exists() and name not in own:
            message = f"{path} is there already and is not recipegen's; {ELSEWHERE}"
            raise ToolError(message)


def _refuse_blocked(names: set[str], folder: Path) -> None:
    """Refuse a link, which may lead to somebody else's files, and a directory where a file belongs."""
    for name in sorted(names):
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            raise ToolError(f"{folder / name} is a directory; {ELSEWHERE}")
        for place in (Path(name), *Path(name).parents):
            if place.parts and (folder / place).is_symlink():
                raise ToolError(f"{folder / place} is a link; {ELSEWHERE}")
        for place in Path(name).parents:
            if (folder / place).is_file():
                raise ToolError(f"{folder / place} is no directory; {ELSEWHERE}")
