"""What other tools would answer: LLM Engine's inference of hardware, and Bud's heuristic."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from recipegen import facts
from recipegen.errors import RecipeError, RecipegenError, UsageError
from recipegen.modelfacts import ConfigError, ModelFacts
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint.config import problem
from recipegen.sizing.policies import bud, llm_engine
from recipegen.sizing.policies.bud import Placed
from recipegen.sizing.policies.llm_engine import Inferred
from recipegen.sizing.policies.llm_reasons import reasons
from recipegen.sizing.sources import model_of


def opinion(policy: str, source: str, given: Mapping[str, Any]) -> tuple[Inferred | Placed, list[str]]:
    """Return what a tool answers for a model, and why recipegen's own size may differ.

    Args:
        policy: `llm-engine` or `bud`.
        source: A known model's id, a config.json, or the folder of a model.
        given: For LLM Engine `model` (a name, which it takes the parameters from), `batch`, `max_context` and
            `table`; for Bud `gpu`, `mig`, `isl`, `osl` and `concurrency`. What is not needed is left alone.

    Raises:
        UsageError: Something that the policy needs is missing.
        RecipeError: The configuration is wrong, or nothing holds the model.
        ToolError: The file cannot be read.
    """
    known = facts.known_models().get(source.casefold())
    if policy == "bud":
        return _bud(model_of(source).loaded, given), []
    # LLM Engine reads five keys, so it has an answer where there are no more.
    text = None if known else checkpoint.plain(source)
    config = text.data if text else facts.configuration(known or "")[0]
    try:
        found = llm_engine.infer(
            given.get("model") or known or source,
            config,
            batch=bool(given.get("batch")),
            max_context=given.get("max_context"),
            table=given.get("table") or "chart",
        )
    except ConfigError as error:
        if text is None:
            raise
        raise RecipeError(problem(error, text, None)) from error
    differs: list[str] = []
    with suppress(RecipegenError):
        differs = reasons(found, model_of(source).loaded)
    return found, differs


def _bud(model: ModelFacts, given: Mapping[str, Any]) -> Placed:
    missing = [f"--{name}" for name in ("gpu", "isl", "osl", "concurrency") if not given.get(name)]
    if missing:
        raise UsageError(f"--policy bud also needs {', '.join(missing)}")
    return bud.infer(
        model,
        given["gpu"],
        mig=given.get("mig") or "",
        input_tokens=given["isl"],
        output_tokens=given["osl"],
        concurrency=given["concurrency"],
    )
