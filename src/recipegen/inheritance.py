"""Recipes that extend another: one parent each, the recipe a merge patch of it."""

from functools import reduce
from os.path import realpath
from pathlib import Path

from recipegen import catalog, yamlio
from recipegen.catalog import shown
from recipegen.document import Document, merge, without
from recipegen.errors import Problem, RecipeError, ToolError, UsageError, show

KEY = "extends"


def extended(document: Document, path: Path | None) -> tuple[Document, list[Path]]:
    """Return a recipe with all that it extends below it, and the files of those, the nearest first.

    Every value keeps the file and line it was written at. The key itself is taken out, and `about.evidence`
    is not handed down.

    Args:
        document: the recipe as written.
        path: its file, from whose folder paths are taken; None for standard input and this folder.

    Raises:
        RecipeError: when the recipe that it extends is not there, is no recipe, or extends this one.
    """
    # Not `resolve`, which links that lead to themselves end.
    seen = [realpath(path)] if path else []
    bases: list[Path] = []
    written = [document]
    while KEY in written[-1].data:
        below, base = written[-1], _base(written[-1], bases[-1] if bases else path)
        if realpath(base) in seen:
            names = " extends ".join(map(shown, [*([path] if path else []), *bases, base]))
            message, hint = f"goes round in a circle: {names}", "take it out of one of them"
            raise _problem("cyclic-extends", below, message, hint)
        try:
            written.append(yamlio.read_file(base, shown(base)))
        except ToolError as error:
            message = f"cannot be read: {error.problems[0].message}"
            hint = "the path is taken from the folder of the file that says it"
            raise _problem("no-base", below, message, hint) from error
        seen.append(realpath(base))
        bases.append(base)
    # From the one that extends nothing downwards, so that a null deletes what any of those above it has.
    first, *rest = (without(each, KEY) for each in reversed(written))
    return reduce(_merged, rest, first), bases


def _merged(above: Document, below: Document) -> Document:
    """Return a recipe over the one that it extends; raises RecipeError as `extended` does."""
    base, own = (each.data.get("model") for each in (above, below))
    if isinstance(base, dict) and isinstance(own, dict) and base.get("revision") is not None:
        renamed = own.get("name") not in (None, base.get("name"))
        if renamed and "revision" not in own:
            message = (
                f"is not the base's model, and its revision is none of this one, got {show(own['name'])}"
            )
            hint = "write model.revision too, or null for the newest"
            path = ("model", "name")
            raise RecipeError(Problem("inherited-revision", path, message, hint, below.mark(path)))
    return merge(_handed_down(above), below)


def _handed_down(above: Document) -> Document:
    """Return what a recipe hands down: what was seen of itself says nothing of another that changes it."""
    about = above.data.get("about")
    if not isinstance(about, dict) or "evidence" not in about:
        return above
    return merge(above, Document({"about": {"evidence": None}}, {}, {}))


def _base(document: Document, file: Path | None) -> Path:
    """Return the file that a recipe extends."""
    name = document.data[KEY]
    if not isinstance(name, str) or name in ("", "-"):
        message = f"needs the name of one recipe or the path of its file, got {show(name)}"
        raise _problem(
            "wrong-type", document, message, "a recipe has a single parent, which may have one too"
        )
    try:
        found = catalog.find(name)
    except UsageError as error:
        problem = error.problems[0]
        hint = f"{problem.hint}, such as ./{name}.yaml" if "needs a path" in problem.hint else problem.hint
        raise _problem("no-base", document, problem.message, hint) from error
    assert found is not None
    # A name of the catalog is a whole path; joined to a folder it stays one.
    return (file.parent if file else Path()) / found


def _problem(code: str, document: Document, message: str, hint: str) -> RecipeError:
    return RecipeError(Problem(code, (KEY,), message, hint, document.values[(KEY,)]))
