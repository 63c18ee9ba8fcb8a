"""Extra configuration files and environment variables of the workers."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from recipegen import yamlio
from recipegen.errors import Path, Problem, RecipeError, redact
from recipegen.recipe import ExtraConfig, Recipe, Worker
from recipegen.roles import workers
from recipegen.rules.express import express_key
from recipegen.rules.text import IN_A_SECRET

ENGINE_VARIABLE = "DYNAMO_EXTRA_CONFIG"
# The operator sets these for discovery and health checks (internal/dynamo/component_*.go).
OPERATORS = frozenset(
    {
        "DYN_NAMESPACE", "DYN_COMPONENT", "DYN_DISCOVERY_BACKEND", "DYN_PARENT_DGD_K8S_NAME",
        "DYN_PARENT_DGD_K8S_NAMESPACE", "DYN_KUBE_DISCOVERY_MODE", "DYN_HTTP_PORT", "DYNAMO_PORT",
        "DYN_NAMESPACE_PREFIX", "DYN_SYSTEM_ENABLED", "DYN_SYSTEM_PORT", "DYN_NAMESPACE_WORKER_SUFFIX",
        "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS", "DYN_HEALTH_CHECK_ENABLED",
    }
)  # fmt: skip
# What the graph itself says to the endpoint picker, and to the frontend in each worker's pod.
PICKERS = {"DYN_MODEL_NAME": "model.name", "DYN_KV_CACHE_BLOCK_SIZE": "model.engine.blockSize"}
SIDECARS = {"DYN_ROUTER_MODE": "model.endpointPicker"}
# The model chart gives these to workers that load through Model Express (model.expressEnv).
EXPRESS_VARIABLES = ("MODEL_EXPRESS_URL", "MODEL_EXPRESS_NO_SHARED_STORAGE")
# Tokens of the Hugging Face Hub by their newer and older name.
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
SECRET_NAME = re.compile(r".*(PASSWORD|SECRET)|(.*_)?(TOKEN|KEY)")
# Where a secret is, or whether there is one: a file, another variable, a switch.
NO_SECRET = re.compile(r"|/.*|\$\(.*|0|1|(?i:true|false|yes|no|on|off)")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield files without or with two sources or in each other's way, and variables of others or secret."""
    model = recipe.model
    # A volume that is there already may be read-only, so nothing is told to write to it.
    downloaded = model.cache.enabled and not model.cache.claim
    cache = {"HF_HOME": "model.cache"} if downloaded else {}
    express = dict.fromkeys(EXPRESS_VARIABLES, ".".join(express_key(recipe))) if express_key(recipe) else {}
    owned = dict.fromkeys(OPERATORS, "the operator") | cache
    yield from environment(("model", "frontend"), model.frontend.env, owned)
    picker, sidecar = model.endpoint_picker, model.endpoint_picker.sidecar
    yield from environment(("model", "endpointPicker"), picker.env, owned | PICKERS)
    yield from environment(("model", "endpointPicker", "sidecar"), sidecar.env, owned | SIDECARS)
    for role, worker in workers(model).items():
        path = ("model", role)
        files = files_of(path, worker)
        for place, config in files.items():
            yield from _source(place, config)
            yield from _swapped(place, role, config)
            yield from _tiny((*place, "content"), config.content)
        yield from _twice(files)
        if model.cache.enabled:
            yield from _in_the_cache(files, model.cache.mount_path)
        mine = {config.env: "extraConfig" for config in files.values()}
        yield from environment(path, worker.env, owned | express | mine)


def files_of(path: Path, worker: Worker) -> dict[Path, ExtraConfig]:
    """Return the configuration files of the workers at `path`, by where each stands; both forms are one."""
    single = {(*path, "extraConfig"): worker.extra_config} if worker.extra_config else {}
    return single | {(*path, "extraConfigs", i): c for i, c in enumerate(worker.extra_configs)}


def content_of(config: ExtraConfig) -> dict[str, Any] | None:
    """Return what the file holds, or None where that cannot be seen from here."""
    if not isinstance(config.content, str):
        return config.content
    try:
        return yamlio.read(config.content, config.path).data
    except RecipeError:
        # It may be YAML all the same, as no recipe may be.
        return None


def _source(path: Path, config: ExtraConfig) -> Iterator[Problem]:
    if (config.config_map_ref is None) == (config.content is None):
        found = "neither" if config.content is None else "both"
        message = f"needs either configMapRef or content, got {found}"
        yield Problem("config-source", path, message)
    if config.content == "":
        yield Problem("config-source", (*path, "content"), "is empty", "leave the whole file out")
    if config.content is not None and config.key not in (None, config.path.rpartition("/")[2]):
        message = "has no effect on a file that recipegen makes"
        yield Problem("no-effect", (*path, "key"), message, "leave it out")


def _tiny(path: Path, content: Any) -> Iterator[Problem]:
    """Yield numbers that Helm writes as 1e-05, which Python's YAML, and so the engine, takes for a text."""
    if isinstance(content, dict | list):
        for step, inner in content.items() if isinstance(content, dict) else enumerate(content):
            yield from _tiny((*path, step), inner)
    elif isinstance(content, float) and "e-" in repr(content) and "." not in repr(content):
        message = f"reaches the engine as a text, got {content!r}"
        yield Problem(
            "number-as-text", path, message, f"write `content` as text, with {f'{content:.1e}'} in it"
        )


def _twice(files: dict[Path, ExtraConfig]) -> Iterator[Problem]:
    for key in ("path", "env"):
        counts = Counter(getattr(config, key) for config in files.values())
        for path, config in files.items():
            value = getattr(config, key)
            if counts[value] > 1 and path[-1] != "extraConfig":
                message = f"two files of one role share it, got {value!r}"
                yield Problem("config-twice", (*path, key), message, f"give each its own `{key}`")


def _in_the_cache(files: dict[Path, ExtraConfig], mount_path: str) -> Iterator[Problem]:
    for path, config in files.items():
        if config.path == mount_path:
            message = f"model.cache is mounted there, got {config.path!r}"
            yield Problem("config-in-the-cache", (*path, "path"), message, "choose another path")


def _swapped(path: Path, role: str, config: ExtraConfig) -> Iterator[Problem]:
    other = {"prefill": "decode", "decode": "prefill"}.get(role)
    name = config.config_map_ref.name if config.config_map_ref else ""
    if other and other in name and role not in name:
        message = f"the {role} workers read a ConfigMap called {name!r}; it is rendered as written"
        hint = "are prefill and decode swapped?"
        yield Problem("swapped-config", (*path, "configMapRef", "name"), message, hint, warning=True)


def environment(path: Path, env: dict[str, str], owned: dict[str, str]) -> Iterator[Problem]:
    """Yield variables that somebody else sets, by name to owner, and those that hold a secret."""
    for name in env:
        if name in owned:
            message = f"{owned[name]} sets this variable"
            yield Problem("owned-variable", (*path, "env", name), message, "leave it out")
    for name, value in env.items():
        # What is a token by its looks is refused in any text.
        if SECRET_NAME.fullmatch(name) and not NO_SECRET.fullmatch(value) and redact(value) == value:
            message = "by its name a secret, which all who see the document or the graph could read"
            known = name in HUB_TOKENS
            yield Problem("secret", (*path, "env", name), message, IN_A_SECRET, warning=not known)
