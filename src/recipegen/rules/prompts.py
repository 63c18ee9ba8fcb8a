"""Prompts that TensorRT-LLM refuses though its context would hold them: longer than a pass, and not cut."""

from collections.abc import Iterator
from typing import Any

from recipegen.errors import Problem
from recipegen.recipe import Engine, Recipe, Worker
from recipegen.roles import engine_of, path_of, workers
from recipegen.rules.configs import content_of, files_of

# BuildConfig's, which Dynamo hands to the engine where nothing else is said (dynamo/trtllm/backend_args.py).
TOKENS = 8192
CHUNKED = "enable_chunked_prefill"
VARIABLE = "DYN_TRTLLM_MAX_NUM_TOKENS"


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a stated context that is longer than what one pass reads, where prompts are not read in chunks.

    Source: TensorRT-LLM, _check_arguments in tensorrt_llm/llmapi/llm.py: it refuses such a prompt. A decode
    worker reads none.
    """
    model = recipe.model
    if model.backend.type != "trtllm" or model.mocker:
        return
    for role, worker in workers(model).items():
        engine, said = engine_of(model, worker), _file(worker)
        if role == "decode" or said is None or _elsewhere(worker, engine) or said.get(CHUNKED) is True:
            continue
        length = said.get("max_seq_len", engine.max_model_len)
        limit = said.get("max_num_tokens", engine.max_num_batched_tokens or TOKENS)
        if isinstance(length, int) and isinstance(limit, int) and length > limit:
            message = f"TensorRT-LLM refuses prompts of more than {limit} tokens, a pass, got {length}"
            hint = f"set {CHUNKED} to true in extraConfig, or maxNumBatchedTokens to {length}"
            path = path_of(role, worker, "maxModelLen")
            yield Problem("prompt-beyond-pass", path, message, hint, warning=True)


def _file(worker: Worker) -> dict[str, Any] | None:
    """Return what the files of a role say in all, or None where one of them cannot be seen from here."""
    result: dict[str, Any] = {}
    for config in files_of((), worker).values():
        content = content_of(config)
        if content is None:
            return None
        result |= content
    return result


def _elsewhere(worker: Worker, engine: Engine) -> bool:
    """Return whether arguments or a variable say something of passes."""
    return VARIABLE in worker.env or any(
        CHUNKED in arg or "max_num_tokens" in arg for arg in engine.args or []
    )
