"""Bud's heuristic: the fewest GPUs whose memory holds a load. A second opinion, no advice.

`bud_rules` has its search and its check of memory, and says where they come from.

Weights and cache come from `ModelFacts`: each module in the checkpoint's format, the cache at 16 bits. Bud
has a calculator of its own instead, which adds activations and counts an embedding twice that is also the
head. How that divides few KV heads, or MLA, is unverified: here each GPU takes an equal part of everything.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recipegen import facts
from recipegen.errors import Problem, RecipeError, UsageError, brief
from recipegen.memory import Term, gib
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.policies import bud_rules, cache16
from recipegen.sizing.policies.text import lines

__all__ = ["DEFAULTS", "Placed", "infer"]

DEFAULTS: dict[str, str | int | float] = {"runtime": "vllm", "maxNumSeqs": 256, "gpuMemoryUtilization": 0.9}
"""Of its table of runtime parameters; its code has a utilization of 0.95."""


@dataclass(frozen=True)
class Placed:
    """A configuration whose GPUs hold the load."""

    model: str
    gpu: str
    mig: str
    """The profile of an instance; empty for whole GPUs."""
    tensor_parallel: int
    pipeline_parallel: int
    concurrency: int
    """Sequences at once: those asked for, or what fewer the GPUs hold."""
    max_model_len: int
    """The model's own; 0 where it states none."""
    cpu_memory_bytes: int
    evaluations: int
    terms: tuple[Term, ...]
    notes: tuple[str, ...]

    @property
    def gpus(self) -> int:
        """GPUs in all."""
        return self.tensor_parallel * self.pipeline_parallel

    def as_dict(self) -> dict[str, object]:
        """Return the configuration for programs, with Bud's defaults and each term."""
        return {
            "gpus": self.gpus,
            "gpuType": self.gpu,
            "mig": self.mig or None,
            "tensorParallel": self.tensor_parallel,
            "pipelineParallel": self.pipeline_parallel,
            "concurrency": self.concurrency,
            "maxModelLen": self.max_model_len or None,
            **DEFAULTS,
            "cpuMemoryBytes": self.cpu_memory_bytes,
            "evaluations": self.evaluations,
            "terms": [term.as_dict() for term in self.terms],
        }

    def lines(self) -> list[str]:
        """Return the configuration with its arithmetic, for people."""
        here = f"{self.gpu}, MIG {self.mig}" if self.mig else self.gpu
        sizes = f"TP {self.tensor_parallel}, PP {self.pipeline_parallel}"
        return [
            f"{brief(self.model)}, Bud's heuristic:"
            f" {self.gpus} x {here}, {sizes}, {self.concurrency} at once",
            *lines(self.terms, "GiB"),
            *(f"note: {note}" for note in self.notes),
        ]


def infer(
    model: ModelFacts,
    gpu: str,
    *,
    input_tokens: int,
    output_tokens: int,
    concurrency: int,
    mig: str = "",
    nodes: int = 1,
    gpus_per_node: int | None = None,
    shared: bool = False,
    meets: Callable[[int, int, int], bool] | None = None,
) -> Placed:
    """Return the first configuration of Bud's search that fits, and reaches the targets where there are any.

    For each PP from 1 and each TP of 1, 2, 4, …, the concurrency goes down from what is asked in steps of 5.

    Args:
        model: What is served.
        gpu: Its name in hardware.yaml.
        input_tokens: Of a request.
        output_tokens: Of a request.
        concurrency: The most requests at once.
        mig: The profile of an instance in the place of the GPU, such as 1g.10gb; instances are never joined.
        nodes: The most stages of a pipeline.
        gpus_per_node: The most GPUs of a stage; those of the usual node where nothing is said.
        shared: Whether the GPU is shared, which allows one GPU only.
        meets: Whether TP, PP and concurrency reach the targets; without it memory alone decides.

    Raises:
        RecipeError: Nothing fits, or nothing that fits reaches the targets.
        UsageError: There is no such GPU or profile, or a number is below 1.
    """
    memory = bud_rules.card(gpu, mig)
    per_node = facts.hardware()[gpu]["gpusPerNode"] if gpus_per_node is None else gpus_per_node
    asked = {"input tokens": input_tokens, "output tokens": output_tokens, "concurrency": concurrency}
    _positive(asked | {"nodes": nodes, "GPUs of a node": per_node})
    load = bud_rules.Load(input_tokens, output_tokens, concurrency)
    if shared or mig:
        per_node = nodes = 1
    evaluations = 0
    # No engine has a stage without a layer.
    for tensor, pipeline in bud_rules.sizes(per_node, min(nodes, model.layers)):
        for many in bud_rules.grid(bud_rules.held(model, load, memory, tensor * pipeline), concurrency):
            if evaluations == bud_rules.MOST_EVALUATIONS:
                raise _missed(evaluations)
            evaluations += 1
            if meets is None or meets(tensor, pipeline, many):
                terms = tuple(bud_rules.terms(model, load, memory, many, tensor * pipeline))
                return Placed(
                    model=model.id,
                    gpu=gpu,
                    mig=mig,
                    tensor_parallel=tensor,
                    pipeline_parallel=pipeline,
                    concurrency=many,
                    max_model_len=model.default_context,
                    cpu_memory_bytes=int(terms[-1].value),
                    evaluations=evaluations,
                    terms=terms,
                    notes=tuple(_notes(model, load, tensor, many)),
                )
    if evaluations:
        raise _missed(evaluations)
    raise _nothing(model, load, memory, f"{per_node * nodes} x {gpu}{f', MIG {mig}' if mig else ''}")


def _positive(numbers: dict[str, int]) -> None:
    wrong = [f"{name} must be at least 1, got {number}" for name, number in numbers.items() if number < 1]
    if wrong:
        raise UsageError(*wrong)


def _notes(model: ModelFacts, load: bud_rules.Load, tensor: int, many: int) -> Iterator[str]:
    if many < load.concurrency:
        yield f"{many} of the {load.concurrency} requests are served at once, the others wait"
    if model.context and load.length > model.context:
        yield f"a sequence of {load.length} tokens is longer than the model's context, {model.context}"
    if model.heads % tensor:
        yield f"engines refuse TP {tensor} for {model.heads} heads, which Bud does not look at"


def _missed(evaluations: int) -> RecipeError:
    message = f"none of the {evaluations} configurations that Bud's search tried reaches the targets"
    return RecipeError(Problem("bud", (), message, "lower the targets, or take another GPU"))


def _nothing(model: ModelFacts, load: bud_rules.Load, memory: int, where: str) -> RecipeError:
    one, limit = cache16.sequence(model, load.length), bud_rules.limit(memory)
    needs = f"{gib(model.weights_bytes)} of weights and {gib(one)} of cache for one sequence"
    message = f"{needs} do not fit {where}, each filled up to {gib(limit)} by Bud's heuristic"
    enough = int((model.weights_bytes + one) // limit) + 1
    return RecipeError(Problem("bud", (), message, f"{enough} whole GPUs of this memory or more hold it"))
