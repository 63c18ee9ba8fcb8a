"""A self-contained directory: state file, values and charts, with relative paths only."""

import tempfile
from pathlib import Path

from recipegen import catalog, yamlio
from recipegen.compile import compile_plan
from recipegen.errors import ToolError
from recipegen.resolve import Plan
from recipegen.targets import helmfile

CHARTS = "./charts"
# Lists what recipegen wrote, so that it removes its own old files and never anybody else's.
MANIFEST = ".recipegen"

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
    found["helmfile.yaml"] = helmfile.document(bundle, entries)
    source = catalog.charts()
    for file in sorted(source.rglob("*")):
        # Python leaves these beside the benchmark's script when somebody imports it.
        if file.is_file() and file.parent.name != "__pycache__":
            found[f"charts/{file.relative_to(source).as_posix()}"] = file.read_text(encoding="utf-8")
    found[MANIFEST] = "".join(f"{path}\n" for path in sorted(found))
    return found


def write(wanted: Files, folder: Path) -> None:
    """Make the folder hold the files; what was there before is kept until all of them are written.

    Raises:
        ToolError: when the folder holds files of somebody else, or cannot be written.
    """
    try:
        old = set(_manifest(folder)) - wanted.keys()
        _refuse_foreign(wanted, folder)
        _refuse_links({*wanted, *old}, folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".recipegen-", dir=folder) as staging:
            for name, text in wanted.items():
                path = Path(staging) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
            for name in wanted:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(staging) / name).replace(folder / name)
            for name in old:
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise ToolError(f"{folder}: {error.strerror or error}") from error


def differences(wanted: Files, folder: Path) -> str:
    """Return a unified diff from the folder to the files; empty when they agree.

    Raises:
        ToolError: when a file cannot be read.
    """
    from difflib import unified_diff

    found = []
    for name in sorted({*wanted, *_manifest(folder)}):
        path = folder / name
        before = _text(path)
        after = wanted.get(name, "")
        lines = unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), "rendered"
        )
        found += list(lines)
    return "".join(found)


def _text(path: Path) -> str:
    """Return what the file holds, whatever wrote it; empty when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror or error}") from error


def _manifest(folder: Path) -> list[str]:
    names = filter(None, _text(folder / MANIFEST).splitlines())
    return [name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()]


def _refuse_foreign(wanted: Files, folder: Path) -> None:
    own = {MANIFEST, *_manifest(folder)}
    for name in wanted:
        path = folder / name
        if path.exists() and name not in own:
            message = f"{path} is there already and is not recipegen's; choose another directory"
            raise ToolError(message)


def _refuse_links(names: set[str], folder: Path) -> None:
    """Refuse to follow a link inside the folder, which may lead to somebody else's files."""
    for name in sorted(names):
        for place in (Path(name), *Path(name).parents):
            if place.parts and (folder / place).is_symlink():
                raise ToolError(f"{folder / place} is a link; choose another directory")
