"""LoRA adapters: slots that hold what a batch needs, and options that do nothing while adapters are off."""

from collections.abc import Iterator

from recipegen.errors import Problem, show
from recipegen.rules.settings import Told

SWITCH = "--enable-lora"
# What speaks of adapters.
OPTIONS = {
    "vllm": (
        "--max-loras", "--max-lora-rank", "--max-cpu-loras", "--lora-dtype", "--lora-target-modules",
        "--fully-sharded-loras", "--default-mm-loras",
    ),
    "sglang": (
        "--max-lora-rank", "--lora-target-modules", "--max-loaded-loras", "--max-loras-per-batch",
        "--lora-backend", "--lora-eviction-policy", "--max-lora-chunk-size", "--enable-lora-overlap-loading",
    ),
}  # fmt: skip
PATHS = "--lora-paths"
# The engines' own numbers (vllm/config/lora.py, sglang/srt/arg_groups/fields/lora.py).
IN_A_BATCH = {"vllm": 1, "sglang": 8}


def check(each: Told) -> Iterator[Problem]:
    """Yield adapters that are off, that do not fit, or that the engine is told too little of."""
    engine = each.program.table.program
    if each.role is None or engine not in OPTIONS:
        return
    on = each.get(SWITCH) is not None or (engine == "sglang" and each.get(PATHS) is not None)
    if not on:
        yield from _off(each, OPTIONS[engine])
    elif engine == "vllm":
        yield from _slots(each, "--max-loras", "--max-cpu-loras", IN_A_BATCH[engine])
        yield from _batch(each)
    else:
        yield from _slots(each, "--max-loras-per-batch", "--max-loaded-loras", IN_A_BATCH[engine])
        yield from _sglang(each)


def _off(each: Told, options: tuple[str, ...]) -> Iterator[Problem]:
    """Yield options of adapters where there are none."""
    for name in options:
        found = each.get(name)
        if found is not None:
            message = f"has no effect without {SWITCH}"
            yield Problem("no-effect", found.path, message, f"add {SWITCH}, or leave {name} out")


def _slots(each: Told, batch: str, memory: str, default: int) -> Iterator[Problem]:
    """Yield room for fewer adapters in memory than one batch may ask for."""
    asked, held = each.get(batch), each.get(memory)
    most = asked.number if asked else default
    if held is not None and held.number is not None and most is not None and held.number < most:
        given = "" if asked else ", the engine's own number"
        message = (
            f"{each.program.name} needs room for at least {batch} ({most:g}{given}), got {show(held.value)}"
        )
        hint = f"write {most:g} or more, or give {batch} as well"
        yield Problem("lora-slots", held.path, message, hint)


def _batch(each: Told) -> Iterator[Problem]:
    """Yield batches too small for the tokens that vLLM drafts beside adapters."""
    tokens, requests = each.get("--max-num-batched-tokens"), each.get("--max-num-seqs")
    speculative = each.get("--speculative-config")
    said = speculative.value if speculative and isinstance(speculative.value, dict) else {}
    drafted = said.get("num_speculative_tokens")
    if not (tokens and requests and tokens.number and requests.number and isinstance(drafted, int)):
        return
    needed = requests.number * (drafted + 1)
    if tokens.number < needed:
        drafts = f"{requests.number:g} requests of {drafted} drafted tokens"
        message = f"{each.program.name} needs {needed:g} for {drafts}"
        hint = f"write {needed:g} or more, or draft fewer tokens"
        yield Problem("lora-slots", tokens.path, f"{message} with adapters, got {show(tokens.value)}", hint)


def _sglang(each: Told) -> Iterator[Problem]:
    """Yield adapters of which SGLang is told too little to make room, or cannot load beside requests."""
    switch, modules, held = (
        each.get(SWITCH),
        each.get("--lora-target-modules"),
        each.get("--max-loaded-loras"),
    )
    names = ("--max-lora-rank", "--lora-target-modules")
    lacking = [name for name in names if each.get(name) is None]
    if switch is not None and each.get(PATHS) is None and lacking:
        message = (
            f"{each.program.name} makes room for adapters by {' and '.join(names)} where no {PATHS} say it"
        )
        yield Problem("lora-slots", switch.path, message, f"add {' and '.join(lacking)}, or {PATHS}")
    if (
        modules is not None
        and isinstance(modules.value, list)
        and "all" in modules.value
        and len(modules.value) > 1
    ):
        message = f"{each.program.name} takes 'all' alone, got {show(modules.value)}"
        yield Problem("lora-slots", modules.path, message, "write all, or the modules without it")
    loading = each.get("--enable-lora-overlap-loading")
    asked = each.get("--max-loras-per-batch")
    most = 2 * ((asked.number if asked else None) or IN_A_BATCH["sglang"])
    if loading is not None and (held is None or (held.number or 0) > most):
        message = f"{each.program.name} needs --max-loaded-loras of at most {most:g} beside it"
        got = f", got {show(held.value)}" if held else ""
        hint = f"give --max-loaded-loras {most:g} or less: twice --max-loras-per-batch"
        yield Problem("lora-slots", loading.path, message + got, hint)
