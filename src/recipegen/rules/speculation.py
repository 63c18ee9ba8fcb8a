"""Speculative decoding: a method with all that it needs, in each engine's own options."""

from collections.abc import Iterator
from typing import Any

from recipegen import facts
from recipegen.errors import Problem, nearest, show
from recipegen.facts import flags
from recipegen.roles import engine_of, workers
from recipegen.rules.nested import data_of
from recipegen.rules.settings import Setting, Told

# vllm/config/speculative.py: methods that draft with weights of their own, and that need a length.
WITH_A_MODEL = ("draft_model", "eagle", "eagle3", "medusa", "mlp_speculator", "dflash", "custom_class")
WITH_A_LENGTH = ("ngram", "ngram_gpu")
# Short options of vLLM that say one key of --speculative-config (vllm/engine/arg_utils.py).
SHORT = {"--spec-method": "method", "--spec-model": "model", "--spec-tokens": "num_speculative_tokens"}
ALGORITHM = "--speculative-algorithm"
# sglang/srt/arg_groups/speculative_hook.py of 0.5.21.
ALGORITHMS = ("EAGLE", "EAGLE3", "NEXTN", "STANDALONE", "NGRAM", "DFLASH", "DSPARK", "UNO")
EAGLES = ("EAGLE", "EAGLE3", "NEXTN", "STANDALONE")
STEPS, TOPK, TOKENS = "--speculative-num-steps", "--speculative-eagle-topk", "--speculative-num-draft-tokens"
DRAFT = "--speculative-draft-model-path"
ADAPTIVE = "--speculative-adaptive"


def check(each: Told) -> Iterator[Problem]:
    """Yield speculative decoding that its engine would refuse, or not do."""
    if each.role is None:
        return
    engine = each.program.table.program
    if engine == "vllm":
        worker = workers(each.recipe.model)[each.role]
        yield from _vllm(each, engine_of(each.recipe.model, worker).tensor_parallel or 1)
    elif engine == "sglang":
        found = each.get(ALGORITHM)
        yield from _without_algorithm(each) if found is None else _sglang(each, found)


def _vllm(each: Told, tensor_parallel: int) -> Iterator[Problem]:
    """Yield what vLLM's configuration of speculative decoding lacks, or says twice."""
    whole = each.get("--speculative-config")
    short = {key: (name, found) for name, key in SHORT.items() if (found := each.get(name)) is not None}
    said = {key.replace("-", "_"): value for key, value in (data_of(whole) if whole else {}).items()}
    if whole is not None and isinstance(whole.value, str):
        # No JSON at all, which the rule on values says with its place.
        return
    if whole is not None and not isinstance(whole.value, dict):
        message = (
            f"{each.program.name} takes a block of keys for --speculative-config, got {show(whole.value)}"
        )
        hint = """write it as JSON, such as '{"method":"ngram","num_speculative_tokens":3}'"""
        yield Problem("speculation", whole.path, message, hint)
        return
    for key, (name, found) in short.items():
        if key in said:
            message = f"{each.program.name} refuses {name} beside the key {key} of --speculative-config"
            yield Problem("speculation", found.path, message, "remove one of the two")
        said.setdefault(key, found.value)
    first = whole or next((found for _, found in short.values()), None)
    if first is not None:
        if "model" not in said and "mtp" in str(said.get("method")):
            yield from _predictors(each, first)
        for message, hint in _wrong(said, each.program.table.minor, tensor_parallel):
            yield Problem("speculation", first.path, f"{each.program.name} {message}", hint)


def _wrong(said: dict[str, Any], minor: str, tensor_parallel: int) -> Iterator[tuple[str, str]]:
    """Yield message and hint of what is wrong with the keys of vLLM's configuration."""
    method, model, length = (said.get(key) for key in ("method", "model", "num_speculative_tokens"))
    known = flags.json_keys("methods", minor)
    if method is not None and known and method not in known:
        yield f"has no method {show(method)} of speculative decoding", nearest(str(method), known)
    elif method is None and model is None:
        yield "needs a method or a model for speculative decoding", "add the key method, such as ngram or mtp"
    elif method in WITH_A_MODEL and model is None:
        yield f"needs the key model for speculative decoding by {method}", "add the id of the draft model"
    if length is None and method in WITH_A_LENGTH:
        yield f"needs the key num_speculative_tokens for {method}", "add it, such as 3"
    elif length is not None and not _positive(length):
        yield f"takes a whole number from 1 on for num_speculative_tokens, got {show(length)}", ""
    low, high = said.get("prompt_lookup_min"), said.get("prompt_lookup_max")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"needs prompt_lookup_min up to prompt_lookup_max, got {low} and {high}", "swap the two"
    ranks = said.get("draft_tensor_parallel_size")
    if ranks is not None and ranks not in (1, tensor_parallel):
        message = f"takes 1 or engine.tensorParallel ({tensor_parallel}) for draft_tensor_parallel_size"
        yield f"{message}, got {show(ranks)}", f"write {tensor_parallel}, or leave it out"
    if "tensor_parallel_size" in said:
        yield "refuses the key tensor_parallel_size there", "write draft_tensor_parallel_size"


