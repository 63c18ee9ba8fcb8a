"""Where recipes and charts lie, and which recipe a name means."""

from functools import cache
from os import PathLike
from pathlib import Path

from recipegen.errors import Problem, UsageError, nearest, show


@cache
def root() -> Path:
    """Return the folder that holds `recipes/` and `charts/`: inside the wheel, or the checkout."""
    packaged = Path(__file__).parent / "_data"
    return packaged if packaged.is_dir() else Path(__file__).parents[2]


def charts() -> Path:
    """Return the folder of the packaged charts."""
    return root() / "charts"


def folder() -> Path:
    """Return the folder of the catalog's recipes."""
    return root() / "recipes"


def recipes() -> dict[str, Path]:
    """Return the catalog: recipe name to file, sorted by name."""
    names = sorted(path.name for path in folder().iterdir() if path.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): folder() / name for name in names}


def find(name: str | PathLike[str]) -> Path | None:
    """Return the file that `name` means; None for standard input.

    A path object, and a name with a slash or a YAML ending, is a path and need not exist. Anything
    else is looked up in the catalog, never joined to a path.

    Raises:
        UsageError: when the catalog has no such recipe.
    """
    if isinstance(name, PathLike):
        return Path(name)
    if name == "-":
        return None
    if "/" in name or name.endswith((".yaml", ".yml")):
        return Path(name)
    known = recipes()
    if name not in known:
        hint = nearest(name, known) or "`recipegen list` shows the catalog; a file needs a path or .yaml"
        raise UsageError(Problem("unknown-recipe", (), f"no recipe is called {show(name)}", hint))
    return known[name]


def shown(path: Path | None) -> str:
    """Return what messages call a file: its path from here, when it lies below."""
    if path is None:
        return "-"
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
