"""The weights of a checkpoint as its files have them: bytes and parameters by the modules of `ModelFacts`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from recipegen.modelfacts import ModelFacts
from recipegen.sizing.checkpoint.headers import Tensor
from recipegen.sizing.checkpoint.tensors import Names, bits_of, parameters_of, shared_out


@dataclass(frozen=True)
class Exact:
    """Weights that were counted, in place of those that a configuration lets expect."""

    source: str
    """What they were read from."""
    modules: Mapping[str, int] = field(repr=False)
    """Bytes by module, without layers that predict further tokens. Names are those of `ModelFacts.modules`;
    what fits none of them is `other`, or `layers.3.other` where its layer is known."""
    predictors: Mapping[str, int] = field(repr=False)
    """Bytes by module of layers that predict further tokens."""
    parameters: int
    """Parameters of `modules`; packed ones counted one by one, scales not at all."""
    predictor_parameters: int
    left_out: Mapping[str, int]
    """Bytes that the files have and no engine loads, by the reason."""
    counted: bool = True
    """Whether each tensor was; otherwise only their sum is known, and modules share it as configured."""

    @property
    def bytes(self) -> int:
        """Return the bytes of the weights, without layers that predict further tokens."""
        return sum(self.modules.values())

    @property
    def predictor_bytes(self) -> int:
        """Return the bytes of layers that predict further tokens."""
        return sum(self.predictors.values())

    @property
    def other(self) -> int:
        """Return the bytes of what fits no module."""
        found = (*self.modules.items(), *self.predictors.items())
        return sum(size for name, size in found if name == "other" or name.endswith(".other"))


COPY = "a copy of the embedding as lm_head, which tied models do not load"


def counted(tensors: Iterable[Tensor], model: ModelFacts, source: str) -> Exact:
    """Return the sums of a checkpoint's tensors."""
    names = Names(model)
    own: dict[str, int] = {}
    later: dict[str, int] = {}
    numbers = {False: 0, True: 0}
    left_out: dict[str, int] = {}
    bits: dict[str, int] = {}
    for tensor in tensors:
        modules = names.of(tensor.name)
        if modules == ("lm_head",) and model.tied:
            left_out[COPY] = left_out.get(COPY, 0) + tensor.bytes
            continue
        predicts = modules[0].startswith("mtp.")
        found = later if predicts else own
        for module, size in shared_out(tensor.bytes, modules, names.parameters).items():
            found[module] = found.get(module, 0) + size
        if modules[0] not in bits:
            bits[modules[0]] = bits_of(modules[0], model)
        numbers[predicts] += parameters_of(tensor.name, tensor.dtype, tensor.numbers, bits[modules[0]])
    return Exact(source, own, later, numbers[False], numbers[True], left_out)


def scaled(total: int, tensors: Iterable[str], model: ModelFacts, source: str) -> Exact:
    """Return the weights of which only the sum and the names are known, shared out as configured.

    Args:
        total: Bytes of all tensors.
        tensors: Their names.
        model: What the configuration lets expect.
        source: Where the sum stands.
    """
    names = Names(model)
    found = {names.of(tensor)[0] for tensor in tensors}
    predicts = any(name.startswith("mtp.") for name in found)
    copied = model.tied and "lm_head" in found
    own = model.sizes
    later = model.predictor_sizes if predicts else {}
    copy = own.get("embed", 0.0) if copied else 0.0
    factor = total / (sum(own.values()) + sum(later.values()) + copy)
    return Exact(
        source,
        {name: round(size * factor) for name, size in own.items()},
        {name: round(size * factor) for name, size in later.items()},
        model.parameters.total,
        model.parameters.predictors if predicts else 0,
        {COPY: round(copy * factor)} if copied else {},
        counted=False,
    )