def _predictors(each: Told, found: Setting) -> Iterator[Problem]:
    """Yield drafts by layers that the model does not have, as far as its configuration tells."""
    model = None if each.recipe.model.mocker else facts.model(each.recipe.model.name)
    if model is None or model.predicts:
        return
    message = f"{model.id} has no layers that predict further tokens, by which it would draft"
    hint = "name a draft model with another method, or take ngram"
    yield Problem("no-predictors", found.path, message, hint, warning=True)


def _positive(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and int(value) > 0
    except (TypeError, ValueError):
        return False


def _without_algorithm(each: Told) -> Iterator[Problem]:
    """Yield options of speculative decoding where SGLang is not told to do any."""
    for name in (STEPS, TOPK, TOKENS, DRAFT):
        found = each.get(name)
        if found is not None:
            message = f"has no effect without {ALGORITHM}"
            hint = f"add {ALGORITHM}, such as EAGLE, or leave it out"
            yield Problem("no-effect", found.path, message, hint)


def _sglang(each: Told, found: Setting) -> Iterator[Problem]:
    """Yield what SGLang's algorithm needs or excludes."""
    name = str(found.value).upper()
    if name not in ALGORITHMS:
        message = f"{each.program.name} has no algorithm of that name by itself, got {show(found.value)}"
        yield Problem("speculation", found.path, message, nearest(name, ALGORITHMS), warning=True)
    elif name in EAGLES:
        yield from _tree(each)
    if name == "NEXTN" and each.get(DRAFT) is None:
        yield from _predictors(each, found)
    if name == "DFLASH" and each.get(DRAFT) is None:
        message = f"{each.program.name} needs {DRAFT} for {name}"
        yield Problem("speculation", found.path, message, "add the id of the draft model")
    if name in ("DFLASH", "STANDALONE") and each.get("--enable-dp-attention") is not None:
        message = f"{each.program.name} refuses {name} with attention spread over data-parallel ranks"
        yield Problem(
            "speculation", found.path, message, "leave engine.dataParallel out, or take another one"
        )
    stages = each.get("--pipeline-parallel-size")
    if stages is not None and (stages.number or 1) > 1 and not (name == "EAGLE" and each.role == "prefill"):
        message = (
            f"{each.program.name} does not speculate by {name} over pipeline stages in a {each.role} worker"
        )
        yield Problem("speculation", found.path, message, "leave engine.pipelineParallel out")
    radix = each.get("--disaggregation-decode-enable-radix-cache")
    if radix is not None and each.role == "decode" and name != "DSPARK":
        option = "--disaggregation-decode-enable-radix-cache"
        message = f"{each.program.name} refuses {option} beside speculative decoding by {name}"
        yield Problem("speculation", radix.path, message, "leave one of the two out")


def _tree(each: Told) -> Iterator[Problem]:
    """Yield sizes of EAGLE's draft that are given by halves, or that SGLang changes."""
    given = {name: found for name in (STEPS, TOPK, TOKENS) if (found := each.get(name)) is not None}
    lacking = [name for name in (STEPS, TOPK, TOKENS) if name not in given]
    if given and lacking and each.get(ADAPTIVE) is None:
        missed = " and ".join(lacking)
        message = f"{each.program.name} takes all three sizes of the draft or none, and not given: {missed}"
        first = next(iter(given.values()))
        yield Problem("speculation", first.path, message, f"add {missed}, or leave all three out")
    if given and not lacking:
        steps, topk, tokens = (given[name].number for name in (STEPS, TOPK, TOKENS))
        if steps is not None and topk == 1 and tokens != steps + 1:
            message = (
                f"{each.program.name} makes {steps + 1:g} of it, for there is one branch of {steps:g} steps"
            )
            got = show(given[TOKENS].value)
            hint = f"write {steps + 1:g}"
            yield Problem("speculation", given[TOKENS].path, f"{message}, got {got}", hint, warning=True)
