"""The benchmark against the graph that it measures, and its keys against each other."""

import json
from collections.abc import Iterator
from typing import Any

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.recipe import Benchmark, BenchmarkConfig, Recipe, Shape, Targets, Trace
from recipegen.roles import engine_of, gpus_of_replica, path_of, workers
from recipegen.rules.configs import environment
from recipegen.scaling import open_ended

CONFIG: Path = ("benchmark", "config")
TARGETS: Path = ("benchmark", "targets")
ISL, OSL = 1024, 128
"""Lengths of the one shape where none is stated; the chart's helper `benchmark.config` has them too."""
# What the chart's own template sets in the benchmark's containers.
OWNED = dict.fromkeys(
    (
        "AIPERF", "CONFIG", "GPUS", "GRAPH", "HEADERS", "HOME", "IMAGE", "MODEL", "MODEL_DIGEST",
        "PYTHONPATH", "RESULTS", "RUN", "TARGETS", "TOKENIZER", "TRACE", "URL",
    ),
    "the benchmark's chart",
)  # fmt: skip
# Options of aiperf that the Job gives itself, in all their spellings, with what says them.
OWNED_OPTIONS = {
    **dict.fromkeys(("--model", "--model-names", "-m"), "model.name"),
    **dict.fromkeys(("--url", "-u"), "benchmark.url"),
    **dict.fromkeys(("--header", "-H"), "benchmark.headers"),
    **dict.fromkeys(("--isl", "--synthetic-input-tokens-mean"), "benchmark.config.isl"),
    **dict.fromkeys(("--osl", "--output-tokens-mean"), "benchmark.config.osl"),
    "--concurrency": "benchmark.config.concurrency",
    **dict.fromkeys(("--request-count", "--num-requests"), "benchmark.config.requestsPerConcurrency"),
    "--input-file": "benchmark.config.trace",
    **dict.fromkeys(("--artifact-dir", "--output-artifact-dir"), "benchmark.results"),
}
SECRET = "by its name a secret, which all who see the document or the cluster's Jobs could read"
# What aiperf takes a request of a trace from.
INPUTS = ("input_length", "text_input", "messages", "payload")
SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield loads that the graph refuses, keys in each other's way, and targets that cannot be held."""
    benchmark = recipe.benchmark
    if not benchmark.enabled:
        return
    config = benchmark.config or BenchmarkConfig()
    yield from _frontend(recipe)
    yield from _beside_each_other(config)
    yield from _twice(config)
    if config.trace:
        yield from _trace(config.trace)
    for what, tokens in _lengths(config):
        yield from _context(recipe, what, tokens)
    yield from _targets(recipe, config)
    yield from _results(benchmark)
    yield from _container(benchmark)


def shapes(config: BenchmarkConfig) -> list[Shape]:
    """Return the lengths that are measured, one run of each for every concurrency; none with a trace."""
    if config.trace:
        return []
    return config.shapes or [Shape(isl=config.isl or ISL, osl=config.osl or OSL)]


def _frontend(recipe: Recipe) -> Iterator[Problem]:
    model = recipe.model
    if recipe.benchmark.url is None and model.deployment.create and model.frontend.replicas == 0:
        message = "the benchmark asks the frontend, got 0"
        hint = "set it to 1 or more, or benchmark.enabled to false, or benchmark.url to the gateway's address"
        yield Problem("benchmark-without-frontend", ("model", "frontend", "replicas"), message, hint)


def _beside_each_other(config: BenchmarkConfig) -> Iterator[Problem]:
    other = "trace" if config.trace else "shapes"
    if config.trace or config.shapes:
        for key in ("isl", "osl"):
            if getattr(config, key) is not None:
                message = f"has no effect beside `{other}`, got {getattr(config, key)}"
                yield Problem("no-effect", (*CONFIG, key), message, "leave it out (`null` in a patch)")
    if not config.trace:
        return
    if config.shapes:
        message = "has no effect beside `trace`, which has lengths of its own"
        yield Problem("no-effect", (*CONFIG, "shapes"), message, "leave one of the two out")
    hints = {
        "concurrency": "say benchmark.config.trace.concurrency instead",
        "requestsPerConcurrency": "leave it out: each run has the requests of the trace",
    }
    default = BenchmarkConfig().model_dump(by_alias=True)
    # What is written as it is by default says nothing that gets lost.
    for key, value in config.model_dump(
        by_alias=True, include={"concurrency", "requests_per_concurrency"}
    ).items():
        if value != default[key]:
            message = f"has no effect beside `trace`, got {show(value)}"
            yield Problem("no-effect", (*CONFIG, key), message, hints[key])


