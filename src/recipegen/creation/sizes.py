"""How many GPUs a replica gets, how they share the model, and the context that this leaves room for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from recipegen import facts
from recipegen.creation.engine import SHARES
from recipegen.errors import Problem, RecipeError
from recipegen.memory import GIB, Fit, Setup, counts, fit, larger_gpu, layouts
from recipegen.modelfacts import ModelFacts

REQUESTS = 2
"""Requests of the whole context that a replica should hold at once, as in the catalog."""
SHORT = 8192
"""Context below which more GPUs are better than a shorter one."""
STEP = 1024
"""What a shortened context is a multiple of."""
MOST_NODES = 16
"""Nodes of a replica, at most."""


@dataclass(frozen=True)
class Wish:
    """What the sizes are chosen for."""

    model: ModelFacts
    gpu: str
    backend: str
    gpu_count: int | None = None
    """GPUs of a replica; None: as few as will do."""
    max_model_len: int | None = None
    """Context; None: the model's own, or what fits."""
    block_size: int | None = None

    @property
    def node(self) -> int:
        """Return the GPUs of a usual node."""
        return int(facts.hardware()[self.gpu]["gpusPerNode"])

    @property
    def context(self) -> int:
        """Return the context that is wanted."""
        return self.max_model_len or self.model.default_context or self.model.context


@dataclass(frozen=True)
class Replica:
    """One replica, and why it is as large as it is."""

    fit: Fit
    nodes: int
    context: int
    smaller: tuple[Fit, ...]
    """Smaller replicas that would not do, the largest first."""
    shortened: bool
    """Whether the context is shorter than the model's own, to leave room for two requests."""

    @property
    def setup(self) -> Setup:
        """Return the parallel sizes."""
        return self.fit.setup


def choose(wish: Wish) -> Replica:
    """Return the smallest replica that holds the weights and two requests of the context.

    GPUs of one node first, in powers of two. A context that nobody asked for is cut to what leaves room for
    two requests on a whole node; nodes are added where the weights need them, or a context that was asked
    for.

    Raises:
        RecipeError: No replica does, or the one asked for does not; with the arithmetic.
    """
    _check_context(wish)
    if wish.gpu_count is not None:
        return _as_asked(wish, wish.gpu_count)
    tried: list[Fit] = []
    sizes = [*counts(wish.gpu, MOST_NODES)]
    for count, nodes in (each for each in sizes if each[1] == 1):
        found = _fits(wish, count, nodes)
        if held := next(filter(_holds, found), None):
            return Replica(held, 1, wish.context, tuple(reversed(tried)), shortened=False)
        tried += found[:1]
    for count, nodes in (each for each in sizes if each[0] >= wish.node):
        found = _fits(wish, count, nodes)
        held = next(filter(_holds, found), None)
        if held is None and wish.max_model_len is None:
            held = next(filter(None, (_cut(wish, each) for each in found)), None)
        if held is not None:
            smaller = tuple(each for each in reversed(tried) if each.setup.gpus < count)
            short = held.max_model_len < wish.context
            return Replica(held, nodes, held.max_model_len, smaller, shortened=short)
        tried += found[:1] if nodes > 1 else []
    raise RecipeError(_too_large(wish, tried))


def ways(wish: Wish, base: Setup, count: int, nodes: int) -> Iterator[Setup]:
    """Yield how so many GPUs would share the model in a recipe, what is better first.

    A mixture of experts with MLA gets data-parallel attention where its copies fit, as in the catalog. Others
    get the widest tensor parallelism, with experts spread where they can be.
    """
    found = [*layouts(wish.model, base, count, nodes)]
    yield from (each for each in found if each.data > 1)
    yield from sorted((each for each in found if each.data == 1), key=_narrow)[:1]


def _narrow(setup: Setup) -> tuple[int, int]:
    return -setup.tensor, -setup.expert


def _setup(wish: Wish) -> Setup:
    return Setup(
        gpu=wish.gpu,
        backend=wish.backend,
        version=facts.newest_engines()[wish.backend],
        utilization=SHARES[wish.backend],
        max_model_len=wish.context,
        block_size=wish.block_size,
    )


def _fits(wish: Wish, count: int, nodes: int) -> list[Fit]:
    return [fit(wish.model, setup) for setup in ways(wish, _setup(wish), count, nodes)]


def _holds(found: Fit) -> bool:
    return found.fits and found.concurrency >= REQUESTS


def _cut(wish: Wish, found: Fit) -> Fit | None:
    """Return the same replica with the longest context of which it holds two requests, or None."""
    least = min(SHORT, wish.context)
    low, high = 0, wish.context // STEP
    while low < high:
        middle = (low + high + 1) // 2
        held = _holds(_with_context(found, middle * STEP))
        low, high = (middle, high) if held else (low, middle - 1)
    return _with_context(found, low * STEP) if low * STEP >= least else None


def _with_context(found: Fit, length: int) -> Fit:
    return fit(found.model, replace(found.setup, max_model_len=length))


