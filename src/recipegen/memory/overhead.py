"""What an engine takes of a GPU beside weights and KV cache: activations, graphs, runtime, communication."""

from collections.abc import Iterator
from dataclasses import dataclass

from recipegen import facts
from recipegen.memory.setup import Setup
from recipegen.memory.terms import Kind, Term
from recipegen.memory.versions import since
from recipegen.modelfacts import ModelFacts


@dataclass(frozen=True)
class Overhead:
    """The memory of a GPU of one pipeline stage that is neither weights nor KV cache."""

    terms: tuple[Term, ...]
    """In bytes."""

    @property
    def total(self) -> float:
        """Return all of it, in bytes."""
        return sum(term.value for term in self.terms)


def overhead(model: ModelFacts, setup: Setup, memory: int, *, last: bool) -> Overhead:
    """Return the overhead on a GPU of a pipeline stage.

    Args:
        model: The model as it is loaded.
        setup: The engine.
        memory: Bytes that the GPU shows.
        last: Whether the stage is the last one, which samples.
    """
    if setup.backend == "vllm":
        return Overhead(tuple(_vllm(model, setup, memory, last=last)))
    if setup.backend == "sglang":
        return Overhead(tuple(_sglang(setup)))
    return Overhead(tuple(_trtllm(model, setup)))


def batch(setup: Setup, memory: int) -> tuple[int, int]:
    """Return the most tokens of a pass and the most sequences of a batch: as set, or the engine's defaults.

    Source: vLLM 0.31.0, get_batch_defaults in vllm/engine/arg_utils.py; SGLang 0.5.21,
    srt/arg_groups/memory_hook.py; aiconfigurator 0.12.0 for TensorRT-LLM.
    """
    table = facts.memory()[setup.backend]
    if setup.backend == "vllm":
        row = next(
            row for row in table["batches"]
            if memory >= row["memory"] and not setup.gpu.startswith(row.get("except", "-"))
        )  # fmt: skip
    elif setup.backend == "sglang":
        row = next(row for row in table["chunks"] if memory < row["below"] * 1024**3)
        row = row | ({"sequences": row["sequencesOfMany"]} if setup.tensor >= 4 else {})
    else:
        row = table
    return setup.batched_tokens or row["tokens"], setup.sequences or row["sequences"]


def _vllm(model: ModelFacts, setup: Setup, memory: int, *, last: bool) -> Iterator[Term]:
    table = facts.memory()["vllm"]
    measured = table["measuredWith"]
    source = f"fitted to what vLLM {measured} printed on H100"
    same = setup.version.startswith(measured)
    # A formula that was fitted to what some models printed is none of these numbers for another one.
    kind: Kind = "rule of thumb"
    unsure = "±10 %" if same else f"measured with {measured}, not with {setup.version or 'this version'}"
    tokens, sequences = batch(setup, memory)
    sampler, formula = _sampler(model, setup, min(sequences, tokens)) if last else (0.0, "")
    passes, way = _pass(model, setup, tokens)
    peak = max((sampler, formula), (passes, way))
    yield Term("activations", peak[0], "B", peak[1], kind, source, unsure)
    counts = since(table["counts"], setup.version) if last else 0
    if counts:
        most = min(sequences, tokens)
        formula = f"{counts} bytes x {most} sequences x {model.vocab_size} entries of the vocabulary"
        own = "vLLM 0.31.0, vllm/v1/worker/gpu/sample/penalties.py"
        yield Term("counts for penalties", counts * most * model.vocab_size, "B", formula, "published", own)
    if model.experts and model.quantization.format != "mxfp4":
        size = _workspace(model, setup, tokens)
        formula = f"{tokens} tokens x {model.experts_per_token} experts x 2 bytes x widths of both matrices"
        yield Term("workspace of experts", size, "B", formula, kind, source, "±20 %")
    if model.multimodal:
        yield _encoder(model, tokens, kind, source)
    gpus = "several" if setup.tensor > 1 else "stages" if setup.pipeline > 1 else "one"
    formula = {"several": "on each of several GPUs", "stages": "a GPU a stage"}.get(gpus, "on one GPU")
    mean = f"mean of what vLLM {measured} printed on H100"
    yield Term("runtime", since(table["other"][gpus], setup.version), "B", formula, kind, mean, "±0.2 GiB")
    graphs = 0 if setup.eager else since(table["graphs"], setup.version)
    if graphs:
        formula = "one mean for all models"
        yield Term("CUDA graphs", graphs, "B", formula, "rule of thumb", mean, "0.5 to 1.9 GiB")


