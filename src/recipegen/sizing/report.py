"""The size of a recipe or a model as a person reads it."""

from collections.abc import Iterator

from recipegen import facts
from recipegen.errors import escape
from recipegen.memory import ABOVE, GIB, Fit, Term, larger_gpu, more_gpus, terms
from recipegen.sizing import Role, Size

# Sizes below this are shown in bytes.
SMALL = GIB // 64
# What is set, by a recipe and by options: context, GPUs of a layer, stages, GPU type.
KEYS = ("maxModelLen", "tensorParallel", "pipelineParallel", "hardware.gpu")
OPTIONS = ("--max-model-len", "--tensor-parallel", "--pipeline-parallel", "--gpu")
NOT_MEASURED = (
    "Nothing was measured here. An engine prints what it really has: vLLM as `GPU KV cache size`, SGLang as"
    " `max_total_num_tokens`."
)


def lines(size: Size, *, explain: bool = False) -> Iterator[str]:
    """Yield the lines of a size: each role's arithmetic and verdict.

    Args:
        size: What to tell.
        explain: Whether to tell which numbers it was held against, too.
    """
    for role in size.roles:
        yield from _role(size, role)
        yield ""
    if explain:
        # Only now: it reckons every row.
        from recipegen.sizing.printed import held_against

        for backend in dict.fromkeys(role.fit.setup.backend for role in size.roles):
            yield from held_against(backend, size.roles[0].fit.model)
    yield NOT_MEASURED


def _role(size: Size, role: Role) -> Iterator[str]:
    fit, setup = role.fit, role.fit.setup
    sizes = {"TP": setup.tensor, "PP": setup.pipeline, "DP": setup.data, "EP": setup.expert}
    split = " ".join(f"{name} {number}" for name, number in sizes.items() if number > 1)
    nodes = -(-setup.gpus // int(facts.hardware()[setup.gpu]["gpusPerNode"]))
    gpus = f"{setup.gpus} x {setup.gpu}{f', MIG {setup.mig}' if setup.mig else ''}"
    gpus += f" on {nodes} nodes" if nodes > 1 else ""
    engine = f"{setup.backend} {setup.version}".rstrip()
    name = escape(size.name if size.name == size.model else f"{size.name} ({size.model})")
    yield f"{name}, {role.role}: {role.replicas} x ({gpus}{f', {split}' if split else ''}), {engine}"
    found = terms(fit)
    wide = max(len(term.name) for term in found)
    for term in found:
        yield f"  {term.name:{wide}}  {shown(term):>14}  {term.formula}  [{origin(term)}]"
    for setting in role.unreckoned:
        yield f"  {setting} changes memory in a way that is not reckoned with here"
    yield from verdict(fit, recipe=size.name != size.model)


def origin(term: Term) -> str:
    """Return where a number comes from and how sure it is."""
    parts = (term.kind, term.source, term.uncertainty)
    return ", ".join(part for part in parts if part and part != ABOVE)


def verdict(fit: Fit, *, recipe: bool) -> Iterator[str]:
    """Yield whether it fits, and what would where it does not, by keys of a recipe or by options."""
    setup, words = fit.setup, KEYS if recipe else OPTIONS
    length, tensor, stages, gpu = words
    if fit.fits:
        yield f"  fits: {fit.concurrency:.1f} requests of {fit.max_model_len} tokens at once in each replica"
    if fit.fits and not fit.shortened:
        return
    if not fit.weights_fit:
        yield "  does not fit: the weights alone are more than the GPUs have for them"
    elif fit.stage.room <= 0:
        yield "  does not fit: nothing is left for the KV cache"
    elif not fit.fits:
        yield f"  does not fit: one request of {fit.max_model_len} tokens is more than the KV cache holds"
    else:
        own = fit.model.default_context
        yield f"  the model's own context of {own} tokens does not: say {length} {fit.max_model_len}"
    if fit.weights_fit and fit.longest and not fit.fits:
        yield f"  {length} {fit.longest} would fit"
    more, larger = more_gpus(fit.model, setup), larger_gpu(fit.model, setup)
    if more:
        yield f"  {tensor} {more.tensor} would fit: {more.gpus} x {setup.gpu}"
    if larger:
        yield f"  {gpu} {larger.gpu} would fit, with as many GPUs"
    if not more and not larger and not fit.fits:
        yield f"  nothing in one node does: spread it with {stages}, or take smaller weights"


def shown(term: Term) -> str:
    """Return a term's value with its unit, rounded for people."""
    if term.unit == "B":
        return f"{term.value / GIB:,.2f} GiB" if abs(term.value) >= SMALL else f"{term.value:,.0f} B"
    if term.unit == "requests":
        return f"{term.value:,.1f}"
    return f"{term.value:,.0f}" if float(term.value).is_integer() else f"{term.value:g}"
