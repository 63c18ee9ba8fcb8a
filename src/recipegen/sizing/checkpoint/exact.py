"""The weights of a checkpoint as its files have them: bytes and parameters by the modules of `ModelFacts`."""

from collections.abc import Iterable

from recipegen.modelfacts import Files, ModelFacts
from recipegen.sizing.checkpoint.headers import Tensor
from recipegen.sizing.checkpoint.tensors import Names, bits_of, parameters_of, shared_out

APART = 0.05
"""Share by which files may differ from what is configured before that is said; what is worked out of a
configuration is known to a hundredth."""


def apart(files: Files, model: ModelFacts) -> bool:
    """Return whether files speak of another size than a configuration."""
    return abs(files.bytes / model.weights_bytes - 1) > APART


def counted(tensors: Iterable[Tensor], model: ModelFacts, source: str) -> Files:
    """Return the sums of a checkpoint's tensors.

    A copy of the embedding as `lm_head`, which engines do not load where the two are tied, is left out.
    """
    names = Names(model)
    own: dict[str, int] = {}
    later: dict[str, int] = {}
    parameters = 0
    bits: dict[str, int] = {}
    for tensor in tensors:
        modules = names.of(tensor.name)
        if modules == ("lm_head",) and model.tied:
            continue
        predicts = modules[0].startswith("mtp.")
        found = later if predicts else own
        for module, size in shared_out(tensor.bytes, modules, names.parameters).items():
            found[module] = found.get(module, 0) + size
        if predicts:
            continue
        if modules[0] not in bits:
            bits[modules[0]] = bits_of(modules[0], model)
        parameters += parameters_of(tensor.name, tensor.dtype, tensor.numbers, bits[modules[0]])
    return Files(source, own, later, parameters)


def scaled(total: int, tensors: Iterable[str], model: ModelFacts, source: str) -> Files:
    """Return the weights of which only the sum and the names are known, shared out as configured.

    Args:
        total: Bytes of all tensors.
        tensors: Their names.
        model: What the configuration lets expect.
        source: Where the sum stands.
    """
    names = Names(model)
    found = {names.of(tensor)[0] for tensor in tensors}
    own = model.sizes
    later = model.predictor_sizes if any(name.startswith("mtp.") for name in found) else {}
    copy = own.get("embed", 0.0) if model.tied and "lm_head" in found else 0.0
    factor = total / (sum(own.values()) + sum(later.values()) + copy)
    return Files(
        source,
        {name: round(size * factor) for name, size in own.items()},
        {name: round(size * factor) for name, size in later.items()},
        model.parameters.total,
        counted=False,
    )
