"""Counts of models that Transformers itself builds from their configurations, on a device without memory.

Run by the interpreter of an environment that has transformers and torch, which need not have recipegen:
`python count.py`, configurations as JSON by name on its input, counts as JSON by name on its output.
"""

import json
import re
import sys
import warnings
from importlib import import_module
from typing import Any

TOWERS = "|".join([
    "vision", "visual", "image_newline", "multi_modal_projector", "embed_vision", "multimodal_projection",
    "connector", "audio", "img_",
])  # fmt: skip
EMBEDDINGS = "embed_tokens|wte|wpe|word_embeddings|embed_in|embed_positions|embeddings|embed_tokens_per_layer"
# What part a parameter is of, by the first that is in its name; `layers` where none is.
PARTS = {
    "head": r"(^|\.)(lm_head|embed_out|output_layer)\.",
    "towers": TOWERS,
    "experts": r"(?<!shared)\.(local_)?experts\.",
    "embed": rf"(^|\.)({EMBEDDINGS})\.",
}
# Kinds of layers of its cache, as this project calls them; those left out keep nothing, or a state.
CACHES = {
    "DynamicLayer": "full",
    "DynamicSlidingWindowLayer": "sliding",
    "LinearAttentionAndFullAttentionLayer": "full",
    "DynamicIndexedLayer": "full",
}


def main() -> None:
    """Count what comes on the input."""
    torch, transformers = import_module("torch"), import_module("transformers")
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    found: dict[str, Any] = {}
    for name, config in json.load(sys.stdin).items():
        try:
            found[name] = counts(torch, transformers, config)
        # Whatever a definition raises is what it says of the configuration.
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:100]}
        print(name, file=sys.stderr)
    versions = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    json.dump({"versions": versions, "counts": found}, sys.stdout)


def counts(torch: Any, transformers: Any, stated: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters by part, which layers cache what, in which sizes, and the context."""
    config = transformers.AutoConfig.for_model(**{**stated, "quantization_config": None})
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config = getattr(config, "thinker_config", config)
    with torch.device("meta"):
        model = of(transformers, config)(config)
    model.tie_weights()
    parts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        part = next((part for part, names in PARTS.items() if re.search(names, name)), "layers")
        parts[part] = parts.get(part, 0) + parameter.numel()
    text = config.get_text_config(decoder=True)
    return {
        "parameters": sum(parts.values()),
        "parts": dict(sorted(parts.items())),
        "cache": cache(transformers, text),
        "heads": heads(torch, model),
        "context": getattr(text, "max_position_embeddings", None),
    }


def of(transformers: Any, config: Any) -> Any:
    """Return the class of models that a configuration is served as, its towers with it."""
    autos = ["AutoModelForMultimodalLM", "AutoModelForImageTextToText", "AutoModelForCausalLM"]
    if not any(hasattr(config, key) for key in ("vision_config", "audio_config")):
        autos.reverse()
    for auto in autos:
        mapping = vars(getattr(transformers, auto))["_model_mapping"]
        if type(config) in mapping:
            found = mapping[type(config)]
            return found[0] if isinstance(found, tuple) else found
    raise ValueError(f"no class for {type(config).__name__}")


def cache(transformers: Any, text: Any) -> dict[str, int]:
    """Return how many layers keep keys and values of everything, and of a window."""
    kinds = [CACHES.get(type(layer).__name__) for layer in transformers.DynamicCache(config=text).layers]
    return {kind: kinds.count(kind) for kind in ("full", "sliding") if kind in kinds}


def heads(torch: Any, model: Any) -> list[list[Any]]:
    """Return what layers keep of tokens that went through the model: kind, KV heads, sizes of key and value.

    Each form once; none where the model cannot be run without memory.
    """
    try:
        with torch.device("meta"), torch.no_grad():
            kept = model.eval()(input_ids=torch.zeros((1, 3), dtype=torch.long), use_cache=True)
    # Some look at numbers, of which there are none.
    except Exception:
        return []
    found = set()
    for layer in getattr(kept.get("past_key_values"), "layers", ()):
        kind, key = CACHES.get(type(layer).__name__), getattr(layer, "keys", None)
        if kind and key is not None and key.dim() == 4:
            found.add((kind, key.shape[1], key.shape[3], layer.values.shape[3]))
    return sorted(list(each) for each in found)


if __name__ == "__main__":
    main()