def _twice(config: BenchmarkConfig) -> Iterator[Problem]:
    """Yield runs of the same name, whose results would be in one folder."""
    trace = config.trace.concurrency if config.trace else None
    lists: dict[Path, list[Any]] = {
        (*CONFIG, "shapes"): config.shapes or [],
        (*CONFIG, "concurrency"): config.concurrency,
        (*CONFIG, "trace", "concurrency"): trace or [],
    }
    for path, values in lists.items():
        for index, value in enumerate(values):
            if value in values[:index]:
                plain = value.model_dump() if isinstance(value, Shape) else value
                message = f"is measured already, got {show(plain)} a second time"
                yield Problem("measured-twice", (*path, index), message, "leave it out")


def _trace(trace: Trace) -> Iterator[Problem]:
    path = (*CONFIG, "trace")
    if (trace.config_map_ref is None) == (trace.content is None):
        given = "neither" if trace.content is None else "both"
        yield Problem("config-source", path, f"needs either configMapRef or content, got {given}")
    if trace.content is not None and trace.key is not None:
        message = "has no effect on lines that stand in the recipe"
        yield Problem("no-effect", (*path, "key"), message, "leave it out")
    for number, line in enumerate((trace.content or "").splitlines(), 1):
        found = _line(line)
        if line.strip() and (found is None or not _asks(found)):
            what = "is no JSON object" if found is None else "says not how long a request is"
            message = f"line {number} {what}, got {show(line)}"
            hint = 'write {"timestamp": 0, "input_length": 1024, "output_length": 128}'
            yield Problem("trace-line", (*path, "content"), message, hint)


def _asks(line: dict[str, Any]) -> bool:
    """Return whether aiperf can make a request of the line."""
    length = line.get("input_length", 1)
    return any(key in line for key in INPUTS) and isinstance(length, int) and length > 0


