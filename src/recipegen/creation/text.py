"""The recipe as text: keys in the catalog's order, and above the numbers why they are what they are."""

from typing import Any

from recipegen import yamlio
from recipegen.creation import engine
from recipegen.creation.about import about
from recipegen.creation.draft import Draft
from recipegen.creation.sizes import REQUESTS, arithmetic
from recipegen.errors import Path
from recipegen.memory import GIB
from recipegen.modelfacts import ModelFacts
from recipegen.version import __version__

SECRET = "hf-token-secret"
# Weights from the first on get a volume, as in the catalog; mixtures from the second on less beside them.
VOLUME_FROM, LARGE = 30e9, 100e9


def recipe(draft: Draft) -> str:
    """Return the recipe's text."""
    data: dict[str, Any] = {}
    comments: dict[Path, str] = {}
    data["about"] = about(draft, comments)
    data["dynamoNamespace"] = draft.namespace
    data["hardware"] = {"gpu": draft.replica.setup.gpu}
    comments[("hardware",)] = _gpus(draft)
    _model(draft, data, comments)
    data["observability"] = {"enabled": True}
    head = (
        f"# Written by `recipegen new`, recipegen {__version__}, from {_origin(draft)}.\n"
        "# It is yours from here on; `recipegen explain FILE KEY` says what a key means.\n"
    )
    return head + yamlio.write_by_hand(data, comments)


def _origin(draft: Draft) -> str:
    source = draft.source
    if source.revision:
        return f"the config.json of {draft.model.id} at {source.revision[:12]}"
    return f"a config.json of {draft.model.id}"


def _gpus(draft: Draft) -> str:
    """Return why a worker has as many GPUs as it has."""
    replica = draft.replica
    count, found = replica.setup.gpus, replica.fit
    has = f"{count} GPU{'' if count == 1 else 's'} for each worker"
    room = (
        f"{found.weights / GIB:.1f} GiB of weights{' on each' if count > 1 else ''}, and room for "
        f"{_times(found.concurrency)} requests of {replica.context} tokens"
    )
    each = f", {_times(found.concurrency / replica.setup.copies)} on each" if replica.setup.copies > 1 else ""
    said = f"{has}: {room}{each}."
    if replica.smaller:
        small = replica.smaller[0]
        said += f" With {small.setup.gpus}, {arithmetic(small, _wanted(draft))}."
    return said


def _wanted(draft: Draft) -> int:
    return draft.replica.smaller[0].max_model_len if draft.replica.smaller else draft.replica.context


def _model(draft: Draft, data: dict[str, Any], comments: dict[Path, str]) -> None:
    source = draft.source
    model: dict[str, Any] = {"name": draft.model.id}
    if source.revision:
        model["revision"] = source.revision
    else:
        comments["model", "name"] = (
            "Add a `revision`, the commit of the weights: without it the newest is taken, which may change."
        )
    model["backend"] = {"type": draft.backend}
    if draft.disaggregated:
        model["disaggregation"] = True
    if draft.routed:
        model["routingPolicy"] = "kv"
        comments["model", "routingPolicy"] = (
            "A request goes to the worker that has most of its prompt in its cache."
        )
    model["engine"] = _engine(draft, comments)
    for role in ("prefill", "decode") if draft.disaggregated else ("worker",):
        block = _worker(draft, role, comments)
        if block:
            model[role] = block
    weights = draft.model.weights_bytes
    if weights >= VOLUME_FROM:
        model["cache"] = {"enabled": True, "size": _volume(draft.model)}
        comments["model", "cache"] = (
            f"A shared volume, so that {weights / 1e9:.0f} GB are downloaded once. A cluster profile names "
            "its storageClass."
        )
    if source.gated:
        model["huggingFaceTokenSecret"] = SECRET
        comments["model", "huggingFaceTokenSecret"] = (
            "The model is gated: accept its terms on its page, then\n"
            f"kubectl create secret generic {SECRET} --from-literal=HF_TOKEN=… -n {draft.namespace}"
        )
    data["model"] = model


def _engine(draft: Draft, comments: dict[Path, str]) -> dict[str, Any]:
    replica, at = draft.replica, ("model", "engine")
    setup = replica.setup
    said: dict[str, Any] = {}
    sizes = {
        "tensorParallel": setup.tensor,
        "pipelineParallel": setup.pipeline,
        "dataParallel": setup.data,
        "expertParallel": setup.expert,
    }
    said |= {key: size for key, size in sizes.items() if size > 1}
    if setup.data > 1:
        comments[*at, "dataParallel"] = (
            "Each GPU has requests of its own: the latents of MLA would be whole on all of them otherwise."
        )
    if setup.expert > 1:
        comments[*at, "expertParallel"] = "Each expert is whole on one GPU."
    if setup.pipeline > 1:
        comments[*at, "pipelineParallel"] = "Stages of layers, which ask less of the links between GPUs."
    said["maxModelLen"] = replica.context
    comments[*at, "maxModelLen"] = _context(draft)
    if draft.block_size:
        said["blockSize"] = draft.block_size
        comments[*at, "blockSize"] = (
            "Router and workers count in blocks that the kernels of this attention take."
        )
    said["gpuMemoryUtilization"] = engine.SHARES[draft.backend]
    comments[*at, "gpuMemoryUtilization"] = engine.SHARE_OF[draft.backend]
    for part in (draft.rest, draft.parsers):
        for key, value in part.engine.items():
            said[key] = value
            if key in part.comments:
                comments[*at, key] = part.comments[key]
    return said


def _context(draft: Draft) -> str:
    replica, own = draft.replica, draft.model.context
    if replica.shortened:
        return f"What leaves room for {REQUESTS} requests at once; the model's own is {own}."
    if not own:
        return "As asked for; the configuration states no context of its own."
    if replica.context == own:
        return "The model's own."
    return f"As asked for; the model's own is {own}." if replica.context < own else "As asked for."


def _worker(draft: Draft, role: str, comments: dict[Path, str]) -> dict[str, Any]:
    replica, at = draft.replica, ("model", role)
    said: dict[str, Any] = {}
    if draft.replicas != 1:
        said["replicas"] = draft.replicas
    if replica.nodes > 1:
        said["nodes"] = replica.nodes
    if draft.rest.extra:
        said["extraConfig"] = {"content": dict(draft.rest.extra)}
        comments[*at, "extraConfig"] = draft.rest.comments["extraConfig"]
    if draft.rest.env:
        said["env"] = dict(draft.rest.env)
        comments[*at, "env"] = draft.rest.comments["env"]
    pod = replica.setup.gpus // replica.nodes
    if pod >= 4:
        said["sharedMemory"] = "80Gi" if pod >= 8 else "40Gi"
    if role == "decode":
        # Said at prefill already.
        for key in ("extraConfig", "env"):
            comments.pop((*at, key), None)
    return said


def _volume(model: ModelFacts) -> str:
    """Return room for two downloads of the weights, or for large mixtures for one and a quarter."""
    share = 1.25 if model.experts and model.weights_bytes > LARGE else 2.1
    return f"{int(-(-model.weights_bytes * share // (10 * GIB)) * 10)}Gi"


def _times(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:.0f}"
