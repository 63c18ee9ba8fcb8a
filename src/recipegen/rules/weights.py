"""Where weights come from: which keys of the cache go together, and whether one node can hold all pods."""

from collections.abc import Iterator

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.recipe import Cache, Recipe
from recipegen.roles import workers
from recipegen.rules.hardware import gpus_of_node
from recipegen.rules.resources import amount
from recipegen.scaling import gpus

CACHE: Path = ("model", "cache")
# Keys of a volume that is made, and of the download into it.
OF_A_DOWNLOAD = {
    "size": "size",
    "storage_class": "storageClass",
    "access_mode": "accessMode",
    "deadline_seconds": "deadlineSeconds",
}


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield keys of the cache in each other's way, and pods that one node cannot hold."""
    cache = recipe.model.cache
    if not cache.enabled:
        return
    if cache.s3 and cache.claim:
        message = "a volume that is there already is not downloaded into, and model.cache.s3 is given too"
        yield Problem("weights-source", (*CACHE, "claim"), message, "remove one of the two")
    elif cache.claim:
        yield from _of_a_download(cache)
    else:
        yield from _room(recipe)
    # A mirror of this recipe's own is of that revision.
    mirror = recipe.ingestion.enabled and not cache.claim
    if recipe.model.revision and (cache.s3 or cache.claim) and not mirror:
        source = "model.cache.s3" if cache.s3 else "model.cache.claim"
        message = f"has no effect: the weights come from {source}, as they are there"
        hint = "leave it out, unless it is to tell people which they are"
        yield Problem("no-effect", ("model", "revision"), message, hint, warning=True)
    if cache.access_mode == "ReadWriteOnce" and not cache.claim and not recipe.model.mocker:
        yield from _one_node(recipe)


def _room(recipe: Recipe) -> Iterator[Problem]:
    """Yield a volume that is too small for the weights of a known model."""
    known = None if recipe.model.mocker else facts.model(recipe.model.name)
    size = recipe.model.cache.size
    if known and amount(size) < known.weights_bytes:
        needed = -(-known.weights_bytes // 1024**3)
        message = f"is less than the weights of {known.id}, {needed} GiB, got {show(size)}"
        hint = "make it half as large again, for a repository may hold more than the weights"
        yield Problem("cache-room", (*CACHE, "size"), message, hint)


def _of_a_download(cache: Cache) -> Iterator[Problem]:
    for name, key in OF_A_DOWNLOAD.items():
        value = getattr(cache, name)
        if value != Cache.model_fields[name].default:
            message = f"has no effect on a volume that is there already, got {show(value)}"
            yield Problem("no-effect", (*CACHE, key), message, "leave it out, or leave out model.cache.claim")


def _one_node(recipe: Recipe) -> Iterator[Problem]:
    """Yield workers that do not fit on the one node that a ReadWriteOnce volume is on."""
    model = recipe.model
    path = (*CACHE, "accessMode")
    hint = "take ReadWriteMany, with a storage class that has it"
    spread = [role for role, worker in workers(model).items() if worker.nodes > 1]
    if spread:
        message = f"puts all pods on one node, and a replica of {spread[0]!r} spans several"
        yield Problem("one-node", path, f"{message}, got {show(model.cache.access_mode)}", hint)
        return
    there = gpus_of_node(recipe)
    needed = gpus(recipe).most
    if there and recipe.hardware and needed > there:
        has = f"{recipe.hardware.gpu} nodes have {there}"
        message = f"puts all pods on one node, and the workers need {needed} GPUs where {has}"
        yield Problem("one-node", path, f"{message}, got {show(model.cache.access_mode)}", hint)
