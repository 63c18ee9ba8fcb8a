"""Whether a replica's GPUs hold what it serves: weights, one request of the context, a benchmark."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from recipegen import facts
from recipegen.errors import Problem
from recipegen.memory import Fit, Setup, divides, fit, gib, larger_gpu, more_gpus
from recipegen.memory.cache import FORMATS
from recipegen.memory.precision import ONLINE
from recipegen.modelfacts import ModelFacts
from recipegen.recipe import BenchmarkConfig, Recipe, Role, Worker
from recipegen.roles import engine_of, path_of, sizes, workers
from recipegen.rules.configs import ENGINE_VARIABLE, content_of, files_of
from recipegen.rules.images import release_of
from recipegen.rules.settings import Told, told
from recipegen.scaling import replicas

# Options whose effect on memory is not reckoned with: nothing is said of a role that has one.
UNRECKONED = re.compile(
    r"offload|override|load[-_]format|kv-cache-memory|max-total-tokens|lora|draft|quant|dtype"
)
# Options that are, by engine: each with the field of `Setup` that takes its value.
RECKONED = {
    "vllm": {
        "--quantization": "quantization", "--dtype": "dtype", "--enforce-eager": "eager",
        "--mamba-ssm-cache-dtype": "state_dtype", "--disable-hybrid-kv-cache-manager": "whole",
    },
    "sglang": {
        "--quantization": "quantization", "--dtype": "dtype", "--disable-cuda-graph": "eager",
        "--mamba-ssm-dtype": "state_dtype", "--swa-full-tokens-ratio": "windows",
    },
    "trtllm": {},
}  # fmt: skip
# Overrides of config.json that change what positions mean, and nothing of the size.
POSITIONS = {"rope_scaling", "rope_parameters", "max_position_embeddings"}
# Where TensorRT-LLM's own file says what typed keys say elsewhere.
OF_A_FILE = {
    ("kv_cache_config", "free_gpu_memory_fraction"): "utilization",
    ("kv_cache_config", "dtype"): "kv_dtype",
    ("max_num_tokens",): "batched_tokens",
    ("max_batch_size",): "sequences",
    ("max_seq_len",): "max_model_len",
}
OVERRIDES = "--override-engine-args"
TRANSFER = "--kv-transfer-config"
# Tokens of the benchmark's default request, 1024 read and 128 written: a short one.
SHORT = 1152


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield replicas whose GPUs cannot hold the weights, and those whose KV cache is too small.

    The size of the cache is reckoned, not measured: `recipegen size` shows its terms.
    """
    for role, worker, found in fits(recipe):
        if not found.weights_fit:
            yield _weights(role, worker, found)
        elif found.tight:
            yield _context(role, worker, found)
        else:
            yield from _batch(role, worker, found)
            yield from _benchmark(recipe, role, found)


def fits(recipe: Recipe) -> Iterator[tuple[Role, Worker, Fit]]:
    """Yield what the memory of each role holds, where model, GPU and effect of all settings are known."""
    model = facts.model(recipe.model.name)
    if recipe.model.mocker or model is None or recipe.hardware is None:
        return
    if recipe.hardware.gpu not in facts.hardware():
        return
    settings = {each.role: each for each in told(recipe)}
    for role, worker in workers(recipe.model).items():
        setup, unreckoned = setup_of(recipe, role, worker, model, settings.get(role))
        if not unreckoned and divides(model, setup):
            yield role, worker, fit(model, setup)


def setup_of(
    recipe: Recipe, role: Role, worker: Worker, model: ModelFacts, extra: Told | None
) -> tuple[Setup, list[str]]:
    """Return how a role's engine is set up, and the settings whose effect on memory is not reckoned with.

    Args:
        recipe: A recipe with `hardware`.
        role: The role.
        worker: Its block.
        model: The model that it serves.
        extra: What the engine is told beside typed keys, of `rules.settings.told`.
    """
    assert recipe.hardware is not None
    engine, backend = engine_of(recipe.model, worker), recipe.model.backend
    found: dict[str, Any] = {
        "utilization": engine.gpu_memory_utilization, "max_model_len": engine.max_model_len,
        "block_size": engine.block_size, "batched_tokens": engine.max_num_batched_tokens,
        "sequences": engine.max_num_seqs, "kv_dtype": engine.kv_cache_dtype or "auto",
    }  # fmt: skip
    typed = facts.engine(backend.type)["flags"].values()
    unreckoned = []
    for name, each in (extra.settings if extra else {}).items():
        field = RECKONED[backend.type].get(name)
        data = _data(each.value)
        if name in typed or (data and data.keys() <= POSITIONS):
            continue
        if field:
            found[field] = float(each.value) if field == "windows" and each.number else each.value
        elif name == OVERRIDES and data:
            found |= _of_file(data)
        elif name == TRANSFER and _unwindowed(data):
            found["whole"] = True
        elif name.startswith("--spec"):
            found["predictors"] = model.predicts
        elif UNRECKONED.search(name) and each.value is not False:
            unreckoned.append(name)
    if backend.type == "trtllm":
        files = files_of(("model", role), worker).values()
        contents = [content_of(file) for file in files if file.env == ENGINE_VARIABLE]
        for content in contents:
            found |= {key: value for key, value in _of_file(content or {}).items() if found.get(key) is None}
    unreckoned += _unknown(found, backend.type, model)
    versions = facts.dynamo().get(release_of(backend), {}).get("engines", {})
    setup = Setup(
        gpu=recipe.hardware.gpu,
        version=versions.get(backend.type, ""),
        mig=recipe.hardware.mig or "",
        **sizes(recipe.model, worker),
        **found,
    )
    return setup, unreckoned


