"""What is known of a model: its shape, and the sizes that follow from its modules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from recipegen.modelfacts.caches import Kept
from recipegen.modelfacts.formats import Quantization
from recipegen.modelfacts.layers import Attention
from recipegen.modelfacts.mixers import Module
from recipegen.modelfacts.rotary import Table


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters."""

    total: int
    """All that an engine loads, without layers that predict further tokens."""
    active: int
    """What one token goes through: all but the experts that it does not go to, towers left out."""
    predictors: int
    """Layers that predict further tokens (MTP), loaded for speculation only."""


@dataclass(frozen=True)
class Files:
    """The weights of a model as its files have them, in place of what its configuration lets expect."""

    source: str
    """What they were read from."""
    modules: Mapping[str, int]
    """Bytes by module, without predictors; what fits none is `other`, or `layers.3.other`."""
    predictors: Mapping[str, int]
    """Bytes by module of layers that predict further tokens."""
    parameters: int
    """Of `modules`; packed ones counted one by one, scales not at all."""
    counted: bool = True
    """Whether each tensor was; otherwise only their sum is known, and modules share it as configured."""

    @property
    def bytes(self) -> int:
        """Return the bytes of `modules`."""
        return sum(self.modules.values())


# Equal to itself alone, so that what is derived from it can be kept by it: two of them are never compared.
@dataclass(frozen=True, eq=False)
class ModelFacts:
    """A model, as its published configuration describes it."""

    id: str
    layers: int
    hidden_size: int
    heads: int
    """Query heads."""
    kv_heads: int
    """Heads whose keys and values are stored. With MLA there is one latent, whatever this says."""
    head_dim: int
    """Width of a query head; with MLA both its parts, without positions and with."""
    vocab_size: int
    dense_width: int
    """Width of the MLP of dense layers; 0 without one."""
    expert_width: int
    """Width of one routed expert; 0 for a dense model."""
    context: int
    """Longest context in tokens (scaled positions counted as vLLM does); 0: not stated."""
    experts: int
    """Routed experts of a layer; 0 for a dense model."""
    experts_per_token: int
    mla: bool
    """Whether attention stores a latent in place of heads: nothing of it is divided by tensor parallelism."""
    kv_lora_rank: int
    """Width of the latent; 0 without one."""
    q_lora_rank: int
    rope_head_dim: int
    """Positions beside the latent, qk_rope_head_dim."""
    attention: Attention
    """dense: a KV head a head; gqa: fewer; sliding: some layers see a window; hybrid: some keep a state."""
    window: int
    """Tokens that sliding layers see; 0 without such layers."""
    full_layers: int
    """Layers whose cache grows with the context."""
    dtype: str
    """Number format of what is not quantised."""
    quantization: Quantization
    multimodal: bool
    tower: tuple[int, int] | None
    """Layers and width of the vision tower as its configuration says them, 0 where it does not, or None."""
    tied: bool
    """Whether embedding and head are one matrix."""
    families: tuple[str, ...]
    """What `model_type` says: of the language model, then where it differs of the whole."""
    compressed: bool
    """Whether entries of the latent stand for several tokens (DeepSeek V4)."""
    sparse: bool
    """Whether an indexer picks the tokens that the latent's attention sees (`index_topk`)."""
    predicts: bool
    """Whether any key speaks of layers that predict further tokens, also of those without known modules."""
    default_context: int
    """What vLLM serves where no length is asked for: less than `context` for long-rope models."""
    caches: tuple[Kept, ...] = field(repr=False)
    """What each layer keeps of a sequence, in the order of the layers."""
    rotary: tuple[Table, ...] = field(repr=False)
    """The tables of rotary positions that an engine makes."""
    modules: tuple[Module, ...] = field(repr=False)
    """What the weights are made of, without layers that predict further tokens."""
    predictors: tuple[Module, ...] = field(repr=False)
    """The modules of layers that predict further tokens."""
    files: Files | None = field(default=None, repr=False)
    """The weights in files, where they were counted."""
    assumed: bool = False
    """Whether the layers are taken to be plain ones, because nobody knows the architecture here."""

    @cached_property
    def parameters(self) -> Parameters:
        """Return the numbers of parameters, summed over modules."""
        return Parameters(
            self.files.parameters if self.files else sum(module.parameters for module in self.modules),
            round(
                sum(module.parameters * module.active for module in self.modules if module.name != "vision")
            ),
            sum(module.parameters for module in self.predictors),
        )

    @cached_property
    def sizes(self) -> Mapping[str, float]:
        """Return the bytes of weights by module, without predictors: of the files, or as expected."""
        return self.files.modules if self.files else self._sizes(self.modules)

    @cached_property
    def predictor_sizes(self) -> Mapping[str, float]:
        """Return the bytes by module of layers that predict further tokens."""
        return self.files.predictors if self.files else self._sizes(self.predictors)

    @cached_property
    def weights_bytes(self) -> int:
        """Return the bytes of the weights, each module in its own number format, without predictors."""
        return round(sum(self.sizes.values()))

    @cached_property
    def predictor_bytes(self) -> int:
        """Return the bytes of layers that predict further tokens."""
        return round(sum(self.predictor_sizes.values()))

    def _sizes(self, found: tuple[Module, ...]) -> dict[str, float]:
        of = self.quantization.bytes_of
        sizes: dict[str, float] = {}
        for module in found:
            sizes[module.name] = sizes.get(module.name, 0.0) + module.parameters * of(module.name, self.dtype)
        return sizes
