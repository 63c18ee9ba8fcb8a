"""What a model is, read from its config.json: shape, attention, experts, context, number formats, weights.

Pure functions over plain data, for models of the catalog (`facts.model`) and for any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from recipegen.modelfacts import formats
from recipegen.modelfacts.caches import GROWING, Kept, State, caches
from recipegen.modelfacts.config import MOST, ConfigError, Part, language
from recipegen.modelfacts.context import context, default_context
from recipegen.modelfacts.formats import Quantization
from recipegen.modelfacts.layers import (
    Attention,
    attention,
    experts,
    experts_per_token,
    fewest_kv_heads,
    heads,
    layers,
    mla,
)
from recipegen.modelfacts.mixers import Module
from recipegen.modelfacts.rotary import Table, tables
from recipegen.modelfacts.weights import modules, of_predictors, tied

__all__ = [
    "Attention", "ConfigError", "Files", "Kept", "ModelFacts", "Module", "Parameters", "Quantization",
    "State", "Table", "read",
]  # fmt: skip


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


def read(name: str, config: Mapping[str, Any], quant_config: Mapping[str, Any] | None = None) -> ModelFacts:
    """Return what a configuration says about its model.

    Everything is read here: what comes back has no mistake left to be found.

    Args:
        name: What the model is called; nothing is derived from it.
        config: Its config.json.
        quant_config: Its hf_quant_config.json, where it has one.

    Raises:
        ConfigError: A key is missing that every language model has, or says what cannot be, or names what is
            not known: a family, a tower, a method of quantisation.
    """
    text = language(config)
    found = layers(text)
    count, _, size = heads(text)
    if mla(text) and text.number("kv_lora_rank", default=0):
        size = text.number("qk_nope_head_dim") + text.number("qk_rope_head_dim")
    windows = text.number("sliding_window", "sliding_window_size", "attention_chunk_size", default=0)
    kept = caches(text, found)
    return ModelFacts(
        id=name,
        layers=len(found),
        hidden_size=text.number("hidden_size"),
        heads=count,
        kv_heads=fewest_kv_heads(text, found),
        head_dim=size,
        vocab_size=text.number("vocab_size"),
        dense_width=_dense_width(text),
        expert_width=text.number("moe_intermediate_size", "intermediate_size", default=0)
        if experts(text)
        else 0,
        context=context(text),
        experts=experts(text),
        experts_per_token=experts_per_token(text),
        mla=mla(text),
        kv_lora_rank=text.number("kv_lora_rank", default=size if mla(text) else 0),
        q_lora_rank=text.number("q_lora_rank", default=0),
        rope_head_dim=text.number("qk_rope_head_dim", default=0),
        attention=attention(text, found),
        window=windows if any(layer.mixer == "sliding" for layer in found) else 0,
        full_layers=sum(each.kind in GROWING for each in kept),
        dtype=formats.dtype(text),
        quantization=formats.read(text, Part(quant_config or {}, file="hf_quant_config.json")),
        multimodal=_multimodal(text),
        tower=_tower(text),
        tied=tied(text),
        families=_families(text),
        compressed=mla(text) and not text.number("kv_lora_rank", default=0),
        sparse=bool(text.number("index_topk", default=0)),
        predicts=_predicts(text) or bool(text.number("mtp_num_hidden_layers", default=0)),
        default_context=default_context(text),
        caches=kept,
        rotary=tables(text, found),
        modules=tuple(modules(text, found)),
        predictors=tuple(of_predictors(text, found)),
    )


def _dense_width(text: Part) -> int:
    found = text.find("intermediate_size_mlp", "intermediate_size")
    return found.number(0, MOST) if found and not isinstance(found.data, list) else 0


def _families(text: Part) -> tuple[str, ...]:
    found = (text.text("model_type"), (text.around or text).text("model_type"))
    return tuple(dict.fromkeys(name for name in found if name))


def _predicts(text: Part) -> bool:
    stated = {**(text.around or text).values, **text.values}
    return any(count for key, count in stated.items() if "nextn" in str(key) or "mtp" in str(key))


def _multimodal(text: Part) -> bool:
    """Return whether there is a tower, or a nested language model in what generates from other inputs."""
    whole = text.around or text
    if whole.map("vision_config") or whole.map("audio_config"):
        return True
    names = whole.texts("architectures")
    return text is not whole and any("ConditionalGeneration" in name for name in names)


def _tower(text: Part) -> tuple[int, int] | None:
    tower = (text.around or text).map("vision_config")
    if not tower:
        return None
    return tower.number("num_hidden_layers", default=0), tower.number("hidden_size", default=0)
