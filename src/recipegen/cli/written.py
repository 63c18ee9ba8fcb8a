"""What commands that write a recipe have in common: the file that `-o` names, and their last words."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from recipegen.cli.printing import note, out
from recipegen.errors import UsageError, escape, show


def stem(args: argparse.Namespace) -> str | None:
    """Return what `-o` calls the recipe, which is called as its file; None where it does not say.

    Raises:
        UsageError: when the file is no recipe's, or `--name` says something else.
    """
    if args.output in (None, "-"):
        if args.output == "-" and args.force:
            raise UsageError("--force is for a file, and -o - writes none")
        return None
    path = Path(args.output)
    if path.is_dir():
        # Said with what else is wrong with the place.
        return None
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"-o {escape(args.output)}: the name of a recipe's file ends in .yaml")
    if args.name not in (None, path.stem):
        message = (
            f"--name {show(args.name)} and -o {escape(args.output)} differ: a recipe is called as its file"
        )
        raise UsageError(message)
    return path.stem


def tell(recipe: str, target: Path | None, notes: Sequence[str]) -> None:
    """Print where the recipe is and what comes next, or the recipe itself where it is in no file."""
    for each in notes:
        note(f"note: {each}")
    if target is None:
        out(recipe.rstrip("\n"))
        return
    out(str(target))
    place = str(target) if "/" in str(target) else f"./{target}"
    note(f"next: recipegen check {place}, then: recipegen render {place} | helmfile -f - apply")
