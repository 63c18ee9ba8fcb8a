"""Ids of models and keys of their objects, by two rules: '/' becomes '-' in ids, and ':' in keys."""

from dataclasses import dataclass

from recipegen import facts
from recipegen.errors import Problem, RecipeError, show

LONGEST_SUFFIX = 18
"""Characters that the suffix of a fine-tuned model may have."""


@dataclass(frozen=True)
class Layout:
    """Where models lie in a bucket; the defaults are model-manager's."""

    path_prefix: str = "models"
    base_model_path_prefix: str = "base-models"
    project: str = "global"
    """Project that a model belongs to; `global` for all of them."""
    tenant: str = "default-tenant-id"
    """Owner of fine-tuned models."""


def model_id(name: str) -> str:
    """Return the id of a model: each '/' is '-'; ':' stays. Two names may have one id: a/b-c and a-b/c."""
    return name.replace("/", "-")


def tuned_id(base: str, suffix: str) -> str:
    """Return the id of a fine-tuned model, `ft:<base>:<suffix>`.

    Raises:
        RecipeError: when the suffix is empty, longer than 18 characters, or would divide the id.
    """
    if not suffix or len(suffix) > LONGEST_SUFFIX:
        message = f"the suffix of a fine-tuned model has 1 to {LONGEST_SUFFIX} characters, got {show(suffix)}"
        raise RecipeError(Problem("tuned-suffix", (), message, "shorten what stands behind the last ':'"))
    if set(suffix) & set("/:"):
        message = f"the suffix of a fine-tuned model has no '/' and no ':', got {show(suffix)}"
        raise RecipeError(Problem("tuned-suffix", (), message, "write ft:BASE:SUFFIX"))
    return f"ft:{model_id(base)}:{suffix}"


def base_folder(name: str, layout: Layout) -> str:
    """Return the folder of a base model, without '/' at its end: '/' of the name divides, ':' is '-'."""
    place = (layout.path_prefix, layout.base_model_path_prefix, layout.project)
    return "/".join((*filter(None, place), _key(name)))


def tuned_folder(name: str, layout: Layout) -> str:
    """Return the folder of a fine-tuned model or adapter, without '/' at its end."""
    return "/".join((*filter(None, (layout.path_prefix, layout.tenant, layout.project)), _key(name)))


def listing_prefix(folder: str) -> str:
    """Return what a store is asked with for the objects of a folder: gemma-2b is not gemma-2b-it."""
    return f"{folder}/"


def guessed_quantization(name: str) -> str | None:
    """Return the quantization that the end of an id stands for; None where it says nothing."""
    suffixes: dict[str, str] = facts.ingestion()["suffixes"]
    return next((method for end, method in suffixes.items() if name.casefold().endswith(end)), None)


def _key(name: str) -> str:
    return name.replace(":", "-")