def _as_asked(wish: Wish, count: int) -> Replica:
    """Return the replica that was asked for, with a shorter context where it needs one."""
    nodes = -(-count // wish.node)
    if count > wish.node and count % wish.node:
        message = f"--gpu-count {count} does not fill nodes: {wish.gpu} nodes have {wish.node}"
        hint = f"take a multiple of {wish.node}, or less than it"
        raise RecipeError(Problem("gpu-count", (), message, hint))
    found = _fits(wish, count, nodes)
    if not found:
        shared = [str(n) for n in range(1, wish.node + 1) if any(ways(wish, _setup(wish), n, 1))]
        message = f"{wish.model.id} cannot be divided over {count} GPUs: {_shape(wish.model)}"
        hint = f"within a node --gpu-count takes {', '.join(shared)}"
        raise RecipeError(Problem("gpu-count", (), message, hint))
    if held := next(filter(_holds, found), None):
        return Replica(held, nodes, wish.context, (), shortened=False)
    if wish.max_model_len is not None:
        # It was asked for, and one request of it is enough to start.
        held = next((each for each in found if each.fits), None)
    else:
        held = next(filter(None, (_cut(wish, each) for each in found)), None)
    if held is None:
        raise RecipeError(_too_small(wish, found[-1]))
    return Replica(held, nodes, held.max_model_len, (), shortened=held.max_model_len < wish.context)


def _check_context(wish: Wish) -> None:
    known = wish.model.context
    if not wish.context:
        message = f"the configuration of {wish.model.id} states no context"
        raise RecipeError(Problem("context", (), message, "give --max-model-len, as the model card has it"))
    if wish.max_model_len and known and wish.max_model_len > known:
        message = f"--max-model-len {wish.max_model_len} is longer than the context of {wish.model.id}"
        message += f", {known} tokens"
        hint = f"take {known} or less; a model whose positions are stretched needs engine.args in the recipe"
        raise RecipeError(Problem("context", (), message, hint))


def _too_small(wish: Wish, found: Fit) -> Problem:
    """Return the error that GPUs which were asked for are too few, with the least that do."""
    message = f"{counted(found)} cannot serve {wish.model.id}: {arithmetic(found, wish.context)}"
    hints = []
    try:
        least = choose(replace(wish, gpu_count=None))
    except RecipeError:
        hints.append(f"no number of {wish.gpu} does: {_elsewhere(wish)}")
    else:
        hints.append(f"--gpu-count {least.setup.gpus} is the least that does, with context {least.context}")
    longest = found.longest // STEP * STEP
    if wish.max_model_len and found.weights_fit and longest >= STEP:
        hints.append(f"--max-model-len {longest} is the longest here")
    return Problem("no-fit", (), message, "; ".join(hints))


def _too_large(wish: Wish, tried: list[Fit]) -> Problem:
    if not tried:
        message = f"{wish.model.id} cannot be divided over {wish.gpu}: {_shape(wish.model)}"
        return Problem("gpu-count", (), message, _elsewhere(wish))
    last = tried[-1]
    message = f"{wish.model.id} does not fit {counted(last)}, the most that is tried: "
    message += arithmetic(last, wish.context)
    hint = _elsewhere(wish)
    longest = last.longest // STEP * STEP
    if wish.max_model_len and last.weights_fit and longest >= STEP:
        hint += f"; --max-model-len {longest} is the longest here"
    return Problem("no-fit", (), message, hint)


def _elsewhere(wish: Wish) -> str:
    """Return the GPU type with the least more memory that would do."""

    def of_a_node(base: Setup) -> Iterator[Setup]:
        # Whether one node does is enough to know; more would be a long search for a hint.
        return (each for count, _ in counts(base.gpu, 1) for each in ways(wish, base, count, 1))

    def does(found: Fit) -> bool:
        return _holds(found) or (not wish.max_model_len and _cut(wish, found) is not None)

    other = larger_gpu(wish.model, _setup(wish), of_a_node, does)
    if other is None:
        return "no node of any GPU known here holds it: take weights in fewer bits"
    return f"{other.gpus} {other.gpu} would do, or take weights in fewer bits"


def _shape(model: ModelFacts) -> str:
    return f"{model.heads} heads, {model.kv_heads} KV heads, {model.layers} layers"


def counted(found: Fit) -> str:
    """Return the GPUs of a replica in words."""
    return f"{found.setup.gpus} {found.setup.gpu}"


def arithmetic(found: Fit, context: int) -> str:
    """Return in a line why a replica does not do: weights, what the engine takes, what is left."""
    weights, room = found.weights / GIB, found.stage.room / GIB
    over = found.stage.overhead.total / GIB
    taken = f"{weights:.1f} GiB of weights and {over:.1f} of overhead on each GPU of {found.memory / GIB:.1f}"
    if room <= 0:
        return f"{taken} leave no room for KV cache"
    return f"{taken} leave {room:.1f} GiB for KV cache, {found.concurrency:.1f} requests of {context} tokens"
