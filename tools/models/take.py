"""Write src/recipegen/facts/models from the published configurations that list.yaml names: `make models`.

What comes from a published package is read from its wheel, whose hash list.yaml has; the wheel is kept out of
the checkout, in ~/.cache/recipegen/models or the folder that RECIPEGEN_MODELS_CACHE names. What comes from
elsewhere is written down in tools/models/configs, with the place that it was read in.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
FACTS = HERE.parents[1] / "src/recipegen/facts/models"
HEAD = "# Written by `make models` from tools/models/list.yaml. Do not edit.\n"
NESTED = ("text_config", "llm_config", "language_config", "thinker_config")
TOWERS = ("vision_config", "audio_config")
KEYS = {where: set(keys) for where, keys in yaml.safe_load((HERE / "keys.yaml").read_text()).items()}


def main(ids: list[str]) -> None:
    """Write the facts of the models named, or of all in the list, and remove those of no listed model."""
    listed = yaml.safe_load((HERE / "list.yaml").read_text())
    wheels = {name: Wheel(name, package) for name, package in listed["packages"].items()}
    FACTS.mkdir(exist_ok=True)
    for model in listed["models"]:
        if not ids or model["id"] in ids:
            path(model["id"]).write_text(HEAD + text(facts(model, wheels, listed["terms"])))
    known = {path(model["id"]) for model in listed["models"]}
    for stray in set(FACTS.glob("*.yaml")) - known:
        stray.unlink()


def path(name: str) -> Path:
    """Return the file of a model's facts."""
    return FACTS / f"{name.replace('/', '--')}.yaml"


class Wheel:
    """A published wheel, fetched by pip when it is first read, and its hash checked."""

    def __init__(self, name: str, package: dict[str, str]) -> None:
        self.name, self.package = name, package
        self._archive: zipfile.ZipFile | None = None

    @property
    def archive(self) -> zipfile.ZipFile:
        """Return the opened wheel; ends the program where it is not the one that the list names."""
        if self._archive is None:
            home = Path(os.environ.get("RECIPEGEN_MODELS_CACHE", Path.home() / ".cache/recipegen/models"))
            file = home / self.package["file"]
            if not file.exists():
                what = f"{self.name}=={self.package['version']}"
                command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", what]
                subprocess.run([*command, "--dest", str(home)], check=True)
            if hashlib.sha256(file.read_bytes()).hexdigest() != self.package["sha256"]:
                sys.exit(f"{file}: is not the file that list.yaml names: its sha256 differs")
            self._archive = zipfile.ZipFile(file)
        return self._archive

    def json(self, file: str) -> dict[str, Any] | None:
        """Return what the JSON file in the wheel says, or None where there is no such file."""
        inside = f"{self.package['folder']}/{file}"
        if inside not in self.archive.namelist():
            return None
        data: dict[str, Any] = json.loads(self.archive.read(inside))
        return data

    def source(self, file: str) -> dict[str, str]:
        """Return where a file of this wheel is to be found."""
        keys = {key: self.package[key] for key in ("version", "sha256")}
        return {"package": self.name, **keys, "file": f"{self.package['folder']}/{file}"}


def facts(model: dict[str, Any], wheels: dict[str, Wheel], licences: dict[str, Any]) -> dict[str, Any]:
    """Return the facts file of one model of the list."""
    if "package" in model:
        wheel = wheels[model["package"]]
        stem = model.get("as", model["id"]).replace("/", "--")
        config, quantization = (wheel.json(f"{stem}_{name}.json") for name in ("config", "hf_quant_config"))
        source = wheel.source(f"{stem}_config.json")
        if config and model.get("unquantised"):
            quantization = None
            config = {key: value for key, value in config.items() if key != "quantization_config"}
    else:
        config = json.loads((HERE / "configs" / model["config"]).read_text())
        quantization, source = None, model["source"]
    if config is None:
        sys.exit(f"{model['id']}: its package has no configuration of it")
    config = config | model.get("add", {})
    terms: dict[str, Any] = {"license": "unknown", **licences.get(model.get("terms", ""), {})}
    rest = {key: model[key] for key in ("note", "revision") if key in model} | terms
    result: dict[str, Any] = {"id": model["id"], "source": source, **rest, "config": kept(config)}
    if quantization:
        result["quantConfig"] = {"quantization": of_quantization(quantization["quantization"])}
    return result


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


class Dumper(yaml.SafeDumper):
    """Writes lists and the innermost maps on as few lines as possible, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return true: what is the same twice is written twice."""
        del data
        return True


def text(data: dict[str, Any]) -> str:
    """Return the facts as YAML."""
    # The flow style of None is that of leaves; width leaves room for the reader of a diff.
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=108)


if __name__ == "__main__":
    main(sys.argv[1:])
