"""The memory of a GPU while it serves a model: weights, overhead, KV cache, and what that holds."""

from recipegen.memory.arithmetic import ABOVE, terms
from recipegen.memory.division import divides, undivided
from recipegen.memory.fitting import Fit, Stage, fit
from recipegen.memory.layouts import counts, layouts
from recipegen.memory.loadable import loading
from recipegen.memory.nearest import larger_gpu, more_gpus
from recipegen.memory.setup import Setup
from recipegen.memory.terms import GIB, Kind, Term, gib

__all__ = [
    "ABOVE", "GIB", "Fit", "Kind", "Setup", "Stage", "Term", "counts", "divides", "fit", "gib", "larger_gpu",
    "layouts", "loading", "more_gpus", "terms", "undivided",
]  # fmt: skip
