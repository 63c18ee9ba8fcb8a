"""LLM Engine's inference of hardware from a model's name and config.json: a second opinion, no advice.

`llm_rules` computes, `facts/llm-engine.yaml` has the tables, and `llm_reasons` says where recipegen differs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from recipegen import facts
from recipegen.errors import Problem, RecipeError, UsageError, brief, nearest, show
from recipegen.memory import Term
from recipegen.sizing.policies import llm_rules
from recipegen.sizing.policies.llm_rules import Shape
from recipegen.sizing.policies.text import lines

__all__ = ["Inferred", "Table", "infer"]

Table = Literal["chart", "test", "ci"]


@dataclass(frozen=True)
class Inferred:
    """The hardware of one worker, and how LLM Engine comes to it."""

    model: str
    """The name as LLM Engine spells it."""
    table: Table
    batch: bool
    gpus: int
    """Of one node."""
    gpu_type: str
    cpus: int
    memory: str
    storage: str
    nodes_per_worker: int
    gpu: str
    """What `gpu_type` is in hardware.yaml."""
    mig: str
    """The MIG profile; empty for whole GPUs."""
    shape: Shape
    context: int
    """Tokens of a sequence."""
    parameters: int
    """Billions, by the name."""
    need: int
    """GB, of 10^9 bytes."""
    row: int | None
    """GB up to which the row counts; None where the model has a row by its name."""
    terms: tuple[Term, ...]
    notes: tuple[str, ...] = ()
    """What is odd about the answer."""

    @property
    def card_gb(self) -> int:
        """What a card, or its part, is sold as: GB as the tables count them."""
        if self.mig:
            return int(self.mig.partition(".")[2].removesuffix("gb"))
        return int(facts.hardware()[self.gpu]["memoryBytes"]) // 2**30

    def as_dict(self) -> dict[str, int | str]:
        """Return the hardware alone, for programs."""
        return {
            "gpus": self.gpus,
            "gpuType": self.gpu_type,
            "cpus": self.cpus,
            "memory": self.memory,
            "storage": self.storage,
            "nodesPerWorker": self.nodes_per_worker,
        }

    def lines(self) -> list[str]:
        """Return the answer with its arithmetic, for people."""
        nodes = f" on each of {self.nodes_per_worker} nodes" if self.nodes_per_worker > 1 else ""
        mode = "batch" if self.batch else "online"
        own = (
            f"{brief(self.model)} has one of its own"
            if self.row is None
            else f"the first with need <= {self.row} GB"
        )
        return [
            f"{brief(self.model)}, {mode}, LLM Engine's table {self.table!r}:"
            f" {self.gpus} x {self.gpu_type}{nodes}",
            f"{self.cpus} CPUs, memory {self.memory}, storage {self.storage};"
            f" here the GPU is {self.gpu}{f', MIG {self.mig}' if self.mig else ''}",
            *lines(self.terms, "GB"),
            f"  row: {own}",
            *(f"note: {note}" for note in self.notes),
        ]


def infer(
    name: str,
    config: Mapping[str, Any],
    *,
    batch: bool = False,
    max_context: int | None = None,
    table: Table = "chart",
) -> Inferred:
    """Return the hardware that LLM Engine infers for a model.

    Args:
        name: The model, as on the Hub or as LLM Engine has it: `meta-llama/Llama-2-7b`, `llama-2-7b`.
        config: Its config.json.
        batch: Whether it is for a batch job, which holds ten sequences and not one.
        max_context: Tokens, where a sequence is not to have all that the model takes.
        table: The default of its chart, that of its unit tests, or that of its CI.

    Raises:
        ConfigError: A key is missing that LLM Engine reads, or says what cannot be.
        RecipeError: The name does not say the parameters, or no row holds the model.
        UsageError: There is no such table, or the context is shorter than a token.
    """
    rows = _table(table)
    if max_context is not None and max_context < 1:
        raise UsageError(f"the longest context must be at least 1 token, got {show(max_context)}")
    shape = llm_rules.read(config)
    short = name.rstrip("/").rpartition("/")[2].lower()
    parameters, _ = llm_rules.parameters(short)
    context = min(max_context or shape.positions, shape.positions)
    need = llm_rules.need(shape.cache(context, batch=batch), parameters)
    own = rows["byModelName"].get(short)
    # Of two rows that are alike, the first stays first and hides the other.
    by_size = sorted(rows["rows"], key=lambda row: int(row["upToGb"]))
    row = own or next((row for row in by_size if need <= row["upToGb"]), None)
    if row is None:
        largest = by_size[-1]["upToGb"]
        raise _too_large(short, need, table, llm_rules.longest(shape, parameters, largest, batch=batch))
    here = facts.llm_engine()["gpuTypes"][row["gpuType"]]
    found = Inferred(
        model=short,
        table=table,
        batch=batch,
        gpus=row["gpus"],
        gpu_type=row["gpuType"],
        cpus=row["cpus"],
        memory=row["memory"],
        storage=row["storage"],
        nodes_per_worker=row["nodesPerWorker"],
        gpu=here["gpu"],
        mig=here.get("mig", ""),
        shape=shape,
        context=context,
        parameters=parameters,
        need=need,
        row=None if own else row["upToGb"],
        terms=tuple(llm_rules.terms(short, shape, context, batch=batch)),
    )
    capped = max_context is not None and not batch
    return replace(found, notes=(*shape.notes, *_notes(found, capped=capped)))


def _table(name: str) -> dict[str, Any]:
    tables: dict[str, dict[str, Any]] = facts.llm_engine()["tables"]
    if name not in tables:
        hint = nearest(name, tables) or f"there are {', '.join(tables)}"
        raise UsageError(Problem("usage", (), f"LLM Engine has no table {show(name)}", hint))
    return tables[name]


def _notes(found: Inferred, *, capped: bool) -> Iterator[str]:
    billions, part = llm_rules.parameters(found.model)
    if part not in facts.llm_engine()["parameters"] and part != f"{billions}b":
        yield f"LLM Engine reads {billions} billion parameters from {show(part)}"
    if capped:
        yield "LLM Engine caps the context of batch jobs only"
    held = found.gpus * found.nodes_per_worker * found.card_gb
    if found.need > held:
        yield f"{found.need} GB are needed, and the GPUs of the row hold {held}: this cannot fit"


def _too_large(name: str, need: int, table: str, longest: int) -> RecipeError:
    largest = max(row["upToGb"] for row in _table(table)["rows"])
    weights = llm_rules.BYTES * llm_rules.parameters(name)[0]
    message = (
        f"Unable to infer hardware: {show(name)} needs {need} GB by LLM Engine's rule, {weights} GB of them"
        f" for weights, and the largest row of its table {table!r} is {largest} GB"
    )
    shorter = f"a context of at most {longest} tokens has a row: --max-context {longest}"
    hint = shorter if longest else "no context has a row: size the model by recipegen's own rule"
    return RecipeError(Problem("llm-engine", (), message, hint))
