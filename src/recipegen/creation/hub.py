"""The Hugging Face Hub: the one module that reaches it, through `huggingface_hub`.

Nothing is kept on disk, and nothing large is fetched. A token comes from the variable HF_TOKEN alone: not
from an option, which others on the machine could read, and not from what an earlier login left behind.
"""

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from recipegen.errors import Problem, ToolError, UsageError, brief, redact, show

MIB = 1024**2
# What is read, and how much of it at most; what a recipe does without is left out where it is larger.
FILES = {
    "config.json": 4 * MIB,
    "hf_quant_config.json": 4 * MIB,
    "model.safetensors.index.json": 48 * MIB,
    "tokenizer_config.json": 16 * MIB,
}
NEEDED = "config.json"
# A server that sends a byte now and then would hold up a person for ever.
SECONDS = 120
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
OFFLINE = "without the Hub: recipegen new --config config.json --model ORG/NAME"


@dataclass(frozen=True)
class Repository:
    """A model's repository at one commit."""

    commit: str
    gated: bool
    """Whether the Hub asks for the model's terms to be accepted."""
    card: Mapping[str, Any]
    """The metadata of its card."""
    names: frozenset[str]
    """Names of all its files."""
    texts: Mapping[str, str]
    """The files of FILES that it has."""
    weights: int
    """Bytes of its `model*.safetensors`; 0 where it has none, or the Hub does not say."""


def fetch(model: str) -> Repository:
    """Return what a recipe needs of a repository, all of it at the newest commit.

    Raises:
        UsageError: The id is none that the Hub could have.
        ToolError: huggingface_hub is not installed, or the Hub cannot be reached, refuses, or has no such
            model.
    """
    hub = _package()
    token = _token()
    try:
        info = hub.HfApi(token=token).model_info(
            model, files_metadata=True, timeout=hub.constants.HF_HUB_DOWNLOAD_TIMEOUT
        )
        siblings = {each.rfilename: each.size or 0 for each in info.siblings or ()}
        if not re.fullmatch(r"[0-9a-f]{40}", info.sha or ""):
            _fail(f"the Hub names no commit of {model}, got {show(info.sha)}", "try again later")
        if NEEDED not in siblings:
            message = f"{model} at {info.sha} has no config.json, by which a model is known"
            hint = "repositories of GGUF files or of adapters have none: name the one with the model itself"
            _fail(message, hint)
        texts = {}
        for name, most in FILES.items():
            if name in siblings and (siblings[name] <= most or name == NEEDED):
                texts[name] = _text(hub, model, info.sha, name, token)
    except (ToolError, UsageError):
        raise
    except Exception as error:  # the client's own errors change from release to release
        raise _explained(hub, model, error) from None
    card = info.card_data.to_dict() if info.card_data else {}
    weights = sum(size for name, size in siblings.items() if WEIGHTS.fullmatch(name))
    return Repository(info.sha, bool(info.gated), card, frozenset(siblings), texts, weights)


def _token() -> str | Literal[False]:
    """Return the token of the environment; False keeps the client from looking for one elsewhere."""
    token = os.environ.get("HF_TOKEN", "").strip()
    if token and not re.fullmatch(r"[!-~]+", token):
        # A header could not hold it, and the client's error would repeat it.
        _fail("HF_TOKEN is no token: it has spaces, or characters that no token has", "copy it anew")
    return token or False


def _package() -> Any:
    # A bar of progress for a file of some kilobytes is noise, and so are hints at other ways to download.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
    except ImportError:
        hint = f"pip install 'recipegen[hub]', or {OFFLINE}"
        _fail("--hf needs the package huggingface_hub, which is not installed", hint)
    return huggingface_hub


def _text(hub: Any, model: str, commit: str, name: str, token: str | bool) -> str:
    """Return one file, of which no more is taken in than is allowed."""
    url = hub.hf_hub_url(model, name, revision=commit)
    headers = hub.utils.build_hf_headers(token=token)
    timeout = hub.constants.HF_HUB_DOWNLOAD_TIMEOUT
    found, until = bytearray(), time.monotonic() + SECONDS
    with hub.get_session().stream(
        "GET", url, headers=headers, timeout=timeout, follow_redirects=True
    ) as response:
        if response.status_code >= 400:
            with suppress(Exception):
                response.read()
        hub.utils.hf_raise_for_status(response)
        for part in response.iter_bytes():
            found += part
            if len(found) > FILES[name]:
                _fail(f"{name} of {model} is larger than {FILES[name] // MIB} MiB", OFFLINE)
            if time.monotonic() > until:
                _fail(f"{name} of {model} did not arrive within {SECONDS} s", f"try again, or {OFFLINE}")
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        _fail(f"{name} of {model} is not UTF-8", OFFLINE)


def _explained(hub: Any, model: str, error: Exception) -> ToolError | UsageError:
    """Return what a failure means, and what to do about it."""
    errors, kind = hub.errors, type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", 0)
    place = brief(str(hub.constants.ENDPOINT))
    signed = bool(_token())
    page = f"{place}/{model}"
    if isinstance(error, errors.HFValidationError):
        problem = Problem("usage", (), f"--hf takes ORG/NAME, got {show(model)}", "as in --hf Qwen/Qwen3-32B")
        return UsageError(problem)
    if isinstance(error, errors.GatedRepoError):
        message = f"{model} is gated, and " + (
            "HF_TOKEN is of an account that may not read it" if signed else "HF_TOKEN is not set"
        )
        hint = f"accept its terms at {page}, then set HF_TOKEN to a token of that account that may read it"
    elif isinstance(error, errors.DisabledRepoError):
        message, hint = f"{model} is disabled on the Hub", f"{page} may say why; choose another model"
    elif isinstance(error, errors.RepositoryNotFoundError) or status == 404 or (status == 401 and not signed):
        # To people without a token the Hub says of what is not there, too, that they may not see it.
        message = f"the Hub has no model {show(model)}" + (
            " that HF_TOKEN may read" if signed else ", or it is private"
        )
        hint = f"look at {page} for its spelling, capitals too" + (
            "" if signed else "; for a private one set HF_TOKEN"
        )
    elif status == 401:
        message, hint = "the Hub does not take HF_TOKEN", "it may have run out: make a new one, or unset it"
    elif status == 403:
        message, hint = f"HF_TOKEN may not read {model}", "use a token that may read gated repositories"
    elif status == 429:
        message = "the Hub takes no more requests for now (429)"
        hint = "wait some minutes" + ("" if signed else ", or set HF_TOKEN: known accounts are allowed more")
    elif status >= 500:
        message, hint = f"the Hub has a fault of its own ({status})", f"try again later, or {OFFLINE}"
    elif kind == "OfflineModeIsEnabled":
        message, hint = "HF_HUB_OFFLINE is set, so the Hub is not asked", f"unset it, or work {OFFLINE}"
    elif "Timeout" in kind:
        message, hint = f"{place} does not answer in time", f"try again, or {OFFLINE}"
    elif status:
        message, hint = f"the Hub refuses with status {status}", f"look at {page}, or {OFFLINE}"
    else:
        first = next(iter(str(error).strip().splitlines()), "") or kind
        message = f"{place} cannot be reached: {brief(redact(first))}"
        hint = f"check network and proxy (HTTPS_PROXY), or {OFFLINE}"
    return ToolError(Problem("hub", (), message, hint))


def _fail(message: str, hint: str) -> NoReturn:
    raise ToolError(Problem("hub", (), message, hint))
