"""The rules of Bud's heuristic: its search, its check of memory, and what it takes for the CPUs.

Facts about BudEcosystem/bud-runtime (AGPL-3.0; none of its code is here). GB of its rules are GiB, as it
counts them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from recipegen import facts
from recipegen.errors import Problem, UsageError, show
from recipegen.memory import GIB, Term
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.policies import cache16

SOURCE = "BudEcosystem/bud-runtime, budsim: direct search and check of memory"
GUIDE = "BudEcosystem/bud-runtime, guide: CPU memory"
STEP = 5
"""By which the search lowers the concurrency."""
MOST_EVALUATIONS = 200
"""Configurations that fit and were held against targets."""
SMALL_CARD = 10
BUFFERS = {True: 1, False: 2}
"""GiB left free on a small card, and on others."""
USABLE = 0.95
CPU_FACTOR, LEAST_CPU = 2, 10


@dataclass(frozen=True)
class Load:
    """What is to be served at once."""

    input_tokens: int
    output_tokens: int
    concurrency: int

    @property
    def length(self) -> int:
        """Tokens kept for a sequence: a tenth more than it has, rounded down."""
        return (self.input_tokens + self.output_tokens) * 11 // 10


def card(gpu: str, mig: str) -> int:
    """Return the bytes of memory of a GPU, or of an instance: what they are sold as, in GiB."""
    known = facts.hardware()
    if gpu not in known:
        raise UsageError(Problem("usage", (), f"no GPU type is called {show(gpu)}", facts.gpu_hint(gpu)))
    if not mig:
        return int(known[gpu]["memoryBytes"])
    profiles = known[gpu].get("mig", {})
    if mig not in profiles:
        hint = f"it has {', '.join(profiles)}" if profiles else "it cannot be cut"
        raise UsageError(Problem("usage", (), f"{gpu} has no MIG profile {show(mig)}", hint))
    return int(mig.rpartition(".")[2].removesuffix("gb")) * GIB


def sizes(per_node: int, nodes: int) -> Iterator[tuple[int, int]]:
    """Yield TP and PP in the order of the search: cheap first, a pipeline last."""
    for pipeline in range(1, nodes + 1):
        for power in range(per_node.bit_length()):
            yield 2**power, pipeline


def grid(held: int, concurrency: int) -> Iterator[int]:
    """Yield the concurrencies of the search that fit, from large to small, 1 the last of them."""
    first = concurrency - -(-max(concurrency - held, 0) // STEP) * STEP
    yield from range(first, 0, -STEP)
    if held and (concurrency - 1) % STEP:
        yield 1


def held(model: ModelFacts, load: Load, memory: int, gpus: int) -> int:
    """Return how many sequences fit, at most those asked for."""
    # The need is below 0.95 of the room; times 20 x GPUs all are whole numbers.
    room = 19 * gpus * (memory - reserve(memory)) - 20 * model.weights_bytes - 1
    each = 20 * cache16.sequence(model, load.length)
    return 0 if room < 0 else min(room // each, load.concurrency) if each else load.concurrency


def reserve(memory: int) -> int:
    """Return the bytes left free on a card, and added for the CPUs."""
    return BUFFERS[memory <= SMALL_CARD * GIB] * GIB


def limit(memory: int) -> float:
    """Return the bytes of a card that the need has to be below."""
    return (memory - reserve(memory)) * USABLE


def terms(model: ModelFacts, load: Load, memory: int, many: int, gpus: int) -> Iterator[Term]:
    """Yield the steps from a load of `many` sequences to what a GPU needs, and the CPUs; that comes last."""
    weights, each = model.weights_bytes, cache16.sequence(model, load.length)
    cache, free = each * many, reserve(memory) // GIB
    tokens = f"({load.input_tokens} in + {load.output_tokens} out) x 1.1"
    yield Term("sequence", load.length, "tokens", tokens, "rule of thumb", SOURCE)
    own = model.quantization.format if model.quantization.format != "none" else model.dtype
    yield Term("weights", weights, "B", f"all modules, each in its format: {own}", "published", "config.json")
    kept = f"{many} x {each} bytes of a sequence, {cache16.growing(model)} layers growing, 16 bits"
    yield Term("kvCache", cache, "B", kept, "published", "config.json")
    need = (weights + cache) / gpus
    yield Term("need", need, "B", f"(weights + kvCache) / {gpus} GPUs", "rule of thumb", SOURCE)
    yield Term("available", memory, "B", "memory of the GPU", "published", "facts/hardware.yaml")
    rule = f"(available - {free} GiB) x {USABLE}: the need is below"
    yield Term("limit", limit(memory), "B", rule, "rule of thumb", SOURCE)
    whole = max(CPU_FACTOR * (weights + cache) + reserve(memory), LEAST_CPU * GIB)
    parts = f"{CPU_FACTOR} x weights + {CPU_FACTOR} x kvCache + {free} GiB, at least {LEAST_CPU} GiB"
    yield Term("cpuMemory", whole, "B", parts, "rule of thumb", GUIDE)