def _unknown(found: dict[str, Any], backend: str, model: ModelFacts) -> Iterator[str]:
    """Yield settings with a number format whose bytes are not known."""
    if found["kv_dtype"] not in FORMATS[backend]:
        yield f"a KV cache in {found['kv_dtype']}"
    method = found.get("quantization")
    if method and model.quantization.method == "none" and method not in ONLINE:
        yield f"--quantization {method}"


def choices(found: Fit) -> str:
    """Return the nearest settings that fit, in words."""
    setup, model = found.setup, found.model
    ways = []
    if found.weights_fit and found.longest:
        ways.append(f"maxModelLen {found.longest}")
    more = more_gpus(model, setup)
    if more:
        ways.append(f"tensorParallel {more.tensor}")
    larger = larger_gpu(model, setup)
    if larger:
        ways.append(f"hardware.gpu {larger.gpu}")
    if not ways:
        return "spread it over nodes with pipelineParallel, or take weights in a smaller format"
    return f"what fits: {', or '.join(ways)}; `recipegen size` shows the arithmetic"


def _weights(role: Role, worker: Worker, found: Fit) -> Problem:
    """Return that the GPUs of a replica cannot hold the weights, whatever else they hold."""
    setup = found.setup
    has = f"{gib(found.budget)} of {setup.gpu}"
    if setup.backend != "trtllm":
        has = f"{found.share.value:g} x {gib(found.memory)} = {has}"
    whole = f"{gib(found.model.weights_bytes)} of {found.model.id}"
    on_each = f"{gib(found.weights)} on a GPU" if setup.gpus > 1 else "on one GPU"
    message = f"the weights do not fit: {whole}, {on_each}, and {setup.backend} has {has} for them"
    return Problem("weights-room", path_of(role, worker, "tensorParallel"), message, choices(found))


def _context(role: Role, worker: Worker, found: Fit) -> Problem:
    """Return that the KV cache is too small for one request of the context."""
    room = gib(max(found.stage.room, 0))
    length = found.setup.max_model_len or found.model.default_context
    needed = gib(found.stage.cache.request(length))
    message = f"a request of {length} tokens needs {needed} of KV cache, and about {room} are left"
    path = path_of(role, worker, "maxModelLen")
    return Problem("context-room", path, message, choices(found), warning=True)


def _batch(role: Role, worker: Worker, found: Fit) -> Iterator[Problem]:
    """Yield a batch that has more seats than there is room for, even with short requests."""
    seats, length = found.setup.sequences or 0, min(SHORT, found.max_model_len)
    held = int(found.held(length, settled=True))
    # SGLang's seats are those of all ranks, the others' those of each.
    ranks = 1 if found.setup.backend == "sglang" else found.setup.copies
    if seats * ranks > held:
        message = (
            f"is more than the KV cache holds at once: about {held} requests of {length} tokens, got {seats}"
        )
        hint = f"take {max(held // ranks, 1)} or less, so that none is stopped and begun anew"
        yield Problem("batch-room", path_of(role, worker, "maxNumSeqs"), message, hint, warning=True)


def _benchmark(recipe: Recipe, role: Role, found: Fit) -> Iterator[Problem]:
    """Yield a benchmark that has more requests in flight than the replicas of a role hold."""
    config = recipe.benchmark.config or BenchmarkConfig()
    if not recipe.benchmark.enabled or config.trace or role == "prefill":
        return
    most = max(config.concurrency)
    for isl, osl in _shapes(config):
        held = int(found.held(isl + osl, settled=True)) * replicas(recipe)[role].most
        if most > held:
            message = (
                f"has {most} requests of {isl} + {osl} tokens in flight, and the replicas of {role!r} hold"
            )
            message += f" about {held} at once: the others wait"
            hint = f"take {held} or less, or more replicas; `recipegen size` shows the arithmetic"
            path = ("benchmark", "config", "concurrency")
            yield Problem("benchmark-room", path, message, hint, warning=True)


def _shapes(config: BenchmarkConfig) -> list[tuple[int, int]]:
    if config.shapes:
        return [(shape.isl, shape.osl) for shape in config.shapes]
    return [(config.isl or 1024, config.osl or 128)]


def _data(value: Any) -> dict[str, Any]:
    """Return a map that an option is given, as data or as JSON; else an empty one."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, dict) else {}


def _unwindowed(transfer: dict[str, Any]) -> bool:
    """Return whether a connector, or one of several, has vLLM keep what is outside windows too."""
    more = transfer.get("kv_connector_extra_config")
    inner = more.get("connectors") if isinstance(more, dict) else None
    named = (
        [transfer, *(each for each in inner if isinstance(each, dict))]
        if isinstance(inner, list)
        else [transfer]
    )
    return any(each.get("kv_connector") in facts.memory()["vllm"]["unwindowed"] for each in named)


def _of_file(content: dict[str, Any]) -> dict[str, Any]:
    """Return what TensorRT-LLM's own file, or what overrides it, says of memory."""
    found = {}
    for keys, field in OF_A_FILE.items():
        value: Any = content
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            found[field] = value
    return found
