"""What is recommended as a merge patch of the recipe, with the reasons as comments."""

from collections.abc import Iterator
from typing import Any

from recipegen import yamlio
from recipegen.document import merge
from recipegen.errors import Problem, RecipeError, UsageError
from recipegen.load import Loaded
from recipegen.rules.transfer import BY_CHANNEL, LAYOUT
from recipegen.sizing.recommend import Recommendation, report, setups
from recipegen.sizing.recommend.candidates import Candidate, Part
from recipegen.sizing.recommend.choice import VIEWS, number
from recipegen.sizing.recommend.roofline import ORIGIN
from recipegen.validate import validate

SIZES = ("tensorParallel", "pipelineParallel", "dataParallel", "expertParallel")
ROLES = ("worker", "prefill", "decode")
# What a role's block says of its own size; the rest of it is kept.
OF_SIZE = ("replicas", "nodes", "gpus")
# From so many GPUs in a pod on, /dev/shm is given more than the operator's default: rules/hardware.py.
MANY_GPUS, SHARED_MEMORY = 4, "16Gi"


def text(found: Recommendation, view: str) -> str:
    """Return the patch of a winner as YAML; with it the recipe is valid.

    Raises:
        UsageError: There is no recipe to patch.
        RecipeError: The recipe with the patch breaks a rule, with what each says.
    """
    loaded, winner = found.subject.loaded, found.winners[view]
    if loaded is None:
        hint = "make one first with `recipegen new`, and name it here"
        raise UsageError(
            Problem("usage", (), "-o writes a patch of a recipe, and this is a model without one", hint)
        )
    data = patch(loaded, found.subject.base.gpu, found.subject.model.attention, winner)
    if not data:
        raise UsageError(f"{view} is what the recipe has already: there is nothing to write")
    whole = "".join(f"# {line}\n" for line in _comment(found, view)) + yamlio.write_by_hand(data)
    merged = merge(loaded.document, yamlio.read(whole, "the patch"))
    try:
        validate(Loaded(loaded.name, loaded.variant, merged))
    except RecipeError as error:
        why = Problem("recommend", (), f"{view}, {winner.words}, does not go with the rest of the recipe:")
        raise RecipeError(why, *error.problems) from error
    return whole


def patch(loaded: Loaded, gpu: str, attention: str, winner: Candidate) -> dict[str, Any]:
    """Return what makes of a recipe the deployment: only what differs, with null for what has to go.

    Args:
        loaded: The recipe.
        gpu: The GPU type.
        attention: Kind of attention of the model, as `ModelFacts` has it.
        winner: The deployment.
    """
    before = loaded.document.data
    model = before["model"]
    found: dict[str, Any] = {}
    if before.get("hardware", {}).get("gpu") != gpu:
        found["hardware"] = {"gpu": gpu}
    changed: dict[str, Any] = {}
    disaggregated = winner.mode == "disaggregated"
    if bool(model.get("disaggregation", False)) != disaggregated:
        changed["disaggregation"] = disaggregated
    sizes = {part.role: _sizes(part) for part in winner.parts}
    first = next(iter(sizes.values()))
    shared = {
        key: value for key, value in first.items() if all(each.get(key) == value for each in sizes.values())
    }
    changed["engine"] = _replaced(model.get("engine") or {}, shared, SIZES)
    source = _settings(model)
    states = disaggregated and winner.parts[0].setup.backend == "vllm" and attention == "hybrid"
    for role in ROLES:
        part = next((each for each in winner.parts if each.role == role), None)
        own = model.get(role)
        if part is None:
            changed |= {role: None} if own is not None else {}
            continue
        wanted = {key: value for key, value in sizes[part.role].items() if key not in shared}
        block = own if own is not None else {}
        kept = {} if own is not None else source
        changed[role] = {**kept, **_role(part, {**kept, **block}, wanted, fresh=own is None)}
        env = {**kept.get("env", {}), **block.get("env", {})}
        if states and env.get(LAYOUT) != BY_CHANNEL:
            # Without it vLLM does not hand states over: rules/transfer.py.
            changed[role]["env"] = {**kept.get("env", {}), LAYOUT: BY_CHANNEL}
    changed = {key: value for key, value in changed.items() if value != {}}
    return found | ({"model": changed} if changed else {})


def _role(part: Part, block: dict[str, Any], wanted: dict[str, int], *, fresh: bool) -> dict[str, Any]:
    """Return what changes in the block of a role."""
    count, per_pod = setups.nodes(part.setup), part.setup.gpus // setups.nodes(part.setup)
    sizes = {"replicas": part.replicas, **({"nodes": count} if count > 1 else {})}
    before = {} if fresh else block
    # One replica is what a block without a number means.
    if part.replicas == 1 and "replicas" not in before and not fresh:
        del sizes["replicas"]
    found = _replaced(before, sizes, OF_SIZE)
    engine = _replaced(before.get("engine") or {}, wanted, SIZES)
    if engine:
        found["engine"] = {**(block.get("engine") or {}), **engine} if fresh else engine
    if per_pod >= MANY_GPUS and "sharedMemory" not in block:
        found["sharedMemory"] = SHARED_MEMORY
    return found


def _settings(model: dict[str, Any]) -> dict[str, Any]:
    """Return what a new role takes over from one that goes: all but its size and arguments of its role."""
    role = next((role for role in ("worker", "decode", "prefill") if model.get(role)), "worker")
    found = {key: value for key, value in (model.get(role) or {}).items() if key not in OF_SIZE}
    own = (*SIZES, "args") if role != "worker" else SIZES
    engine = {key: value for key, value in (found.pop("engine", None) or {}).items() if key not in own}
    return found | ({"engine": engine} if engine else {})


def _replaced(before: dict[str, Any], wanted: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the patch that makes the keys of a block what is wanted, and removes the others of them."""
    gone = {key: None for key in keys if key in before and key not in wanted}
    return {key: value for key, value in wanted.items() if before.get(key) != value} | gone


def _sizes(part: Part) -> dict[str, int]:
    setup = part.setup
    sizes = (setup.tensor, setup.pipeline, setup.data, setup.expert)
    return {key: value for key, value in zip(SIZES, sizes, strict=True) if value > 1}


def _comment(found: Recommendation, view: str) -> Iterator[str]:
    winner = found.winners[view]
    served = winner.served
    yield f"{view} of `recipegen recommend`, {VIEWS[view]}."
    yield f"{report.title(found)}."
    seen = f"TTFT {number(served.ttft)} ms, ITL {served.itl:.1f} ms, {served.throughput:.0f} tokens/s"
    yield f"{winner.words}, {winner.gpus} GPUs: {seen}."
    for step, what in zip(served.steps, ("a prompt", "a token of each request"), strict=True):
        yield f"{what}: {step.milliseconds:.1f} ms, {step.origin}"
    if any(step.origin == ORIGIN for step in served.steps):
        yield f"{report.uncertainty().capitalize()}."
    yield report.NOT_RUN