def _sampler(model: ModelFacts, setup: Setup, sequences: int) -> tuple[float, str]:
    """Return the bytes of the scores of all entries of the vocabulary for all sequences, and the formula."""
    each = since(facts.memory()["vllm"]["sampler"], setup.version)
    formula = f"{each} bytes x {sequences} sequences x {model.vocab_size} entries of the vocabulary"
    return each * sequences * model.vocab_size, formula


def _pass(model: ModelFacts, setup: Setup, tokens: int) -> tuple[float, str]:
    """Return the bytes of what goes from layer to layer in one pass, and the formula."""
    forward = facts.memory()["vllm"]["forward"]
    number = 4 if model.dtype == "float32" else 2
    width = forward["intermediate"] * (model.dense_width or model.expert_width) / setup.tensor
    width += forward["hidden"] * model.hidden_size
    width += forward["stages"] * model.hidden_size if setup.pipeline > 1 else 0
    return tokens * number * width, f"{tokens} tokens x {number} bytes x {width:.0f} numbers"


def _workspace(model: ModelFacts, setup: Setup, tokens: int) -> float:
    """Return the bytes of the two buffers between the matrices of experts."""
    width = model.expert_width / (1 if setup.expert > 1 else setup.expert_ranks)
    hidden = model.hidden_size
    return tokens * model.experts_per_token * 2 * (max(2 * width, hidden) + max(width, hidden))


def _encoder(model: ModelFacts, tokens: int, kind: Kind, source: str) -> Term:
    """Return what the encoder's trial pass leaves until that of the language model is done."""
    each = facts.memory()["vllm"]["encoder"]
    formula = f"{each} x 2 bytes x {tokens} tokens x {model.hidden_size} numbers"
    return Term("encoder", each * 2 * tokens * model.hidden_size, "B", formula, kind, source, "±50 %")


def _sglang(setup: Setup) -> Iterator[Term]:
    table = facts.memory()
    before, source = "taken before the share is", "what vLLM 0.19 printed on H100"
    yield Term("CUDA context", table["context"], "B", before, "rule of thumb", source, "±0.1 GiB")
    if setup.gpus > 1:
        size = table["sglang"]["communication"]
        yield Term("NCCL", size, "B", before, "rule of thumb", "what vLLM 0.19 printed on two H100", "±1 GiB")


def _trtllm(model: ModelFacts, setup: Setup) -> Iterator[Term]:
    table = facts.memory()["trtllm"]
    source = "aiconfigurator 0.12.0, backends/trtllm_backend.py"
    tokens, _ = batch(setup, 0)
    factor = _row(table["activation"]["experts" if model.experts else "dense"], setup.tensor)
    width = model.hidden_size if model.mla else model.heads * model.head_dim
    size = max(table["activation"]["least"], 2 * tokens * width * factor)
    formula = f"2 x {tokens} tokens x {width} x {factor}"
    yield Term("activations", size, "B", formula, "published", source, "±20 %")
    nccl = _row(table["communication"], setup.tensor)
    if nccl:
        yield Term("NCCL", nccl, "B", f"{setup.tensor} GPUs", "published", source, "±20 %")
    yield Term("runtime", table["other"], "B", "one size for all models", "published", source, "±1 GiB")


def _row(rows: dict[str, float], tensor: int) -> float:
    """Return the row of the largest number of GPUs that is not more."""
    return rows[max((key for key in rows if str(key).isdigit() and int(key) <= tensor), key=int)]
