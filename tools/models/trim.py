"""The keys of a configuration that memory, speed or an engine's checks depend on; keys.yaml lists them."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

NESTED = ("text_config", "llm_config", "language_config", "thinker_config")
TOWERS = ("vision_config", "audio_config")
KEYS = {
    where: set(keys)
    for where, keys in yaml.safe_load(Path(__file__).with_name("keys.yaml").read_text()).items()
}


def kept(config: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a configuration that memory, speed or an engine's checks depend on."""
    result: dict[str, Any] = {}
    for key, value in config.items():
        if value is None or value == {} or (value == [] and key != "architectures"):
            continue
        if key in NESTED:
            result[key] = kept(value)
        elif key in TOWERS:
            result[key] = {k: plain(v) for k, v in value.items() if k in KEYS["tower"] and v is not None}
        elif key == "quantization_config":
            result[key] = of_quantization(value)
        elif key == "block_configs":
            result[key] = [block(part) for part in value]
        elif key in KEYS["model"]:
            result[key] = plain(value)
    return result


def block(part: dict[str, Any]) -> dict[str, Any]:
    """Return of one layer of a searched architecture what is not off."""
    return {name: {k: v for k, v in part[name].items() if v} for name in ("attention", "ffn")}


def of_quantization(given: dict[str, Any]) -> dict[str, Any]:
    """Return the keys that say which weights have which number format, names of layers joined."""
    result: dict[str, Any] = {}
    for key, value in given.items():
        if key not in KEYS["quantization"] or value is None:
            continue
        if key in ("modules_to_not_convert", "ignore", "exclude_modules"):
            result[key] = joined(value)
        elif key == "config_groups":
            result[key] = {name: group(part) for name, part in value.items()}
        elif key == "quantized_layers":
            result[key] = layers(value)
        else:
            result[key] = plain(value)
    return result


def group(part: dict[str, Any]) -> dict[str, Any]:
    """Return one group of formats, names joined."""
    result: dict[str, Any] = {}
    for key, value in part.items():
        if key == "targets":
            result[key] = joined(value)
        elif isinstance(value, dict):
            wanted = ("num_bits", "type", "group_size", "strategy", "block_structure", "dynamic")
            result[key] = {k: v for k, v in value.items() if k in wanted and v is not None}
        elif value is not None:
            result[key] = value
    return result


def layers(given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the formats by layer, layers of one format joined."""
    by_format: dict[str, list[str]] = {}
    for name, said in given.items():
        by_format.setdefault(json.dumps(said, sort_keys=True), []).append(name)
    return {name: json.loads(said) for said, names in by_format.items() for name in joined(names)}


def joined(names: Iterable[str]) -> list[str]:
    """Return names that differ in a number only as one, the numbers as {0-2,5}; sorted.

    `a.0.x`, `a.1.x` and `a.2.x` are `a.{0-2}.x`. Numbers further left are joined after those further right.
    """
    result = set(names)
    places = max((name.count(".") for name in result), default=0) + 1
    for place in reversed(range(places)):
        alike: dict[tuple[str, str], set[int]] = {}
        rest: set[str] = set()
        for name in result:
            parts = name.split(".")
            number = re.fullmatch(r"(\d+)(\*?)", parts[place]) if place < len(parts) else None
            if number is None or name.startswith("re:"):
                rest.add(name)
                continue
            # A number at the end may have a star behind it: layers.61* is that layer and all in it.
            tail = number[2] + "".join(f".{part}" for part in parts[place + 1 :])
            alike.setdefault(("".join(f"{part}." for part in parts[:place]), tail), set()).add(int(number[1]))
        result = rest | {f"{before}{ranges(numbers)}{after}" for (before, after), numbers in alike.items()}
    return sorted(result)


def ranges(numbers: set[int]) -> str:
    """Return {0-2,5} for 0, 1, 2 and 5; a single number as it is."""
    if len(numbers) == 1:
        return str(next(iter(numbers)))
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return "{" + ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) + "}"


def plain(value: Any) -> Any:
    """Return the value without nulls in maps, and whole numbers as such."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
