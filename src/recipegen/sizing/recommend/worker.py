"""Asks aiconfigurator for the times of passes. A program of its own, which knows nothing of recipegen.

It runs in whatever Python has aiconfigurator installed: questions come in as JSON on standard input, answers
go out as JSON on standard output; what aiconfigurator itself prints goes to standard error.
"""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

KEPT = ("gemm", "moe", "kvcache", "system", "backend", "version", "tp", "pp", "dp", "bs", "isl", "osl")


def main() -> None:
    """Answer the questions on standard input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever is printed from here on, also by compiled code, is no answer.
    os.dup2(2, 1)
    # A model is described by what is here; nothing may go out to ask for more.
    sys.addaudithook(_stay)
    asked = json.load(sys.stdin)
    json.dump(_answered(asked), answers)
    answers.close()


def _answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the release, the version of the data, and an answer to each question."""
    release = version("aiconfigurator")
    if not release.startswith(asked["release"] + "."):
        return {"release": release, "data": "", "answers": [], "fallbacks": []}
    heard = _Heard()
    logging.getLogger().addHandler(heard)
    from aiconfigurator.sdk.perf_database import get_latest_database_version

    data = get_latest_database_version(system=asked["system"], backend=asked["backend"])
    if data is None:
        return {"release": release, "data": "", "answers": [], "fallbacks": []}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in asked["files"].items():
            Path(folder, name).write_text(content, encoding="utf-8")
        # Facts leave out keys that recipegen does not read; what aiconfigurator has of a model is whole.
        model = asked["name"] if _shipped(asked["name"]) else folder
        first = _answer(model, asked, data, asked["questions"][0])
        if first.get("error", "").startswith("HuggingFaceDownloadError"):
            model = folder
        found = [_answer(model, asked, data, question) for question in asked["questions"]]
    return {"release": release, "data": data, "answers": found, "fallbacks": [*heard.fallbacks()]}


def _stay(event: str, _: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise OSError("aiconfigurator is not let out to the network")


def _shipped(name: str) -> bool:
    """Return whether aiconfigurator has the whole configuration of a model, by its id."""
    core = find_spec("aiconfigurator_core")
    if not name or core is None or core.origin is None:
        return False
    return (
        Path(core.origin)
        .with_name("model_configs")
        .joinpath(f"{name.replace('/', '--')}_config.json")
        .is_file()
    )


def _answer(model: str, asked: dict[str, Any], data: str, question: dict[str, Any]) -> dict[str, Any]:
    from aiconfigurator.cli.api import cli_estimate

    try:
        found = cli_estimate(
            model, asked["system"], backend_name=asked["backend"], backend_version=data, **question
        )
    except Exception as error:  # whatever it is, it is no answer
        # A folder has another name each time.
        return {"error": f"{type(error).__name__}: {error}".replace(model, "the model")[:160]}
    reading = question["mode"] == "static_ctx"
    summary: Any = found.summary
    times = summary.get_context_latency_dict() if reading else summary.get_generation_latency_dict()
    origins = summary.get_context_source_dict() if reading else summary.get_generation_source_dict()
    whole = sum(map(float, times.values()))
    measured = sum(float(time) for name, time in times.items() if origins.get(name) == "silicon")
    return {
        "milliseconds": float(found.ttft if reading else found.tpot),
        "measured": measured / whole if whole else 0.0,
        "memory": bool(found.kv_cache_warning),
        **{key: found.raw.get(key) for key in KEPT},
    }


class _Heard(logging.Handler):
    """Keeps what is logged of data that stands in for other data."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def fallbacks(self) -> Iterator[str]:
        """Yield the names of tables that stand in for others."""
        for message in self.messages:
            if "fallback rows for " in message:
                yield message.partition("fallback rows for ")[2].split(maxsplit=1)[0]


if __name__ == "__main__":
    main()
