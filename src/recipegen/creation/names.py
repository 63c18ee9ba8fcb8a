"""What a recipe is called, and where it lives, by the id of its model."""

import re

from recipegen import catalog
from recipegen.endpoints import graph_name
from recipegen.errors import Problem, ToolError

# Namespaces that are Kubernetes' own or shared, or the operator's.
TAKEN = ("default", "kube", "dynamo")


LONGEST = 27
"""Characters of a name that all forms of a graph can have: Grove allows 45 with the largest component."""


def recipe_name(model: str) -> str:
    """Return the name of a model's recipe: the last segment of its id in lower case.

    Dots stay, as in the catalog (`qwen3.6-27b`); everything else outside a-z, 0-9 and `-` becomes a `-`, one
    for several, none at the ends. A name that does not begin with a letter gets `model-` before it: the
    graph is called after the recipe, and no Service may begin with a digit. Words at its end are left out
    until it is short enough.
    """
    words = re.sub(r"[^a-z0-9.]+", "-", model.rpartition("/")[2].lower())
    name = re.sub(r"-+", "-", words).strip("-.")
    name = name if re.match("[a-z]", name) else f"model-{name}".rstrip("-")
    while len(name) > LONGEST and "-" in name:
        name = name.rpartition("-")[0]
    return name[:LONGEST].rstrip("-.")


def refuse_taken(name: str) -> None:
    """Refuse the name of a recipe of the catalog.

    Raises:
        ToolError: The catalog has it.
    """
    if name in catalog.recipes():
        message = f"the catalog has a recipe called {name} already"
        hint = (
            f"`recipegen show {name}` tells what it is, `recipegen render {name}` takes it; "
            "--name gives this one another name, --force the same one"
        )
        raise ToolError(Problem("exists", (), message, hint))


def namespace(recipe: str) -> str:
    """Return the Kubernetes namespace of a recipe: the letters that its name begins with, as in the catalog.

    So recipes of one family (`qwen3-32b`, `qwen3.6-27b`) share one. Where the letters are no namespace of
    one's own, it is the graph's name.
    """
    found = re.match("[a-z]+", recipe)
    letters = found[0] if found else ""
    return letters if len(letters) > 1 and letters not in TAKEN else graph_name(recipe)


def title(model: str) -> str:
    """Return the model's name for people: the last segment of its id, words apart."""
    return re.sub(r"[-_]+", " ", model.rpartition("/")[2]).strip()
