"""The file of a model's facts, from its row of the list."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from tools.models.trim import kept, of_quantization
from tools.models.wheels import Wheel

HERE = Path(__file__).parent
FACTS = HERE.parents[1] / "src/recipegen/facts/models"
HEAD = "# Written by `make models` from tools/models/list.yaml. Do not edit.\n"


def path(name: str) -> Path:
    """Return the file of a model's facts."""
    return FACTS / f"{name.replace('/', '--')}.yaml"


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


class Dumper(yaml.SafeDumper):
    """Writes lists and the innermost maps on as few lines as possible, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return true: what is the same twice is written twice."""
        del data
        return True


def text(data: dict[str, Any]) -> str:
    """Return the text of a file of facts."""
    # The flow style of None is that of leaves; width leaves room for the reader of a diff.
    return HEAD + yaml.dump(data, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=108)
