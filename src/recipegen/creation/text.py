"""The recipe as text: keys in the catalog's order, and above the numbers why they are what they are."""

import textwrap
from dataclasses import dataclass
from typing import Any

from recipegen import yamlio
from recipegen.creation import engine, names
from recipegen.creation.card import Card
from recipegen.creation.sizes import REQUESTS, Replica, arithmetic
from recipegen.creation.sources import Source
from recipegen.errors import Path
from recipegen.memory import GIB
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.checkpoint.exact import apart
from recipegen.version import __version__

NAMES = {"vllm": "vLLM", "sglang": "SGLang", "trtllm": "TensorRT-LLM"}
SECRET = "hf-token-secret"
# Weights from the first on get a volume, as in the catalog; mixtures from the second on less beside them.
VOLUME_FROM, LARGE = 30e9, 100e9
KINDS = {
    "dense": "a KV head for each head",
    "gqa": "grouped KV heads",
    "mla": "latent attention (MLA)",
    "sliding": "some layers see a window",
    "hybrid": "some layers keep a state",
}
WIDTH = 100


@dataclass(frozen=True)
class Draft:
    """All that was decided of a recipe."""

    name: str
    namespace: str
    model: ModelFacts
    source: Source
    licence: Card
    backend: str
    replica: Replica
    replicas: int
    disaggregated: bool
    block_size: int | None
    parsers: engine.Defaults
    rest: engine.Defaults

    @property
    def routed(self) -> bool:
        """Whether several workers read prompts, so that routing by cache has a choice."""
        return self.replicas > 1


def recipe(draft: Draft) -> str:
    """Return the recipe's text."""
    data: dict[str, Any] = {}
    comments: dict[Path, str] = {}
    _about(draft, data, comments)
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


def _about(draft: Draft, data: dict[str, Any], comments: dict[Path, str]) -> None:
    model = draft.model
    about: dict[str, Any] = {"title": names.title(model.id), "description": _description(draft)}
    about["license"] = draft.licence.license or "unknown"
    if draft.licence.license:
        comments["about", "license"] = f"From {draft.licence.source}."
    else:
        comments["about", "license"] = "To be filled in: an SPDX identifier where there is one, or its name."
    about["evidence"] = f"rendered by recipegen {__version__}; never simulated, never run on a GPU"
    about["notes"] = "".join(f"{line}\n" for line in _notes(draft))
    data["about"] = about


def _description(draft: Draft) -> str:
    model, setup = draft.model, draft.replica.setup
    parameters = model.parameters
    kind = f"Mixture of {model.experts} experts" if model.experts else "Dense model"
    sees = " that sees more than text" if model.multimodal else ""
    size = f"{_billions(parameters.total)} parameters"
    if model.experts:
        size += f", {_billions(parameters.active)} of them at work for a token"
    gpus = f"{setup.gpus} {setup.gpu.split('-')[0].upper()}"
    return f"{kind}{sees}, {size}; {NAMES[draft.backend]} on {gpus} for each worker."


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


def _notes(draft: Draft) -> list[str]:
    """Return the arithmetic, in lines."""
    found, model, setup = draft.replica.fit, draft.model, draft.replica.setup
    weights = model.weights_bytes
    said = f"Weights: {_billions(model.parameters.total)} parameters, {_format(model)}: "
    said += f"{weights / 1e9:.1f} GB ({weights / GIB:.1f} GiB)"
    said += f"; {found.weights / GIB:.1f} GiB on each of {setup.gpus} GPUs." if setup.gpus > 1 else "."
    lines = [said]
    if model.assumed:
        lines.append(
            "The configuration names no architecture: its layers are taken to be plain ones, so all these "
            "numbers may be wrong."
        )
    files, configured = draft.source.checkpoint.weights, draft.source.checkpoint.model
    if files:
        said = "Counted in the files" if files.counted else "That is the sum that the files are said to have"
        if apart(files, configured):
            said += f", where the configuration lets expect {configured.weights_bytes / 1e9:.1f} GB"
        lines.append(f"{said}.")
    cache = found.stage.cache
    said = f"KV cache ({KINDS[model.attention]}): {cache.growing:.0f} bytes a token on a GPU"
    if cache.windows or cache.state:
        said += f", {found.per_request / GIB:.2f} GiB for a request of {found.max_model_len} tokens"
        said += " with its windows and states"
    lines.append(f"{said}.")
    lines.append(
        "What is left for it, and what that holds: `recipegen size FILE --config config.json`. It is worked "
        "out, not measured: the engine prints what it really has, and when that is less, believe it."
    )
    return [part for line in lines for part in _folded(line)]


def _folded(line: str) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _format(model: ModelFacts) -> str:
    quantization = model.quantization
    if quantization.format == "none":
        return model.dtype
    by = "" if quantization.method == quantization.format else f" by {quantization.method}"
    return f"{quantization.format}{by}"


def _billions(number: int) -> str:
    return f"{number / 1e9:.3g} billion" if number >= 1e9 else f"{number / 1e6:.3g} million"


def _times(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:.0f}"
