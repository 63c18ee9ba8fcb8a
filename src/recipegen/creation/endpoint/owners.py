"""The file that says which id an e-mail address has: a map that somebody else keeps."""

import re
from pathlib import Path

from recipegen import yamlio
from recipegen.errors import Problem, RecipeError, nearest, show
from recipegen.recipe import LABEL_VALUE


def lookup(address: str, file: str) -> str:
    """Return the id that a file has for an e-mail address; capitals of the address do not matter.

    Raises:
        ToolError: when the file cannot be read.
        RecipeError: when it has no such address, or something else than an id for it.
    """
    document = yamlio.read_file(Path(file), file)
    known = {key.casefold(): key for key in document.data}
    key = known.get(address.casefold())
    if key is None:
        hint = nearest(address, known) or "add the address, or give the id as --owner"
        raise RecipeError(Problem("unknown-owner", (), f"{file} has no id for {show(address)}", hint))
    value = document.data[key]
    if not isinstance(value, str) or not value or not re.fullmatch(LABEL_VALUE, value) or len(value) > 63:
        message = f"needs an id, which becomes the value of a label, got {show(value)}"
        hint = "at most 63 letters, digits, '-', '_' and '.'; put a number in quotes"
        raise RecipeError(Problem("wrong-value", (key,), message, hint, document.mark((key,))))
    return value
