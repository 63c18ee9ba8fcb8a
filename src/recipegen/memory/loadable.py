"""Whether an engine loads weights of a format on a GPU, and whether the GPU computes in it."""

from recipegen import facts
from recipegen.errors import Problem
from recipegen.memory.versions import order
from recipegen.modelfacts import ModelFacts


def loading(known: ModelFacts, backend: str, gpu: str) -> Problem | None:
    """Return what keeps an engine from loading weights on a GPU, or from computing in their format.

    Source: facts/quantization.yaml.
    """
    stated = facts.hardware().get(gpu, {}).get("computeCapability")
    what = known.quantization.format
    row = facts.quantization().get(backend, {}).get(what, {}).get(known.quantization.method, {})
    if stated is None:
        return None
    capability, has, path = order(stated), f"{gpu} has {stated}", ("hardware", "gpu")
    if "least" in row and capability < order(row["least"]):
        message = f"{backend} loads {known.id} in {what} from compute capability {row['least']} on, and {has}"
        return Problem("weights-format", path, message, "take a newer GPU, or weights in another format")
    if "native" in row and capability < order(row["native"]):
        message = f"has no arithmetic in {what}: compute capability {row['native']} brings it, and {has}"
        hint = f"{backend} keeps the weights of {known.id} as small, and computes in 16 bits"
        return Problem("weights-format", path, message, hint, warning=True)
    if "stated" in row and capability < order(row["stated"]):
        message = f"NVIDIA lists {what} for {backend} from compute capability {row['stated']} on, and {has}"
        hint = "take a newer GPU, or weights in another format; whether it runs here is not known"
        return Problem("weights-format", path, message, hint, warning=True)
    return None