def _lengths(config: BenchmarkConfig) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield input and output length of what is asked, each with the words for where it stands."""
    for index, shape in enumerate(shapes(config)):
        place = f"shapes[{index}]: " if config.shapes else ""
        yield place, (shape.isl, shape.osl)
    lines = ((config.trace and config.trace.content) or "").splitlines()
    found = [_line(line) or {} for line in lines]
    known = [(line.get("input_length"), line.get("output_length", 0)) for line in found]
    numbers = [(i, o) for i, o in known if isinstance(i, int) and isinstance(o, int)]
    if numbers:
        yield "trace: ", max(numbers, key=sum)


def _line(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _context(recipe: Recipe, place: str, lengths: tuple[int, int]) -> Iterator[Problem]:
    """Yield requests that are longer than the context of the workers, which refuse each of them."""
    model, (isl, osl) = recipe.model, lengths
    for role, worker in workers(model).items():
        limit = engine_of(model, worker).max_model_len
        known = None if model.mocker or limit is not None else facts.model(model.name)
        # A prefill worker reads the prompt alone.
        what, tokens = ("isl", isl) if role == "prefill" else ("isl + osl", isl + osl)
        if limit is not None and tokens > limit:
            message = (
                f"is less than the requests of the benchmark have, {place}{what} = {tokens}, got {limit}"
            )
            hint = f"make it larger, or benchmark.config.{'shapes' if place else 'isl and osl'} smaller"
            hint = hint.replace("shapes", "trace") if place == "trace: " else hint
            yield Problem("beyond-context", path_of(role, worker, "maxModelLen"), message, hint)
        elif known and 0 < known.default_context < tokens:
            message = (
                f"{known.id} serves {known.default_context} tokens where nothing is set, and the requests"
            )
            message += f" of the benchmark have {place}{what} = {tokens}"
            hint = "make the benchmark's requests shorter"
            if known.context > known.default_context:
                hint += f", or set maxModelLen, to {known.context} at most"
            yield Problem("beyond-context", path_of(role, worker, "maxModelLen"), message, hint)


def _targets(recipe: Recipe, config: BenchmarkConfig) -> Iterator[Problem]:
    targets, benchmark = recipe.benchmark.targets, recipe.benchmark
    times = (targets.ttft_milliseconds, targets.itl_milliseconds)
    if times == (None, None) and targets.percentile != Targets().percentile:
        message = f"has no effect without ttftMilliseconds or itlMilliseconds, got {targets.percentile}"
        yield Problem("no-effect", (*TARGETS, "percentile"), message, "state one of the two, or leave it out")
    if targets.itl_milliseconds is not None and any(shape.osl == 1 for shape in shapes(config)):
        message = "cannot be measured where an answer has one token, osl = 1"
        yield Problem(
            "itl-of-one-token", (*TARGETS, "itlMilliseconds"), message, "leave it out, or make osl larger"
        )
    model = recipe.model
    known = model.deployment.create and any(
        w.replicas * gpus_of_replica(model, w) for w in workers(model).values()
    )
    scaled = model.deployment.create and open_ended(recipe)
    unknown = benchmark.gpus is None and (scaled or not known)
    if targets.output_tokens_per_second_per_gpu is not None and unknown:
        whose = "that is scaled" if scaled else "that others create"
        message = f"needs the number of GPUs, which the recipe of a graph {whose} does not have"
        yield Problem(
            "throughput-without-gpus",
            (*TARGETS, "outputTokensPerSecondPerGpu"),
            message,
            "say it with benchmark.gpus",
        )


def _results(benchmark: Benchmark) -> Iterator[Problem]:
    results, path = benchmark.results, ("benchmark", "results")
    if results.claim_name is not None and results.size is not None:
        message = f"has no effect beside claimName, got {results.size!r}"
        yield Problem("no-effect", (*path, "size"), message, "leave one of the two out")
    if results.storage_class is not None and (results.size is None or results.claim_name is not None):
        message = f"has no effect without a volume of the benchmark's own, got {results.storage_class!r}"
        yield Problem(
            "no-effect", (*path, "storageClass"), message, "say benchmark.results.size, or leave it out"
        )


def _container(benchmark: Benchmark) -> Iterator[Problem]:
    if benchmark.url is not None and benchmark.url.rstrip("/").endswith("/v1"):
        message = f"ends in /v1, which the benchmark adds itself, got {show(benchmark.url)}"
        yield Problem("url-with-v1", ("benchmark", "url"), message, "leave /v1 out")
    for index, argument in enumerate(benchmark.config.args if benchmark.config else []):
        option = argument.partition("=")[0]
        path = (*CONFIG, "args", index)
        if option == "--api-key":
            yield Problem("secret", path, SECRET, "measure at an address that asks for none")
        elif option in OWNED_OPTIONS:
            message = f"repeats an option that {OWNED_OPTIONS[option]} sets, got {show(argument)}"
            yield Problem(
                "repeated-option", path, message, "remove it with its value, and set that key instead"
            )
    if benchmark.aiperf_version is not None and not benchmark.install:
        message = f"has no effect while benchmark.install is false, got {benchmark.aiperf_version!r}"
        yield Problem(
            "no-effect", ("benchmark", "aiperfVersion"), message, "leave it out: the image has its own"
        )
    if benchmark.image is None and not benchmark.install:
        message = "is false, but the image has no aiperf: it is Python's own"
        yield Problem(
            "benchmark-without-aiperf",
            ("benchmark", "install"),
            message,
            "say benchmark.image, with aiperf in it",
        )
    yield from environment(("benchmark",), benchmark.env, OWNED)
    for name in benchmark.headers:
        if name.lower() in SECRET_HEADERS:
            hint = "measure at an address that asks for none, such as the graph's own frontend"
            yield Problem("secret", ("benchmark", "headers", name), SECRET, hint)
