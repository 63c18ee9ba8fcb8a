"""How KV cache gets from prefill to decode: options that an engine refuses, or that nobody would read."""

from collections.abc import Iterator

from recipegen import facts
from recipegen.errors import Problem, show
from recipegen.recipe import Recipe
from recipegen.roles import engine_of, workers
from recipegen.rules.settings import Told

CONNECTOR = "--connector"
# dynamo/trtllm/args.py; what is none of these falls back to none with a warning in the log.
OF_TRTLLM = ("none", "kvbm")
DISAGGREGATION = "--disaggregation-"
# SGLang's options that a worker of one role alone reads (sglang/srt/arg_groups/fields/disagg.py).
OF_DECODE = ("--disaggregation-decode-", "--num-reserved-decode-tokens")
# How vLLM has to keep the states of linear attention and Mamba that NIXL hands over: by channel.
LAYOUT, BY_CHANNEL = "VLLM_SSM_CONV_STATE_LAYOUT", "DS"


def states(recipe: Recipe) -> Iterator[Problem]:
    """Yield roles of vLLM that keep states of linear attention in a layout that NIXL does not hand over.

    Source: nixl/base_worker.py of vLLM 0.28.0, 0.31.0 and 0.32.0, which asserts it.
    """
    model = recipe.model
    known = facts.model(model.name)
    if model.backend.type != "vllm" or model.mocker or not model.disaggregation or known is None:
        return
    for role, worker in workers(model).items():
        args = engine_of(model, worker).args or []
        other = any("kv_connector" in arg or arg.startswith("--kv-transfer-config") for arg in args)
        if known.attention == "hybrid" and worker.env.get(LAYOUT) != BY_CHANNEL and not other:
            message = f"{known.id} has layers with a state, which vLLM hands over in one layout alone"
            yield Problem("kv-transfer", ("model", role, "env"), message, f"set {LAYOUT}: {BY_CHANNEL} there")


def check(each: Told) -> Iterator[Problem]:
    """Yield settings of a transfer that the engine refuses, or that no worker of this graph has a use for."""
    if each.role is None:
        return
    yield from _connector(each)
    if each.program.table.program == "sglang":
        yield from _unread(each)


def _connector(each: Told) -> Iterator[Problem]:
    """Yield Dynamo's old way to name a connector: vLLM's workers refuse it, TensorRT-LLM's know one."""
    found = each.get(CONNECTOR)
    if found is None:
        return
    names = found.value if isinstance(found.value, list) else str(found.value).split()
    if each.program.table.program == "vllm":
        message = f"{each.program.name} refuses {CONNECTOR} in any form, got {show(' '.join(names))}"
        hint = "leave it out; other connectors than NIXL go into --kv-transfer-config"
        yield Problem("kv-transfer", found.path, message, hint)
    elif each.program.table.program == "trtllm" and (len(names) != 1 or names[0] not in OF_TRTLLM):
        message = (
            f"{each.program.name} takes one of {', '.join(OF_TRTLLM)} for {CONNECTOR}, got {show(names)}"
        )
        yield Problem("kv-transfer", found.path, message, "leave it out")


def _unread(each: Told) -> Iterator[Problem]:
    """Yield SGLang's options of a transfer in workers that take no part in one, or not in that half of it."""
    for name, found in each.settings.items():
        if "args" not in found.path and "content" not in found.path:
            continue
        decodes = name.startswith(OF_DECODE)
        if each.role == "worker" and (name.startswith(DISAGGREGATION) or decodes):
            message = f"{name} has no effect while model.disaggregation is false"
            yield Problem(
                "no-effect", found.path, message, "leave it out, or set model.disaggregation to true"
            )
        elif each.role == "prefill" and decodes:
            message = f"{name} has no effect in a prefill worker"
            yield Problem("no-effect", found.path, message, "put it into model.decode.engine.args")
