"""Names of modules as checkpoints write them in lists of exceptions, made expressions over our names."""

import re
from collections.abc import Iterable
from fnmatch import translate

from recipegen.modelfacts.config import LAYERS


def compiled(patterns: Iterable[str], *, inside: bool = False) -> re.Pattern[str]:
    """Return an expression that finds the modules which the patterns name, or that lie below them.

    Args:
        patterns: Names with stars, expressions behind `re:`, and ranges such as `layers.{0-2,5}`.
        inside: Whether a name of a single expert stands for all experts.

    Raises:
        ValueError: One of them is no pattern.
    """
    try:
        parts = [_expression(_plain(pattern, inside=inside)) for pattern in patterns]
        return re.compile("|".join(f"(?:{part})" for part in parts))
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _plain(pattern: str, *, inside: bool) -> str:
    """Return a pattern in the names of this reader: no prefix, `mlp` and `self_attn` for their like."""
    name = re.sub(r"\b(block_sparse_moe|ffn|feed_forward)\b", "mlp", pattern)
    name = re.sub(r"(^|[.*])attn\b", r"\1self_attn", name)
    name = re.sub(r"\bmamba\b", "mixer", name)
    name = re.sub(r"\bshared_expert\b", "shared_experts", name)
    name = re.sub(r"\bgate$", "router", name)
    name = re.sub(r"\b(embed_tokens|embeddings|embed)\b", "embed", name)
    name = re.sub(r"^(head|.*lm_head)(?=\*?$)", "lm_head", name)
    name = re.sub(r"\b(visual|vision_tower|vision_model)\b", "vision", name)
    if inside:
        name = re.sub(r"(\.experts)\..*", r"\1", name)
    # Layers that predict further tokens count from 0 again, so theirs keep their prefix.
    return name if name.startswith(("re:", "mtp.")) else re.sub(r"^.*?\b(?=layers\.)", "", name)


def _expression(pattern: str) -> str:
    if pattern.startswith("re:"):
        return pattern.removeprefix("re:")
    ranges: list[str] = []

    def keep(match: re.Match[str]) -> str:
        ranges.append("|".join(str(number) for number in _numbers(match[1])))
        return f"R{len(ranges) - 1}R"

    whole = translate(re.sub(r"\{([0-9,-]+)\}", keep, pattern))
    # The anchor behind it, which Python 3.14 spells anew, would leave out what lies below the module.
    body = whole[: whole.rindex(")")].removeprefix("(?s:")
    for index, numbers in enumerate(ranges):
        body = body.replace(f"R{index}R", f"(?:{numbers})")
    return rf"(?:^|\.){body}(?:\.|$)"


def _numbers(ranges: str) -> list[int]:
    """Return 0, 1, 2 and 5 for 0-2,5."""
    numbers: list[int] = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        start, end = int(first), int(last or first)
        if not start <= end < LAYERS:
            raise ValueError(f"{part} is no range of layers")
        numbers += range(start, end + 1)
    return numbers
