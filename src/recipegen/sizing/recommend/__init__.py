"""Which GPUs, how many, which parallel sizes: every deployment that fits, what it would do, what wins.

Memory decides on what fits (`recipegen.memory`). How long a pass takes is known from an installed
aiconfigurator, or estimated; what clients see of that is worked out the same way for both (`serving`).
Nothing is run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from os import PathLike
from typing import Literal

from recipegen.document import Document
from recipegen.errors import Problem, RecipeError, ToolError, UsageError
from recipegen.memory import Setup, larger_gpu
from recipegen.sizing.recommend import setups
from recipegen.sizing.recommend.candidates import REPLICAS, Candidate, Excluded, Part, Search, candidates
from recipegen.sizing.recommend.choice import VIEWS, Loser, Miss, judged, misses
from recipegen.sizing.recommend.load import Load, Targets
from recipegen.sizing.recommend.measured import Measured, NotThereError
from recipegen.sizing.recommend.roofline import Roofline
from recipegen.sizing.recommend.rooms import Rooms
from recipegen.sizing.recommend.serving import Served
from recipegen.sizing.recommend.steps import Step, Steps
from recipegen.sizing.recommend.subject import Subject, subject
from recipegen.sizing.recommend.transfer import link

__all__ = [
    "VIEWS", "Candidate", "Load", "Loser", "Miss", "Part", "Recommendation", "Served", "Step", "Targets",
    "recommend",
]  # fmt: skip

Source = Literal["auto", "measured", "estimated"]
TOO_MANY = "more GPUs than there are"
MOST_GPUS = 64
"""GPUs that are looked at where nobody says how many there are."""


@dataclass(frozen=True)
class Recommendation:
    """What wins, what lost and why, and where the numbers come from."""

    subject: Subject
    load: Load
    targets: Targets
    price: float | None
    """Dollars an hour of one GPU."""
    winners: Mapping[str, Candidate]
    """Of each view of `VIEWS`; empty where nothing meets the targets."""
    losers: tuple[Loser, ...]
    closest: Candidate | None
    """Where nothing meets the targets: what misses them by least; None where nothing fits."""
    origins: Mapping[str, int]
    """Where the times of passes come from, each with how many of the candidates have such."""
    notes: tuple[str, ...]

    @property
    def missed(self) -> list[Miss]:
        """Return what the closest candidate misses."""
        return misses(self.closest, self.targets, self.price) if self.closest else []

    def problem(self) -> Problem | None:
        """Return the error that nothing meets the targets, with what comes closest; None where some do."""
        from recipegen.sizing.recommend.report import impossible

        return None if self.winners else impossible(self)


def recommend(
    name: str | PathLike[str],
    variant: str | None = None,
    patches: Sequence[Document] = (),
    *,
    gpu: str | None = None,
    gpu_count: int | None = None,
    backend: str | None = None,
    isl: int | None = None,
    osl: int | None = None,
    concurrency: int | None = None,
    ttft: float | None = None,
    itl: float | None = None,
    throughput: float | None = None,
    budget: float | None = None,
    gpu_price: float | None = None,
    source: Source = "auto",
    variants: str | PathLike[str] | None = None,
) -> Recommendation:
    """Return which deployments of a model meet targets best, and why the others do not.

    Args:
        name: A recipe of the catalog, the path of a recipe, of a config.json, or of a folder of weights.
        variant: A variant of the recipe.
        patches: Merge patches of the recipe.
        gpu: GPU type; default: the recipe's.
        gpu_count: GPUs that there are; default: at most 64 are looked at.
        backend: vllm, sglang or trtllm; default: the recipe's, or vllm.
        isl: Tokens of a prompt; default: of the recipe's benchmark, or 1024. `osl` likewise, or 128.
        osl: Tokens of an answer.
        concurrency: Requests in flight; default: most of the recipe's benchmark, or 32.
        ttft: Milliseconds to the first token, on average, at most.
        itl: Milliseconds from token to token, on average, at most.
        throughput: Output tokens a second of all GPUs, at least.
        budget: Dollars an hour, at most; needs `gpu_price`.
        gpu_price: Dollars an hour of one GPU.
        source: measured: only with aiconfigurator; estimated: without it; auto: with it if it is there.
        variants: A variants file, whose documents become variants of the recipe.

    Raises:
        UsageError: No GPU type is given or known, a number cannot be, or a budget has no price.
        RecipeError: The recipe or configuration is wrong, or the load is longer than the model's context.
        ToolError: A file cannot be read, or aiconfigurator cannot be asked and has to be.
    """
    _check(budget, gpu_price)
    what = subject(name, variant, patches, gpu, backend, variants=variants)
    load = Load(isl or what.load.isl, osl or what.load.osl, concurrency or what.load.concurrency)
    _check_context(what, load)
    targets = Targets(ttft, itl, throughput, budget, gpu_count)
    most = gpu_count or MOST_GPUS
    rooms = Rooms(what.model, load)
    fitting, excluded = _fitting(rooms, what, most)
    steps, notes = _steps(rooms, what, fitting, source)
    links = link(what.base.gpu)
    if links.assumed:
        notes.append(
            f"the link between nodes of {what.base.gpu} is not known: {links.between:g} GB/s is assumed"
        )
    found = [*excluded]
    if fitting:
        found += candidates(Search(rooms, steps, links, most), fitting)
    winners, losers, closest = judged(found, targets, gpu_price)
    every = [each for each in found if isinstance(each, Candidate)]
    return Recommendation(
        what,
        load,
        targets,
        gpu_price,
        winners,
        tuple(losers),
        closest,
        _origins(every),
        (*what.notes, *notes),
    )


def _fitting(rooms: Rooms, what: Subject, most: int) -> tuple[list[Setup], list[Candidate | Excluded]]:
    """Return the setups of which a replica starts on so many GPUs, and why the others do not.

    Several nodes for one replica are looked at only where none starts on one.
    """
    excluded: list[Candidate | Excluded] = []
    found: list[Setup] = []
    for several in (setups.setups, setups.over_nodes):
        for setup in several(what.model, what.base):
            why = rooms.short(setup)
            if why:
                excluded.append(Excluded(setups.label(setup), why, "does not fit", setup.gpus))
            else:
                found.append(setup)
        if found:
            break
    many = [
        Excluded(setups.label(each), f"{each.gpus} GPUs > {most}", TOO_MANY, each.gpus)
        for each in found
        if each.gpus > most
    ]
    return [each for each in found if each.gpus <= most], [*excluded, *many]


def _steps(rooms: Rooms, what: Subject, fitting: list[Setup], source: Source) -> tuple[Steps, list[str]]:
    """Return what knows the times of passes, and what there is to say about it."""
    estimate = Roofline(rooms, what.base.gpu)
    if source == "estimated" or not fitting:
        return estimate, []
    batches = {ceil(rooms.load.concurrency / count) for count in REPLICAS}
    try:
        found = Measured(estimate, (what.known, dict(what.files)), fitting, sorted(batches))
    except NotThereError as error:
        if source == "measured":
            hint = "pip install 'recipegen[measured]', or leave --source out for estimates"
            raise ToolError(Problem("tool", (), str(error), hint)) from error
        return estimate, [str(error)]
    return found, found.told.notes


def _origins(found: list[Candidate]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in found:
        for origin in dict.fromkeys(step.origin for step in each.served.steps):
            counts[origin] = counts.get(origin, 0) + 1
    return counts


def _check(budget: float | None, price: float | None) -> None:
    if budget is not None and price is None:
        hint = "give --gpu-price, in dollars an hour of one GPU"
        raise UsageError(Problem("usage", (), "--budget needs a price: recipegen knows none", hint))


def _check_context(what: Subject, load: Load) -> None:
    """Refuse requests longer than the recipe's context, or the model's where the recipe has none."""
    asked = f"--isl {load.isl} and --osl {load.osl} are {load.context} tokens"
    own = what.base.max_model_len
    if own and load.context > own:
        hint = f"take {own} together, or add --set model.engine.maxModelLen={load.context}"
        raise RecipeError(Problem("context", (), f"{asked}, and the recipe's maxModelLen is {own}", hint))
    # What stretches positions is in the recipe, which then says how far.
    most = what.model.context if not own else 0
    if most and load.context > most:
        message = f"{asked}, and the context of {what.model.id} is {most}"
        raise RecipeError(Problem("context", (), message, f"take {most} together, or less"))


def larger(what: Subject) -> str | None:
    """Return the GPU type with the least memory above this one's of which one node holds the model."""
    node = setups.setups(what.model, what.base)
    last = [*node][-1:]
    found = larger_gpu(what.model, last[0]) if last else None
    return found.gpu if found else None
