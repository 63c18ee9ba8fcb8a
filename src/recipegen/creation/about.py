"""The block `about` of a new recipe: what it is, and the arithmetic that no verb tells later."""

import textwrap
from typing import Any

from recipegen.creation import names
from recipegen.creation.draft import Draft
from recipegen.errors import Path
from recipegen.memory import GIB
from recipegen.modelfacts import ModelFacts
from recipegen.rules.given import ENGINES
from recipegen.sizing.checkpoint.exact import apart
from recipegen.version import __version__

KINDS = {
    "dense": "a KV head for each head",
    "gqa": "grouped KV heads",
    "mla": "latent attention (MLA)",
    "sliding": "some layers see a window",
    "hybrid": "some layers keep a state",
}
WIDTH = 100


def about(draft: Draft, comments: dict[Path, str]) -> dict[str, Any]:
    """Return the block `about`, and put the reasons of its keys among the comments."""
    model = draft.model
    found: dict[str, Any] = {"title": names.title(model.id), "description": _description(draft)}
    found["license"] = draft.licence.license or "unknown"
    if draft.licence.license:
        comments["about", "license"] = f"From {draft.licence.source}."
    else:
        comments["about", "license"] = "To be filled in: an SPDX identifier where there is one, or its name."
    found["evidence"] = f"rendered by recipegen {__version__}; never simulated, never run on a GPU"
    found["notes"] = "".join(f"{line}\n" for line in _notes(draft))
    return found


def _description(draft: Draft) -> str:
    model, setup = draft.model, draft.replica.setup
    parameters = model.parameters
    kind = f"Mixture of {model.experts} experts" if model.experts else "Dense model"
    sees = " that sees more than text" if model.multimodal else ""
    size = f"{_billions(parameters.total)} parameters"
    if model.experts:
        size += f", {_billions(parameters.active)} of them at work for a token"
    gpus = f"{setup.gpus} {setup.gpu.split('-')[0].upper()}"
    return f"{kind}{sees}, {size}; {ENGINES[draft.backend]} on {gpus} for each worker."


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
